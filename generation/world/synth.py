"""A handful of instruments: additive tones and a fixed drum kit.

Few and unvarying on purpose: phases start at zero and every drum hit is the same sample, so that a codec of a few
million weights can learn this world within minutes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import signal

Wave = npt.NDArray[np.float32]

KIT_RATE_HZ = 48_000


def _partials(instrument: str, brightness: int) -> tuple[tuple[float, float], ...]:
    """Harmonic number and amplitude pairs; brighter pictures get slower falling spectra."""
    slope = (2.0, 1.5, 1.1)[brightness]
    if instrument == "organ":
        return tuple((k, a) for k, a in ((1, 1.0), (2, 0.7), (3, 0.35), (4, 0.3), (6, 0.12 * (1 + brightness))))
    if instrument == "keys":
        return tuple((k, a) for k, a in ((1, 1.0), (2, 0.45), (3, 0.12), (5, 0.06 * (1 + brightness))))
    if instrument == "guitar":
        return tuple((float(k), k**-0.85) for k in range(1, 13))
    if instrument == "bass":
        return tuple((float(k), k**-1.6) for k in range(1, 7))
    return tuple((float(k), k**-slope) for k in range(1, 9))


_DECAY_S = {"bass": 0.55, "pluck": 0.22, "keys": 0.8, "organ": 9.0, "pad": 9.0, "guitar": 2.0}


@lru_cache(maxsize=4096)
def note(instrument: str, midi: int, samples: int, brightness: int, sample_rate_hz: int) -> Wave:
    """One note, ``samples`` long. Partials above 0.45 of the sample rate are left out."""
    frequency = 440.0 * 2.0 ** ((midi - 69) / 12)
    time = np.arange(samples, dtype=np.float32) / sample_rate_hz
    wave = np.zeros(samples, dtype=np.float32)
    decay = _DECAY_S[instrument]
    for harmonic, amplitude in _partials(instrument, brightness):
        if harmonic * frequency > 7000.0:
            break
        faster = decay / (1.0 + 0.25 * (harmonic - 1)) if decay < 2 else decay
        wave += amplitude * np.exp(-time / faster) * np.sin(2 * np.pi * harmonic * frequency * time)
    return wave * _edges(samples, sample_rate_hz, 0.03 if instrument == "pad" else 0.003)


def _edges(samples: int, sample_rate_hz: int, attack_s: float) -> Wave:
    attack = min(samples // 2, round(attack_s * sample_rate_hz))
    release = min(samples // 2, round(0.015 * sample_rate_hz))
    shape = np.ones(samples, dtype=np.float32)
    shape[:attack] = np.sin(np.linspace(0, np.pi / 2, attack, dtype=np.float32)) ** 2
    shape[samples - release :] = np.cos(np.linspace(0, np.pi / 2, release, dtype=np.float32)) ** 2
    return shape


@lru_cache(maxsize=64)
def drum(name: str, sample_rate_hz: int) -> Wave:
    """One hit of the kit: kick, snare, clap, hat, open_hat or rim. Raises KeyError on another name."""
    wave = _DRUMS[name](np.arange(round(_LENGTH_S[name] * KIT_RATE_HZ), dtype=np.float64) / KIT_RATE_HZ)
    wave[-480:] *= np.linspace(1, 0, 480)
    if sample_rate_hz != KIT_RATE_HZ:
        divisor = int(np.gcd(sample_rate_hz, KIT_RATE_HZ))
        wave = signal.resample_poly(wave, sample_rate_hz // divisor, KIT_RATE_HZ // divisor)
    return np.asarray(wave, dtype=np.float32)


def _noise(length: int, low_hz: float, high_hz: float) -> npt.NDArray[np.float64]:
    hiss = np.random.default_rng(7).standard_normal(length)
    band = signal.butter(2, (low_hz, high_hz), btype="bandpass", fs=KIT_RATE_HZ, output="sos")
    return np.asarray(signal.sosfilt(band, hiss), dtype=np.float64)


def _kick(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sweep = 48.0 * time + 95.0 * 0.03 * (1 - np.exp(-time / 0.03))
    return np.asarray(np.sin(2 * np.pi * sweep) * np.exp(-time / 0.11), dtype=np.float64)


def _snare(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    body = 0.6 * np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.05)
    return np.asarray(body + 0.9 * _noise(len(time), 900, 6500) * np.exp(-time / 0.06), dtype=np.float64)


def _clap(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    bursts = sum(np.exp(-np.maximum(time - lag, 0) / 0.03) * (time >= lag) for lag in (0.0, 0.011, 0.023))
    return np.asarray(0.6 * _noise(len(time), 1000, 4500) * bursts, dtype=np.float64)


def _hat(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(0.7 * _noise(len(time), 5200, 15000) * np.exp(-time / 0.018), dtype=np.float64)


def _open_hat(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(0.6 * _noise(len(time), 4800, 15000) * np.exp(-time / 0.08), dtype=np.float64)


def _rim(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    knock = np.sin(2 * np.pi * 820 * time) + 0.6 * np.sin(2 * np.pi * 1730 * time)
    return np.asarray(0.7 * knock * np.exp(-time / 0.012), dtype=np.float64)


_DRUMS = {"kick": _kick, "snare": _snare, "clap": _clap, "hat": _hat, "open_hat": _open_hat, "rim": _rim}
_LENGTH_S = {"kick": 0.4, "snare": 0.26, "clap": 0.2, "hat": 0.08, "open_hat": 0.24, "rim": 0.08}
