"""Sounds whose measures are known beforehand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 16_000
SECONDS = 10

Wave = npt.NDArray[np.float32]


def noise(level: float = 0.1) -> Wave:
    return (level * np.random.default_rng(0).standard_normal(SECONDS * RATE)).astype(np.float32)


def tone(hertz: float = 440.0, level: float = 0.3) -> Wave:
    return (level * np.sin(2 * np.pi * hertz * np.arange(SECONDS * RATE) / RATE)).astype(np.float32)


def silence() -> Wave:
    return np.zeros(SECONDS * RATE, dtype=np.float32)


def clicks(bpm: float) -> Wave:
    """A burst of noise on every beat, falling to 1/e in 10 ms."""
    wave = silence()
    burst = (
        0.5 * np.random.default_rng(1).standard_normal(RATE // 10) * np.exp(-np.arange(RATE // 10) / (0.01 * RATE))
    )
    for start_s in np.arange(0.25, SECONDS - 0.2, 60 / bpm):
        start = round(start_s * RATE)
        wave[start : start + len(burst)] += burst.astype(np.float32)
    return wave


def chord(*midi: int) -> Wave:
    return np.sum([tone(440 * 2 ** ((key - 69) / 12), 0.1) for key in midi], axis=0).astype(np.float32)
