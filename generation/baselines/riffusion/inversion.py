"""Picture to sound: mel bands spread over the bins they came from, then phases by Griffin-Lim."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from generation.baselines.riffusion.parameters import PUBLISHED, SpectrogramParameters
from generation.baselines.riffusion.spectrogram import Picture, magnitudes_of, mel_filters

STEPS = 8
"""Leaves half a per cent of the bands unexplained, far below what rounding to 256 grey levels costs."""


def wave_of(picture: Picture, seed: int, parameters: SpectrogramParameters = PUBLISHED) -> npt.NDArray[np.float32]:
    """The sound [(columns - 1) · hop] of a picture [mels, columns], its highest peak at 0.9; white is silence."""
    magnitudes = linear_magnitudes(magnitudes_of(picture, parameters), parameters)
    wave = griffin_lim(magnitudes, torch.Generator().manual_seed(seed), parameters)
    peak = float(wave.abs().max())
    return np.asarray((wave * (0.9 / peak) if peak > 0 else wave).numpy(), dtype=np.float32)


def linear_magnitudes(mel: Tensor, parameters: SpectrogramParameters = PUBLISHED, steps: int = STEPS) -> Tensor:
    """Non-negative magnitudes [heard bins, T], 2.5 Hz apart, whose mel bands come near ``mel`` [mels, T].

    Starts from the bands interpolated over their bins and takes the multiplicative least-squares steps of Lee &
    Seung (2001) with the filters held fixed, which never leave the positive and never make the error greater.
    The published code runs 200 steps of gradient descent on the same error.
    """
    filters = mel_filters(parameters)
    share = filters / filters.sum(0).clamp(min=1e-6)
    # Between two centres the triangles sum to one: this is linear interpolation of the bands' mean levels.
    found = wanted = share @ mel
    for _ in range(steps):
        found = found * wanted / (share @ (filters.T @ found)).clamp(min=1e-12)
    return found


def griffin_lim(magnitudes: Tensor, generator: torch.Generator, parameters: SpectrogramParameters) -> Tensor:
    """Sound [(T - 1) · hop] whose spectrum has nearly these magnitudes [heard bins, T], from random phases.

    The fast variant of Perraudin, Balazs & Søndergaard (2013): each estimate is pushed away from the last one,
    weighted momentum / (1 + momentum) as in torchaudio.
    """
    sparse = magnitudes[:: parameters.padded_ms // parameters.phase_padded_ms]
    weight = parameters.momentum / (1 + parameters.momentum)
    angles = torch.rand(sparse.shape, generator=generator) * (2 * torch.pi)
    phase = torch.polar(torch.ones_like(sparse), angles)
    last = torch.zeros_like(phase)
    for _ in range(parameters.iterations):
        wave = _sound(sparse * phase, parameters.phase_rate_hz, parameters)
        rebuilt = _spectrum(wave, parameters.phase_rate_hz, parameters)[: len(sparse)]
        phase = rebuilt - weight * last
        phase = phase / phase.abs().clamp(min=1e-16)
        last = rebuilt
    # The bins lie at the same frequencies at either rate.
    return _sound(sparse * phase, parameters.sample_rate_hz, parameters)


def _sound(spectra: Tensor, rate_hz: int, parameters: SpectrogramParameters) -> Tensor:
    """Sound at a rate of a complex spectrum whose upper bins, all silent, are left out."""
    hop, window, fft = (
        rate_hz * ms // 1000 for ms in (parameters.hop_ms, parameters.window_ms, parameters.phase_padded_ms)
    )
    whole = F.pad(spectra, (0, 0, 0, fft // 2 + 1 - len(spectra)))
    length = (spectra.shape[1] - 1) * hop
    return torch.istft(whole, fft, hop, window, torch.hann_window(window), center=True, length=length)


def _spectrum(wave: Tensor, rate_hz: int, parameters: SpectrogramParameters) -> Tensor:
    """The inverse of ``_sound``, with all bins."""
    hop, window, fft = (
        rate_hz * ms // 1000 for ms in (parameters.hop_ms, parameters.window_ms, parameters.phase_padded_ms)
    )
    return torch.stft(wave, fft, hop, window, torch.hann_window(window), center=True, return_complex=True)
