from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from generation.baselines import foils, random_shuffle
from generation.contracts import ClipFacts, GenerationError, Request, System
from generation.media.decode import write_wav

from .conftest import CLIPS, tone

POOL = frozenset(CLIPS)
RATE = 48_000


def donor(clip: str, pool: frozenset[str], seed: int) -> str:
    (name,) = foils.donors_other_clip(ClipFacts(clip, 10.0, pool), {}, seed)
    return name


def played(system: System, clip: str, duration_s: float, seed: int, originals: dict[str, Path]) -> np.ndarray:
    request = Request(clip, Path("unused.mp4"), duration_s, seed, original_audio=originals)
    return system.generate(request, lambda share, what: None).waveform


@pytest.mark.parametrize("size", [3, 4, 7, 40])
def test_other_clip_is_neither_the_clip_nor_random_shuffles_donor_and_gives_once(size: int) -> None:
    pool = frozenset(f"clip-{index}" for index in range(size))
    for seed in range(20):
        given = {clip: donor(clip, pool, seed) for clip in pool}
        assert set(given.values()) == pool
        for clip, source in given.items():
            assert source not in (clip, random_shuffle.donor_of(clip, pool, seed))


def test_of_two_clips_the_other_is_taken_and_of_fewer_none() -> None:
    assert donor("forest", frozenset({"forest", "harbour"}), 3) == "harbour"
    alone = ClipFacts("forest", 10.0, frozenset({"forest"}))
    assert foils.donors_other_clip(alone, {}, 0) == ()
    sentence = foils.refusal_other_clip(alone, {})
    assert sentence is not None
    assert "no clip other than forest has original audio" in sentence
    with pytest.raises(ValueError, match="three or more clips"):
        foils.derangement(frozenset("ab"), 0)


def test_clip_without_sound_draws_any_donor_but_random_shuffles() -> None:
    drawn = {seed: donor("silent", POOL, seed) for seed in range(60)}
    assert set(drawn.values()) == POOL
    assert all(name != random_shuffle.donor_of("silent", POOL, seed) for seed, name in drawn.items())
    assert donor("silent", frozenset({"forest"}), 0) == "forest"


def test_second_derangements_are_equally_likely_beside_one_first() -> None:
    # Beside a cycle of four there are two; about 2/3 of 1200 seeds have a cycle first.
    drawn: Counter[bool] = Counter()
    for seed in range(1200):
        first = random_shuffle.derangement(frozenset("abcd"), seed)
        if first[first["a"]] != "a":
            drawn[foils.derangement(frozenset("abcd"), seed)["a"] == first[first["a"]]] += 1
    assert sum(drawn.values()) > 700
    assert abs(drawn[True] / sum(drawn.values()) - 0.5) < 0.08


def test_other_clip_plays_the_donor_it_named(originals: dict[str, Path]) -> None:
    system = foils.build_other_clip("default", {}, "cpu")
    for clip in (*CLIPS, "silent"):
        assert np.array_equal(played(system, clip, 1.0, 5, originals), tone(CLIPS.index(donor(clip, POOL, 5))))
    with pytest.raises(GenerationError, match="no clip other than forest"):
        played(system, "forest", 1.0, 5, {"forest": originals["forest"]})


def test_shifts_lie_between_one_and_three_seconds_either_way() -> None:
    shifts = np.array([foils.shift_s(f"clip-{index}", seed) for index in range(20) for seed in range(20)])
    assert (np.abs(shifts) >= 1).all()
    assert (np.abs(shifts) <= 3).all()
    assert 0.4 < (shifts > 0).mean() < 0.6
    assert abs(np.abs(shifts).mean() - 2.0) < 0.15
    assert foils.shift_s("clip-1", 4) == foils.shift_s("clip-1", 4)
    assert len(set(shifts)) == 400


