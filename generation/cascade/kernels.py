"""What one position after another needs on a processor, compiled when first asked for.

At batch 1 a step reads every weight, key and value once and does little else. Torch's kernels and those of BLAS
are made for more than one row: these two read memory in the order in which it lies (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import exp
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# Sums may be taken in any order. That nothing is infinite may not be assumed: hidden positions are.
_FAST = {"reassoc", "contract", "nsz", "arcp"}


@cache
def row_product() -> Callable[[Array, Array, Array], None]:
    """Weights [outputs, inputs] times a row [inputs] into a row [outputs]."""

    def multiply(weights: Any, x: Any, y: Any) -> None:
        for output in range(weights.shape[0]):
            total = np.float32(0)
            for place in range(weights.shape[1]):
                total += weights[output, place] * x[place]
            y[output] = total

    return _compiled("void(float32[:, ::1], float32[::1], float32[::1])", multiply)


@cache
def attention_of_rows() -> Callable[[Array, Array, Array, Array, Array], None]:
    """Softmax attention of one position in every head.

    Scaled queries [H, head_dim], keys and values [H, S, head_dim], of which the first T count, and a bias [H, T],
    into [H, head_dim].
    """

    def look(queries: Any, keys: Any, values: Any, bias: Any, out: Any) -> None:
        steps, width = bias.shape[1], queries.shape[1]
        scores = np.empty(steps, np.float32)
        for head in range(queries.shape[0]):
            highest = np.float32(-np.inf)
            for step in range(steps):
                score = np.float32(0)
                for place in range(width):
                    score += queries[head, place] * keys[head, step, place]
                scores[step] = score + bias[head, step]
                highest = max(highest, scores[step])
            whole = np.float32(0)
            for place in range(width):
                out[head, place] = 0
            for step in range(steps):
                share = np.float32(exp(scores[step] - highest))
                whole += share
                for place in range(width):
                    out[head, place] += share * values[head, step, place]
            for place in range(width):
                out[head, place] /= whole

    three = "float32[:, :, ::1]"
    return _compiled(f"void(float32[:, ::1], {three}, {three}, float32[:, ::1], float32[:, ::1])", look)


def _compiled(signature: str, function: Callable[..., None]) -> Callable[..., None]:
    from numba import njit

    made: Callable[..., None] = njit(signature, fastmath=_FAST)(function)
    return made
