"""Causal linear attention: the past is one matrix, so a token costs the same at any length.

Katharopoulos et al. 2020, Transformers are RNNs (arXiv:2006.16236), with their feature map elu(x) + 1. The two
forms below are the same function: one over whole sequences for training, one token after another for writing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-6
_CHUNK = 64
"""Words that look at each other in one matrix; of all chunks before there is only a sum, so the cost is linear."""


@dataclass(slots=True)
class Past:
    """What one layer remembers: sums of key ⊗ value [B, H, d, d] and of keys [B, H, d]."""

    products: Tensor
    keys: Tensor

    @classmethod
    def empty(cls, batch: int, heads: int, width: int) -> Past:
        return cls(torch.zeros(batch, heads, width, width), torch.zeros(batch, heads, width))


class LinearAttention(nn.Module):
    """[B, T, D] to [B, T, D], every step from itself and those before it, under the published names."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_projection = nn.Linear(dim, dim)
        self.key_projection = nn.Linear(dim, dim)
        self.value_projection = nn.Linear(dim, dim)
        self.out_projection = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        query, key, value = (
            # Padding comes after the feature map: a key of zeros adds to nothing.
            F.pad(part, (0, 0, 0, -length % _CHUNK)).reshape(*part.shape[:2], -1, _CHUNK, part.shape[3])
            for part in self._projected(x)
        )  # [B, H, C, chunk, d]
        scores = torch.tril(query @ key.transpose(3, 4))
        before, keys_before = _before(key.transpose(3, 4) @ value), _before(key.sum(3, keepdim=True))
        weight = scores.sum(4, keepdim=True) + (query * keys_before).sum(4, keepdim=True) + _EPSILON
        heard = (scores @ value + query @ before) / weight
        return self._joined(heard.flatten(2, 3)[:, :, :length])

    def step(self, x: Tensor, past: Past) -> Tensor:
        """One token [B, 1, D] after all that ``past`` holds, which takes it in."""
        query, key, value = self._projected(x)  # [B, H, 1, d]
        past.products += key.transpose(2, 3) @ value
        past.keys += key[:, :, 0]
        weight = (query * past.keys[:, :, None]).sum(3, keepdim=True) + _EPSILON
        return self._joined(query @ past.products / weight)

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = (
            projection(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for projection in (self.query_projection, self.key_projection, self.value_projection)
        )
        return F.elu(query) + 1, F.elu(key) + 1, value

    def _joined(self, heads: Tensor) -> Tensor:
        joined: Tensor = self.out_projection(heads.transpose(1, 2).flatten(2))
        return joined


def _before(chunks: Tensor) -> Tensor:
    """For each chunk [B, H, C, ...] the sum of those before it."""
    return chunks.cumsum(2) - chunks


class Layer(nn.Module):
    """Attention and a feed-forward network, each followed by its norm (post-norm, GELU)."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention = LinearAttention(dim, heads)
        self.linear1 = nn.Linear(dim, hidden)
        self.linear2 = nn.Linear(hidden, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Past | None = None) -> Tensor:
        heard = self.attention(x) if past is None else self.attention.step(x, past)
        x = self.norm1(x + self.dropout(heard))
        inner = self.dropout(F.gelu(self.linear1(x)))
        normed: Tensor = self.norm2(x + self.dropout(self.linear2(inner)))
        return normed
