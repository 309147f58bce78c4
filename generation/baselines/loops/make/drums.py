"""Drums from sine sweeps, inharmonic squares and filtered noise. Every hit is mono [N] with a peak of 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from generation.baselines.loops.make.canvas import RATE_HZ

Wave = npt.NDArray[np.float64]

_METAL = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
"""The six oscillators of an analogue cymbal circuit, Hz."""


def kick(low_hz: float = 48.0, high_hz: float = 190.0, decay_s: float = 0.22, click: float = 0.25,
         bend_s: float = 0.025, drive: float = 1.6) -> Wave:  # fmt: skip
    """A sine that falls from ``high_hz`` to ``low_hz``, with a beater's click."""
    t = _time(decay_s * 4)
    hz = low_hz + (high_hz - low_hz) * np.exp(-t / bend_s)
    body = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-t / decay_s)
    tick = _band(_noise(len(t), 1), 1500, 7000) * np.exp(-t / 0.004)
    return _finished(np.tanh(drive * body) + click * _unit(tick))


def snare(tone_hz: float = 185.0, tone_s: float = 0.07, noise_s: float = 0.13, noise: float = 0.8,
          low_hz: float = 1200.0, high_hz: float = 9000.0) -> Wave:  # fmt: skip
    """Two modes of the head over the rattle of the wires."""
    t = _time(max(tone_s, noise_s) * 5)
    bend = 1 + 0.25 * np.exp(-t / 0.012)
    head = np.sin(2 * np.pi * np.cumsum(tone_hz * bend) / RATE_HZ) * np.exp(-t / tone_s)
    head += 0.55 * np.sin(2 * np.pi * np.cumsum(1.72 * tone_hz * bend) / RATE_HZ) * np.exp(-t / (0.6 * tone_s))
    wires = _unit(_band(_noise(len(t), 2), low_hz, high_hz) * np.exp(-t / noise_s))
    snap = _unit(_band(_noise(len(t), 3), 2500, 12_000) * np.exp(-t / 0.006))
    return _finished(np.tanh(1.3 * (0.7 * _unit(head) + noise * wires + 0.35 * snap)))


def clap(decay_s: float = 0.11) -> Wave:
    """Several hands, a few milliseconds apart."""
    t = _time(decay_s * 5)
    bursts = sum(
        np.where(t >= start, np.exp(-(t - start) / decay), 0.0)
        for start, decay in ((0.0, 0.006), (0.011, 0.006), (0.021, 0.006), (0.031, decay_s))
    )
    return _finished(_band(_noise(len(t), 4), 900, 4200) * bursts)


def rim(hz: float = 1700.0) -> Wave:
    """A stick across the rim."""
    t = _time(0.12)
    ring = np.sin(2 * np.pi * hz * t) * np.exp(-t / 0.012) + 0.6 * np.sin(2 * np.pi * 480 * t) * np.exp(-t / 0.018)
    return _finished(ring + 0.3 * _band(_noise(len(t), 5), 2000, 9000) * np.exp(-t / 0.005))


def hat(decay_s: float = 0.035, low_hz: float = 7500.0, noise: float = 0.5) -> Wave:
    """A hi-hat: closed at 0.03 s, open at 0.25 s."""
    t = _time(decay_s * 6)
    metal = sum(signal.square(2 * np.pi * hz * 1.9 * t) for hz in _METAL)
    sound = (1 - noise) * _unit(_band(metal, low_hz, 16_000)) + noise * _unit(
        _band(_noise(len(t), 6), low_hz, 17_000)
    )
    return _finished(sound * np.exp(-t / decay_s), attack_s=0.0007)


def ride(decay_s: float = 0.5) -> Wave:
    """A cymbal's ping over its wash."""
    t = _time(decay_s * 3)
    ping = np.zeros(len(t))
    for hz in (3170.0, 4340.0, 5120.0, 6890.0):
        ping += np.sin(2 * np.pi * hz * t + hz) * np.exp(-t / 0.18)
    metal = sum(signal.square(2 * np.pi * hz * 2.7 * t) for hz in _METAL)
    wash = _unit(_band(metal, 5000, 15_000)) + 0.6 * _unit(_band(_noise(len(t), 7), 6000, 16_000))
    return _finished(0.35 * _unit(ping) + 0.5 * wash * np.exp(-t / decay_s), attack_s=0.0007)


def shaker(seconds: float = 0.07) -> Wave:
    """Grains that are thrown, not struck: noise with a soft beginning."""
    t = _time(seconds * 2)
    swell = np.exp(-0.5 * ((t - 0.45 * seconds) / (0.25 * seconds)) ** 2)
    return _finished(_band(_noise(len(t), 8), 4500, 13_000) * swell)


def brush(seconds: float = 0.16) -> Wave:
    """A wire brush across the head."""
    t = _time(seconds * 2)
    swell = np.sin(np.pi * np.clip(t / (1.6 * seconds), 0, 1)) ** 1.5
    return _finished(_band(_noise(len(t), 9), 1200, 8500) * swell)


def conga(hz: float = 210.0, decay_s: float = 0.14) -> Wave:
    """A hand drum: a short bend and a slap."""
    t = _time(decay_s * 5)
    skin = np.sin(2 * np.pi * np.cumsum(hz * (1 + 0.12 * np.exp(-t / 0.02))) / RATE_HZ) * np.exp(-t / decay_s)
    skin += 0.3 * np.sin(2 * np.pi * 2.3 * hz * t) * np.exp(-t / 0.03)
    return _finished(skin + 0.25 * _band(_noise(len(t), 10), 700, 4000) * np.exp(-t / 0.008))


def tom(hz: float = 95.0, decay_s: float = 0.35) -> Wave:
    """A big drum, as a film score has it."""
    t = _time(decay_s * 4)
    skin = np.sin(2 * np.pi * np.cumsum(hz * (1 + 0.5 * np.exp(-t / 0.03))) / RATE_HZ) * np.exp(-t / decay_s)
    return _finished(np.tanh(1.5 * skin) + 0.2 * _band(_noise(len(t), 11), 200, 3000) * np.exp(-t / 0.03))


def _time(seconds: float) -> Wave:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _noise(count: int, seed: int) -> Wave:
    return np.random.default_rng(seed).normal(size=count)


def _band(wave: Wave, low_hz: float, high_hz: float) -> Wave:
    sections = signal.butter(2, (low_hz, high_hz), "bandpass", fs=RATE_HZ, output="sos")
    return np.asarray(signal.sosfilt(sections, wave))


def _unit(wave: Wave) -> Wave:
    return wave / float(np.abs(wave).max())


def _finished(wave: Wave, attack_s: float = 0.0003) -> Wave:
    """Peak of 1, without a click at either end."""
    rise, fall = max(2, round(attack_s * RATE_HZ)), min(len(wave) // 3, round(0.01 * RATE_HZ))
    wave = wave.copy()
    wave[:rise] *= np.linspace(0, 1, rise)
    wave[-fall:] *= np.cos(np.linspace(0, np.pi / 2, fall)) ** 2
    return _unit(wave)
