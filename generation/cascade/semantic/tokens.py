"""Semantic tokens: k-means over a network's features, 25 times a second (AudioLM, section III-B)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from generation.cascade.semantic.encoder import SemanticConfig, SemanticEncoder
from generation.cascade.semantic.transformers_encoders import (
    MertConfig,
    MertEncoder,
    W2vBertConfig,
    W2vBertEncoder,
)
from generation.cascade.time_grid import TimeGrid

__all__ = [
    "AnySemanticConfig",
    "MertConfig",
    "SemanticConfig",
    "SemanticTokenizer",
    "W2vBertConfig",
    "fitted_centroids",
]

AnySemanticConfig = SemanticConfig | W2vBertConfig | MertConfig
"""The small encoder of its own, or a published one; each says how many tokens there are."""


class SemanticTokenizer(nn.Module):
    """Waveform [B, samples] to tokens [B, steps]; ``samples`` a multiple of one semantic step.

    Each feature is brought to mean 0 and deviation 1 before it is clustered, as AudioLM does.
    """

    mean: Tensor
    scale: Tensor
    centroids: Tensor

    def __init__(self, grid: TimeGrid, config: AnySemanticConfig) -> None:
        super().__init__()
        self.grid, self.config = grid, config
        self.encoder = _encoder(grid, config)
        self.register_buffer("mean", torch.zeros(self.encoder.dim))
        self.register_buffer("scale", torch.ones(self.encoder.dim))
        self.register_buffer("centroids", torch.zeros(config.tokens, self.encoder.dim))

    def encode(self, wave: Tensor) -> Tensor:
        """[B, samples] to the nearest cluster of every step, [B, steps].

        Raises ValueError when the length is no multiple of a step.
        """
        step = self.grid.hop * self.grid.acoustic_per_semantic
        if wave.shape[-1] % step:
            raise ValueError(f"{wave.shape[-1]} samples are not a multiple of the semantic step {step}; pad them")
        normal = (self.encoder(wave) - self.mean) / self.scale
        return torch.cdist(normal, self.centroids.expand(len(normal), -1, -1)).argmin(-1)

    def fit(self, features: Tensor, generator: torch.Generator) -> float:
        """Cluster features [N, dim] of many steps; gives the share of variance the clusters explain."""
        self.mean.copy_(features.mean(0))
        self.scale.copy_(features.std(0).clamp(min=1e-4))
        normal = (features - self.mean) / self.scale
        self.centroids.copy_(fitted_centroids(normal, len(self.centroids), generator))
        left = torch.cdist(normal, self.centroids).min(1).values.square().mean()
        return float(1 - left / normal.square().sum(1).mean())


def _encoder(grid: TimeGrid, config: AnySemanticConfig) -> SemanticEncoder | W2vBertEncoder | MertEncoder:
    match config:
        case W2vBertConfig():
            return W2vBertEncoder(grid, config)
        case MertConfig():
            return MertEncoder(grid, config)
        case SemanticConfig():
            return SemanticEncoder(grid, config)


def fitted_centroids(points: Tensor, clusters: int, generator: torch.Generator, rounds: int = 25) -> Tensor:
    """Lloyd's algorithm on points [N, dim]: centroids [clusters, dim].

    It starts from points spread as in k-means++; a cluster that falls empty takes the point furthest from its own.
    """
    centroids = _spread(points, clusters, generator)
    for _ in range(rounds):
        distance, nearest = torch.cdist(points, centroids).min(1)
        counts = torch.bincount(nearest, minlength=clusters)
        sums = torch.zeros_like(centroids).index_add_(0, nearest, points)
        centroids = sums / counts.clamp(min=1).unsqueeze(1)
        empty = (counts == 0).nonzero().flatten()
        centroids[empty] = points[distance.topk(len(empty)).indices]
    return centroids


def _spread(points: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """k-means++ (Arthur & Vassilvitskii 2007) on a sample: what is far from the others is likelier to be next."""
    sample = points[torch.randperm(len(points), generator=generator)[: 40 * clusters]]
    chosen = [sample[0]]
    furthest = torch.full((len(sample),), torch.inf)
    for _ in range(clusters - 1):
        furthest = torch.minimum(furthest, (sample - chosen[-1]).square().sum(1))
        chosen.append(sample[int(torch.multinomial(furthest.clamp(min=1e-9), 1, generator=generator))])
    return torch.stack(chosen)
