"""Music as compound words: bars, beats and notes, each a row of numbers (Di et al. 2021, section 3.2).

A bar of 4/4 has sixteen ticks. A bar word says how many ticks of it something begins on; a beat word says that an
instrument plays at a tick and with how many notes at once; note words follow it. The columns, in the order of the
published checkpoint:

    0 BEAT      0, tick + 1 of a beat word, or BAR
    1 TYPE      END, RHYTHM (bars and beats) or NOTE
    2 DENSITY   of a bar word: ticks + 1; of a beat word: ticks still to come in the bar + 1
    3 PITCH     MIDI number + 1 of a note
    4 DURATION  ticks + 1 of a note, at most 16 ticks
    5 PART      of a beat or a note: its instrument, counted from 1
    6 STRENGTH  of a beat word: how many notes it has
    7 SHARE     how much of the video is over, in hundredths + 1
    8 TICK      ticks since the beginning
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from operator import attrgetter

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.int64]

BEAT, TYPE, DENSITY, PITCH, DURATION, PART, STRENGTH, SHARE, TICK = range(9)
WRITTEN = 7
"""The first columns are written by the network; the last two are known from where the word stands."""
VOCABULARY = (18, 3, 18, 129, 18, 6, 20, 102)
"""Values in each column but the last."""

TICKS = 16
BAR = TICKS + 1
END, RHYTHM, NOTE = range(3)
PARTS = ("drums", "piano", "guitar", "bass", "strings")
GENRES = ("none", "metal", "country", "dance", "electronic", "pop", "rock")
MOST_NOTES = VOCABULARY[STRENGTH] - 1


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note. ``tick`` counts sixteenths from the beginning, ``duration`` 1 to 16 of them; part is an index."""

    tick: int
    part: int
    pitch: int
    duration: int


def prefix(genre: int) -> Words:
    """The seven rows [7, 3] of genre, key and instrument that every piece begins with; the key is never set."""
    rows = np.zeros((7, 3), dtype=np.int64)
    rows[0, 0] = genre
    rows[1:, 2] = np.arange(6)
    return rows


def share(tick: int, ticks: int) -> int:
    """Column SHARE of a word at a tick of a piece that lasts ``ticks``."""
    return min(round(100 * tick / ticks), 100) + 1


def bar_word(density: int, tick: int, ticks: int) -> list[int]:
    """A bar at ``tick`` on ``density`` of whose ticks something begins."""
    return [BAR, RHYTHM, density + 1, 0, 0, 0, 0, share(tick, ticks), tick]


def encode(notes: Iterable[Note], bars: int) -> Words:
    """Notes to words [N, 9], closed by an END; notes behind the last bar are left out."""
    ticks = bars * TICKS
    by_bar: dict[int, list[Note]] = defaultdict(list)
    for note in sorted(notes):
        by_bar[note.tick // TICKS].append(note)
    rows: list[list[int]] = []
    for bar in range(bars):
        onsets = sorted({note.tick for note in by_bar[bar]})
        rows.append(bar_word(len(onsets), bar * TICKS, ticks))
        for (tick, part), group in groupby(by_bar[bar], key=attrgetter("tick", "part")):
            chord = list(group)[:MOST_NOTES]
            left = len(onsets) - onsets.index(tick)
            place = [share(tick, ticks), tick]
            rows.append([tick % TICKS + 1, RHYTHM, left, 0, 0, part + 1, len(chord), *place])
            rows += [[0, NOTE, 0, note.pitch + 1, note.duration + 1, part + 1, 0, *place] for note in chord]
    return np.array([*rows, [0] * 9], dtype=np.int64)


def decode(words: Words) -> list[Note]:
    """The notes of words [N, 9], in order and each once; a beat or bar without notes sounds nothing."""
    found = {
        Note(int(row[TICK]), int(row[PART]) - 1, int(row[PITCH]) - 1, int(row[DURATION]) - 1)
        for row in words
        if row[TYPE] == NOTE and row[PITCH] > 0 and row[DURATION] > 1 and row[PART] > 0
    }
    return sorted(found)


def onsets_per_bar(notes: Sequence[Note], bars: int) -> list[int]:
    """On how many ticks of each bar something begins."""
    ticks = {note.tick for note in notes}
    return [len({tick for tick in ticks if tick // TICKS == bar}) for bar in range(bars)]


def bars_in(ticks: float) -> int:
    """Bars begun within so many ticks, at least one."""
    return max(1, ceil(ticks / TICKS))
