"""How much of a sound a codec keeps. Waves are float32 [samples] of one length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from generation.metrics.mel import mel_power

Wave = npt.NDArray[np.float32]

_FFT, _HOP, _MELS = 1024, 256, 80
_FLOOR = 1e-5


def log_mel_distance(decoded: Wave, original: Wave, sample_rate_hz: int) -> float:
    """Mean absolute difference of log10 mel magnitudes (80 bands), lower is better: 0.05 is 1 dB."""
    waves = torch.from_numpy(np.stack([decoded, original]))
    magnitude = mel_power(waves, sample_rate_hz, fft=_FFT, hop=_HOP, mels=_MELS).sqrt()
    first, second = magnitude.clamp(min=_FLOOR).log10()
    return float((first - second).abs().mean())


def si_sdr_db(decoded: Wave, original: Wave) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, higher is better (Le Roux et al. 2019, without means).

    Raises ValueError when the original is silent.
    """
    first, second = decoded.astype(np.float64), original.astype(np.float64)
    energy = float(second @ second)
    if energy == 0:
        raise ValueError("the original is silent; there is nothing to keep")
    kept = (first @ second / energy) * second
    left = first - kept
    return float(10 * np.log10((kept @ kept + 1e-12) / (left @ left + 1e-12)))
