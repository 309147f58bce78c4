"""Spectra as the audio networks read them: log-mel bands for timbre and rhythm, semitones for harmony."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FLOOR = 1e-3
"""Added to magnitudes before the logarithm: some 60 dB below a full-scale partial."""


class Bands(nn.Module):
    """Waveform [B, samples] to log bands [B, samples // hop, mels + semitones].

    Mel bands come from a short window, semitones from 55 to 880 Hz from a long one, which tells low notes apart.
    Each window is centred on its own hop.
    """

    mel: Tensor
    semitone: Tensor

    def __init__(
        self, sample_rate_hz: int, hop: int, *, mels: int, short: int = 1024, long: int = 4096, octaves: int = 4
    ) -> None:
        super().__init__()
        self.hop, self.short, self.long = hop, short, long
        self.dim = mels + 12 * octaves
        self.register_buffer("mel", mel_filters(short // 2 + 1, mels, sample_rate_hz), persistent=False)
        self.register_buffer(
            "semitone", semitone_filters(long // 2 + 1, 12 * octaves, sample_rate_hz), persistent=False
        )

    def forward(self, wave: Tensor) -> Tensor:
        low = magnitudes(wave, self.long, self.hop) @ self.semitone
        return torch.cat([magnitudes(wave, self.short, self.hop) @ self.mel, low], -1).add(FLOOR).log()


def magnitudes(wave: Tensor, window: int, hop: int) -> Tensor:
    """[B, samples] to magnitudes [B, samples // hop, window // 2 + 1], a full-scale sine giving about one half."""
    left = (window - hop) // 2
    padded = F.pad(wave, (left, window - hop - left))
    frames = padded.unfold(1, window, hop) * torch.hann_window(window, device=wave.device)
    spectrum: Tensor = torch.fft.rfft(frames).abs() * (2 / window)
    return spectrum


def mel_filters(bins: int, mels: int, sample_rate_hz: int) -> Tensor:
    """Triangles [bins, mels], equally spaced on the HTK mel scale, each summing to one."""
    top = 2595 * math.log10(1 + sample_rate_hz / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, mels + 2, dtype=torch.float64) / 2595) - 1)
    frequency = torch.linspace(0, sample_rate_hz / 2, bins, dtype=torch.float64)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp(min=0)
    return (filters / filters.sum(0).clamp(min=1e-3)).float()


def slaney_filters(
    bins: int, mels: int, sample_rate_hz: int, *, low_hz: float = 0.0, high_hz: float | None = None
) -> Tensor:
    """Triangles [bins, mels] of equal area, float64, linear below 1 kHz, logarithmic above (Slaney 1998).

    From ``low_hz`` to ``high_hz``, half the rate unless given; what librosa computes by default.
    """
    low, high = _slaney_mel(low_hz), _slaney_mel(high_hz or sample_rate_hz / 2)
    mel = torch.linspace(low, high, mels + 2, dtype=torch.float64)
    edges = torch.where(mel < _BEND, mel * _HERTZ_A_MEL, _BEND_HZ * ((mel - _BEND) * _LOG_STEP).exp())
    frequency = torch.linspace(0, sample_rate_hz / 2, bins, dtype=torch.float64)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    filters: Tensor = torch.minimum(rising, falling).clamp(min=0) * 2 / (edges[2:] - edges[:-2])
    return filters


_HERTZ_A_MEL, _BEND_HZ, _LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27
_BEND = _BEND_HZ / _HERTZ_A_MEL


def _slaney_mel(hz: float) -> float:
    return hz / _HERTZ_A_MEL if hz < _BEND_HZ else _BEND + math.log(hz / _BEND_HZ) / _LOG_STEP


def semitone_filters(bins: int, semitones: int, sample_rate_hz: int, lowest_midi: int = 33) -> Tensor:
    """Triangles [bins, semitones] a semitone to either side of equal-tempered pitches, from A1 (55 Hz) upwards."""
    frequency = torch.linspace(0, sample_rate_hz / 2, bins).clamp(min=1.0)[:, None]
    midi = 69 + 12 * (frequency / 440).log2()
    return (1 - (midi - lowest_midi - torch.arange(semitones)).abs()).clamp(min=0)


def resample(wave: Tensor, from_hz: int, to_hz: int, zeros: int = 24) -> Tensor:
    """[B, samples] to another rate, [B, samples * to / from], by a Hann-windowed sinc with ``zeros`` lobes a side.

    Raises ValueError when the new length is not whole.
    """
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    if wave.shape[-1] % down:
        raise ValueError(f"{wave.shape[-1]} samples at {from_hz} Hz make no whole number at {to_hz} Hz; cut them")
    if up == down:
        return wave
    cutoff = 0.97 * min(1.0, to_hz / from_hz)
    reach = math.ceil(zeros / cutoff)
    taps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    # One filter for each of the ``up`` places that a new sample may have between two old ones.
    distance = taps[None, :] - torch.arange(up, dtype=torch.float64)[:, None] * down / up
    window = torch.cos(distance.clamp(-reach, reach) * (math.pi / 2 / reach)).square()
    filters = (cutoff * torch.sinc(cutoff * distance) * window).to(wave)
    padded = F.pad(wave, (reach, reach + down))[:, None]
    return (
        F.conv1d(padded, filters[:, None], stride=down)[..., : wave.shape[-1] // down].transpose(1, 2).flatten(1)
    )
