"""Writing one position after another: what a decoder has already seen is kept, not computed again.

A step at batch 1 reads every weight once and does little else, so its speed is the memory's. Weights are packed
once for it: transposed for products of one row with a matrix, or in eight bits a number. On CUDA the step is
captured as a graph, with static shapes: launching its small kernels one by one would take longer than they run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.packing import Product, packed
from generation.cascade.sampling import Weights
from generation.cascade.transformer import Block, Decoder, RelativeBias, RMSNorm, attend, causal


class Decoding:
    """One run of a decoder over ``batch`` sequences, with keys and values of all positions so far.

    ``extend`` and ``step`` give what ``Decoder.forward`` gives for the same positions, as ``weights`` allow.
    graph: capture the step as a CUDA graph; by default where the decoder is on a CUDA device.
    Raises ValueError when more than ``steps`` positions are asked for.
    """

    def __init__(
        self,
        decoder: Decoder,
        batch: int,
        steps: int,
        *,
        seen: Tensor | None = None,
        seen_ticks: Tensor | None = None,
        weights: Weights = "float32",
        graph: bool | None = None,
    ) -> None:
        self.decoder, self.seen_ticks = decoder, seen_ticks
        config, device = decoder.config, decoder.norm.weight.device
        self.layers = _packed_layers(decoder, weights, batch)
        self.dtype = torch.bfloat16 if weights == "bfloat16" else torch.float32
        shape = (len(self.layers), batch, config.heads, steps, config.dim // config.heads)
        self.keys = torch.zeros(shape, dtype=self.dtype, device=device)
        self.values = torch.zeros(shape, dtype=self.dtype, device=device)
        self.ticks = torch.zeros(steps, dtype=torch.long, device=device)
        self.filled = 0
        self.looked: list[tuple[Tensor, Tensor]] = []
        if seen is not None:
            blocks = [block.cross_attention for block in decoder.blocks if block.cross_attention is not None]
            looked = [attention.look(seen) for attention in blocks]
            self.looked = [(key.to(self.dtype), value.to(self.dtype)) for key, value in looked]
        self.own_bias = _BiasByDistance(decoder.bias, self.dtype)
        self.cross_bias = None if decoder.cross_bias is None else _BiasByDistance(decoder.cross_bias, self.dtype)
        self.graphed = _Graphed(self, batch) if (device.type == "cuda" if graph is None else graph) else None

    def extend(self, x: Tensor, ticks: Tensor, prefix: bool = False) -> Tensor:
        """The next P positions at once: [B, P, D] and ticks [P] to [B, P, D].

        Each sees those before it, or all of them when they are a ``prefix``.
        """
        first, last = self._room_for(x.shape[1])
        self.ticks[first:last] = ticks
        bias = self.decoder.bias(ticks, self.ticks[:last])
        own = causal(bias[..., first:], len(ticks) if prefix else 0)
        bias = torch.cat([bias[..., :first], own], -1)
        cross_bias = None
        if self.decoder.cross_bias is not None:
            assert self.seen_ticks is not None
            cross_bias = self.decoder.cross_bias(ticks, self.seen_ticks)
        for layer, block in enumerate(self.decoder.blocks):
            query, key, value = block.self_attention.split(block.self_norm(x))
            self.keys[layer, :, :, first:last] = key
            self.values[layer, :, :, first:last] = value
            past = (kept[layer, :, :, :last].to(query.dtype) for kept in (self.keys, self.values))
            x = x + block.self_attention.out(attend(query, *past, bias))
            if block.cross_attention is not None and block.cross_norm is not None:
                assert cross_bias is not None
                key, value = (kept.to(x.dtype) for kept in self.looked[layer])
                x = x + block.cross_attention(block.cross_norm(x), (key, value), cross_bias)
            x = x + block.mix(block.mix_norm(x))
        self.filled = last
        return self.decoder.norm(x)  # type: ignore[no-any-return]

    def step(self, x: Tensor, tick: int) -> Tensor:
        """The next position alone: [B, D] to [B, D]."""
        now, _ = self._room_for(1)
        self.filled += 1
        if self.graphed is not None:
            return self.graphed.step(x, tick, now).to(x.dtype)
        self.ticks[now] = tick
        own = self.own_bias.at(self.ticks[: now + 1], tick)
        cross = None
        if self.cross_bias is not None:
            assert self.seen_ticks is not None
            cross = self.cross_bias.at(self.seen_ticks, tick)
        hidden = x.to(self.dtype)
        for number, layer in enumerate(self.layers):
            query, key, value = layer.split(hidden)
            self.keys[number, :, :, now : now + 1] = key
            self.values[number, :, :, now : now + 1] = value
            past = self.keys[number, :, :, : now + 1], self.values[number, :, :, : now + 1]
            hidden = layer.rest(hidden, attend(query, *past, own), self._looked(number), cross)
        return _normal(hidden, self.decoder.norm).to(x.dtype)

    def _looked(self, layer: int) -> tuple[Tensor, Tensor] | None:
        return self.looked[layer] if self.looked else None

    def _room_for(self, positions: int) -> tuple[int, int]:
        last = self.filled + positions
        if last > len(self.ticks):
            raise ValueError(f"position {last} in a session of {len(self.ticks)}; start one with more room")
        return self.filled, last


class _BiasByDistance:
    """A bias table by difference of ticks, so that a step looks its numbers up at once."""

    def __init__(self, bias: RelativeBias, dtype: torch.dtype) -> None:
        self.furthest = bias.furthest
        distances = torch.arange(-self.furthest, self.furthest + 1, device=bias.table.device)
        origin = torch.zeros(1, dtype=torch.long, device=bias.table.device)
        self.table = bias(origin, distances)[0, :, 0].detach().to(dtype).contiguous()  # [heads, 2 * furthest + 1]

    def at(self, key_ticks: Tensor, tick: int | Tensor) -> Tensor:
        """Keys' ticks [K] and the query's tick to [1, heads, 1, K]."""
        distance = (key_ticks - tick).clamp(-self.furthest, self.furthest) + self.furthest
        return self.table[:, distance][None, :, None]


@dataclass(frozen=True, slots=True)
class _Layer:
    """One block with its weights packed. Hidden states are [B, D]."""

    block: Block
    qkv: Product
    out: Product
    query: Product | None
    cross_out: Product | None
    widen: Product
    narrow: Product

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, D] to query, key and value [B, heads, 1, head_dim]."""
        heads = self.block.self_attention.heads
        together = self.qkv(_normal(x, self.block.self_norm)).view(len(x), 3, heads, 1, -1)
        query, key, value = together.unbind(1)
        return query, key, value

    def rest(
        self, x: Tensor, mixed: Tensor, looked: tuple[Tensor, Tensor] | None, cross_bias: Tensor | None
    ) -> Tensor:
        """All that comes after self-attention; ``mixed`` [B, 1, D]."""
        x = x + self.out(mixed[:, 0])
        if self.query is not None and self.cross_out is not None and self.block.cross_norm is not None:
            assert looked is not None
            assert cross_bias is not None
            heads = self.block.self_attention.heads
            query = self.query(_normal(x, self.block.cross_norm)).view(len(x), heads, 1, -1)
            x = x + self.cross_out(attend(query, *looked, cross_bias)[:, 0])
        return x + self.narrow(F.gelu(self.widen(_normal(x, self.block.mix_norm))))


