"""A decoder's weights laid out for the few rows that one position after another multiplies with them.

Such a product is as fast as its weights can be read. What is chosen here is what reads them fastest on one core
(docs/performance.md); every choice gives the same numbers but for rounding.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.kernels import row_product
from generation.cascade.sampling import Weights
from generation.cascade.transformer import Block, Decoder, RMSNorm

Product = Callable[[Tensor], Tensor]
"""Rows [B, inputs] to [B, outputs] in the rows' precision."""

LARGE = 1 << 20
"""Numbers in a matrix from which on its layout matters more than the call."""

HUGE_PAGE = 1 << 21
EIGHT_BIT_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Layer:
    """The products of one block. Norms' weights and the scale of attention are multiplied into them."""

    qkv: Product
    out: Product
    query: Product | None
    cross_out: Product | None
    widen: Product
    narrow: Product


_PACKED: WeakKeyDictionary[
    Decoder, dict[tuple[Weights, bool], tuple[tuple[tuple[int, int], ...], list[Layer]]]
] = WeakKeyDictionary()


def packed_layers(decoder: Decoder, weights: Weights, batch: int) -> list[Layer]:
    """A decoder's layers, packed when first asked for and again when its weights have changed."""
    version = tuple(
        (weight.data_ptr(), 0 if weight.is_inference() else weight._version) for weight in decoder.parameters()
    )
    key = (weights, batch == 1)
    held = _PACKED.setdefault(decoder, {})
    if key not in held or held[key][0] != version:
        held[key] = (version, [_packed_layer(block, weights, single=batch == 1) for block in decoder.blocks])
    return held[key][1]


@torch.no_grad()
def _packed_layer(block: Block, weights: Weights, *, single: bool) -> Layer:
    def product(linear: nn.Module, norm: RMSNorm | None = None, queries: int = 0) -> Product:
        """``queries``: how many outputs, from the first, are an attention's queries."""
        assert isinstance(linear, nn.Linear)
        weight = linear.weight if norm is None else linear.weight * norm.weight
        if queries:
            scale = torch.ones(len(weight), 1, device=weight.device)
            scale[:queries] = (linear.in_features // block.self_attention.heads) ** -0.5
            weight = weight * scale
        return packed(
            weight.detach(), None if linear.bias is None else linear.bias.detach(), weights, single=single
        )

    own, cross = block.self_attention, block.cross_attention
    return Layer(
        qkv=product(own.qkv, block.self_norm, queries=own.qkv.in_features),
        out=product(own.out),
        query=None if cross is None else product(cross.query, block.cross_norm, queries=cross.query.in_features),
        cross_out=None if cross is None else product(cross.out),
        widen=product(block.mix[0], block.mix_norm),
        narrow=product(block.mix[2]),
    )


def packed(weight: Tensor, bias: Tensor | None, weights: Weights, *, single: bool) -> Product:
    """The product with ``weight`` [outputs, inputs], kept as ``weights``; ``single`` for one row at a time.

    Raises ValueError on another kind of weights.
    """
    if weights == "int8":
        return _eight_bits(weight.float(), bias)
    if weights == "bfloat16":
        return _sixteen_bits(weight.bfloat16(), bias)
    if weights != "float32":
        raise ValueError(f"no weights {weights!r}; there are float32, bfloat16 and int8")
    if weight.device.type == "cpu" and single:
        return _row_times(weight, bias)
    return _in_blocks(weight, bias)


def _row_times(weight: Tensor, bias: Tensor | None) -> Product:
    """One row: the weights are read once, in the order in which they lie."""
    rows = in_huge_pages(weight.contiguous()).numpy()
    multiply = row_product()

    def times(x: Tensor) -> Tensor:
        y = np.empty((1, len(rows)), np.float32)
        multiply(rows, x.detach().numpy()[0], y[0])
        made = torch.from_numpy(y)
        return made if bias is None else made.add_(bias)

    return times


def _in_blocks(weight: Tensor, bias: Tensor | None) -> Product:
    """Few rows: oneDNN's own layout where there is one, twice as fast as the ordinary one at eight rows."""
    if weight.device.type != "cpu" or weight.numel() < LARGE or not _onednn_takes(weight.dtype):
        return lambda x: F.linear(x, weight, bias)
    blocks = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), 8)
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, blocks, bias, "none", [], "")


def _sixteen_bits(weight: Tensor, bias: Tensor | None) -> Product:
    """Half the bytes. On a processor the rows stay in single precision but for the product itself."""
    times = _in_blocks(weight, None if bias is None else bias.bfloat16())
    return lambda x: times(x.bfloat16()).to(x.dtype)


def _eight_bits(weight: Tensor, bias: Tensor | None) -> Product:
    """Eight bits a weight and one scale an output; what is multiplied with them keeps sixteen."""
    scale = weight.abs().amax(1).clamp(min=1e-8) / 127
    whole = (weight / scale[:, None]).round().to(torch.int8).contiguous()
    scale = scale.bfloat16()
    # Torch's kernel reads inputs in blocks, beyond the end of rows that do not fill them.
    short = -weight.shape[1] % EIGHT_BIT_BLOCK
    whole = F.pad(whole, (0, short))

    def times(x: Tensor) -> Tensor:
        rows = F.pad(x.bfloat16(), (0, short)) if short else x.bfloat16()
        if x.device.type == "cpu":
            y = torch._weight_int8pack_mm(rows, whole, scale)
        else:
            y = (rows @ whole.to(rows.dtype).t()) * scale
        y = y.to(x.dtype)
        return y if bias is None else y + bias.to(x.dtype)

    return times


def _onednn_takes(dtype: torch.dtype) -> bool:
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def in_huge_pages(numbers: Tensor) -> Tensor:
    """The same numbers in pages of 2 MiB, where the system has them: fewer addresses to look up while reading."""
    if numbers.device.type != "cpu" or numbers.numel() < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return numbers
    held = mmap.mmap(-1, numbers.nbytes + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.madvise(mmap.MADV_HUGEPAGE)
    room = torch.frombuffer(held, dtype=numbers.dtype)
    first = -room.data_ptr() % HUGE_PAGE // numbers.itemsize
    return room[first : first + numbers.numel()].view(numbers.shape).copy_(numbers)
