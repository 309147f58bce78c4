from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from generation import registry
from generation.baselines.random_shuffle import derangement
from generation.contracts import ClipFacts, GenerationError, Request

from .conftest import CLIPS, tone

POOL = frozenset(CLIPS)


def donor(clip: str, pool: frozenset[str], seed: int) -> str:
    (name,) = registry.donors("random-shuffle", ClipFacts(clip, 1.0, pool), {}, seed)
    return name


@pytest.mark.parametrize("size", [2, 3, 7, 40])
def test_every_clip_gives_once_and_nobody_keeps_its_own(size: int) -> None:
    pool = frozenset(f"clip-{index}" for index in range(size))
    for seed in range(20):
        given = {clip: donor(clip, pool, seed) for clip in pool}
        assert set(given.values()) == pool
        assert all(clip != source for clip, source in given.items())


def test_all_derangements_are_equally_likely() -> None:
    # Nine derangements of four; 1800 draws give 200 ± 13.3 of each (one standard deviation).
    drawn = Counter(tuple(derangement(frozenset("abcd"), seed)[clip] for clip in "abcd") for seed in range(1800))
    assert len(drawn) == 9
    assert all(abs(times - 200) < 60 for times in drawn.values())


def test_order_of_the_pool_does_not_matter_and_the_seed_does() -> None:
    assert donor("forest", frozenset(CLIPS), 5) == donor("forest", frozenset(reversed(CLIPS)), 5)
    assert len({donor("forest", POOL, seed) for seed in range(30)}) == 3


def test_clip_without_sound_gets_a_donor_and_leaves_the_others_alone() -> None:
    assert donor("silent", POOL, 4) in POOL
    assert {donor("silent", POOL, seed) for seed in range(60)} == POOL


def test_plays_the_donor_it_named(originals: dict[str, Path]) -> None:
    system = registry.build("random-shuffle", "default", {})
    for clip in (*CLIPS, "silent"):
        request = Request(clip, Path("unused.mp4"), 1.0, 11, original_audio=originals)
        heard = system.generate(request, lambda share, what: None)
        assert heard.sample_rate_hz == 48_000
        assert np.array_equal(heard.waveform, tone(CLIPS.index(donor(clip, POOL, 11))))


def test_without_another_clips_audio_it_refuses(originals: dict[str, Path]) -> None:
    alone = ClipFacts("forest", 1.0, frozenset({"forest"}))
    sentence = registry.refusal("random-shuffle", alone, {})
    assert sentence is not None
    assert "no clip other than forest has original audio" in sentence
    assert registry.donors("random-shuffle", alone, {}, 0) == ()
    own = {"forest": originals["forest"]}
    with pytest.raises(GenerationError, match="no clip other than forest"):
        registry.build("random-shuffle", "default", {}).generate(
            Request("forest", Path("unused.mp4"), 1.0, 0, original_audio=own), lambda share, what: None
        )


def test_only_clips_that_are_long_enough_lend_their_audio(originals: dict[str, Path]) -> None:
    lengths = frozenset({"bridge": 0.4, "forest": 1.0, "harbour": 0.6, "market": 10.0}.items())
    facts = ClipFacts("forest", 1.0, POOL, audio_s=lengths)
    drawn = {registry.donors("random-shuffle", facts, {}, seed) for seed in range(40)}
    assert drawn == {("harbour",), ("market",)}
    system = registry.build("random-shuffle", "default", {})
    for seed in range(10):
        request = Request("forest", Path("unused.mp4"), 1.0, seed, original_audio=originals, audio_s=lengths)
        (name,) = registry.donors("random-shuffle", facts, {}, seed)
        heard = system.generate(request, lambda share, what: None)
        assert np.array_equal(heard.waveform, tone(CLIPS.index(name)))


@pytest.mark.parametrize("key", ["random-shuffle", "foil-other-clip"])
def test_where_all_others_are_too_short_the_longest_is_told(key: str, originals: dict[str, Path]) -> None:
    lengths = frozenset({"bridge": 0.4, "forest": 10.0, "harbour": 6.0, "market": 5.0}.items())
    facts = ClipFacts("forest", 10.0, POOL, audio_s=lengths)
    told = "forest lasts 10.00 s and the longest original audio of another clip 6.00 s; add clips as long"
    assert told in (registry.refusal(key, facts, {}) or "")
    assert registry.donors(key, facts, {}, 0) == ()
    request = Request("forest", Path("unused.mp4"), 10.0, 0, original_audio=originals, audio_s=lengths)
    with pytest.raises(GenerationError, match=r"original audio of another clip 6\.00 s"):
        registry.build(key, "default", {}).generate(request, lambda share, what: None)


def test_derangement_of_one_is_impossible() -> None:
    with pytest.raises(ValueError, match="two or more clips"):
        derangement(frozenset("a"), 0)


def test_a_study_draws_its_derangement_once() -> None:
    pool = frozenset(f"clip-{index}" for index in range(50))
    before = derangement.cache_info().misses
    for clip in pool:
        assert donor(clip, frozenset(sorted(pool)), 77) == derangement(pool, 77)[clip]
    assert derangement.cache_info().misses == before + 1
    assert derangement(pool, 78) != derangement(pool, 77)


def test_who_asks_for_a_derangement_cannot_change_it_for_others() -> None:
    with pytest.raises(TypeError):
        derangement(frozenset("abc"), 1)["a"] = "a"  # type: ignore[index]
