"""A codec's body on short-time spectra: ConvNeXt blocks between a transform and its inverse, as in Vocos.

Vocos (Siuzdak 2023) generates spectra instead of samples, which learns far faster than strided convolutions on a
processor. ``tiny`` uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class SpectralConfig:
    """Widths and depths; transform lengths in samples."""

    encoder_dim: int = 160
    encoder_layers: int = 3
    decoder_dim: int = 256
    decoder_layers: int = 6
    encoder_fft: int = 1280
    decoder_fft: int = 640


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer mix of channels, added to the input [B, T, D]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, 3 * dim)
        self.contract = nn.Linear(3 * dim, dim)
        self.scale = nn.Parameter(torch.full((dim,), 0.2))

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        mixed = self.contract(F.gelu(self.expand(self.norm(mixed))))
        added: Tensor = x + self.scale * mixed
        return added


class SpectralEncoder(nn.Module):
    """[B, samples] to latents [B, samples // hop, latent_dim]."""

    window: Tensor

    def __init__(self, config: SpectralConfig, hop: int, latent_dim: int) -> None:
        super().__init__()
        self.size, self.hop = config.encoder_fft, hop
        self.spectrum_in = nn.Linear(2 * (config.encoder_fft // 2 + 1), config.encoder_dim)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(config.encoder_dim) for _ in range(config.encoder_layers)))
        self.out = nn.Linear(config.encoder_dim, latent_dim)
        self.register_buffer("window", torch.hann_window(config.encoder_fft), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """Power-compressed complex spectra keep quiet partials visible."""
        edge = (self.size - self.hop) // 2
        frames = F.pad(wave, (edge, edge)).unfold(1, self.size, self.hop) * self.window  # [B, T, size]
        spectrum = torch.view_as_real(torch.fft.rfft(frames))  # [B, T, bins, 2]
        magnitude = spectrum.square().sum(-1, keepdim=True).add(1e-6).sqrt()
        compressed = (spectrum / magnitude.sqrt()).flatten(2)
        return self.out(self.blocks(self.spectrum_in(compressed)))  # type: ignore[no-any-return]


class SpectralDecoder(nn.Module):
    """Latents [B, frames, latent_dim] to [B, frames * hop] by overlapped inverse transforms."""

    window: Tensor

    def __init__(self, config: SpectralConfig, hop: int, latent_dim: int) -> None:
        super().__init__()
        self.size, self.hop = config.decoder_fft, hop
        self.latent_in = nn.Linear(latent_dim, config.decoder_dim)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(config.decoder_dim) for _ in range(config.decoder_layers)))
        self.norm = nn.LayerNorm(config.decoder_dim)
        self.spectrum_out = nn.Linear(config.decoder_dim, 2 * (config.decoder_fft // 2 + 1))
        self.register_buffer("window", torch.hann_window(config.decoder_fft), persistent=False)

    def forward(self, latents: Tensor) -> Tensor:
        hidden = self.norm(self.blocks(self.latent_in(latents)))
        log_magnitude, phase = self.spectrum_out(hidden).float().chunk(2, -1)
        magnitude = log_magnitude.clamp(max=6.0).exp()
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        frames = torch.fft.irfft(spectrum, n=self.size) * self.window  # [B, T, size]
        wave, envelope = self._overlapped(frames), self._overlapped(self.window.expand(1, *frames.shape[1:]))
        edge = (self.size - self.hop) // 2
        return (wave / envelope.clamp(min=0.1))[:, edge : wave.shape[1] - edge]

    def _overlapped(self, frames: Tensor) -> Tensor:
        """Frames [B, T, size] added up a hop apart."""
        total = (frames.shape[1] - 1) * self.hop + self.size
        folded = F.fold(frames.transpose(1, 2), (1, total), (1, self.size), stride=(1, self.hop))
        return folded[:, 0, 0]
