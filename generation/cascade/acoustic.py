"""Acoustic tokens: a residual-quantised codec with SoundStream's clocks and a spectral body.

SoundStream (Zeghidour et al. 2021) gives the geometry: 16 kHz, one frame per 320 samples, a stack of residual
codebooks. Encoder and decoder are ConvNeXt blocks on short-time spectra with an inverse transform at the end, as
in Vocos (Siuzdak 2023), which learns far faster than strided convolutions on a processor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class AcousticConfig:
    """Sizes of the codec; ``hop`` and ``levels`` come from the time grid."""

    hop: int
    levels: int
    codebook_size: int = 512
    latent_dim: int = 64
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


class ResidualQuantizer(nn.Module):
    """Each level codes what the levels before it left over.

    Codebooks follow a running mean of what they are given; codes that nobody uses are moved onto current inputs.
    """

    codebooks: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, levels: int, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("codebooks", torch.zeros(levels, size, dim))
        self.register_buffer("counts", torch.zeros(levels, size), persistent=False)
        self.register_buffer("sums", torch.zeros(levels, size, dim), persistent=False)

    def nearest(self, x: Tensor, level: int) -> Tensor:
        """[N, D] to the index of the nearest code, [N]."""
        book = self.codebooks[level]
        return (book.square().sum(1) - 2 * x @ book.T).argmin(1)

    def encode(self, latents: Tensor) -> Tensor:
        """[B, T, D] to codes [B, levels, T]."""
        flat = latents.reshape(-1, latents.shape[-1])
        codes = []
        for level in range(self.codebooks.shape[0]):
            index = self.nearest(flat, level)
            flat = flat - self.codebooks[level][index]
            codes.append(index.view(latents.shape[:2]))
        return torch.stack(codes, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [B, any number of first levels, T] to the sum of their vectors, [B, T, D]."""
        return torch.stack([self.codebooks[level][codes[:, level]] for level in range(codes.shape[1])]).sum(0)


class Codec(nn.Module):
    """Waveform [B, samples] to codes [B, levels, frames] and back; ``samples`` a multiple of the hop."""

    encoder_window: Tensor
    decoder_window: Tensor

    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.config = config
        bins = config.encoder_fft // 2 + 1
        self.spectrum_in = nn.Linear(2 * bins, config.encoder_dim)
        self.encoder = nn.Sequential(*(ConvNeXtBlock(config.encoder_dim) for _ in range(config.encoder_layers)))
        self.to_latent = nn.Linear(config.encoder_dim, config.latent_dim)
        self.quantizer = ResidualQuantizer(config.levels, config.codebook_size, config.latent_dim)
        self.from_latent = nn.Linear(config.latent_dim, config.decoder_dim)
        self.decoder = nn.Sequential(*(ConvNeXtBlock(config.decoder_dim) for _ in range(config.decoder_layers)))
        self.norm_out = nn.LayerNorm(config.decoder_dim)
        self.spectrum_out = nn.Linear(config.decoder_dim, 2 * (config.decoder_fft // 2 + 1))
        self.register_buffer("encoder_window", torch.hann_window(config.encoder_fft), persistent=False)
        self.register_buffer("decoder_window", torch.hann_window(config.decoder_fft), persistent=False)

    def latents(self, wave: Tensor) -> Tensor:
        """[B, samples] to [B, frames, latent]. Power-compressed complex spectra keep quiet partials visible."""
        size, hop = self.config.encoder_fft, self.config.hop
        padded = F.pad(wave, ((size - hop) // 2, (size - hop) // 2))
        frames = padded.unfold(1, size, hop) * self.encoder_window  # [B, T, size]
        spectrum = torch.view_as_real(torch.fft.rfft(frames))  # [B, T, bins, 2]
        magnitude = spectrum.square().sum(-1, keepdim=True).add(1e-6).sqrt()
        compressed = (spectrum / magnitude.sqrt()).flatten(2)
        return self.to_latent(self.encoder(self.spectrum_in(compressed)))  # type: ignore[no-any-return]

    def synthesise(self, latents: Tensor) -> Tensor:
        """[B, frames, latent] to [B, frames * hop] by overlapped inverse transforms."""
        size, hop = self.config.decoder_fft, self.config.hop
        hidden = self.norm_out(self.decoder(self.from_latent(latents)))
        log_magnitude, phase = self.spectrum_out(hidden).float().chunk(2, -1)
        magnitude = log_magnitude.clamp(max=6.0).exp()
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        frames = torch.fft.irfft(spectrum, n=size) * self.decoder_window  # [B, T, size]
        total = (frames.shape[1] - 1) * hop + size
        wave = F.fold(frames.transpose(1, 2), (1, total), (1, size), stride=(1, hop))[:, 0, 0]
        envelope = F.fold(
            self.decoder_window.expand(1, frames.shape[1], size).transpose(1, 2),
            (1, total),
            (1, size),
            stride=(1, hop),
        )[:, 0, 0]
        edge = (size - hop) // 2
        return (wave / envelope.clamp(min=0.1))[:, edge : total - edge]

    def encode(self, wave: Tensor) -> Tensor:
        """[B, samples] to codes [B, levels, frames]. ValueError when the length is no multiple of the hop."""
        if wave.shape[-1] % self.config.hop:
            raise ValueError(f"{wave.shape[-1]} samples are not a multiple of the hop {self.config.hop}; pad them")
        return self.quantizer.encode(self.latents(wave))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [B, levels, frames] to [B, frames * hop]."""
        return self.synthesise(self.quantizer.decode(codes))
