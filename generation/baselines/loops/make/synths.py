"""What is held: sums of harmonics under a moving filter, frequency modulation, and breath."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from generation.baselines.loops.make.canvas import RATE_HZ
from generation.baselines.loops.make.score import Voice

Wave = npt.NDArray[np.float64]

_TOP_HZ = 15_000.0


def filtered(*, shape: str = "saw", cutoff_hz: float = 1200.0, sweep: float = 0.0, sweep_s: float = 0.15,
             resonance: float = 0.0, attack_s: float = 0.004, release_s: float = 0.06, decay_s: float = 9.0,
             detune_cents: float = 0.0, vibrato: float = 0.0, sub: float = 0.0,
             most: int = 48) -> Voice:  # fmt: skip
    """Saw or square under a low-pass whose edge falls by ``sweep`` octaves within about ``sweep_s``.

    The filter is a gain on each harmonic: nothing aliases, whatever the edge does. vibrato: in semitones, it sets
    in slowly. sub: a sine an octave below. A second oscillator plays ``detune_cents`` apart.
    """

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        t = _time(seconds + 5 * release_s)
        edge = cutoff_hz * (0.6 + 0.5 * velocity) * 2 ** (sweep * np.exp(-t / sweep_s))
        wobble = vibrato / 12 * np.sin(2 * np.pi * 5.3 * t + draw.uniform(0, 6)) * np.clip(t / 0.5, 0, 1)
        wave = np.zeros(len(t))
        for cents in (-detune_cents / 2, detune_cents / 2) if detune_cents else (0.0,):
            drift = draw.normal(0, 1.0)
            phase = 2 * np.pi * np.cumsum(hz * 2 ** (wobble + (cents + drift) / 1200)) / RATE_HZ
            phase += draw.uniform(0, 2 * np.pi)
            for number in range(1, max(1, min(most, int(_TOP_HZ / hz))) + 1, 2 if shape == "square" else 1):
                octaves = np.log2(number * hz / edge)
                gain = (1 + resonance * np.exp(-((octaves / 0.3) ** 2))) / np.sqrt(1 + 16.0**octaves)
                wave += gain * np.sin(number * phase) / number
        if sub:
            wave += sub * np.sin(np.pi * np.cumsum(np.full(len(t), hz)) / RATE_HZ)
        return np.asarray(0.25 * wave * _envelope(t, seconds, attack_s, release_s, decay_s))

    return voice


def electric_piano(*, bright: float = 1.0, ring_s: float = 1.6) -> Voice:
    """A struck tine: one sine modulates another, less and less, with a short high ring at the start."""

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        t = _time(seconds + 0.35)
        decay = ring_s * (220 / hz) ** 0.35
        index = bright * (0.25 + 1.5 * velocity**2) * np.exp(-t / (0.35 * decay))
        phase = 2 * np.pi * hz * t
        tone = np.sin(phase + index * np.sin(phase) + 0.25 * index * np.sin(2 * phase + 0.3))
        tine = 0.12 * velocity * np.sin(2 * np.pi * min(hz * 14.1, 9000.0) * t) * np.exp(-t / 0.03)
        sound: Wave = 0.3 * (tone * np.exp(-t / decay) + tine) * _envelope(t, seconds, 0.002, 0.07)
        return sound

    return voice


def organ(*, drawbars: tuple[float, ...] = (0.6, 0.25, 1.0, 0.5, 0.25, 0.12), click: float = 0.08) -> Voice:
    """Sines at half, one and a half, one, two, three and four times the pitch, through a slowly turning horn."""
    feet = (0.5, 1.5, 1.0, 2.0, 3.0, 4.0)

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        t = _time(seconds + 0.06)
        turn = 2 * np.pi * 6.4 * t + draw.uniform(0, 6)
        phase = 2 * np.pi * hz * t + hz * 2e-4 * np.sin(turn)
        wave = sum(gain * np.sin(foot * phase + 2.1 * foot) for foot, gain in zip(feet, drawbars, strict=True))
        knock = click * draw.normal(size=len(t)) * np.exp(-t / 0.003)
        return np.asarray(0.16 * (wave * (1 + 0.12 * np.sin(turn)) + knock) * _envelope(t, seconds, 0.003, 0.012))

    return voice


def ensemble(*, cutoff_hz: float = 2400.0, attack_s: float = 0.3, release_s: float = 0.35, players: int = 4,
             swell: float = 0.0) -> Voice:  # fmt: skip
    """Bowed strings or a choir-like pad: several saws, each with its own slow vibrato and tuning."""

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        t = _time(seconds + 4 * release_s)
        count = max(1, min(28, int(8000 / hz)))
        wave = np.zeros(len(t))
        for _ in range(players):
            cents = draw.normal(0, 5) + 6 * np.sin(2 * np.pi * draw.uniform(4.2, 5.6) * t + draw.uniform(0, 6))
            phase = 2 * np.pi * np.cumsum(hz * 2 ** (cents / 1200)) / RATE_HZ + draw.uniform(0, 2 * np.pi)
            for number in range(1, count + 1):
                gain = 1 / number / np.sqrt(1 + (number * hz / cutoff_hz) ** 4)
                wave += gain * np.sin(number * phase)
        level = 1 - swell + swell * np.clip(t / max(seconds, 0.1), 0, 1)
        return np.asarray(0.18 / np.sqrt(players) * wave * level * _envelope(t, seconds, attack_s, release_s))

    return voice


def flute(*, breath: float = 0.12) -> Voice:
    """Few harmonics, air, and a vibrato that comes once the tone stands."""

    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        t = _time(seconds + 0.3)
        late = np.clip((t - 0.15) / 0.4, 0, 1)
        wobble = 0.004 * np.sin(2 * np.pi * 4.9 * t + draw.uniform(0, 6)) * late
        phase = 2 * np.pi * np.cumsum(hz * (1 + wobble) * (1 - 0.02 * np.exp(-t / 0.03))) / RATE_HZ
        tone = sum(gain * np.sin(number * phase) for number, gain in enumerate((1.0, 0.32, 0.16, 0.05), start=1))
        sections = signal.butter(1, (0.8 * hz, min(4 * hz, 12_000.0)), "bandpass", fs=RATE_HZ, output="sos")
        air = np.asarray(signal.sosfilt(sections, draw.normal(size=len(t))))
        sound = tone * (1 + 0.1 * np.sin(2 * np.pi * 4.9 * t) * late) + breath * air * (1 + 3 * np.exp(-t / 0.04))
        return np.asarray(0.26 * sound * _envelope(t, seconds, 0.05, 0.06))

    return voice


def brass() -> Voice:
    """Horns that speak with a bite: the edge of the filter opens with the breath."""
    inner = filtered(cutoff_hz=900, sweep=-1.5, sweep_s=0.05, resonance=0.4, attack_s=0.02, release_s=0.04,
                     detune_cents=9, decay_s=0.9)  # fmt: skip
    return _gained(inner, 1.6)


def wash(seed: int, seconds: float, low_hz: float, high_hz: float) -> Wave:
    """Noise between two edges, swelling and fading once over ``seconds``; peak of 1."""
    t = _time(seconds)
    noise = np.random.default_rng(seed).normal(size=len(t))
    sections = signal.butter(2, (low_hz, high_hz), "bandpass", fs=RATE_HZ, output="sos")
    sound: Wave = np.asarray(signal.sosfilt(sections, noise)) * np.sin(np.pi * t / seconds) ** 2
    return sound / float(np.abs(sound).max())


def _gained(inner: Voice, gain: float) -> Voice:
    def voice(hz: float, seconds: float, velocity: float, draw: np.random.Generator) -> Wave:
        return gain * inner(hz, seconds, velocity, draw)

    return voice


def _envelope(t: Wave, seconds: float, attack_s: float, release_s: float, decay_s: float = np.inf) -> Wave:
    rise = np.clip(t / attack_s, 0, 1)
    fall = np.where(t > seconds, np.exp(-(t - seconds) / release_s), 1.0)
    end = np.clip((t[-1] - t) / 0.01, 0, 1)
    level: Wave = rise * rise * (3 - 2 * rise) * fall * np.exp(-t / decay_s) * end
    return level


def _time(seconds: float) -> Wave:
    return np.arange(max(64, round(seconds * RATE_HZ))) / RATE_HZ
