from __future__ import annotations

import numpy as np

from generation.baselines.loops.judging.prompts import HEARD, PROMPTS
from generation.baselines.loops.judging.swap import swap_check
from generation.metrics.tagger import TAGS, Tagged

KINDS = [kind for kind in PROMPTS for _ in range(3)]


def heard(kind: str | None, draw: np.random.Generator) -> Tagged:
    """What a tagger would hear in music of a kind, or in music that says nothing."""
    embedding = draw.normal(size=(3, 200)).astype(np.float32)
    probabilities = np.full((3, 50), 0.1, dtype=np.float32)
    if kind is not None:
        embedding += 3 * np.random.default_rng(list(PROMPTS).index(kind)).normal(size=200).astype(np.float32)
        probabilities[:, [TAGS.index(name) for name in HEARD.get(kind, ())]] = 0.8
    return Tagged(probabilities, embedding)


def test_music_that_follows_its_prompts_lies_with_its_kind_and_raises_its_tags() -> None:
    draw = np.random.default_rng(0)
    swap = swap_check(KINDS, [heard(kind, draw) for kind in KINDS])
    assert swap.prompts == len(KINDS) >= 24
    assert swap.share.own == 1.0
    assert swap.share.other < 0.2
    assert swap.share.difference.above_zero
    assert swap.probability.own > 0.79
    assert swap.probability.difference.above_zero


def test_music_that_does_not_care_shows_no_difference() -> None:
    draw = np.random.default_rng(0)
    swap = swap_check(KINDS, [heard(None, draw) for _ in KINDS])
    assert swap.share.difference.low <= 0.05
    assert swap.share.own < 0.3
    assert swap.probability.difference.value == 0.0


def test_tags_a_kind_should_raise_are_tags_the_tagger_knows() -> None:
    assert set(HEARD) < set(PROMPTS)
    assert all(name in TAGS for names in HEARD.values() for name in names)
