"""Single notes of a SoundFont 2 file: its recordings at the right pitch, looped, filtered, shaped by envelopes.

Of the format this reads what makes a steady, narrow instrument: zones, tuning, loops, volume envelope and the
fixed low-pass filter. Vibrato, chorus, reverb and velocity's curves are left out. symusic 0.5.8, which plays such
files too, was tried first and plays most of this font's notes up to an octave and a half off key.

Source: SoundFont Technical Specification 2.04, sections 7 (the chunks) and 8.1.3 (the generators).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

Wave = npt.NDArray[np.float32]
Amounts = Mapping[int, int]

DRUM_BANK = 128

_START, _END, _LOOP_START, _LOOP_END = 0, 1, 2, 3
_START_COARSE, _END_COARSE, _LOOP_START_COARSE, _LOOP_END_COARSE = 4, 12, 45, 50
_CUTOFF, _ATTACK, _HOLD, _DECAY, _SUSTAIN = 8, 34, 35, 36, 37
_INSTRUMENT, _KEYS, _VELOCITIES, _ATTENUATION = 41, 43, 44, 48
_COARSE_TUNE, _FINE_TUNE, _SAMPLE, _MODE, _SCALE_TUNING, _ROOT = 51, 52, 53, 54, 56, 58
_DEFAULTS = {_CUTOFF: 13_500, _ATTACK: -12_000, _HOLD: -12_000, _DECAY: -12_000, _SCALE_TUNING: 100, _ROOT: -1}
_WHOLE_RANGE = 127 << 8
_NOT_ADDED = frozenset((_INSTRUMENT, _KEYS, _VELOCITIES, _SAMPLE, _MODE, _ROOT))
_OPEN_CENTS = 13_500


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording: places in the file's sample chunk, its rate in Hz and the MIDI key that it was played on."""

    start: int
    end: int
    loop_start: int
    loop_end: int
    rate_hz: int
    root: int
    correction_cents: int


