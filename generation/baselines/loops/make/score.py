"""A short notation for what loops play: lines of notes, and chords on a rhythm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Voice = Callable[[float, float, float, np.random.Generator], npt.NDArray[np.float64]]
"""(hz, seconds held, velocity in (0, 1], draw) to mono sound with its release."""

_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUALITIES = {
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "maj7": (0, 4, 7, 11),
    "m9": (0, 3, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "9": (0, 4, 10, 14), "13": (0, 4, 10, 14, 21),
    "add9": (0, 4, 7, 14), "madd9": (0, 3, 7, 14), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "5": (0, 7),
    "7b9": (0, 4, 10, 13), "m6": (0, 3, 7, 9),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Note:
    """step, steps: begin and length in sixteenths. velocity: loudness in (0, 1]."""

    step: float
    steps: float
    midi: int
    velocity: float


def line(text: str) -> list[Note]:
    """Notes one after another: "A2:4 r:2 C3:2!" is pitch, length in sixteenths, ``!`` loud or ``,`` soft."""
    notes: list[Note] = []
    step = 0.0
    for token in text.split():
        pitch, _, rest = token.partition(":")
        velocity = {"!": 1.0, ",": 0.5}.get(rest[-1], 0.8)
        steps = float(rest.rstrip("!,"))
        if pitch != "r":
            notes.append(Note(step, steps * 0.96, _midi(pitch), velocity))
        step += steps
    return notes


def comp(chords: str, rhythm: str, low: int) -> list[Note]:
    """Chords ("Am7:16 F:16") on a rhythm of sixteenths (x or o begins, - holds, . rests), voiced upwards of low.

    Every note of a chord lies within the octave above MIDI ``low``, so that chords follow one another closely.
    """
    notes: list[Note] = []
    for step, steps, velocity, name in _struck(chords, rhythm):
        notes += [Note(step, steps, pitch, velocity) for pitch in voiced(name, low)]
    return notes


def roots(chords: str, rhythm: str, low: int) -> list[Note]:
    """Each chord's root on a rhythm, upwards of MIDI ``low``; 5 plays its fifth, 8 its octave."""
    notes: list[Note] = []
    for step, steps, velocity, name in _struck(chords, rhythm):
        root = _root(name)[0]
        sign = rhythm[int(step) % len(rhythm)]
        notes.append(Note(step, steps, low + (root - low) % 12 + {"5": 7, "8": 12}.get(sign, 0), velocity))
    return notes


def arpeggio(chords: str, rhythm: str, low: int, order: tuple[int, ...]) -> list[Note]:
    """The notes of each chord one by one in ``order``; numbers past the top go on an octave higher."""
    notes: list[Note] = []
    for count, (step, steps, velocity, name) in enumerate(_struck(chords, rhythm)):
        ladder = voiced(name, low)
        octave, place = divmod(order[count % len(order)], len(ladder))
        notes.append(Note(step, steps, ladder[place] + 12 * octave, velocity))
    return notes


def voiced(name: str, low: int) -> list[int]:
    """A chord's pitches within the octave above ``low``, ascending."""
    root, intervals = _root(name)
    return sorted({low + (root + interval - low) % 12 for interval in intervals})


def _struck(chords: str, rhythm: str) -> list[tuple[float, float, float, str]]:
    spans: list[str] = []
    for token in chords.split():
        name, _, steps = token.partition(":")
        spans += [name] * int(steps)
    signs = [rhythm[step % len(rhythm)] for step in range(len(spans))]
    struck = []
    for step, sign in enumerate(signs):
        if sign not in ".-":
            end = step + 1
            while end < len(signs) and signs[end] == "-":
                end += 1
            struck.append((float(step), (end - step) * 0.96, 0.5 if sign == "o" else 0.8, spans[step]))
    return struck


def _root(name: str) -> tuple[int, tuple[int, ...]]:
    size = 2 if name[1:2] in ("b", "#") else 1
    return _pitch_class(name[:size]), _QUALITIES[name[size:]]


def _midi(pitch: str) -> int:
    return _pitch_class(pitch[:-1]) + 12 * (int(pitch[-1]) + 1)


def _pitch_class(name: str) -> int:
    return (_PITCHES[name[0]] + name.count("#") - name[1:].count("b")) % 12
