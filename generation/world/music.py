"""The music of a piece: drums, bass, chords and a lead, each genre in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generation.world.piece import FRAME_HZ, HUES, SCALES, Piece, Section
from generation.world.synth import drum, note

_DRUM_STEPS: dict[str, dict[str, tuple[int, ...]]] = {
    "Electronic music": {"kick": (0, 4, 8, 12), "clap": (4, 12), "open_hat": (2, 6, 10, 14)},
    "Hip hop music": {"kick": (0, 7, 10), "snare": (4, 12), "hat": (0, 2, 4, 6, 8, 10, 12, 14)},
    "Reggae": {"kick": (8,), "rim": (8, 14), "hat": (2, 6, 10, 14)},
    "Rock": {"kick": (0, 8, 10), "snare": (4, 12), "hat": (0, 2, 4, 6, 8, 10, 12, 14)},
}
_BUSY_STEPS: dict[str, dict[str, tuple[int, ...]]] = {
    "Electronic music": {"hat": (0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15)},
    "Hip hop music": {"hat": (3, 11, 15), "rim": (6, 14)},
    "Reggae": {"kick": (0, 8), "hat": (0, 4, 8, 12)},
    "Rock": {"kick": (2, 6), "open_hat": (14,)},
}
_GAIN = {
    "kick": 0.80, "snare": 0.55, "clap": 0.50, "hat": 0.16, "open_hat": 0.20, "rim": 0.35, "tom": 0.5,
    "synth bass": 0.40, "finger bass": 0.44, "picked bass": 0.40, "warm bass": 0.46,
    "polysynth": 0.16, "electric piano": 0.25, "drawbar organ": 0.24, "overdriven guitar": 0.20,
    "saw lead": 0.22, "nylon guitar": 0.42, "clean guitar": 0.36, "rock organ": 0.20,
}  # fmt: skip
_PAN = {
    "drawbar organ": -0.4, "electric piano": -0.3, "overdriven guitar": 0.35, "saw lead": 0.25,
    "nylon guitar": 0.3, "clean guitar": 0.3, "rock organ": -0.3, "hat": 0.25, "open_hat": -0.25,
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
    return np.tanh(0.8 * mix).astype(np.float32), sample_rate_hz


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
    steps = dict(_DRUM_STEPS[piece.genre.name])
    if section.density == 0:
        steps.pop("hat", None)
    if section.density == 2:
        for name, extra in _BUSY_STEPS[piece.genre.name].items():
            steps[name] = tuple(sorted({*steps.get(name, ()), *extra}))
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
    base = (57, 64, 69)[piece.brightness]
    for index, at in enumerate(steps):
        midi = _pitch(piece, chord + section.motif[index % len(section.motif)], base)
        yield _note(piece, name, start, at, 2, midi - 12 if midi > base + 24 else midi)


def _electronic(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    yield from _triad(piece, "polysynth", start, 0, 16, chord)
    for at in (2, 6, 10, 14):
        yield _note(piece, "synth bass", start, at, 2, _pitch(piece, chord, 33))
    steps = ((0, 6, 12), (0, 3, 6, 8, 11, 14), tuple(range(0, 16, 2)))[section.density]
    yield from _lead(piece, section, start, chord, steps, "saw lead")


def _hip_hop(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    yield from _triad(piece, "electric piano", start, 0, 7, chord)
    yield from _triad(piece, "electric piano", start, 7, 9, chord)
    for at, length in ((0, 5), (7, 3), (10, 6)):
        yield _note(piece, "finger bass", start, at, length, _pitch(piece, chord, 33))
    steps = ((4,), (3, 6, 11), (2, 4, 6, 11, 14))[section.density]
    yield from _lead(piece, section, start, chord, steps, "nylon guitar")


def _reggae(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    for at in (4, 12) if section.density == 0 else (2, 6, 10, 14):
        yield from _triad(piece, "drawbar organ", start, at, 1, chord)
    for at, degree in ((0, 0), (3, 0), (6, 4), (10, 2), (12, 0)):
        yield _note(piece, "warm bass", start, at, 2, _pitch(piece, chord + degree, 33))
    steps = ((8,), (0, 4, 11), (0, 3, 4, 8, 11, 12))[section.density]
    yield from _lead(piece, section, start, chord, steps, "clean guitar")


def _rock(piece: Piece, section: Section, start: int, chord: int) -> Iterator[Event]:
    root = _pitch(piece, chord, 40)
    hits = ((0, 8), (0, 4, 8, 12), (0, 2, 4, 6, 8, 10, 12, 14))[section.density]
    for at in hits:
        for midi in (root, root + 7, root + 12):
            yield _note(piece, "overdriven guitar", start, at, 16 // len(hits), midi)
    for at in range(0, 16, 2):
        yield _note(piece, "picked bass", start, at, 2, _pitch(piece, chord, 28))
    yield from _lead(
        piece, section, start, chord, ((0, 8), (0, 4, 6, 10), (0, 2, 4, 8, 10, 12))[section.density], "rock organ"
    )


_PARTS = {"Electronic music": _electronic, "Hip hop music": _hip_hop, "Reggae": _reggae, "Rock": _rock}
