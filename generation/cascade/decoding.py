"""Writing one position after another: what a decoder has already seen is kept, not computed again.

A step at batch 1 reads every weight once and does little else, so its speed is the memory's. Weights are packed
once for it (``packing``), and a step is few calls of kernels. On CUDA it is captured as a graph, with static
shapes: launching its small kernels one by one would take longer than they run.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.kernels import attention_of_rows
from generation.cascade.packing import in_huge_pages, packed_layers
from generation.cascade.sampling import Weights
from generation.cascade.transformer import Decoder, RelativeBias, attend, causal

EPSILON = torch.finfo(torch.float32).eps
"""RMSNorm's own in single precision, whatever a session computes in."""


class Decoding:
    """One run of a decoder over ``batch`` sequences, with keys and values of all positions so far.

    ``extend`` and ``step`` give what ``Decoder.forward`` gives for the same positions, as ``weights`` allow.
    graph: take every step over all ``steps`` slots, which on CUDA is captured as a graph; by default where the
        decoder is on a CUDA device.
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
        self.decoder, self.batch, self.seen_ticks = decoder, batch, seen_ticks
        config, device = decoder.config, decoder.norm.weight.device
        self.layers = packed_layers(decoder, weights, batch)
        # On a processor only the products are taken in sixteen bits: its attention is slower in them.
        self.dtype = torch.bfloat16 if weights == "bfloat16" and device.type == "cuda" else torch.float32
        self.normal = _Norm(config.dim, device)
        self.heads, self.head_dim = config.heads, config.dim // config.heads
        shape = (config.layers, 2, batch, self.heads, steps, self.head_dim)
        self.kept = in_huge_pages(torch.zeros(shape, dtype=self.dtype, device=device))
        self.mixed = _mixed_by_row if device.type == "cpu" else _mixed
        self.past = [_by_head(key, value) for key, value in self.kept]
        self.ticks = torch.zeros(steps, dtype=torch.long, device=device)
        self.filled = 0
        blocks = [block.cross_attention for block in decoder.blocks if block.cross_attention is not None]
        looked = [] if seen is None else [torch.stack(attention.look(seen)).to(self.dtype) for attention in blocks]
        self.looked = in_huge_pages(torch.stack(looked)) if looked else None
        self.sights = [] if self.looked is None else [_by_head(key, value) for key, value in self.looked]
        self.own_bias = _BiasByDistance(decoder.bias, self.dtype)
        self.relative_keys = _keys_by_distance(decoder, batch, self.dtype)
        self.cross_bias = None if decoder.cross_bias is None else _BiasByDistance(decoder.cross_bias, self.dtype)
        self.graphed = _Graphed(self) if (device.type == "cuda" if graph is None else graph) else None

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
        for number, block in enumerate(self.decoder.blocks):
            query, key, value = block.self_attention.split(block.self_norm(x))
            biased = block.self_attention.biased(bias, query, ticks, self.ticks[:last])
            kept = self.kept[number, ..., :last, :]
            kept[..., first:, :] = torch.stack([key, value])
            key, value = kept.to(query.dtype)
            x = x + block.self_attention.out(attend(query, key, value, biased))
            if block.cross_attention is not None and block.cross_norm is not None:
                assert cross_bias is not None
                assert self.looked is not None
                key, value = self.looked[number].to(x.dtype)
                x = x + block.cross_attention(block.cross_norm(x), (key, value), cross_bias)
            x = x + block.mix(block.mix_norm(x))
        self.filled = last
        return self.decoder.norm(x)  # type: ignore[no-any-return]

    def step(self, x: Tensor, tick: int) -> Tensor:
        """The next position alone: [B, D] to [B, D]."""
        now, room = self._room_for(1)
        self.filled = room
        if self.graphed is not None:
            return self.graphed.step(x, tick, now).to(x.dtype)
        self.ticks[now] = tick
        slot = self.kept[..., now, :]

        def keep(layer: int, key_value: Tensor) -> None:
            slot[layer].copy_(key_value)

        own = self.own_bias.at(self.ticks[:room], tick)
        back = self.back(self.ticks[:room], tick)
        return self.through(x.to(self.dtype), own, back, self.looking(tick), keep, room).to(x.dtype)

    def back(self, key_ticks: Tensor, tick: int | Tensor) -> Tensor | None:
        """How far back keys at [K] ticks lie, [K], where queries score distances."""
        distances = self.decoder.config.relative_keys
        return (tick - key_ticks).clamp_(0, distances - 1) if distances else None

    def looking(self, tick: int | Tensor) -> Tensor | None:
        """The bias towards what is seen at a tick, [heads, S], if there is anything to look at."""
        if self.cross_bias is None:
            return None
        assert self.seen_ticks is not None
        return self.cross_bias.at(self.seen_ticks, tick)

    def through(
        self,
        x: Tensor,
        own: Tensor,
        back: Tensor | None,
        cross: Tensor | None,
        keep: Callable[[int, Tensor], None],
        room: int,
    ) -> Tensor:
        """One position [B, D] through all layers to [B, D].

        own [heads, room], cross [heads, S]: biases. back [room]: see ``back``. keep: puts a layer's key and value,
        [2, B, heads, head_dim], into the slot of this position. room: slots to look at, from the first.
        """
        batch, dim = x.shape
        own = own.repeat(batch, 1).unsqueeze(1)
        cross = None if cross is None else cross.repeat(batch, 1).unsqueeze(1)
        for number, layer in enumerate(self.layers):
            fused = layer.qkv(self.normal(x)).view(batch, 3, self.heads, self.head_dim)
            keep(number, fused[:, 1:].transpose(0, 1))
            keys, values = self.past[number]
            query = fused[:, 0].reshape(-1, 1, self.head_dim)
            bias = own
            if back is not None:
                bias = own + torch.bmm(query, self.relative_keys[number]).index_select(2, back)
            x = x + layer.out(self.mixed(query, keys, values, bias).view(batch, dim))
            if layer.query is not None and layer.cross_out is not None:
                assert cross is not None
                query = layer.query(self.normal(x)).view(-1, 1, self.head_dim)
                x = x + layer.cross_out(self.mixed(query, *self.sights[number], cross).view(batch, dim))
            x = x + layer.narrow(F.gelu(layer.widen(self.normal(x))))
        return self.normal(x) * self.decoder.norm.weight.to(x.dtype)

    def _room_for(self, positions: int) -> tuple[int, int]:
        last = self.filled + positions
        if last > len(self.ticks):
            raise ValueError(f"position {last} in a session of {len(self.ticks)}; start one with more room")
        return self.filled, last


def _by_head(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values [B, heads, S, head_dim], each to [B * heads, S, head_dim]."""
    return key.flatten(0, 1), value.flatten(0, 1)


