from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.media import decode
from generation.media.errors import MediaError, NoAudio
from generation.media.master import Master

from .conftest import MakeVideo, ffmpeg


def test_frames_are_what_is_on_screen_at_each_step(tmp_path: Path) -> None:
    # The picture's brightness rises by four levels every second, for five seconds.
    source = tmp_path / "steps.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=32x32:r=25:d=5", "-vf", "geq=lum='16+40*floor(T)':cb=128:cr=128",
           "-c:v", "ffv1", source)  # fmt: skip
    levels = decode.frames(source, fps=1, width=8, height=8).mean(axis=(1, 2, 3))
    assert levels == pytest.approx(np.arange(5) * 40 * 255 / 219, abs=2)
    twice = decode.frames(source, fps=2, width=8, height=8).mean(axis=(1, 2, 3))
    assert twice == pytest.approx(np.repeat(levels, 2), abs=1)


def test_frames_have_the_shape_asked_for(master: Master) -> None:
    frames = decode.frames(master.path, fps=1, width=48, height=32)
    assert (frames.shape, frames.dtype) == ((3, 32, 48, 3), np.uint8)
    assert decode.frames(master.path, fps=25, width=16, height=16).shape == (75, 16, 16, 3)


def test_audio_is_resampled_and_mixed(make_video: MakeVideo) -> None:
    path = make_video("a.mkv", "-c:a", "pcm_s16le")
    mono = decode.audio(path, sample_rate_hz=16_000, channels=1)
    stereo = decode.audio(path, sample_rate_hz=16_000, channels=2)
    assert (mono.shape, mono.dtype, stereo.shape) == ((1, 32_000), np.float32, (2, 32_000))
    spectrum = np.abs(np.fft.rfft(mono[0]))
    assert np.argmax(spectrum) == 440 * 2


def test_part_of_the_audio_is_what_lies_there(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).normal(0, 0.5, (1, 48_000)).astype(np.float32)
    decode.write_wav(tmp_path / "a.wav", wave, 16_000)
    part = decode.audio(tmp_path / "a.wav", sample_rate_hz=16_000, channels=1, start_s=0.75, duration_s=1.5)
    assert np.array_equal(part, wave[:, 12_000:36_000])
    tail = decode.audio(tmp_path / "a.wav", sample_rate_hz=16_000, channels=1, start_s=2.5, duration_s=1.5)
    assert np.array_equal(tail, wave[:, 40_000:])


def test_audio_of_a_silent_video_is_refused(master: Master) -> None:
    with pytest.raises(NoAudio, match="has no sound"):
        decode.audio(master.path, sample_rate_hz=16_000, channels=1)


def test_written_wav_reads_back_to_the_bit(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).normal(0, 0.5, (2, 4_801)).astype(np.float32)
    decode.write_wav(tmp_path / "a.wav", wave, 48_000)
    assert np.array_equal(decode.audio(tmp_path / "a.wav", sample_rate_hz=48_000, channels=2), wave)
    assert b"Lavf" not in (tmp_path / "a.wav").read_bytes()


def test_waveform_of_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"\[1 or 2 channels, samples\], not \[480\]"):
        decode.write_wav(tmp_path / "a.wav", np.zeros(480, np.float32), 48_000)
    assert not (tmp_path / "a.wav").exists()


def test_resampling_keeps_length_and_pitch() -> None:
    time = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 1000 * time)[None].astype(np.float32)
    out = decode.resample(tone, 16_000, sample_rate_hz=48_000, channels=2)
    assert abs(out.shape[1] - 48_000) <= 1
    assert np.argmax(np.abs(np.fft.rfft(out[0]))) == 1000
