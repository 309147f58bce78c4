"""Transformer blocks with T5's relative positions and a static key-value cache.

Positions are times: every token carries an integer tick, and the bias depends on the difference of ticks, so that
a decoder finds the pictures and tokens of its own moment by cross-attention.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def relative_bucket(difference: Tensor, buckets: int, furthest: int, two_sided: bool) -> Tensor:
    """Key tick minus query tick to a bucket in [0, buckets).

    Half of a side's buckets are exact, the rest grow logarithmically up to ``furthest`` and then end, as in T5
    (Raffel et al. 2020, section 2.1). One-sided: keys in the future share bucket 0 with the present.
    """
    if two_sided:
        side = buckets // 2
        offset = (difference > 0).long() * side
        distance = difference.abs()
    else:
        side, offset = buckets, torch.zeros_like(difference)
        distance = (-difference).clamp(min=0)
    exact = side // 2
    ratio = (distance.clamp(min=1).float() / exact).log() / math.log(furthest / exact)
    far = (exact + ratio * (side - exact)).long().clamp(max=side - 1)
    return offset + torch.where(distance < exact, distance, far)


class RelativeBias(nn.Module):
    """One learned number per head and bucket; starts as a preference for what is near, different in each head."""

    def __init__(self, heads: int, buckets: int, furthest: int, two_sided: bool, nearness: float = 0.5) -> None:
        super().__init__()
        self.buckets, self.furthest, self.two_sided = buckets, furthest, two_sided
        side = buckets // 2 if two_sided else buckets
        away = torch.arange(side).float().add(1).log()
        slopes = nearness * 2.0 ** -torch.arange(heads).float() * 4
        slopes[-1] = 0.0
        table = -away[:, None] * slopes
        self.table = nn.Parameter(torch.cat([table, table]) if two_sided else table)

    def forward(self, query_ticks: Tensor, key_ticks: Tensor) -> Tensor:
        """[Q] and [K] to [1, heads, Q, K]."""
        difference = key_ticks[None, :] - query_ticks[:, None]
        index = relative_bucket(difference, self.buckets, self.furthest, self.two_sided)
        return self.table[index].permute(2, 0, 1).unsqueeze(0)


def causal(bias: Tensor) -> Tensor:
    """Hide the future: minus infinity above the diagonal of [1, heads, T, T]."""
    hidden = torch.ones(bias.shape[-2:], dtype=torch.bool, device=bias.device).triu(1)
    return bias.masked_fill(hidden, float("-inf"))


@dataclass(slots=True)
class Cache:
    """Keys and values of one decoder, [layers, B, heads, steps, head_dim]; ``filled`` steps are in use."""

    keys: Tensor
    values: Tensor
    cross: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    filled: int = 0


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm in its input's precision, which autocast would otherwise mix and warn about."""

    def forward(self, x: Tensor) -> Tensor:
        assert self.weight is not None
        return F.rms_norm(x, list(self.normalized_shape), self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Multi-head attention with an additive bias."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, D] to keys and values [B, heads, T, head_dim]."""
        batch, steps, _ = x.shape
        key, value = self.key_value(x).view(batch, steps, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        return key, value

    def forward(self, x: Tensor, keys_values: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        batch, steps, dim = x.shape
        query = self.query(x).view(batch, steps, self.heads, -1).transpose(1, 2)
        keys, values = keys_values
        # Written out: with a learned bias torch's fused kernel is 2.5 times slower in bfloat16 on a processor.
        scores = query @ keys.transpose(-1, -2) * (query.shape[-1] ** -0.5) + bias.to(query.dtype)
        mixed = scores.softmax(-1, dtype=values.dtype) @ values
        return self.out(mixed.transpose(1, 2).reshape(batch, steps, dim))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Pre-normalised self-attention, cross-attention where there is something to look at, and a two-layer mix."""

    def __init__(self, dim: int, heads: int, feed_forward: int, cross: bool) -> None:
        super().__init__()
        self.self_norm = RMSNorm(dim)
        self.self_attention = Attention(dim, heads)
        self.cross_norm = RMSNorm(dim) if cross else None
        self.cross_attention = Attention(dim, heads) if cross else None
        self.mix_norm = RMSNorm(dim)
        self.mix = nn.Sequential(nn.Linear(dim, feed_forward), nn.GELU(), nn.Linear(feed_forward, dim))

    def forward(
        self, x: Tensor, bias: Tensor, seen: tuple[Tensor, Tensor] | None, cross_bias: Tensor | None
    ) -> Tensor:
        normal = self.self_norm(x)
        x = x + self.self_attention(normal, self.self_attention.keys_values(normal), bias)
        return self._rest(x, seen, cross_bias)

    def look(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the encoder states [B, S, D] for this block's cross-attention."""
        assert self.cross_attention is not None
        return self.cross_attention.keys_values(seen)

    def step(self, x: Tensor, bias: Tensor, layer: int, cache: Cache, cross_bias: Tensor | None) -> Tensor:
        """One new step [B, 1, D]: its keys and values join the cache, and it looks at all that is there."""
        normal = self.self_norm(x)
        key, value = self.self_attention.keys_values(normal)
        now = cache.filled
        cache.keys[layer, :, :, now : now + 1] = key
        cache.values[layer, :, :, now : now + 1] = value
        past = (cache.keys[layer, :, :, : now + 1], cache.values[layer, :, :, : now + 1])
        x = x + self.self_attention(normal, past, bias)
        return self._rest(x, cache.cross[layer] if cache.cross else None, cross_bias)

    def _rest(self, x: Tensor, seen: tuple[Tensor, Tensor] | None, cross_bias: Tensor | None) -> Tensor:
        if self.cross_attention is not None and self.cross_norm is not None:
            assert seen is not None
            assert cross_bias is not None
            x = x + self.cross_attention(self.cross_norm(x), seen, cross_bias)
        return x + self.mix(self.mix_norm(x))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """Sizes of one encoder or decoder. ``furthest``: ticks beyond which positions are no longer told apart."""

    layers: int
    dim: int = 160
    heads: int = 4
    feed_forward: int = 320
    buckets: int = 128
    furthest: int = 512


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
        self.bias = RelativeBias(config.heads, config.buckets, config.furthest, two_sided=True)
        self.blocks = Blocks(
            Block(config.dim, config.heads, config.feed_forward, cross=False) for _ in range(config.layers)
        )
        self.norm = RMSNorm(config.dim)

    def forward(self, x: Tensor, ticks: Tensor) -> Tensor:
        bias = self.bias(ticks, ticks)
        for block in self.blocks:
            x = block(x, bias, None, None)
        return self.norm(x)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Looks back at itself and, with ``cross``, at an encoder's states. Step t has tick t."""

    def __init__(self, config: TransformerConfig, cross: bool) -> None:
        super().__init__()
        self.config = config
        self.bias = RelativeBias(config.heads, config.buckets, config.furthest, two_sided=False)
        self.cross_bias = (
            RelativeBias(config.heads, config.buckets, config.furthest, two_sided=True, nearness=1.0)
            if cross
            else None
        )
        self.blocks = Blocks(
            Block(config.dim, config.heads, config.feed_forward, cross) for _ in range(config.layers)
        )
        self.norm = RMSNorm(config.dim)

    def forward(self, x: Tensor, seen: Tensor | None = None, seen_ticks: Tensor | None = None) -> Tensor:
        """All steps at once: [B, T, D], encoder states [B, S, D] and their ticks [S], to [B, T, D]."""
        ticks = torch.arange(x.shape[1], device=x.device)
        bias = causal(self.bias(ticks, ticks))
        cross_bias = self._cross_bias(ticks, seen_ticks)
        for block in self.blocks:
            x = block(x, bias, None if seen is None else block.look(seen), cross_bias)
        return self.norm(x)  # type: ignore[no-any-return]

    def new_cache(self, batch: int, steps: int, seen: Tensor | None = None) -> Cache:
        """Room for ``steps`` steps; the encoder's keys and values are computed here once."""
        weight = self.norm.weight
        shape = (len(self.blocks), batch, self.config.heads, steps, self.config.dim // self.config.heads)
        cache = Cache(weight.new_zeros(shape), weight.new_zeros(shape))
        if seen is not None:
            cache.cross = [block.look(seen) for block in self.blocks]
        return cache

    def step(self, x: Tensor, cache: Cache, seen_ticks: Tensor | None = None) -> Tensor:
        """The next step [B, 1, D] to [B, 1, D]; equal to the same step of ``forward``."""
        now = torch.tensor([cache.filled], device=x.device)
        bias = self.bias(now, torch.arange(cache.filled + 1, device=x.device))
        cross_bias = self._cross_bias(now, seen_ticks)
        for layer, block in enumerate(self.blocks):
            x = block.step(x, bias, layer, cache, cross_bias)
        cache.filled += 1
        return self.norm(x)  # type: ignore[no-any-return]

    def _cross_bias(self, ticks: Tensor, seen_ticks: Tensor | None) -> Tensor | None:
        if self.cross_bias is None or seen_ticks is None:
            return None
        bias: Tensor = self.cross_bias(ticks, seen_ticks)
        return bias
