"""Harmony: which pitch classes sound, how well they fit a key, and how evenly they are spread.

All measures stand on one chroma: power between 100 Hz and 1 kHz by pitch class, over the whole of a clip. Where
nothing tonal sounds, the chroma is even.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float32]
Chroma = npt.NDArray[np.float64]

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 1000.0
_WINDOW_S = 0.5
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""How well each pitch class fits a key on C (Krumhansl & Kessler 1982)."""


def chroma(wave: Wave, sample_rate_hz: int) -> Chroma:
    """float32 [samples] to the share of tonal power on each pitch class from C upwards: [12], sums to one."""
    size = 2 ** round(np.log2(_WINDOW_S * sample_rate_hz))
    padded = np.pad(wave, (0, max(0, size - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size)))).sum(0)
    frequency = np.fft.rfftfreq(size, 1 / sample_rate_hz)
    tonal = (frequency >= _LOWEST_HZ) & (frequency <= _HIGHEST_HZ)
    classes = np.round(69 + 12 * np.log2(frequency[tonal] / 440)).astype(int) % 12
    summed = np.bincount(classes, weights=power[tonal], minlength=12)
    return np.asarray(summed / summed.sum() if summed.sum() > 0 else np.full(12, 1 / 12), dtype=np.float64)


def in_key(heard: Chroma, tonic: int, mode: str) -> float:
    """Share of tonal power on the seven pitch classes of a key, higher is better; 7/12 where all sound alike.

    tonic: 0 is C. mode: "major" or "minor" (natural). Raises KeyError on another mode.
    """
    return float(heard[[(tonic + step) % 12 for step in SCALES[mode]]].sum())


def key_clarity(heard: Chroma) -> float:
    """Correlation of the chroma with the best of the 24 keys' profiles, at most 1; 0 where all sound alike.

    Needs no key to compare with. Neither high nor low is better: it is compared with own music's.
    """
    if np.ptp(heard) < 1e-9:
        return 0.0
    profiles = [np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)]
    return float(max(np.corrcoef(heard, profile)[0, 1] for profile in profiles))


def chroma_entropy(heard: Chroma) -> float:
    """Entropy of the chroma in bits: 0 for one note, log2(12) = 3.58 where all pitch classes sound alike."""
    sounding = heard[heard > 0]
    return float(-(sounding * np.log2(sounding)).sum())
