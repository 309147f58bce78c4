"""The music of a piece: drums, bass, chords and a lead, each genre in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generation.world.piece import FRAME_HZ, HUES, SCALES, Piece, Section
from generation.world.synth import drum, note

_BEATS, _EIGHTHS, _SIXTEENTHS = tuple(range(0, 16, 4)), tuple(range(0, 16, 2)), tuple(range(16))
_OFFBEATS = (2, 6, 10, 14)

_DRUM_STEPS: dict[str, tuple[dict[str, tuple[int, ...]], ...]] = {
    "Electronic music": (
        {"kick": _BEATS},
        {"kick": _BEATS, "clap": (4, 12), "open_hat": _OFFBEATS},
        {"kick": _BEATS, "clap": (4, 12), "open_hat": _OFFBEATS, "hat": (0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15)},
    ),
    "Hip hop music": (
        {"kick": (0, 10), "snare": (4, 12)},
        {"kick": (0, 7, 10), "snare": (4, 12), "hat": _EIGHTHS},
        {"kick": (0, 7, 10), "snare": (4, 12), "hat": (*_EIGHTHS, 3, 11, 15), "rim": (6, 9)},
    ),
    "Reggae": (
        {"kick": (8,), "rim": (8,)},
        {"kick": (8,), "rim": (8, 14), "hat": _OFFBEATS},
        {"kick": (0, 8), "rim": (5, 8, 14), "hat": (*_EIGHTHS, 7, 13)},
    ),
    "Rock": (
        {"kick": (0, 8), "snare": (4, 12)},
        {"kick": (0, 8, 10), "snare": (4, 12), "hat": _EIGHTHS},
        {"kick": (0, 3, 6, 8, 10, 11), "snare": (4, 12, 15), "hat": _EIGHTHS, "open_hat": (14,)},
    ),
}
"""Sixteenths of a bar that each drum is hit on, for sparse, steady and busy sections."""

_GAIN = {
    "kick": 0.55, "snare": 0.55, "clap": 0.60, "hat": 0.28, "open_hat": 0.17, "rim": 0.55, "tom": 0.32,
    "synth bass": 0.44, "finger bass": 0.42, "picked bass": 0.40, "warm bass": 0.52,
    "square synth": 0.20, "electric piano": 0.24, "drawbar organ": 0.34, "overdriven guitar": 0.20,
    "saw lead": 0.30, "nylon guitar": 0.40, "clean guitar": 0.34, "percussive organ": 0.28,
}  # fmt: skip
_LOUDNESS = {"Electronic music": 0.95, "Hip hop music": 1.17, "Reggae": 1.1, "Rock": 0.9}
"""Brings the genres to about one level, RMS 0.14, with peaks below 0.9."""

_PAN = {
    "square synth": -0.25, "saw lead": 0.25, "electric piano": -0.3, "nylon guitar": 0.3, "drawbar organ": -0.4,
    "clean guitar": 0.3, "overdriven guitar": 0.35, "percussive organ": -0.3, "hat": 0.25, "open_hat": -0.25,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One note or hit. ``start`` and ``length`` in frames of 1/50 s; ``midi`` is 0 for a drum."""

    instrument: str
    start: int
    length: int
    midi: int
    gain: float


