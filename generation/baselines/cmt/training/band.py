"""Music for a small band, composed by rule: what ``cmt-tiny`` learns from.

Every bar is given a number of ticks that something begins on, and accents of several notes at once, because those
are what the video will ask for. Otherwise it is plain band music in six styles: a four-chord loop, a kit, a bass
on roots and fifths, piano and guitar chords close together, strings that hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from generation.baselines.cmt.words import GENRES, PARTS, TICKS, Note

DRUMS, PIANO, GUITAR, BASS, STRINGS = range(len(PARTS))
KICK, SNARE, HAT, OPEN_HAT, CRASH, RIDE, LOW_TOM, HIGH_TOM, CLAP = 36, 38, 42, 46, 49, 51, 45, 50, 39
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
LOOPS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 3), (0, 3, 0, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 5, 3, 6)),
}
_ACCENT_HITS = (KICK, CRASH, SNARE, LOW_TOM, HIGH_TOM, RIDE, OPEN_HAT, CLAP, 41, 57)


@dataclass(frozen=True, slots=True)
class Style:
    """order: ticks from the first that is played to the last. kick, snare: ticks of the kit's backbone.

    minor, strings, strum: how often a piece is in minor, has strings, and has a guitar that strums.
    """

    order: tuple[int, ...]
    kick: frozenset[int]
    snare: frozenset[int]
    minor: float
    strings: float
    strum: float


_STRAIGHT = (0, 8, 4, 12, 6, 14, 2, 10, 7, 15, 3, 11, 13, 5, 9, 1)
_PUSHED = (0, 4, 8, 12, 14, 6, 10, 2, 3, 11, 7, 15, 13, 5, 9, 1)
_OFFBEAT = (0, 8, 4, 12, 2, 10, 6, 14, 3, 11, 15, 7, 5, 13, 1, 9)
STYLES = {
    "metal": Style(_STRAIGHT, frozenset({0, 2, 6, 8, 10, 14}), frozenset({4, 12}), 0.9, 0.15, 0.9),
    "country": Style(_OFFBEAT, frozenset({0, 8}), frozenset({4, 12}), 0.1, 0.3, 0.8),
    "dance": Style(_PUSHED, frozenset({0, 4, 8, 12}), frozenset({4, 12}), 0.5, 0.5, 0.2),
    "electronic": Style(_PUSHED, frozenset({0, 4, 8, 12}), frozenset({4, 12}), 0.7, 0.7, 0.1),
    "pop": Style(_STRAIGHT, frozenset({0, 7, 8}), frozenset({4, 12}), 0.4, 0.5, 0.5),
    "rock": Style(_STRAIGHT, frozenset({0, 8, 10}), frozenset({4, 12}), 0.5, 0.2, 0.8),
}


def compose(seed: int, bars: int) -> tuple[str, list[Note]]:
    """A piece of so many bars, always the same for a seed: its genre, one of GENRES but "none", and its notes."""
    draw = np.random.default_rng([2111, seed])
    genre = GENRES[int(draw.integers(1, len(GENRES)))]
    band = _Band(STYLES[genre], draw)
    density = int(draw.integers(0, TICKS + 1))
    notes: list[Note] = []
    for bar in range(bars):
        if draw.random() < 0.25:
            density = int(draw.integers(0, TICKS + 1))
        else:
            density = int(np.clip(density + draw.integers(-2, 3), 0, TICKS))
        notes += band.bar(bar, density)
    return genre, notes


class _Band:
    """What stays the same through a piece: key, chords, who plays how."""

    def __init__(self, style: Style, draw: np.random.Generator) -> None:
        self.style, self.draw = style, draw
        self.mode = "minor" if draw.random() < style.minor else "major"
        self.tonic = int(draw.integers(12))
        loops = LOOPS[self.mode]
        self.loop = loops[int(draw.integers(len(loops)))]
        self.strings = draw.random() < style.strings
        self.strums = draw.random() < style.strum
        self.piano_every = int(draw.choice((2, 4, 4, 8)))
        self.rides = draw.random() < 0.25
        self.arpeggio = tuple(int(step) for step in draw.permutation(3))

    def bar(self, bar: int, density: int) -> Iterator[Note]:
        """The notes of one bar, on exactly ``density`` different ticks."""
        chord = self.loop[bar % len(self.loop)]
        ticks = self._ticks(density)
        accents = {tick: int(self.draw.integers(2, 11)) for tick in ticks if self.draw.random() < 0.08}
        for place, tick in enumerate(ticks):
            length = (ticks[place + 1] if place + 1 < len(ticks) else TICKS) - tick
            strength = accents.get(tick, 0)
            played = list(self._hits(tick, strength))
            played += self._chords(tick, place, chord, length, strength)
            if not played or tick in (0, 8) or self.draw.random() < 0.35:
                played += self._bass(tick, chord, length)
            for part, pitch, duration in played:
                yield Note(bar * TICKS + tick, part, pitch, duration)
        if self.strings and ticks:
            for pitch in self._voiced(chord, 60, 3):
                yield Note(bar * TICKS + ticks[0], STRINGS, pitch, TICKS - ticks[0])

    def _ticks(self, density: int) -> list[int]:
        """The first ticks of the style's order, with a little of chance in it."""
        rank = {tick: place + self.draw.normal(0, 1.2) for place, tick in enumerate(self.style.order)}
        rank[0] = -9.0
        return sorted(sorted(rank, key=rank.__getitem__)[:density])

    def _hits(self, tick: int, strength: int) -> Iterator[tuple[int, int, int]]:
        if strength:
            hits = list(_ACCENT_HITS[:strength])
        else:
            hits = [RIDE if self.rides else HAT] if tick % 2 == 0 or self.draw.random() < 0.6 else []
            if tick in self.style.kick:
                hits.append(KICK)
            if tick in self.style.snare:
                hits.append(SNARE)
        for pitch in sorted(hits):
            yield DRUMS, pitch, 1

    def _bass(self, tick: int, chord: int, length: int) -> Iterator[tuple[int, int, int]]:
        degree = chord + (4 if tick % 8 == 6 else 0)
        yield BASS, self._pitch(degree, 33), min(length, 4)

    def _chords(
        self, tick: int, place: int, chord: int, length: int, strength: int
    ) -> Iterator[tuple[int, int, int]]:
        if strength:
            for part, base in ((PIANO, 48), (GUITAR, 52)):
                for pitch in self._voiced(chord, base, strength):
                    yield part, pitch, min(2 * length, 8)
            return
        if tick % self.piano_every == 0:
            for pitch in self._voiced(chord, 57, 3):
                yield PIANO, pitch, min(max(length, self.piano_every), TICKS - tick)
        elif place % 2:
            yield PIANO, self._voiced(chord, 69, 3)[self.arpeggio[place % 3]], length
        if self.strums and tick % 4 == 0:
            for pitch in self._voiced(chord, 52, 4):
                yield GUITAR, pitch, min(length, 4)
        elif self.strums and self.draw.random() < 0.3:
            yield GUITAR, self._voiced(chord, 64, 3)[int(self.draw.integers(3))], length

    def _voiced(self, chord: int, base: int, notes: int) -> list[int]:
        """So many notes of a triad, upwards from the first at or above ``base``."""
        tones = sorted(base + (self._pitch(degree, 0) - base) % 12 for degree in (chord, chord + 2, chord + 4))
        return [tones[index % 3] + 12 * (index // 3) for index in range(notes)]

    def _pitch(self, degree: int, base: int) -> int:
        """The MIDI number of a scale degree counted from the tonic at or above ``base``."""
        octave, within = divmod(degree, 7)
        return base + (self.tonic - base) % 12 + SCALES[self.mode][within] + 12 * octave
