"""A handful of instruments with real timbres: single notes of a General MIDI sound font.

The font is TimGM6mb (Tim Brechbill, GPL-2), which the pretty_midi wheel carries; it is installed, not shipped.
Every note is played alone, from the same start, and mixed by the caller: so a note is the same samples each time
it sounds, which a codec of a few million weights can learn within an hour.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

from generation.world.sound_font import DRUM_BANK, SoundFont

Wave = npt.NDArray[np.float32]

FONT_RATE_HZ = 44_100
"""Notes are played at the rate of the font's recordings, then resampled."""

PROGRAMS = {
    "synth bass": 39,
    "square synth": 80,
    "saw lead": 81,
    "finger bass": 33,
    "electric piano": 4,
    "nylon guitar": 24,
    "warm bass": 32,
    "drawbar organ": 16,
    "clean guitar": 27,
    "picked bass": 34,
    "overdriven guitar": 29,
    "percussive organ": 17,
}
"""General MIDI programs, counted from 0: of each kind the one that stands stillest in this font."""

DRUMS = {"kick": 36, "rim": 37, "snare": 40, "clap": 39, "hat": 42, "open_hat": 46, "tom": 45}
"""Keys of the General MIDI drum kit."""

_OCTAVE_LOW = ("drawbar organ", "percussive organ")
"""Programs with a sixteen-foot stop, which sound an octave below the key."""

_DECAY_S = {
    "synth bass": 0.8,
    "finger bass": 0.9,
    "electric piano": 1.2,
    "nylon guitar": 0.5,
    "warm bass": 0.9,
    "clean guitar": 0.5,
    "picked bass": 0.8,
}
"""Time to fall to 1/e of what is plucked or struck, for the font holds these notes at nearly one level."""

_RELEASE_S = 0.025
_LOUDNESS = 0.25
_HEARD_S = 0.25
_DRUM_S = {"kick": 0.30, "rim": 0.12, "snare": 0.22, "clap": 0.20, "hat": 0.08, "open_hat": 0.26, "tom": 0.30}


@lru_cache(maxsize=8192)
def note(instrument: str, midi: int, samples: int, sample_rate_hz: int) -> Wave:
    """One note of that sounding pitch, ``samples`` long with its release; all notes are brought to one loudness.

    Raises KeyError on an instrument that is not in PROGRAMS.
    """
    key = midi + 12 if instrument in _OCTAVE_LOW else midi
    played = _played(PROGRAMS[instrument], key, samples / sample_rate_hz) * _level(PROGRAMS[instrument], key)
    wave = _resampled(played, sample_rate_hz)[:samples]
    wave = np.pad(wave, (0, samples - len(wave)))
    if instrument in _DECAY_S:
        wave *= np.exp(np.arange(samples, dtype=np.float32) / -(_DECAY_S[instrument] * sample_rate_hz))
    release = min(samples // 2, round(_RELEASE_S * sample_rate_hz))
    wave[samples - release :] *= np.cos(np.linspace(0, np.pi / 2, release, dtype=np.float32)) ** 2
    return np.asarray(wave, dtype=np.float32)


@lru_cache(maxsize=64)
def drum(name: str, sample_rate_hz: int) -> Wave:
    """One hit of the kit, its highest peak at 0.9. Raises KeyError on a name that is not in DRUMS."""
    wave = _font().play(DRUM_BANK, 0, DRUMS[name], _DRUM_S[name], FONT_RATE_HZ)
    wave = wave * (0.9 / float(np.abs(wave).max()))
    fade = round(0.4 * len(wave))
    wave[len(wave) - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    return _resampled(wave, sample_rate_hz)


def _played(program: int, midi: int, seconds: float) -> Wave:
    """A note straight from the font at its own rate, mono."""
    return _font().play(0, program, midi, seconds, FONT_RATE_HZ)


@cache
def _font() -> SoundFont:
    return SoundFont(font_path())


def font_path() -> Path:
    """Where the sound font lies. Raises FileNotFoundError saying what to install."""
    package = find_spec("pretty_midi")
    if package is None or package.origin is None:
        raise FileNotFoundError("the sound font TimGM6mb.sf2 is missing: pip install pretty_midi")
    return Path(package.origin).parent / "TimGM6mb.sf2"


@cache
def _level(program: int, key: int) -> float:
    """What brings the beginning of a note to one loudness, since the font's recordings differ by up to 12 dB."""
    wave = _played(program, key, _HEARD_S)
    return _LOUDNESS / float(np.sqrt(np.square(wave).mean()))


def _resampled(wave: Wave, sample_rate_hz: int) -> Wave:
    divisor = int(np.gcd(sample_rate_hz, FONT_RATE_HZ))
    return np.asarray(
        signal.resample_poly(wave, sample_rate_hz // divisor, FONT_RATE_HZ // divisor), dtype=np.float32
    )
