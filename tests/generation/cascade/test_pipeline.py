"""From a video to a soundtrack with the shipped weights."""

from itertools import combinations, pairwise
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
import torch

from generation import registry
from generation.cascade import cascade
from generation.cascade.visual.sights import read_sights
from generation.contracts import GenerationError, Request, Soundtrack, System
from generation.media.binaries import ffmpeg_path
from generation.variants import VARIANTS
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
    return {key: registry.build(key, "tiny", {}) for key in VARIANTS}


def play(
    system: System, video: Path, duration_s: float = 10.0, seed: int = 0, text: str | None = None
) -> Soundtrack:
    return system.generate(Request("clip", video, duration_s, seed, text), lambda share, words: None)


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


def test_every_variant_plays_something_of_its_own(systems: dict[str, System], videos: dict[str, Path]) -> None:
    heard = {key: play(system, videos["reggae-18"], 2.0).waveform for key, system in systems.items()}
    for key, wave in heard.items():
        assert 0.01 < float(np.sqrt(np.mean(wave**2))) < 0.5, key
    for one, other in combinations(heard, 2):
        assert not np.array_equal(heard[one], heard[other]), f"{one} and {other}"


@pytest.mark.parametrize("duration_s", [1.0, 3.337, 10.04, 12.5])
def test_soundtrack_is_exactly_as_long_as_asked_and_audible(
    duration_s: float, systems: dict[str, System], videos: dict[str, Path]
) -> None:
    track = play(systems["v2meow-clip-i3d"], videos["reggae-18"], duration_s)
    assert track.sample_rate_hz == 16_000
    assert track.waveform.shape == (1, round(duration_s * 16_000))
    assert track.waveform.dtype == np.float32
    assert 0.01 < float(np.sqrt(np.mean(track.waveform**2))) < 0.5
    assert float(np.abs(track.waveform).max()) <= 0.9001


def test_five_variants_decode_a_video_once(
    systems: dict[str, System], videos: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tmp_path / "own.mp4"
    video.write_bytes(videos["rock-18"].read_bytes() + b"another file")
    decoded: list[Path] = []
    monkeypatch.setattr(
        cascade,
        "read_sights",
        lambda path, *rest, **sides: (decoded.append(path), read_sights(path, *rest, **sides))[1],
    )
    for key in ("v2meow-clip", "v2meow-i3d", "v2meow-vit", "v2meow-vit-i3d", "v2meow-clip-i3d"):
        play(systems[key], video, 1.0)
    assert decoded == [video]


def test_progress_rises_to_one_and_says_what_is_done(systems: dict[str, System], videos: dict[str, Path]) -> None:
    told: list[tuple[float, str]] = []
    systems["v2meow-clip"].generate(
        Request("clip", videos["rock-18"], 11.0, 0), lambda share, words: told.append((share, words))
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(words for _, words in told)


def test_refused_and_unreadable_videos_raise(
    systems: dict[str, System], videos: dict[str, Path], tmp_path: Path
) -> None:
    for duration_s, told in ((0.4, r"0\.40 s"), (600.0, r"600\.00 s")):
        with pytest.raises(GenerationError, match=told):
            play(systems["v2meow-clip"], videos["rock-18"], duration_s)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    with pytest.raises(GenerationError, match="cannot be looked at"):
        play(systems["v2meow-clip"], broken, 5.0)


@pytest.mark.parametrize("source", ["color=black:s=320x180", "color=gray:s=90x400", "testsrc=s=320x180:r=1"])
def test_black_still_and_odd_videos_get_music(source: str, systems: dict[str, System], tmp_path: Path) -> None:
    video = tmp_path / "plain.mp4"
    picture = ffmpeg.input(source, f="lavfi", t=3)
    picture.output(str(video), vcodec="libx264", pix_fmt="yuv420p", loglevel="error").run(cmd=ffmpeg_path())
    track = play(systems["v2meow-vit-i3d"], video, 3.0)
    assert np.isfinite(track.waveform).all()
    assert float(np.sqrt(np.mean(track.waveform**2))) > 0.005


PROMPTS = ["slow reggae", "медленное регги", "慢速雷鬼音乐", "🥁🎸", "fast rock " * 500, "雷" * 1700, "x" * 5000]


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
def test_prompts_of_any_length_and_script_are_taken(prompt: str, videos: dict[str, Path]) -> None:
    system = registry.build("v2meow-clip-text", "tiny", {})
    track = play(system, videos["rock-18"], 1.0, text=prompt)
    assert np.isfinite(track.waveform).all()


def test_prompt_changes_the_music_and_is_asked_for(systems: dict[str, System], videos: dict[str, Path]) -> None:
    system = registry.build("v2meow-clip-text", "tiny", {"guidance": 3.0})
    rock, reggae = (play(system, videos["rock-18"], 2.0, text=text) for text in ("fast rock", "slow reggae"))
    assert not np.array_equal(rock.waveform, reggae.waveform)
    with pytest.raises(GenerationError, match="has no text prompt; give the clip a caption"):
        play(system, videos["rock-18"], 2.0, text="  ")


def test_eight_bit_weights_play_and_nonsense_is_refused(videos: dict[str, Path]) -> None:
    assert (
        play(registry.build("v2meow-clip", "tiny", {"weights": "int8"}), videos["rock-18"], 1.0).duration_s == 1.0
    )
    with pytest.raises(GenerationError, match="temperature -1"):
        registry.build("v2meow-clip", "tiny", {"temperature_coarse": -1.0})
    with pytest.raises(ValueError, match="weights 'int4' is not one of"):
        registry.build("v2meow-clip", "tiny", {"weights": "int4"})


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
