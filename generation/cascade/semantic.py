"""Semantic tokens: k-means over what the music is doing, 25 times a second.

The paper clusters an intermediate layer of w2v-BERT (AudioLM's recipe). ``tiny`` clusters harmony and spectral
shape instead, so the tokens carry chord, bass, drum hits and register, but no sound quality.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.time_grid import TimeGrid


@dataclass(frozen=True, slots=True)
class SemanticConfig:
    """tokens: number of clusters. Windows in samples at the grid's rate."""

    tokens: int = 512
    bands: int = 18
    band_window: int = 800
    chroma_window: int = 2048

    @property
    def feature_dim(self) -> int:
        """Two chroma octave groups and the bands of both halves of a step."""
        return 24 + 2 * self.bands


class SemanticTokenizer(nn.Module):
    """Waveform [B, samples] to tokens [B, steps]; ``samples`` a multiple of one semantic step."""

    mean: Tensor
    scale: Tensor
    centroids: Tensor
    chroma_filters: Tensor
    band_filters: Tensor

    def __init__(self, grid: TimeGrid, config: SemanticConfig) -> None:
        super().__init__()
        self.grid = grid
        self.config = config
        self.register_buffer("mean", torch.zeros(config.feature_dim))
        self.register_buffer("scale", torch.ones(config.feature_dim))
        self.register_buffer("centroids", torch.zeros(config.tokens, config.feature_dim))
        self.register_buffer("chroma_filters", _chroma_filters(grid, config), persistent=False)
        self.register_buffer("band_filters", _band_filters(grid, config), persistent=False)

    def features(self, wave: Tensor) -> Tensor:
        """[B, samples] to [B, steps, feature_dim], not yet normalised."""
        step = self.grid.hop * self.grid.acoustic_per_semantic
        chroma = _spectrum(wave, self.config.chroma_window, step) @ self.chroma_filters  # [B, steps, 24]
        chroma = (chroma + 1e-3).log()
        low, high = chroma.chunk(2, -1)
        chroma = torch.cat([low - low.mean(-1, keepdim=True), high - high.mean(-1, keepdim=True)], -1)
        bands = (_spectrum(wave, self.config.band_window, self.grid.hop) @ self.band_filters + 1e-3).log()
        halves = bands.reshape(len(wave), -1, 2 * self.config.bands)
        return torch.cat([chroma, halves], -1)

    def encode(self, wave: Tensor) -> Tensor:
        """[B, samples] to the nearest cluster of every step, [B, steps]."""
        normal = (self.features(wave) - self.mean) / self.scale
        return torch.cdist(normal, self.centroids.expand(len(normal), -1, -1)).argmin(-1)

    def fit(self, waves: Tensor, generator: torch.Generator, rounds: int = 25, points: int = 120_000) -> float:
        """Lloyd's algorithm on random steps of [N, samples]; gives the share of variance the clusters explain."""
        features = torch.cat([self.features(part) for part in torch.split(waves, 32)]).flatten(0, 1)
        features = features[torch.randperm(len(features), generator=generator)[:points]]
        self.mean.copy_(features.mean(0))
        self.scale.copy_(features.std(0) * _group_weights(self.config))
        normal = (features - self.mean) / self.scale
        centroids = normal[torch.randperm(len(normal), generator=generator)[: self.config.tokens]].clone()
        for _ in range(rounds):
            distance, nearest = torch.cdist(normal, centroids).min(1)
            counts = torch.bincount(nearest, minlength=len(centroids))
            sums = torch.zeros_like(centroids).index_add_(0, nearest, normal)
            centroids = sums / counts.clamp(min=1).unsqueeze(1)
            empty = (counts == 0).nonzero().flatten()
            centroids[empty] = normal[distance.topk(len(empty)).indices]
        self.centroids.copy_(centroids)
        left = torch.cdist(normal, centroids).min(1).values.square().mean()
        return float(1 - left / (normal - normal.mean(0)).square().sum(1).mean())


def _spectrum(wave: Tensor, window: int, hop: int) -> Tensor:
    """Magnitudes [B, samples / hop, bins], each window centred on its own hop."""
    padded = F.pad(wave, ((window - hop) // 2, (window - hop + 1) // 2))
    frames = padded.unfold(1, window, hop) * torch.hann_window(window, device=wave.device)
    magnitude: Tensor = torch.fft.rfft(frames).abs() / window
    return magnitude


def _group_weights(config: SemanticConfig) -> Tensor:
    """Divisors that let chroma and bands weigh alike, whatever their number."""
    return torch.cat([torch.full((24,), 24**0.5), torch.full((2 * config.bands,), (2 * config.bands) ** 0.5)])


def _chroma_filters(grid: TimeGrid, config: SemanticConfig) -> Tensor:
    """[bins, 24]: twelve pitch classes below 220 Hz and twelve from there to 1760 Hz."""
    bins = torch.arange(config.chroma_window // 2 + 1)
    frequency = bins * grid.sample_rate_hz / config.chroma_window
    midi = 69 + 12 * (frequency.clamp(min=1.0) / 440).log2()
    classes = torch.arange(12)
    away = (midi[:, None] - classes + 6) % 12 - 6
    weight = (1 - away.abs()).clamp(min=0)
    low = weight * ((frequency >= 30) & (frequency < 220))[:, None]
    high = weight * ((frequency >= 220) & (frequency < 1760))[:, None]
    return torch.cat([low, high], 1)


def _band_filters(grid: TimeGrid, config: SemanticConfig) -> Tensor:
    """[bins, bands]: triangles equally spaced on the mel scale."""
    top = 2595 * torch.tensor(1 + grid.sample_rate_hz / 2 / 700).log10()
    edges = 700 * (10 ** (torch.linspace(0, float(top), config.bands + 2) / 2595) - 1)
    frequency = torch.linspace(0, grid.sample_rate_hz / 2, config.band_window // 2 + 1)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)