def render_music(piece: Piece, sample_rate_hz: int = 48_000) -> tuple[npt.NDArray[np.float32], int]:
    """Play a piece: float32 [2, samples] within [-1, 1], exactly its duration, and its sample rate.

    ``sample_rate_hz`` must be a multiple of the 50 Hz note grid; ValueError otherwise.
    """
    if sample_rate_hz % FRAME_HZ:
        raise ValueError(f"sample rate {sample_rate_hz} Hz is not a multiple of {FRAME_HZ} Hz; use 16000 or 48000")
    hop = sample_rate_hz // FRAME_HZ
    total = round(piece.duration_s * sample_rate_hz)
    mix = np.zeros((2, total), dtype=np.float32)
    for event in events(piece):
        start = event.start * hop
        if event.midi:
            wave = note(event.instrument, event.midi, event.length * hop, sample_rate_hz)
        else:
            wave = drum(event.instrument, sample_rate_hz)
        wave = wave[: total - start]
        pan = _PAN.get(event.instrument, 0.0)
        mix[0, start : start + len(wave)] += event.gain * (1 - pan) * wave
        mix[1, start : start + len(wave)] += event.gain * (1 + pan) * wave
    fade = round(0.04 * sample_rate_hz)
    mix[:, total - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.tanh(_LOUDNESS[piece.genre.name] * mix).astype(np.float32), sample_rate_hz


def events(piece: Piece) -> Iterator[Event]:
    """The score, bar by bar; nothing starts after the end of the piece."""
    bar = 16 * piece.sixteenth_frames
    end = round(piece.duration_s * FRAME_HZ)
    for section in piece.sections:
        for index, chord in enumerate(section.chords):
            start = section.start_frame + index * bar
            for event in _bar(piece, section, start, chord):
                if event.start < end:
                    yield event


def _bar(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    step = piece.sixteenth_frames
    for name, steps in _drum_steps(piece, section, start).items():
        for at in steps:
            yield Event(name, start + at * step, 0, 0, _GAIN[name])
    yield from _PARTS[piece.genre.name](piece, section, start, chord)


def _drum_steps(piece: Piece, section: Section, start: int) -> dict[str, tuple[int, ...]]:
    """The bar's hits; the last bar of a section that is not sparse leads over with toms."""
    steps = dict(_DRUM_STEPS[piece.genre.name][section.density])
    last = section.start_frame + (len(section.chords) - 1) * 16 * piece.sixteenth_frames
    if section.density and start == last:
        steps["tom"] = (12, 13, 14, 15) if section.density == 2 else (12, 14)
    return steps


def _pitch(piece: Piece, degree: int, base: int) -> int:
    """The MIDI number of a scale degree, counted from the tonic at or above ``base``."""
    hue = HUES[piece.hue]
    octave, within = divmod(degree, 7)
    tonic = base + (hue.tonic - base) % 12
    return tonic + 12 * octave + SCALES[hue.mode][within]


def _note(piece: Piece, name: str, start: int, at: int, length: int, midi: int) -> Event:
    step = piece.sixteenth_frames
    return Event(name, start + at * step, length * step, midi, _GAIN[name])


def _triad(piece: Piece, name: str, start: int, at: int, length: int, chord: int) -> Iterator[Event]:
    """Root, third and fifth, folded into one octave so that chords lie close."""
    for degree in (chord, chord + 2, chord + 4):
        midi = 57 + (_pitch(piece, degree, 48) - 57) % 12
        yield _note(piece, name, start, at, length, midi)


def _lead(
    piece: Piece, section: Section, start: int, chord: int, steps: tuple[int, ...], name: str
) -> Iterator[Event]:
    """The motif over the bar's chord, folded into the fourteen semitones above a base that brightness sets."""
    base = (55, 62, 68)[piece.brightness]
    for index, at in enumerate(steps):
        above = _pitch(piece, chord + section.motif[index % len(section.motif)], base) - base
        octaves = max(0, -(-(above - 14) // 12))
        yield _note(piece, name, start, at, 2, base + above - 12 * octaves)


def _electronic(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    root = _pitch(piece, chord, 33)
    chord_length = (16, 8, 4)[section.density]
    for at in range(0, 16, chord_length):
        yield from _triad(piece, "square synth", start, at, chord_length, chord)
    for at in (0, 8) if section.density == 0 else _OFFBEATS:
        yield _note(piece, "synth bass", start, at, 4 if section.density == 0 else 2, root)
    steps = ((4, 12), (0, 3, 6, 8, 11, 14), (0, 2, 3, 6, 8, 10, 11, 14))[section.density]
    yield from _lead(piece, section, start, chord, steps, "saw lead")


def _hip_hop(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    for at, length in ((0, 10), (10, 6)) if section.density == 0 else ((0, 7), (7, 9)):
        yield from _triad(piece, "electric piano", start, at, length, chord)
    for at, length in ((0, 6), (10, 6)) if section.density == 0 else ((0, 5), (7, 3), (10, 6)):
        yield _note(piece, "finger bass", start, at, length, _pitch(piece, chord, 33))
    steps = ((4,), (4, 6, 11), (2, 4, 6, 9, 11, 14))[section.density]
    yield from _lead(piece, section, start, chord, steps, "nylon guitar")


def _reggae(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    for at in (4, 12) if section.density == 0 else _OFFBEATS:
        yield from _triad(piece, "drawbar organ", start, at, 1, chord)
    line = ((0, 0), (8, 4)) if section.density == 0 else ((0, 0), (3, 0), (6, 4), (10, 2), (12, 0))
    for at, degree in line:
        length = 4 if section.density == 0 else 2
        yield _note(piece, "warm bass", start, at, length, _pitch(piece, chord + degree, 33))
    steps = ((8,), (0, 4, 8), (0, 3, 4, 8, 11, 12))[section.density]
    yield from _lead(piece, section, start, chord, steps, "clean guitar")


def _rock(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    root = _pitch(piece, chord, 40)
    hits = ((0, 8), _BEATS, _EIGHTHS)[section.density]
    for at in hits:
        for midi in (root, root + 7, root + 12):
            yield _note(piece, "overdriven guitar", start, at, 16 // len(hits), midi)
    bass = _BEATS if section.density == 0 else _EIGHTHS
    for at in bass:
        yield _note(piece, "picked bass", start, at, 16 // len(bass), _pitch(piece, chord, 28))
    steps = ((0, 8), (0, 4, 6, 10), (0, 2, 3, 6, 8, 10, 11, 14))[section.density]
    yield from _lead(piece, section, start, chord, steps, "percussive organ")


_PARTS = {"Electronic music": _electronic, "Hip hop music": _hip_hop, "Reggae": _reggae, "Rock": _rock}
