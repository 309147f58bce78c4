"""From a video to a soundtrack with the shipped weights."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
import torch

from generation import registry
from generation.contracts import GenerationError, Request, Soundtrack, System
from generation.media.binaries import ffmpeg_path
from generation.world import GENRES, Piece, plan, render_frames

FPS = 12


def encode(piece: Piece, path: Path, crf: int) -> Path:
    """A silent video of a piece."""
    source = ffmpeg.input("pipe:0", format="rawvideo", pix_fmt="rgb24", s="320x180", framerate=FPS)
    command = source.output(
        str(path), vcodec="libx264", preset="ultrafast", crf=crf, pix_fmt="yuv420p", loglevel="error"
    )
    pictures = b"".join(picture.tobytes() for picture in render_frames(piece, 320, 180, FPS))
    command.run(cmd=ffmpeg_path(), input=pictures, quiet=True)
    return path


def describe(track: Soundtrack) -> np.ndarray:
    """What a track is like over time: loudness in 12 pitch classes and 12 bands, a second at a time."""
    wave, rate = track.waveform[0], track.sample_rate_hz
    frames = np.lib.stride_tricks.sliding_window_view(wave, 2048)[::512] * np.hanning(2048)
    spectrum = np.abs(np.fft.rfft(frames))
    frequency = np.fft.rfftfreq(2048, 1 / rate)
    tonal = (frequency > 60) & (frequency < 1500)
    classes = np.round(12 * np.log2(frequency[tonal] / 440)).astype(int) % 12
    chroma = np.stack([spectrum[:, tonal][:, classes == c].sum(1) for c in range(12)], 1)
    edges = np.geomspace(60, 7500, 13)
    bands = [spectrum[:, (frequency >= lo) & (frequency < hi)].sum(1) for lo, hi in pairwise(edges)]
    onsets = np.maximum(np.diff(np.log1p(spectrum), axis=0, prepend=0), 0).sum(1, keepdims=True)
    features = np.log1p(np.concatenate([chroma, np.stack(bands, 1), onsets], 1))
    seconds = len(features) // 10
    return features[: 10 * seconds].reshape(10, seconds, -1).mean(1).ravel()


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two unlike pieces, each encoded finely and coarsely."""
    folder = tmp_path_factory.mktemp("videos")
    pieces = {"reggae": plan(71, genre=GENRES[2], hue=4, brightness=0), "rock": plan(72, genre=GENRES[3], hue=0)}
    return {
        f"{name}-{crf}": encode(piece, folder / f"{name}-{crf}.mp4", crf)
        for name, piece in pieces.items()
        for crf in (18, 30)
    }


@pytest.fixture(scope="module")
def systems() -> dict[str, System]:
    return {key: registry.build(key, "tiny", {}) for key in ("v2meow-clip", "v2meow-clip-i3d")}


def play(system: System, video: Path, duration_s: float = 10.0, seed: int = 0) -> Soundtrack:
    return system.generate(Request("clip", video, duration_s, seed), lambda share, words: None)


@pytest.mark.parametrize("key", ["v2meow-clip", "v2meow-clip-i3d"])
def test_music_follows_the_video_not_its_encoding(
    key: str, systems: dict[str, System], videos: dict[str, Path]
) -> None:
    heard = {name: describe(play(systems[key], video)) for name, video in videos.items()}

    def apart(one: str, other: str) -> float:
        return float(np.linalg.norm(heard[one] - heard[other]))

    for name, other in (("reggae", "rock"), ("rock", "reggae")):
        assert apart(f"{name}-18", f"{name}-30") < apart(f"{name}-18", f"{other}-18")
        assert apart(f"{name}-18", f"{name}-30") < apart(f"{name}-18", f"{other}-30")


def test_same_request_gives_the_same_samples_and_another_seed_others(
    systems: dict[str, System], videos: dict[str, Path]
) -> None:
    video = videos["rock-18"]
    first = play(systems["v2meow-clip"], video, 2.0)
    again = play(registry.build("v2meow-clip", "tiny", {}), video, 2.0)
    other = play(systems["v2meow-clip"], video, 2.0, seed=1)
    assert np.array_equal(first.waveform, again.waveform)
    assert not np.array_equal(first.waveform, other.waveform)


@pytest.mark.parametrize("duration_s", [1.0, 3.337, 9.96, 10.04])
def test_soundtrack_is_exactly_as_long_as_asked_and_audible(
    duration_s: float, systems: dict[str, System], videos: dict[str, Path]
) -> None:
    track = play(systems["v2meow-clip-i3d"], videos["reggae-18"], duration_s)
    assert track.sample_rate_hz == 16_000
    assert track.waveform.shape == (1, round(duration_s * 16_000))
    assert track.waveform.dtype == np.float32
    assert 0.01 < float(np.sqrt(np.mean(track.waveform**2))) < 0.5
    assert float(np.abs(track.waveform).max()) <= 0.9001


def test_progress_rises_to_one_and_says_what_is_done(systems: dict[str, System], videos: dict[str, Path]) -> None:
    told: list[tuple[float, str]] = []
    systems["v2meow-clip"].generate(
        Request("clip", videos["rock-18"], 1.0, 0), lambda share, words: told.append((share, words))
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(words for _, words in told)


def test_refused_and_unreadable_videos_raise(
    systems: dict[str, System], videos: dict[str, Path], tmp_path: Path
) -> None:
    request = Request("clip", videos["rock-18"], 12.0, 0)
    with pytest.raises(GenerationError, match=r"12\.00 s"):
        systems["v2meow-clip"].generate(request, lambda share, words: None)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    with pytest.raises(GenerationError, match="cannot be looked at"):
        systems["v2meow-clip"].generate(replace(request, video=broken, duration_s=5.0), lambda share, words: None)


@pytest.mark.gpu
@pytest.mark.parametrize("key", ["v2meow-clip", "v2meow-clip-i3d"])
def test_on_a_gpu_a_seed_gives_one_soundtrack_of_the_clips_length(key: str, videos: dict[str, Path]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    system = registry.build(key, "tiny", {}, device="cuda")
    request = Request(clip_id="reggae", video=videos["reggae-18"], duration_s=10.0, seed=3)
    first, again = (system.generate(request, lambda _share, _doing: None) for _ in range(2))
    assert first.waveform.shape == (1, 160_000)
    assert np.abs(first.waveform).max() > 0.01
    assert np.array_equal(first.waveform, again.waveform)
