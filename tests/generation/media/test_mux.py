from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.contracts import Soundtrack
from generation.media.binaries import ffmpeg_path, ffprobe_path
from generation.media.decode import audio
from generation.media.errors import MediaError, UnfitSoundtrack
from generation.media.loudness import measure
from generation.media.master import Master
from generation.media.mux import Rendered, pad, padded_size, render
from generation.media.peaks import limit

from .conftest import clicks, noise_bursts, plucked_chords

SOUNDTRACKS = {"bursts": noise_bursts, "chords": plucked_chords, "clicks": clicks}


@pytest.fixture(scope="module")
def rendered(master: Master, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rendered]:
    """Three very different soundtracks on one master."""
    folder = tmp_path_factory.mktemp("rendered")
    size = padded_size(master.path.stat().st_size, master.duration_s)
    return {
        name: render(master.path, make(master.duration_s), folder / f"{name}.mp4", pad_to_bytes=size)
        for name, make in SOUNDTRACKS.items()
    }


def probed(path: Path) -> dict[str, Any]:
    command = [ffprobe_path(), "-v", "error", "-of", "json", "-show_streams", "-show_format", str(path)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def picture_hash(path: Path) -> bytes:
    """Digest of the picture's packets as they are stored."""
    command = [ffmpeg_path(), "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "streamhash", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_very_different_soundtracks_come_out_equally_loud(rendered: dict[str, Rendered]) -> None:
    for made in rendered.values():
        again = measure(made.path)
        assert again.integrated_lufs == pytest.approx(-23.0, abs=0.1)
        assert again.true_peak_dbtp <= -1.0
        assert (made.lufs, made.true_peak_dbtp) == (again.integrated_lufs, again.true_peak_dbtp)


def test_limiter_is_used_only_where_a_gain_is_not_enough(rendered: dict[str, Rendered]) -> None:
    assert rendered["bursts"].limiter_db == rendered["chords"].limiter_db == 0.0
    assert rendered["clicks"].limiter_db > 0.0
    assert rendered["bursts"].gain_db < -5.0
    assert rendered["chords"].gain_db > 5.0


def test_files_of_a_clip_differ_in_nothing_but_their_sound(master: Master, rendered: dict[str, Rendered]) -> None:
    files = [made.path for made in rendered.values()]
    assert len({path.stat().st_size for path in files}) == 1
    assert {picture_hash(path) for path in files} == {picture_hash(master.path)}
    assert len({json.dumps(without_bit_rate(probed(path))) for path in files}) == 1


def without_bit_rate(answer: dict[str, Any]) -> dict[str, Any]:
    """What a file says of itself, without its name and how many bits its sound took."""
    sound = next(stream for stream in answer["streams"] if stream["codec_type"] == "audio")
    del sound["bit_rate"], answer["format"]["filename"]
    return answer


def test_sound_and_picture_last_as_long_as_the_master(master: Master, rendered: dict[str, Rendered]) -> None:
    for made in rendered.values():
        answer = probed(made.path)
        durations = {float(part["duration"]) for part in [*answer["streams"], answer["format"]]}
        assert durations == {master.duration_s} == {made.duration_s}
        # Some decoders hand out the last AAC frame whole, beyond the end the container states.
        assert 0 <= audio(made.path, sample_rate_hz=48_000, channels=2).shape[1] - 144_000 < 1024


def test_sound_starts_with_the_picture(master: Master, tmp_path: Path) -> None:
    wave = noise_bursts(master.duration_s, 48_000).waveform.copy()
    wave[:, :48_000] = 0
    made = render(master.path, Soundtrack(wave, 48_000), tmp_path / "late.mp4")
    heard = np.abs(audio(made.path, sample_rate_hz=48_000, channels=2)).max(axis=0)
    assert np.argmax(heard > 0.02) / 48_000 == pytest.approx(1.0, abs=0.03)


def test_files_carry_no_names_and_have_their_index_first(rendered: dict[str, Rendered]) -> None:
    for name, made in rendered.items():
        content = made.path.read_bytes()
        assert content.index(b"moov") < content.index(b"mdat") < content.rindex(b"free")
        for trace in (b"Lavf", b"Lavc", b"x264", b"libx", name.encode()):
            assert trace not in content
        tags = {key for part in probed(made.path)["streams"] for key in part.get("tags", {})}
        assert tags <= {"language", "handler_name", "vendor_id", "encoder"}


def test_same_input_gives_the_same_bytes(master: Master, rendered: dict[str, Rendered], tmp_path: Path) -> None:
    first = rendered["clicks"]
    again = render(master.path, clicks(master.duration_s), tmp_path / "again.mp4", pad_to_bytes=first.size_bytes)
    assert again.sha256 == first.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()


def test_densest_sound_fits_into_the_common_size(master: Master, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 144_000)).astype(np.float32)
    size = padded_size(master.path.stat().st_size, master.duration_s)
    made = render(master.path, Soundtrack(noise, 48_000), tmp_path / "noise.mp4", pad_to_bytes=size)
    assert made.size_bytes == size == made.path.stat().st_size


def test_target_may_be_another(master: Master, tmp_path: Path) -> None:
    made = render(master.path, plucked_chords(3.0), tmp_path / "a.mp4", target_lufs=-30.0)
    assert made.lufs == pytest.approx(-30.0, abs=0.1)


def test_silence_without_a_target_is_encoded_as_it_is(master: Master, tmp_path: Path) -> None:
    nothing = Soundtrack(np.zeros((2, 144_000), np.float32), 48_000)
    size = padded_size(master.path.stat().st_size, master.duration_s)
    made = render(master.path, nothing, tmp_path / "a.mp4", target_lufs=None, pad_to_bytes=size)
    assert (made.lufs, made.gain_db, made.limiter_db) == (-70.0, 0.0, 0.0)
    assert made.true_peak_dbtp <= -90
    assert np.isfinite(made.true_peak_dbtp)
    assert made.size_bytes == size
    assert not audio(made.path, sample_rate_hz=48_000, channels=2).any()


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (np.zeros((2, 144_000)), r"silent or too quiet: -70.0 LUFS, at least -60 LUFS"),
        (np.full((1, 144_000), np.nan), r"144000 of 144000 samples are not finite"),
        (np.ones((1, 120_000)), r"lasts 2.500 s and the clip 3.000 s"),
        (np.ones((6, 144_000)), r"shape \[1 or 2, samples\], not \[6, 144000\]"),
        (np.eye(1, 144_000, 70_000), r"cannot be brought to -23.0 LUFS with a true peak of -1.0 dBTP"),
    ],
)
def test_unfit_soundtrack_is_refused_and_leaves_nothing(
    master: Master, tmp_path: Path, wave: np.ndarray, message: str
) -> None:
    with pytest.raises(UnfitSoundtrack, match=message):
        render(master.path, Soundtrack(wave.astype(np.float32), 48_000), tmp_path / "out" / "a.mp4")
    assert not list(tmp_path.glob("out/*"))


