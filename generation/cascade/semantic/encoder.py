"""A small network in the way of w2v-BERT: it has learnt to guess masked stretches of music from the rest.

The paper clusters an intermediate layer of w2v-BERT (Chung et al. 2021; AudioLM, section III-B). Only the layers
below that one are kept; those above, and the head that guesses, live in training.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from generation.cascade.spectra import Bands
from generation.cascade.time_grid import TimeGrid
from generation.cascade.transformer import Encoder, TransformerConfig


@dataclass(frozen=True, slots=True)
class SemanticConfig:
    """tokens: number of clusters. mels: bands of the picture that the network reads. kept: its kept layers.

    hits: broad bands, each of some of those, that are clustered beside the network's features.
    """

    tokens: int = 512
    mels: int = 80
    hits: int = 8
    kept: TransformerConfig = field(
        default_factory=lambda: TransformerConfig(
            layers=2, dim=128, heads=4, feed_forward=384, buckets=64, furthest=128
        )
    )


class SemanticEncoder(nn.Module):
    """Waveform [B, samples] to features [B, steps, dim]; ``samples`` a multiple of one semantic step.

    As in w2v-BERT 2.0 the network reads a spectrum at 50 Hz in pairs, so that a step is one 25th of a second. What
    it has learnt tells harmony, but smears drum hits, which the broad bands of both halves of a step tell.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, grid: TimeGrid, config: SemanticConfig) -> None:
        super().__init__()
        if config.mels % config.hits:
            raise ValueError(f"{config.mels} bands make no {config.hits} broad ones; take a multiple of them")
        self.config = config
        self.pair = grid.acoustic_per_semantic
        self.dim = config.kept.dim + self.pair * config.hits
        self.bands = Bands(grid.sample_rate_hz, grid.hop, mels=config.mels)
        self.register_buffer("mean", torch.zeros(self.bands.dim))
        self.register_buffer("scale", torch.ones(self.bands.dim))
        self.project = nn.Linear(self.pair * self.bands.dim, config.kept.dim)
        self.masked = nn.Parameter(torch.zeros(config.kept.dim))
        self.layers = Encoder(config.kept)

    def spectrum(self, wave: Tensor) -> Tensor:
        """[B, samples] to standardised bands in pairs, [B, steps, pair * bands]."""
        bands = (self.bands(wave) - self.mean) / self.scale
        return bands.reshape(len(bands), -1, self.pair * self.bands.dim)  # type: ignore[no-any-return]

    def read(self, spectrum: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Spectrum [B, steps, ...] to learnt features [B, steps, kept]; bool ``hidden`` [B, steps] are masked."""
        x = self.project(spectrum)
        if hidden is not None:
            x = torch.where(hidden[..., None], self.masked.to(x.dtype), x)
        return self.layers(x, torch.arange(x.shape[1], device=x.device))  # type: ignore[no-any-return]

    def forward(self, wave: Tensor) -> Tensor:
        spectrum = self.spectrum(wave)
        batch, steps, _ = spectrum.shape
        mels = spectrum.reshape(batch, steps, self.pair, -1)[..., : self.config.mels]
        hits = mels.reshape(batch, steps, self.pair * self.config.hits, -1).mean(-1)
        return torch.cat([self.read(spectrum), hits], -1)
