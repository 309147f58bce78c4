"""Writing one position after another: what a decoder has already seen is kept, not computed again."""

from __future__ import annotations

import torch
from torch import Tensor

from generation.cascade.sampling import Weights
from generation.cascade.transformer import Decoder, attend, causal


class Decoding:
    """One run of a decoder over ``batch`` sequences, with keys and values of all positions so far.

    ``extend`` and ``step`` give what ``Decoder.forward`` gives for the same positions.
    """

    def __init__(
        self,
        decoder: Decoder,
        batch: int,
        steps: int,
        *,
        seen: Tensor | None,
        seen_ticks: Tensor | None,
        weights: Weights,
    ) -> None:
        self.decoder, self.weights, self.seen_ticks = decoder, weights, seen_ticks
        config, like = decoder.config, decoder.norm.weight
        shape = (len(decoder.blocks), batch, config.heads, steps, config.dim // config.heads)
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)
        self.ticks = torch.zeros(steps, dtype=torch.long, device=like.device)
        self.filled = 0
        self.looked = [
            block.cross_attention.look(seen)
            for block in decoder.blocks
            if block.cross_attention is not None and seen is not None
        ]

    def extend(self, x: Tensor, ticks: Tensor, prefix: bool = False) -> Tensor:
        """The next P positions at once: [B, P, D] and ticks [P] to [B, P, D].

        Each sees those before it, or all of them when they are a ``prefix``.
        """
        first, last = self.filled, self.filled + x.shape[1]
        self.ticks[first:last] = ticks
        bias = self.decoder.bias(ticks, self.ticks[:last])
        own = causal(bias[..., first:], len(ticks) if prefix else 0)
        bias = torch.cat([bias[..., :first], own], -1)
        cross_bias = None if self.decoder.cross_bias is None else self._cross_bias(ticks)
        for layer, block in enumerate(self.decoder.blocks):
            query, key, value = block.self_attention.split(block.self_norm(x))
            self.keys[layer, :, :, first:last] = key
            self.values[layer, :, :, first:last] = value
            past = self.keys[layer, :, :, :last], self.values[layer, :, :, :last]
            x = x + block.self_attention.out(attend(query, *past, bias))
            if block.cross_attention is not None and block.cross_norm is not None:
                assert cross_bias is not None
                x = x + block.cross_attention(block.cross_norm(x), self.looked[layer], cross_bias)
            x = x + block.mix(block.mix_norm(x))
        self.filled = last
        return self.decoder.norm(x)  # type: ignore[no-any-return]

    def step(self, x: Tensor, tick: int) -> Tensor:
        """The next position alone: [B, D] to [B, D]."""
        return self.extend(x[:, None], torch.tensor([tick], device=x.device))[:, 0]

    def _cross_bias(self, ticks: Tensor) -> Tensor:
        assert self.decoder.cross_bias is not None
        assert self.seen_ticks is not None
        return self.decoder.cross_bias(ticks, self.seen_ticks)  # type: ignore[no-any-return]
