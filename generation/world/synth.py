"""A handful of instruments with real timbres: single notes of a General MIDI sound font.

The font is TimGM6mb (Tim Brechbill, GPL-2), which the pretty_midi wheel carries; it is installed, not shipped.
Every note is played alone, from the same start, and mixed by the caller: so a note is the same samples each time
it sounds, which a codec of a few million weights can learn within an hour.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

Wave = npt.NDArray[np.float32]

FONT_RATE_HZ = 44_100
"""The synthesiser plays at this rate and is resampled: at 16 kHz it hangs on some notes."""

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

_DECAY_S = {
    "synth bass": 0.5,
    "finger bass": 0.6,
    "electric piano": 0.9,
    "nylon guitar": 0.35,
    "warm bass": 0.6,
    "clean guitar": 0.35,
    "picked bass": 0.5,
}
"""Time to fall to 1/e of what is plucked or struck; the font holds these notes at nearly one level."""

_VELOCITY = 100
_RELEASE_S = 0.025
_LOUDNESS = 0.25
_DRUM_S = {"kick": 0.30, "rim": 0.12, "snare": 0.22, "clap": 0.20, "hat": 0.08, "open_hat": 0.26, "tom": 0.30}


@lru_cache(maxsize=8192)
def note(instrument: str, midi: int, samples: int, sample_rate_hz: int) -> Wave:
    """One note, ``samples`` long with its release; programs are brought to one loudness.

    Raises KeyError on an instrument that is not in PROGRAMS.
    """
    program = PROGRAMS[instrument]
    seconds = samples / sample_rate_hz
    wave = _resampled(_played(program, midi, seconds, drum=False) * _level(program), sample_rate_hz)[:samples]
    wave = np.pad(wave, (0, samples - len(wave)))
    if instrument in _DECAY_S:
        wave *= np.exp(np.arange(samples, dtype=np.float32) / -(_DECAY_S[instrument] * sample_rate_hz))
    release = min(samples // 2, round(_RELEASE_S * sample_rate_hz))
    wave[samples - release :] *= np.cos(np.linspace(0, np.pi / 2, release, dtype=np.float32)) ** 2
    return np.asarray(wave, dtype=np.float32)


@lru_cache(maxsize=64)
def drum(name: str, sample_rate_hz: int) -> Wave:
    """One hit of the kit, its highest peak at 0.9. Raises KeyError on a name that is not in DRUMS."""
    wave = _played(0, DRUMS[name], _DRUM_S[name], drum=True)
    wave = wave * (0.9 / float(np.abs(wave).max()))
    fade = round(0.4 * len(wave))
    wave[len(wave) - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    return _resampled(wave, sample_rate_hz)


def _played(program: int, midi: int, seconds: float, *, drum: bool) -> Wave:
    """A note straight from the font at its own rate, mono."""
    from symusic import Note, Score, Tempo, Track

    ticks = 960
    score = Score(ticks)
    score.tempos.append(Tempo(0, 60.0))
    track = Track("note", program, drum)
    track.notes.append(Note(0, max(1, round(seconds * ticks)), midi, _VELOCITY))
    score.tracks.append(track)
    return np.asarray(_synthesiser().render(score, True), dtype=np.float32).mean(0)


@cache
def _synthesiser() -> Any:
    from symusic import Synthesizer

    return Synthesizer(str(font_path()), FONT_RATE_HZ, 0)


def font_path() -> Path:
    """Where the sound font lies. Raises FileNotFoundError saying what to install."""
    package = find_spec("pretty_midi")
    if package is None or package.origin is None:
        raise FileNotFoundError("the sound font TimGM6mb.sf2 is missing: pip install pretty_midi")
    return Path(package.origin).parent / "TimGM6mb.sf2"


@cache
def _level(program: int) -> float:
    """What brings a program's middle register to one loudness."""
    wave = _played(program, 52, 0.3, drum=False)
    return _LOUDNESS / float(np.sqrt(np.square(wave).mean()))


def _resampled(wave: Wave, sample_rate_hz: int) -> Wave:
    divisor = int(np.gcd(sample_rate_hz, FONT_RATE_HZ))
    return np.asarray(
        signal.resample_poly(wave, sample_rate_hz // divisor, FONT_RATE_HZ // divisor), dtype=np.float32
    )