def melody(seconds: float) -> npt.NDArray[np.float32]:
    """Noise under a slow swell, stereo with different sides: no part of it resembles another."""
    draw = np.random.default_rng(7)
    return (0.1 * draw.normal(size=(2, round(seconds * RATE)))).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_shifted_music_is_the_clips_own_moved_by_the_shift_and_whole(seed: int, tmp_path: Path) -> None:
    original = melody(10.2)
    write_wav(tmp_path / "forest.wav", original, RATE)
    heard = played(
        foils.build_shifted("default", {}, "cpu"), "forest", 10.0, seed, {"forest": tmp_path / "forest.wav"}
    )
    shift, fade = round(foils.shift_s("forest", seed) * RATE), round(0.05 * RATE)
    assert heard.shape == (2, 480_000)
    if shift > 0:
        assert np.array_equal(heard[:, shift + fade :], original[:, fade : 480_000 - shift])
        assert np.array_equal(heard[:, :shift], original[:, 480_000 - shift - fade : 480_000 - fade])
    else:
        assert np.array_equal(heard[:, : 480_000 + shift - fade], original[:, -shift : 480_000 - fade])
        assert np.array_equal(heard[:, 480_000 + shift :], original[:, fade : fade - shift])
    assert np.array_equal(
        heard,
        played(
            foils.build_shifted("default", {}, "cpu"), "forest", 10.0, seed, {"forest": tmp_path / "forest.wav"}
        ),
    )


def test_seeds_shift_both_ways_in_these_tests() -> None:
    assert {foils.shift_s("forest", seed) > 0 for seed in range(4)} == {True, False}


@pytest.mark.parametrize("shift", [90_000, -90_000])
def test_seam_is_as_loud_as_the_music_and_clicks_nowhere(shift: int) -> None:
    noise = melody(8.0)
    turned = foils.rotated(noise, shift)
    power = np.square(turned).mean(axis=0).reshape(-1, 480).mean(axis=1)
    assert turned.shape == noise.shape
    assert power.min() > 0.7 * np.square(noise).mean()
    assert power.max() < 1.4 * np.square(noise).mean()
    time = np.arange(8 * RATE + 137) / RATE
    hum = np.tile(0.3 * np.sin(2 * np.pi * 110.3 * time), (2, 1)).astype(np.float32)
    steps = np.abs(np.diff(foils.rotated(hum, shift), axis=1))
    assert steps.max() < 1.5 * np.abs(np.diff(hum, axis=1)).max()


def test_silence_added_to_a_short_original_stays_at_the_end(tmp_path: Path) -> None:
    write_wav(tmp_path / "forest.wav", melody(9.7), RATE)
    heard = played(
        foils.build_shifted("default", {}, "cpu"), "forest", 10.0, 0, {"forest": tmp_path / "forest.wav"}
    )
    assert not heard[:, round(9.7 * RATE) :].any()
    assert np.abs(heard[:, : round(9.7 * RATE)].reshape(2, -1, 480)).max(axis=(0, 2)).min() > 0


def test_short_and_silent_clips_are_refused_before_and_during(originals: dict[str, Path]) -> None:
    assert foils.refusal_shifted(ClipFacts("forest", 4.0, POOL), {}) is None
    short = foils.refusal_shifted(ClipFacts("forest", 3.9, POOL), {})
    silent = foils.refusal_shifted(ClipFacts("silent", 10.0, POOL), {})
    assert short is not None
    assert "forest lasts 3.90 s" in short
    assert silent is not None
    assert "silent has no original audio" in silent
    system = foils.build_shifted("default", {}, "cpu")
    with pytest.raises(GenerationError, match=r"forest lasts 3\.90 s"):
        played(system, "forest", 3.9, 0, originals)
    with pytest.raises(GenerationError, match="silent has no original audio"):
        played(system, "silent", 10.0, 0, originals)
    with pytest.raises(GenerationError, match=r"audio of forest lasts 1\.00 s and the clip 10\.00 s"):
        played(system, "forest", 10.0, 0, originals)
    assert foils.donors_shifted(ClipFacts("forest", 10.0, POOL), {}, 3) == ("forest",)
