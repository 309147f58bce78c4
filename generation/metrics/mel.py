"""Mel spectra as librosa computes them by default, on torch's STFT: apart from the networks' own."""

from __future__ import annotations

import torch
from torch import Tensor

from generation.cascade.spectra import slaney_filters


def mel_power(wave: Tensor, sample_rate_hz: int, *, fft: int, hop: int, mels: int) -> Tensor:
    """[B, samples] to mel power [B, 1 + samples // hop, mels].

    Periodic Hann window, frames centred on their hop with zeros beyond the ends, Slaney's mel scale and norm: what
    ``librosa.feature.melspectrogram`` (0.10 and later) gives with these sizes.
    """
    window = torch.hann_window(fft, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(wave, fft, hop, window=window, center=True, pad_mode="constant", return_complex=True)
    filters = slaney_filters(fft // 2 + 1, mels, sample_rate_hz).to(wave)
    return spectrum.abs().square().transpose(1, 2) @ filters  # [B, T, bins] @ [bins, mels]
