"""Mel spectra as librosa computes them by default, on torch's STFT: apart from the networks' own."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LINEAR_HZ = 200 / 3
_LOG_FROM_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27


def mel_power(wave: Tensor, sample_rate_hz: int, *, fft: int, hop: int, mels: int) -> Tensor:
    """[B, samples] to mel power [B, 1 + samples // hop, mels].

    Periodic Hann window, frames centred on their hop with zeros beyond the ends, Slaney's mel scale and norm: what
    ``librosa.feature.melspectrogram`` (0.10 and later) gives with these sizes.
    """
    window = torch.hann_window(fft, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(wave, fft, hop, window=window, center=True, pad_mode="constant", return_complex=True)
    filters = mel_filters(sample_rate_hz, fft, mels).to(wave)
    return spectrum.abs().square().transpose(1, 2) @ filters  # [B, T, bins] @ [bins, mels]


def mel_filters(sample_rate_hz: int, fft: int, mels: int) -> Tensor:
    """Triangles [fft // 2 + 1, mels] from 0 Hz to half the rate, each of unit area per Hz (Slaney 1998)."""
    top = _mel(sample_rate_hz / 2)
    edges = torch.tensor([_hertz(top * index / (mels + 1)) for index in range(mels + 2)], dtype=torch.float64)
    frequency = torch.linspace(0, sample_rate_hz / 2, fft // 2 + 1, dtype=torch.float64)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    return (torch.minimum(rising, falling).clamp(min=0) * 2 / (edges[2:] - edges[:-2])).float()


def _mel(hertz: float) -> float:
    if hertz < _LOG_FROM_HZ:
        return hertz / _LINEAR_HZ
    return _LOG_FROM_HZ / _LINEAR_HZ + math.log(hertz / _LOG_FROM_HZ) / _LOG_STEP


def _hertz(mel: float) -> float:
    if mel < _LOG_FROM_HZ / _LINEAR_HZ:
        return mel * _LINEAR_HZ
    return _LOG_FROM_HZ * math.exp(_LOG_STEP * (mel - _LOG_FROM_HZ / _LINEAR_HZ))
