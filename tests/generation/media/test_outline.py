"""The drawn waveform is that of the samples, whatever the container."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.media.decode import write_wav
from generation.media.errors import NoAudio
from generation.media.outline import outline
from tests.generation.media.conftest import MakeVideo, ffmpeg

RATE = 48_000


def wav(folder: Path, channels: list[np.ndarray]) -> Path:
    write_wav(folder / "sound.wav", np.array(channels, dtype=np.float32), RATE)
    return folder / "sound.wav"


def test_each_number_is_the_largest_sample_of_its_slice_in_the_louder_channel(tmp_path: Path) -> None:
    left = np.repeat([0.1, 0.2, 0.0, 0.4], RATE // 4)
    right = -np.repeat([0.05, 0.5, 0.0, 0.1], RATE // 4)
    assert outline(wav(tmp_path, [left, right]), slices=4) == [0.1, 0.5, 0.0, 0.4]


def test_silence_is_flat_and_full_scale_is_one(tmp_path: Path) -> None:
    silence_then_full = np.concatenate([np.zeros(RATE), np.ones(RATE)])
    assert outline(wav(tmp_path, [silence_then_full]), slices=2) == [0.0, 1.0]


def test_a_length_that_does_not_divide_gives_no_slice_too_many(tmp_path: Path) -> None:
    drawn = outline(wav(tmp_path, [np.full(RATE + 7, 0.3)]))
    assert len(drawn) in (119, 120)
    assert set(drawn) == {0.3}
    assert len(outline(wav(tmp_path, [np.full(50, 0.3)]))) == 50


def test_the_sound_of_a_video_is_drawn(make_video: MakeVideo) -> None:
    drawn = outline(make_video("tone.mp4", seconds=2))
    assert len(drawn) == 120
    # ffmpeg's sine is 1/8 of full scale, here 6 dB below; the encoder smears its ends.
    assert np.median(drawn) == pytest.approx(0.0626, abs=0.005)


def test_a_mute_file_is_refused_by_name(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", tmp_path / "mute.mp4")
    with pytest.raises(NoAudio, match=r"mute.mp4 has no sound"):
        outline(tmp_path / "mute.mp4")
