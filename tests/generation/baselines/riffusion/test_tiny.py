"""riffusion-tiny with its shipped weights, through the real system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from generation.baselines.riffusion.system import Riffusion, build
from generation.baselines.riffusion.tiny import WEIGHTS, load_tiny
from generation.cascade.checkpoint import read_notes
from generation.contracts import GenerationError, Request

SETTINGS: dict[str, Any] = {"guidance": "auto", "steps": 4, "model": "", "download": "no"}


@pytest.fixture(scope="module")
def system() -> Riffusion:
    return build("tiny", SETTINGS, "cpu")


def request(text: str | None = "fast, busy techno", *, seed: int = 1, duration_s: float = 1.507) -> Request:
    return Request("clip", Path("unused.mp4"), duration_s, seed, text)


def play(system: Riffusion, asked: Request) -> np.ndarray[Any, np.dtype[np.float32]]:
    return system.generate(asked, lambda share, words: None).waveform


def test_a_caption_becomes_music_of_the_clips_length(system: Riffusion) -> None:
    told: list[float] = []
    played = system.generate(request(), lambda share, words: told.append(share))

    assert played.waveform.shape == (1, round(1.507 * 44_100))
    assert played.sample_rate_hz == 44_100
    assert np.isfinite(played.waveform).all()
    assert np.sqrt(np.square(played.waveform).mean()) > 0.02
    assert told == sorted(told)
    picture = cv2.imdecode(np.frombuffer(played.artefacts["spectrogram.png"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (512, 192)


def test_one_seed_gives_the_same_samples_and_another_gives_others(system: Riffusion) -> None:
    first = play(system, request())
    assert (play(system, request()) == first).all()
    assert np.abs(play(system, request(seed=2)) - first).max() > 0.05


def test_another_caption_gives_other_music(system: Riffusion) -> None:
    assert np.abs(play(system, request("slow, sparse reggae")) - play(system, request())).max() > 0.05


def test_low_sound_dominates_and_it_is_no_hiss(system: Riffusion) -> None:
    """Music has most of its energy below 2 kHz; white noise below 10 kHz would have a fifth there."""
    power = np.abs(np.fft.rfft(play(system, request())[0])) ** 2
    assert power[: round(2_000 * 1.507)].sum() > 0.6 * power.sum()


@pytest.mark.parametrize("text", [None, "", "  "])
def test_without_a_caption_it_refuses(system: Riffusion, text: str | None) -> None:
    with pytest.raises(GenerationError, match="clip has no caption"):
        play(system, request(text))


def test_a_caption_in_another_script_is_refused(system: Riffusion) -> None:
    with pytest.raises(GenerationError, match="English caption"):
        play(system, request("быстрая музыка"))


def test_a_clip_longer_than_a_picture_is_refused(system: Riffusion) -> None:
    with pytest.raises(GenerationError, match="up to 30 s"):
        play(system, request(duration_s=31.0))


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"gone\.safetensors are missing"):
        load_tiny(7.0, 4, tmp_path / "gone.safetensors")


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(GenerationError, match="no preset 'v2'; there are tiny and v1"):
        build("v2", SETTINGS, "cpu")


def test_weights_are_small_and_say_what_they_reached() -> None:
    assert WEIGHTS.stat().st_size <= 4_000_000
    notes = read_notes(WEIGHTS)
    assert {"steps", "loss", "seed"} <= set(notes)
    assert float(notes["genre_share_own"]) > float(notes["genre_share_other"])
