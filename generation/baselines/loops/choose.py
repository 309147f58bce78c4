"""Which loops answer a prompt: first a tempo and key, then one loop a role that fits them. Pure and seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from generation.baselines.loops.library import ROLES, Loop
from generation.baselines.mubert.tags import CHOSEN

STRETCH = 0.08
"""How much faster or slower a loop may be played: beyond, drums smear and a listener hears the treatment."""

_AS_GOOD = 0.06
"""Loops this close to the best of their role share its turn, so that seeds differ."""
_KIN = 0.5
"""Weight of the tags shared with the chosen tempo and key against the nearness of the prompt."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """bpm and signature: of the music. loops: one a role. fill: other drums for the bars that turn, if any."""

    bpm: float
    key: str
    loops: dict[str, Loop]
    fill: Loop | None


def choose(loops: Sequence[Loop], cosine: Callable[[str], float], seed: int) -> Chosen:
    """Loops for a prompt, given the cosine between it and any tag.

    A tempo and key is as near as the three nearest of its tags, and so is a loop. Loops of one tempo and key were
    most likely made for one another: others join only where those lack a role, and only with a tag in common.
    """
    draw = np.random.default_rng(seed)
    pitched = [loop for loop in loops if loop.key] or list(loops)
    places = sorted({(loop.bpm, loop.signature) for loop in pitched}, key=str)
    homes = {
        place: _home(loops, [loop for loop in pitched if (loop.bpm, loop.signature) == place]) for place in places
    }
    best = max(places, key=lambda place: _nearness(homes[place], cosine))
    bpm, signature = best
    kin = homes[best]
    found: dict[str, Loop] = {}
    fill = None
    for role in ROLES:
        candidates = _candidates(loops, role, bpm, signature, kin)
        ranked = sorted(candidates, key=lambda loop: -_fitness(loop, bpm, kin, cosine))
        if not ranked:
            continue
        top = _fitness(ranked[0], bpm, kin, cosine)
        as_good = [loop for loop in ranked if top - _fitness(loop, bpm, kin, cosine) <= _AS_GOOD]
        found[role] = as_good[int(draw.integers(len(as_good)))]
        if role == "drums":
            others = [loop for loop in ranked if loop != found[role] and kin.intersection(loop.tags)]
            fill = others[0] if others else None
    keys = [loop.key for loop in found.values() if loop.key]
    return Chosen(bpm, max(sorted(set(keys)), key=keys.count, default=""), found, fill)


def fits(loop: Loop, bpm: float, signature: int | None) -> bool:
    """Whether a loop can join: within the stretch of the tempo, and of the same notes or of none."""
    near = abs(bpm / loop.bpm - 1) <= STRETCH
    return near and (loop.signature is None or signature is None or loop.signature == signature)


def _candidates(
    loops: Sequence[Loop], role: str, bpm: float, signature: int | None, kin: frozenset[str]
) -> list[Loop]:
    fitting = [loop for loop in loops if loop.role == role and fits(loop, bpm, signature)]
    at_home = [loop for loop in fitting if loop.bpm == bpm]
    return at_home or [loop for loop in fitting if kin.intersection(loop.tags)]


def _fitness(loop: Loop, bpm: float, kin: frozenset[str], cosine: Callable[[str], float]) -> float:
    return _nearness(loop.tags, cosine) + _KIN * _shared(loop, kin) - abs(bpm / loop.bpm - 1)


def _shared(loop: Loop, kin: frozenset[str]) -> float:
    return len(kin.intersection(loop.tags)) / len(loop.tags)


def _nearness(tags: Iterable[str], cosine: Callable[[str], float]) -> float:
    """Mean cosine of the three nearest tags; whoever has fewer is not nearer for that."""
    return sum(sorted((cosine(tag) for tag in tags), reverse=True)[:CHOSEN]) / CHOSEN


def _home(loops: Sequence[Loop], pitched: Sequence[Loop]) -> frozenset[str]:
    """Tags of some pitched loops of one tempo, and of the drums of that tempo that share one with them."""
    tags = {tag for loop in pitched for tag in loop.tags}
    drums = [
        loop for loop in loops if not loop.key and loop.bpm == pitched[0].bpm and tags.intersection(loop.tags)
    ]
    return frozenset(tags.union(*(loop.tags for loop in drums)))