class SoundFont:
    """A SoundFont 2 file. Raises ValueError where the file is not one."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
            raise ValueError(f"{path.name} is not a SoundFont 2 file")
        chunks = dict(_chunks(content, 12, len(content)))
        self._recording = np.frombuffer(chunks[b"smpl"], dtype="<i2")
        self._samples = [Sample(*fields[1:8]) for fields in struct.iter_unpack("<20sIIIIIBbHH", chunks[b"shdr"])]
        instruments = [fields[1] for fields in struct.iter_unpack("<20sH", chunks[b"inst"])]
        zones = _zones(chunks[b"ibag"], chunks[b"igen"])
        self._instruments = [_with_global(zones[first:last], _SAMPLE) for first, last in pairwise(instruments)]
        presets = list(struct.iter_unpack("<20sHHHIII", chunks[b"phdr"]))
        zones = _zones(chunks[b"pbag"], chunks[b"pgen"])
        self._presets = {
            (preset[2], preset[1]): _with_global(zones[preset[3] : after[3]], _INSTRUMENT)
            for preset, after in pairwise(presets)
        }

    def play(self, bank: int, program: int, key: int, seconds: float, rate_hz: int, velocity: int = 100) -> Wave:
        """One note held for ``seconds``, without its release, mono [samples]; its level is the font's own.

        ``bank`` is 0, or DRUM_BANK where a key is a drum. Raises KeyError on a preset that the font lacks.
        """
        wave = np.zeros(round(seconds * rate_hz), dtype=np.float32)
        for preset in self._presets[bank, program]:
            if _sounds(preset, key, velocity):
                for zone in self._instruments[preset[_INSTRUMENT]]:
                    if _sounds(zone, key, velocity):
                        wave += self._voice(_summed(zone, preset), key, len(wave), rate_hz)
        return wave

    def _voice(self, amounts: Amounts, key: int, samples: int, rate_hz: int) -> Wave:
        sample = self._samples[amounts[_SAMPLE]]
        start = sample.start + _place(amounts, _START, _START_COARSE)
        end = sample.end + _place(amounts, _END, _END_COARSE)
        root = amounts[_ROOT] if amounts[_ROOT] >= 0 else sample.root
        cents = (key - root) * amounts[_SCALE_TUNING] + sample.correction_cents
        cents += 100 * amounts.get(_COARSE_TUNE, 0) + amounts.get(_FINE_TUNE, 0)
        at = start + np.arange(samples) * (2 ** (cents / 1200) * sample.rate_hz / rate_hz)
        if amounts.get(_MODE, 0) & 1:
            first = sample.loop_start + _place(amounts, _LOOP_START, _LOOP_START_COARSE)
            last = sample.loop_end + _place(amounts, _LOOP_END, _LOOP_END_COARSE)
            at = np.where(at < last, at, first + (at - first) % (last - first))
        before = np.minimum(at.astype(np.int64), end - 1)
        share = at - before
        wave = self._recording[before] * (1 - share) + self._recording[before + 1] * share
        wave = np.where(at < end, wave, 0.0) / 32_768
        if amounts[_CUTOFF] < _OPEN_CENTS:
            cutoff_hz = 8.176 * 2 ** (amounts[_CUTOFF] / 1200)
            wave = signal.sosfilt(signal.butter(2, min(cutoff_hz, 0.45 * rate_hz), fs=rate_hz, output="sos"), wave)
        wave = wave * _envelope(amounts, samples, rate_hz) * 10 ** (-amounts.get(_ATTENUATION, 0) / 200)
        return np.asarray(wave, dtype=np.float32)


def _envelope(amounts: Amounts, samples: int, rate_hz: int) -> npt.NDArray[np.float64]:
    """Linear attack, hold, then a fall, 100 dB in the decay time, to the sustained level."""
    attack, hold, decay = (2 ** (amounts[which] / 1200) for which in (_ATTACK, _HOLD, _DECAY))
    time = np.arange(samples) / rate_hz
    fall_db = np.clip((time - attack - hold) * (100 / decay), 0, max(0, amounts.get(_SUSTAIN, 0)) / 10)
    shape: npt.NDArray[np.float64] = np.minimum(1.0, time / attack) * 10 ** (-fall_db / 20)
    return shape


def _place(amounts: Amounts, fine: int, coarse: int) -> int:
    return amounts.get(fine, 0) + 32_768 * amounts.get(coarse, 0)


def _sounds(zone: Amounts, key: int, velocity: int) -> bool:
    """Whether a zone's ranges, lowest in the low byte and highest in the high one, hold this key and velocity."""
    keys, velocities = zone.get(_KEYS, _WHOLE_RANGE), zone.get(_VELOCITIES, _WHOLE_RANGE)
    return keys & 255 <= key <= keys >> 8 and velocities & 255 <= velocity <= velocities >> 8


def _summed(zone: Amounts, preset: Amounts) -> Amounts:
    """What an instrument's zone says, or the format's defaults, with the preset's amounts added."""
    amounts = {**_DEFAULTS, **zone}
    for which in preset.keys() - _NOT_ADDED:
        amounts[which] = amounts.get(which, 0) + preset[which]
    return amounts


def _zones(bags: bytes, generators: bytes) -> list[dict[int, int]]:
    starts = [first for first, _ in struct.iter_unpack("<HH", bags)]
    amounts = list(struct.iter_unpack("<Hh", generators))
    return [
        {which: amount & 0xFFFF if which in (_KEYS, _VELOCITIES) else amount for which, amount in amounts[a:b]}
        for a, b in pairwise(starts)
    ]


def _with_global(zones: list[dict[int, int]], target: int) -> list[dict[int, int]]:
    """Zones that point at something, each over what a leading zone without a target says for all."""
    shared = zones[0] if zones and target not in zones[0] else {}
    return [{**shared, **zone} for zone in zones if target in zone]


def _chunks(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """The named leaves of a RIFF file, lists opened."""
    while at + 8 <= end:
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name == b"LIST":
            yield from _chunks(content, at + 12, at + 8 + size)
        else:
            yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