def _keys_by_distance(decoder: Decoder, batch: int, dtype: torch.dtype) -> list[Tensor]:
    """Every layer's relative keys, [B * heads, head_dim, distances], where a decoder has them."""
    relative = [block.self_attention.relative_keys for block in decoder.blocks]
    keys = [each.keys.detach().to(dtype).transpose(1, 2) for each in relative if each is not None]
    return [each.repeat(batch, 1, 1).contiguous() for each in keys]


def _mixed(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Scaled query [B * heads, 1, head_dim] and bias [B * heads, 1, T] to [B * heads, 1, head_dim].

    Of keys and values [B * heads, S, head_dim] the first T are looked at.
    """
    room = bias.shape[-1]
    return torch.bmm(torch.baddbmm(bias, query, keys[:, :room].transpose(1, 2)).softmax(-1), values[:, :room])


def _mixed_by_row(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """The same on a processor, compiled: torch's products of one row read keys far slower than they could."""
    mixed = torch.empty_like(query)
    parts = (query[:, 0], keys, values, bias[:, 0], mixed[:, 0])
    attention_of_rows()(*(part.detach().numpy() for part in parts))
    return mixed


class _Norm:
    """[B, D] over its root mean square; the weight that a norm has is multiplied into what comes after it."""

    def __init__(self, dim: int, device: torch.device) -> None:
        self.dim, self.on_cpu = dim, device.type == "cpu"
        self.zero = torch.zeros((), device=device)
        self.floor = torch.full((), (dim * EPSILON) ** 0.5, device=device)

    def __call__(self, x: Tensor) -> Tensor:
        if not self.on_cpu:
            return F.rms_norm(x, (self.dim,), None, EPSILON)
        # Torch has one kernel for it on CUDA and eight on a processor, where these three do the same.
        length: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return torch.addcdiv(self.zero, x, torch.hypot(length, self.floor), value=self.dim**0.5)


class _BiasByDistance:
    """A bias table by difference of ticks, so that a step looks its numbers up at once."""

    def __init__(self, bias: RelativeBias, dtype: torch.dtype) -> None:
        self.furthest = bias.furthest
        distances = torch.arange(-self.furthest, self.furthest + 1, device=bias.table.device)
        origin = torch.zeros(1, dtype=torch.long, device=bias.table.device)
        self.table = bias(origin, distances)[0, :, 0].detach().to(dtype).contiguous()  # [heads, 2 * furthest + 1]

    def at(self, key_ticks: Tensor, tick: int | Tensor) -> Tensor:
        """Keys' ticks [K] and the query's tick to [heads, K]."""
        distance = (key_ticks - tick).clamp_(-self.furthest, self.furthest).add_(self.furthest)
        bias: Tensor = self.table.index_select(1, distance)
        return bias


class _Graphed:
    """The step with static shapes: all slots are looked at, those not yet filled are hidden.

    On CUDA it is captured once and replayed; elsewhere it runs as it is, which is how it is tested.
    """

    def __init__(self, session: Decoding) -> None:
        self.session = session
        device = session.ticks.device
        self.x = torch.zeros(session.batch, session.decoder.config.dim, dtype=session.dtype, device=device)
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
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
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
        back, cross = session.back(session.ticks, self.tick), session.looking(self.tick)
        self.y.copy_(session.through(self.x, own, back, cross, self._keep, len(self.slots)))

    def _keep(self, layer: int, key_value: Tensor) -> None:
        self.session.kept[layer].index_copy_(3, self.now, key_value.unsqueeze(3))
