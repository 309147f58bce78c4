"""Keeping a waveform's true peak under a ceiling without moving it in time."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import minimum_filter1d
from scipy.signal import resample_poly

OVERSAMPLING = 4  # BS.1770-5, annex 2: at least 192 kHz
LOOK_AHEAD_S = 0.001


def limit(
    waveform: npt.NDArray[np.float32], sample_rate_hz: int, ceiling_dbtp: float
) -> tuple[npt.NDArray[np.float32], float]:
    """Turn float32 [C, N] down around its true peaks, and nowhere else.

    The gain falls and rises over 1 ms on either side of a peak, the same for all channels. Gives the waveform
    and the deepest reduction in dB, 0.0 where nothing had to be done; an infinite ceiling costs nothing.
    Deterministic, without latency.
    """
    if math.isinf(ceiling_dbtp):
        return waveform, 0.0
    ceiling = 10 ** (ceiling_dbtp / 20)
    between = np.abs(resample_poly(waveform, OVERSAMPLING, 1, axis=-1)).max(axis=0)
    peak = between.reshape(-1, OVERSAMPLING).max(axis=1)
    # A peak between two samples belongs to both.
    peak[1:] = np.maximum(peak[1:], between[OVERSAMPLING - 1 : -1 : OVERSAMPLING])
    needed = np.minimum(1.0, ceiling / np.maximum(peak, 1e-9))
    deepest = float(needed.min())
    if deepest >= 1.0:
        return waveform, 0.0
    width = 2 * round(LOOK_AHEAD_S * sample_rate_hz) + 1
    # The mean over a window of the minimum over the same window never exceeds the gain needed at its centre.
    held = minimum_filter1d(needed, width, mode="nearest")
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(held, width // 2, mode="edge")
    gain = np.convolve(padded, window / window.sum(), mode="valid")
    return (waveform * gain).astype(np.float32), -20 * float(np.log10(deepest))