def test_size_that_is_too_small_is_refused(master: Master, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be padded to 1000"):
        render(master.path, noise_bursts(3.0), tmp_path / "a.mp4", pad_to_bytes=1000)
    file = tmp_path / "file"
    file.write_bytes(bytes(100))
    with pytest.raises(MediaError, match="has 100 bytes and cannot be padded to 107"):
        pad(file, 107)
    pad(file, 108)
    assert file.read_bytes()[100:] == b"\0\0\0\x08free"


def test_limiter_holds_the_ceiling_and_touches_nothing_else() -> None:
    time = np.arange(48_000) / 48_000
    wave = np.tile(0.1 * np.sin(2 * np.pi * 200 * time), (2, 1)).astype(np.float32)
    wave[:, 24_000:24_010] = 0.9
    limited, deepest_db = limit(wave, 48_000, -12.0)
    assert np.abs(limited).max() <= 10 ** (-12 / 20)
    assert deepest_db == pytest.approx(12 + 20 * np.log10(0.9), abs=2.0)
    assert np.array_equal(limited[:, :23_000], wave[:, :23_000])
    assert np.array_equal(limited[:, 25_000:], wave[:, 25_000:])
    untouched, none = limit(wave, 48_000, 6.0)
    assert none == 0.0
    assert untouched is wave
