"""Transformer blocks with T5's relative positions.

Positions are times: every token carries an integer tick, and the bias depends on the difference of ticks, so that
a decoder finds the pictures and tokens of its own moment. T5 has no such bias in cross-attention; here it has, for
what is seen belongs to a moment too. The bias is the same whatever a position looks for; with ``relative_keys`` a
decoder's queries score distances themselves, so that one piece looks back by its own beat, another by another.
Writing one step after another is in ``decoding``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from generation.cascade.decoding import Decoding
    from generation.cascade.sampling import Weights


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """Sizes of one encoder or decoder.

    furthest: ticks beyond which positions are no longer told apart.
    relative_keys: distances back that a decoder's queries score; 0 for T5's bias alone.
    """

    layers: int
    dim: int = 160
    heads: int = 4
    feed_forward: int = 320
    buckets: int = 128
    furthest: int = 512
    relative_keys: int = 0


def relative_bucket(difference: Tensor, buckets: int, furthest: int) -> Tensor:
    """Key tick minus query tick to a bucket in [0, buckets); half of them for keys that are later.

    Half of a side's buckets are exact, the rest grow logarithmically up to ``furthest`` and then end, as in T5's
    bidirectional attention (Raffel et al. 2020, section 2.1).
    """
    side = buckets // 2
    offset = (difference > 0).long() * side
    distance = difference.abs()
    exact = side // 2
    ratio = (distance.clamp(min=1).float() / exact).log() / math.log(furthest / exact)
    far = (exact + ratio * (side - exact)).long().clamp(max=side - 1)
    return offset + torch.where(distance < exact, distance, far)


class RelativeBias(nn.Module):
    """One learned number per head and bucket; starts as a preference for what is near, different in each head."""

    def __init__(self, heads: int, buckets: int, furthest: int, nearness: float = 0.5) -> None:
        super().__init__()
        self.buckets, self.furthest = buckets, furthest
        away = torch.arange(buckets // 2).float().add(1).log()
        slopes = nearness * 2.0 ** -torch.arange(heads).float() * 4
        slopes[-1] = 0.0
        side = -away[:, None] * slopes
        self.table = nn.Parameter(torch.cat([side, side]))

    def forward(self, query_ticks: Tensor, key_ticks: Tensor) -> Tensor:
        """[Q] and [K] to [1, heads, Q, K]."""
        difference = key_ticks[None, :] - query_ticks[:, None]
        index = relative_bucket(difference, self.buckets, self.furthest)
        return self.table[index].permute(2, 0, 1).unsqueeze(0)


def causal(bias: Tensor, prefix: int) -> Tensor:
    """Hide what comes later: minus infinity above the diagonal of [1, heads, T, T].

    The first ``prefix`` positions see each other fully (a prefix language model, Raffel et al. 2020, 3.2.1).
    """
    hidden = torch.ones(bias.shape[-2:], dtype=torch.bool, device=bias.device).triu(1)
    hidden[:prefix, :prefix] = False
    return bias.masked_fill(hidden, float("-inf"))


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm in its input's precision, which autocast would otherwise mix and warn about."""

    def forward(self, x: Tensor) -> Tensor:
        assert self.weight is not None
        return F.rms_norm(x, list(self.normalized_shape), self.weight.to(x.dtype), self.eps)


class RelativeKeys(nn.Module):
    """A learned key a distance back, which queries are multiplied with (Shaw et al. 2018; Huang et al. 2018).

    distances: how many are told apart, from 0 on; what is further counts as the furthest.
    """

    def __init__(self, heads: int, distances: int, head_dim: int) -> None:
        super().__init__()
        self.distances = distances
        self.keys = nn.Parameter(torch.zeros(heads, distances, head_dim))

    def forward(self, query: Tensor, query_ticks: Tensor, key_ticks: Tensor) -> Tensor:
        """Queries [B, heads, Q, head_dim] and ticks [Q] and [K] to scores [B, heads, Q, K]."""
        batch, heads = query.shape[:2]
        scores = query @ self.keys.to(query.dtype).transpose(1, 2) * query.shape[-1] ** -0.5
        back = (query_ticks[:, None] - key_ticks[None, :]).clamp(0, self.distances - 1)
        by_key: Tensor = scores.gather(-1, back.expand(batch, heads, -1, -1))
        return by_key


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself, with an additive bias."""

    def __init__(self, dim: int, heads: int, relative_keys: int = 0) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.relative_keys = RelativeKeys(heads, relative_keys, dim // heads) if relative_keys else None

    def forward(self, x: Tensor, bias: Tensor, ticks: Tensor) -> Tensor:
        query, key, value = self.split(x)
        biased = self.biased(bias, query, ticks, ticks)
        return self.out(attend(query, key, value, biased))  # type: ignore[no-any-return]

    def biased(self, bias: Tensor, query: Tensor, query_ticks: Tensor, key_ticks: Tensor) -> Tensor:
        """The bias [1, heads, Q, K] with what the queries think of the distances, where they do."""
        if self.relative_keys is None:
            return bias
        asked: Tensor = self.relative_keys(query, query_ticks, key_ticks)
        return bias.to(query.dtype) + asked

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, T, D] to query, key and value [B, heads, T, head_dim]."""
        batch, steps, _ = x.shape
        query, key, value = self.qkv(x).view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return query, key, value


