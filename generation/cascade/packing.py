"""Linear layers laid out for a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.sampling import Weights

Product = Callable[[Tensor], Tensor]
"""Rows [B, inputs] to [B, outputs]."""


def packed(linear: nn.Linear, weights: Weights, *, single: bool) -> Product:
    """A linear layer for rows of ``weights``' precision; ``single`` for one row at a time.

    Raises ValueError on another kind of weights.
    """
    weight = linear.weight.detach()
    bias = None if linear.bias is None else linear.bias.detach()
    if weights == "int8":
        return _eight_bits(weight.float(), bias)
    if weights not in ("float32", "bfloat16"):
        raise ValueError(f"no weights {weights!r}; there are float32, bfloat16 and int8")
    dtype = torch.float32 if weights == "float32" else torch.bfloat16
    weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
    if single and weight.device.type == "cpu":
        # Read row by row, in the order in which memory gives them.
        turned = weight.t().contiguous()
        return (lambda x: x @ turned) if bias is None else (lambda x: torch.addmm(bias, x, turned))
    return lambda x: F.linear(x, weight, bias)


def _eight_bits(weight: Tensor, bias: Tensor | None) -> Product:
    """Eight bits a weight and one scale an output, the numbers that are multiplied with staying as they are."""
    scale = weight.abs().amax(1).clamp(min=1e-8) / 127
    whole = (weight / scale[:, None]).round().to(torch.int8).contiguous()

    def times(x: Tensor) -> Tensor:
        if x.device.type == "cpu":
            y = torch._weight_int8pack_mm(x, whole, scale)
        else:
            y = (x @ whole.to(x.dtype).t()) * scale.to(x.dtype)
        return y if bias is None else y + bias

    return times