class _Graphed:
    """The step with static shapes: all slots are looked at, those not yet filled are hidden.

    On CUDA it is captured once and replayed; elsewhere it runs as it is, which is how it is tested.
    """

    def __init__(self, session: Decoding, batch: int) -> None:
        self.session = session
        device = session.ticks.device
        self.x = torch.zeros(batch, session.decoder.config.dim, dtype=session.dtype, device=device)
        self.tick = torch.zeros((), dtype=torch.long, device=device)
        self.now = torch.zeros(1, dtype=torch.long, device=device)
        self.slots = torch.arange(len(session.ticks), device=device)
        self.y = torch.zeros_like(self.x)
        self.replay: Callable[[], None] | None = None

    def step(self, x: Tensor, tick: int, now: int) -> Tensor:
        self.x.copy_(x)
        self.tick.fill_(tick)
        self.now.fill_(now)
        if self.x.device.type != "cuda":
            self._compute()
            return self.y.clone()
        if self.replay is None:
            self.replay = self._captured()
        self.replay()
        return self.y.clone()

    def _captured(self) -> Callable[[], None]:
        # Warmed up on a stream of its own, as capturing wants it; every run writes the same slot.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                self._compute()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._compute()
        return graph.replay

    def _compute(self) -> None:
        session = self.session
        session.ticks.index_copy_(0, self.now, self.tick[None])
        own = session.own_bias.at(session.ticks, self.tick)
        own = own.masked_fill(self.slots > self.now, float("-inf"))
        cross = None
        if session.cross_bias is not None:
            assert session.seen_ticks is not None
            cross = session.cross_bias.at(session.seen_ticks, self.tick)
        hidden = self.x
        for number, layer in enumerate(session.layers):
            query, key, value = layer.split(hidden)
            session.keys[number].index_copy_(2, self.now, key)
            session.values[number].index_copy_(2, self.now, value)
            mixed = attend(query, session.keys[number], session.values[number], own)
            hidden = layer.rest(hidden, mixed, session._looked(number), cross)
        self.y.copy_(_normal(hidden, session.decoder.norm))


_PACKED: WeakKeyDictionary[Decoder, dict[tuple[Weights, bool], tuple[tuple[int, ...], list[_Layer]]]] = (
    WeakKeyDictionary()
)


def _packed_layers(decoder: Decoder, weights: Weights, batch: int) -> list[_Layer]:
    """A decoder's layers, packed when first asked for and again when its weights have changed."""
    version = tuple(0 if weight.is_inference() else weight._version for weight in decoder.parameters())
    key = (weights, batch == 1)
    held = _PACKED.setdefault(decoder, {})
    if key not in held or held[key][0] != version:
        held[key] = (version, [_packed_layer(block, weights, single=batch == 1) for block in decoder.blocks])
    return held[key][1]


def _packed_layer(block: Block, weights: Weights, *, single: bool) -> _Layer:
    def product(linear: nn.Module) -> Product:
        assert isinstance(linear, nn.Linear)
        return packed(linear, weights, single=single)

    own, cross = block.self_attention, block.cross_attention
    return _Layer(
        block,
        product(own.qkv),
        product(own.out),
        None if cross is None else product(cross.query),
        None if cross is None else product(cross.out),
        product(block.mix[0]),
        product(block.mix[2]),
    )


def _normal(x: Tensor, norm: RMSNorm) -> Tensor:
    return norm(x)  # type: ignore[no-any-return]