class CrossAttention(nn.Module):
    """Multi-head attention to an encoder's states, with an additive bias."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def look(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder states [B, S, D] to keys and values [B, heads, S, head_dim]."""
        batch, steps, _ = seen.shape
        key, value = self.key_value(seen).view(batch, steps, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        return key, value

    def forward(self, x: Tensor, seen: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        batch, steps, _ = x.shape
        query = self.query(x).view(batch, steps, self.heads, -1).transpose(1, 2)
        return self.out(attend(query, *seen, bias))  # type: ignore[no-any-return]


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Query [B, heads, T, head_dim], key and value [B, heads, S, head_dim], bias [1, heads, T, S] to [B, T, D]."""
    batch, _, steps, head_dim = query.shape
    # Written out: with a learned bias torch's fused kernel is 2.5 times slower in bfloat16 on a processor.
    scores = query @ key.transpose(-1, -2) * (head_dim**-0.5) + bias.to(query.dtype)
    mixed: Tensor = scores.softmax(-1, dtype=value.dtype) @ value
    return mixed.transpose(1, 2).reshape(batch, steps, -1)


class Block(nn.Module):
    """Pre-normalised self-attention, cross-attention where there is something to look at, and a two-layer mix."""

    def __init__(self, config: TransformerConfig, cross: bool, relative_keys: int = 0) -> None:
        super().__init__()
        dim, heads = config.dim, config.heads
        self.self_norm = RMSNorm(dim)
        self.self_attention = SelfAttention(dim, heads, relative_keys)
        self.cross_norm = RMSNorm(dim) if cross else None
        self.cross_attention = CrossAttention(dim, heads) if cross else None
        self.mix_norm = RMSNorm(dim)
        self.mix = nn.Sequential(
            nn.Linear(dim, config.feed_forward), nn.GELU(), nn.Linear(config.feed_forward, dim)
        )

    def forward(
        self,
        x: Tensor,
        bias: Tensor,
        ticks: Tensor,
        seen: Tensor | None = None,
        cross_bias: Tensor | None = None,
    ) -> Tensor:
        x = x + self.self_attention(self.self_norm(x), bias, ticks)
        if self.cross_attention is not None and self.cross_norm is not None:
            assert seen is not None
            assert cross_bias is not None
            x = x + self.cross_attention(self.cross_norm(x), self.cross_attention.look(seen), cross_bias)
        return x + self.mix(self.mix_norm(x))  # type: ignore[no-any-return]


class Blocks(nn.ModuleList):
    """A list whose members are known to be blocks."""

    def __iter__(self) -> Iterator[Block]:
        for block in super().__iter__():
            assert isinstance(block, Block)
            yield block


class Encoder(nn.Module):
    """Looks both ways. [B, T, D] and ticks [T] to [B, T, D]."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.bias = RelativeBias(config.heads, config.buckets, config.furthest)
        self.blocks = Blocks(Block(config, cross=False) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim)

    def forward(self, x: Tensor, ticks: Tensor) -> Tensor:
        bias = self.bias(ticks, ticks)
        for block in self.blocks:
            x = block(x, bias, ticks)
        return self.norm(x)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Looks back at itself and, with ``cross``, at an encoder's states."""

    def __init__(self, config: TransformerConfig, cross: bool) -> None:
        super().__init__()
        self.config = config
        self.bias = RelativeBias(config.heads, config.buckets, config.furthest)
        self.cross_bias = (
            RelativeBias(config.heads, config.buckets, config.furthest, nearness=1.0) if cross else None
        )
        self.blocks = Blocks(Block(config, cross, config.relative_keys) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim)

    def forward(
        self,
        x: Tensor,
        ticks: Tensor,
        seen: Tensor | None = None,
        seen_ticks: Tensor | None = None,
        prefix: int = 0,
    ) -> Tensor:
        """All positions at once: [B, T, D] and ticks [T], encoder states [B, S, D] and theirs [S], to [B, T, D].

        Each position sees those before it; the first ``prefix`` see each other fully.
        """
        bias = causal(self.bias(ticks, ticks), prefix)
        cross_bias = None
        if self.cross_bias is not None:
            assert seen_ticks is not None
            cross_bias = self.cross_bias(ticks, seen_ticks)
        for block in self.blocks:
            x = block(x, bias, ticks, seen, cross_bias)
        return self.norm(x)  # type: ignore[no-any-return]

    def start(
        self,
        batch: int,
        steps: int,
        *,
        seen: Tensor | None = None,
        seen_ticks: Tensor | None = None,
        weights: Weights = "float32",
    ) -> Decoding:
        """A session that goes through the same positions one after another, with room for ``steps`` of them."""
        from generation.cascade.decoding import Decoding

        return Decoding(self, batch, steps, seen=seen, seen_ticks=seen_ticks, weights=weights)
