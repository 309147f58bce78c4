"""When each role plays: an intro, entries, a turn every four bars. Pure and seeded; time counts in half bars."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from generation.baselines.loops.library import BEATS_PER_BAR

PHRASE_BARS = 4
HALVES = 2
_OPENINGS = (("chords", "texture"), ("drums", "bass"), ("bass", "chords"), ("drums", "texture"))
_FADE_SHARE, _FADE_S = 0.2, 2.5


@dataclass(frozen=True, slots=True)
class Span:
    """A role sounds from half bar ``start`` to before ``end``; with ``fill`` it is the other drums that do."""

    role: str
    start: int
    end: int
    fill: bool = False


@dataclass(frozen=True, slots=True)
class Arrangement:
    """bar_s: length of a bar. fade_s: how long the end fades, to the last sample."""

    bar_s: float
    fade_s: float
    spans: tuple[Span, ...]


def arrange(roles: Collection[str], bpm: float, duration_s: float, seed: int, *, fill: bool) -> Arrangement:
    """An arrangement of ``duration_s`` for the roles there are; fill: whether other drums are at hand.

    Not all roles play from the first bar where there are several and more than one bar to fill.
    """
    draw = np.random.default_rng([seed, 1])
    bar_s = BEATS_PER_BAR * 60 / bpm
    bars = max(1, math.ceil(duration_s / bar_s - 1e-9))
    intro = 0 if bars == 1 or len(roles) == 1 else 1 if bars <= 8 else 2 if bars <= 16 else PHRASE_BARS
    openings = [opening for opening in _OPENINGS if set(opening) <= set(roles) and set(opening) != set(roles)]
    opening = openings[int(draw.integers(len(openings)))] if openings else tuple(sorted(roles))[:1]
    lead = intro if bars <= PHRASE_BARS else intro + 1 if bars <= 12 else intro + PHRASE_BARS
    playing = {role: np.zeros(bars * HALVES, dtype=bool) for role in roles}
    for role, line in playing.items():
        entry = 0 if intro == 0 or role in opening else lead if role == "lead" else intro
        line[entry * HALVES :] = True
        if role == "lead" and bars > 12:
            # A melody that never rests tires: it takes every second phrase off.
            for bar in range(lead, bars):
                if (bar - lead) // PHRASE_BARS % 2 == 1:
                    line[bar * HALVES : (bar + 1) * HALVES] = False
    turned = _turns(playing, bars, intro, draw, fill)
    spans = [span for role, line in playing.items() for span in _spans(role, line & ~turned[role])]
    spans += [span for role, line in turned.items() for span in _spans(role, line, fill=True)]
    return Arrangement(bar_s, min(_FADE_S, _FADE_SHARE * duration_s), tuple(sorted(spans, key=_order)))


def _turns(
    playing: dict[str, np.ndarray], bars: int, intro: int, draw: np.random.Generator, fill: bool
) -> dict[str, np.ndarray]:
    """The last bar of each phrase turns: drums rest for half of it, bass for all, or other drums play it.

    Takes rests out of ``playing`` and gives the half bars that the other drums take over.
    """
    turned = {role: np.zeros(bars * HALVES, dtype=bool) for role in playing}
    kinds = [kind for kind, needs in (("rest", "drums"), ("bass", "bass"), ("fill", "drums")) if needs in playing]
    kinds = [kind for kind in kinds if kind != "fill" or fill]
    # Without anything else to be heard, a rest would be a hole.
    if len(playing) < 2 or not kinds:
        return turned
    for bar in range(PHRASE_BARS - 1, bars - 1, PHRASE_BARS):
        kind = kinds[int(draw.integers(len(kinds)))]
        first, last = bar * HALVES, (bar + 1) * HALVES
        if bar < intro:
            continue
        if kind == "rest":
            playing["drums"][first + 1 : last] = False
        elif kind == "bass":
            playing["bass"][first:last] = False
        else:
            turned["drums"][first:last] = playing["drums"][first:last]
    return turned


def _spans(role: str, line: np.ndarray, *, fill: bool = False) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]]).astype(int)))
    return [Span(role, int(start), int(end), fill) for start, end in edges.reshape(-1, 2)]


def _order(span: Span) -> tuple[int, str, bool]:
    return span.start, span.role, span.fill
