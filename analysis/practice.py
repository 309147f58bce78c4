"""Which comparisons a rater practises with: drawn level over blocks, of clips that the block does not hold.

Practice is shown first and never counted. Pure, seeded, stdlib only.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A comparison that can be practised with; ``pair`` are its two systems."""

    clip_id: str
    pair: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Practice:
    """One practice trial. ``candidate`` indexes the candidates."""

    candidate: int
    left_is_1: bool
    played_first: Literal["left", "right"]


def draw(
    candidates: Sequence[Candidate],
    blocks: Sequence[Collection[tuple[str, tuple[str, str]]]],
    *,
    per_block: int,
    seed: str,
) -> list[tuple[Practice, ...]]:
    """Practice for every block.

    blocks: clip and pair of all that each block holds. A clip of the block is taken only where there is no other,
    and then with another pair where there is one. A block with fewer clips to practise with gets fewer trials.
    """
    rng = random.Random(seed)
    used: Counter[int] = Counter()
    drawn = []
    for held in blocks:
        clips = {clip for clip, _ in held}
        chosen: list[int] = []
        for _ in range(per_block):
            taken = {candidates[index].clip_id for index in chosen}
            options = [
                (one.clip_id in clips, (one.clip_id, one.pair) in held, used[index], rng.random(), index)
                for index, one in enumerate(candidates)
                if one.clip_id not in taken
            ]
            if not options:
                break
            chosen.append(min(options)[-1])
            used[chosen[-1]] += 1
        drawn.append(tuple(Practice(index, rng.random() < 0.5, rng.choice(("left", "right"))) for index in chosen))
    return drawn
