"""What is plucked or struck, as decaying partials: exactly in tune, nothing beyond half the sample rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import signal

from generation.baselines.loops.make.canvas import RATE_HZ
from generation.baselines.loops.make.score import Voice

Wave = npt.NDArray[np.float64]

_TOP_HZ = 12_000.0


def plucked(*, pick: float = 0.16, ring_s: float = 2.2, dark_hz: float = 2600.0, damp_s: float = 0.06,
            stiffness: float = 4e-5, bright: float = 1.0) -> Voice:  # fmt: skip
    """A string plucked at the share ``pick`` of its length (a comb in its partials); high partials die first.

    ring_s: how long a 220-Hz string rings. dark_hz: partials above decay much faster. damp_s: once it is let go.
    """

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        count = max(1, min(70, int(_TOP_HZ / hz)))
        number = np.arange(1, count + 1)
        partials = number * hz * np.sqrt(1 + stiffness * number**2)
        tilt = (number / 1.0) ** -(1.6 - 0.5 * bright * velocity)
        gains = np.abs(np.sin(np.pi * number * pick)) * tilt
        decays = ring_s * (220 / hz) ** 0.4 / (1 + (partials / dark_hz) ** 1.6)
        wave = _ringing(partials, gains, decays, seconds, damp_s, draw)
        t = np.arange(len(wave)) / RATE_HZ
        scratch = draw.normal(size=len(wave)) * np.exp(-t / 0.004) * 0.04 * bright
        return _level(wave) + scratch

    return voice


def piano(*, ring_s: float = 3.0, hard: float = 1.0) -> Voice:
    """Three slightly detuned strings a key, a fast and a slow decay, and the hammer's thump."""

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        count = max(1, min(40, int(_TOP_HZ / hz)))
        number = np.arange(1, count + 1)
        stretched = number * hz * np.sqrt(1 + 3.5e-4 * (hz / 260) ** 0.7 * number**2)
        gains = number ** -(1.9 - 0.8 * hard * velocity) * (0.35 + np.abs(np.sin(np.pi * number / 7.7)))
        slow = ring_s * (220 / hz) ** 0.55 / (1 + (stretched / 2400) ** 1.2)
        strings = ((-0.7, 0.5, 0.22), (0.0, 0.35, 1.0), (0.8, 0.3, 0.55))
        partials = np.concatenate([stretched * 2 ** (cents / 1200) for cents, _, _ in strings])
        shares = np.concatenate([share * gains for _, share, _ in strings])
        decays = np.concatenate([slow * part for _, _, part in strings])
        wave = _ringing(partials, shares, decays, seconds, 0.09, draw)
        t = np.arange(len(wave)) / RATE_HZ
        thump = np.sin(2 * np.pi * 95 * t) * np.exp(-t / 0.02) + 0.3 * draw.normal(size=len(t)) * np.exp(
            -t / 0.003
        )
        return _level(wave) + 0.05 * velocity * thump

    return voice


def bars_of_metal(ratios: Sequence[float] = (1.0, 3.98, 10.1), gains: Sequence[float] = (1.0, 0.28, 0.07),
                  ring_s: float = 1.6, tremolo_hz: float = 0.0) -> Voice:  # fmt: skip
    """Vibraphone (1 : 4 : 10), and with other ratios marimba, music box or bell."""

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        partials = np.array([ratio * hz for ratio in ratios if ratio * hz < _TOP_HZ])
        strengths = np.array(gains[: len(partials)]) * velocity ** np.arange(len(partials))
        decays = ring_s * (440 / hz) ** 0.3 / np.array([1.0, 4.0, 12.0, 14.0, 16.0])[: len(partials)]
        wave = _level(_ringing(partials, strengths, decays, seconds, 0.25, draw))
        t = np.arange(len(wave)) / RATE_HZ
        return wave * (1 - 0.25 * (1 - np.cos(2 * np.pi * tremolo_hz * t))) if tremolo_hz else wave

    return voice


def distorted(strings: Voice, *, gain: float = 14.0, low_hz: float = 95.0, high_hz: float = 4300.0) -> Voice:
    """A string through an overdriven valve stage and a loudspeaker in a box."""
    cabinet = np.concatenate(
        [
            signal.butter(2, low_hz, "highpass", fs=RATE_HZ, output="sos"),
            signal.butter(4, high_hz, "lowpass", fs=RATE_HZ, output="sos"),
        ]
    )

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        # Root, fifth and octave meet in one valve: their intermodulation is the sound of a power chord.
        tones = [strings(hz * ratio, seconds, velocity, draw) for ratio in (1.0, 1.4983, 2.0)]
        clean = np.sum([tone[: min(map(len, tones))] for tone in tones], axis=0)
        # Four times the rate keeps what the valve adds above the band from folding back into it.
        driven = signal.resample_poly(clean, 4, 1)
        driven = np.tanh(gain * driven + 0.15) - np.tanh(0.15)
        return np.asarray(0.5 * signal.sosfilt(cabinet, signal.resample_poly(driven, 1, 4)))

    return voice


def _ringing(partials: Wave, gains: Wave, decays_s: Wave, seconds: float, damp_s: float,
             draw: np.random.Generator) -> Wave:  # fmt: skip
    """Sum of decaying sines, damped ``seconds`` after its beginning; ends where it can no longer be heard."""
    rest_s = min(6 * damp_s, 1.0)
    length_s = min(seconds + rest_s, 6.0 * float(np.max(decays_s)))
    t = np.arange(max(64, round(length_s * RATE_HZ))) / RATE_HZ
    phases = draw.uniform(0, 2 * np.pi, len(partials))
    wave = np.zeros(len(t))
    for hz, gain, decay, phase in zip(partials, gains, decays_s, phases, strict=True):
        heard = t[: max(64, min(len(t), round(7 * decay * RATE_HZ)))]
        wave[: len(heard)] += gain * np.sin(2 * np.pi * hz * heard + phase) * np.exp(-heard / decay)
    wave *= np.where(t > seconds, np.exp(-(t - seconds) / damp_s), 1.0)
    rise, fall = 24, min(len(t) // 3, 480)
    wave[:rise] *= np.linspace(0, 1, rise)
    wave[-fall:] *= np.linspace(1, 0, fall)
    return wave


def _level(wave: Wave) -> Wave:
    """Brought to one loudness by its first fifth of a second."""
    return 0.2 * wave / float(np.sqrt(np.square(wave[: RATE_HZ // 5]).mean()) + 1e-9)
