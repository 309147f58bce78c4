"""How many sequences a device holds at once while they are written.

At batch 1 a GPU waits for its memory; sequences that are written together share every weight that is read.
"""

from __future__ import annotations

import os

import torch

from generation.cascade.sampling import Weights
from generation.cascade.transformer import TransformerConfig
from generation.contracts import OutOfMemory

SHARE = 0.9
"""Of what is free: allocators keep some, and other stages' small tensors come and go."""

WEIGHT_BYTES: dict[Weights, int] = {"float32": 4, "bfloat16": 2, "int8": 1}


def batch_that_fits(
    config: TransformerConfig,
    free: int,
    *,
    steps: int,
    states: int = 0,
    prefix: int = 0,
    weights: Weights = "bfloat16",
    device: str = "cuda",
) -> int:
    """The most sequences that one session of a decoder can write in ``free`` bytes, arithmetic alone.

    steps: positions of a session. states: encoder states that it looks at. prefix: positions given at once at its
    beginning, whose attention is the widest thing in memory. Guidance writes each sequence twice: halve it.
    Raises OutOfMemory when not even one fits.
    """
    room = int(free * SHARE) - packed_bytes(config, weights, cross=states > 0)
    each = sequence_bytes(config, steps=steps, states=states, prefix=prefix, weights=weights, device=device)
    if room < each:
        needed = int((packed_bytes(config, weights, cross=states > 0) + each) / SHARE)
        raise OutOfMemory(
            f"{free} bytes are free, and one sequence of {steps} positions needs {needed} with {weights} weights: "
            "choose smaller weights or shorter windows"
        )
    return room // each


def packed_bytes(config: TransformerConfig, weights: Weights, *, cross: bool) -> int:
    """The packed copy of a decoder's weights; what is read once a clip, cross-attention's keys, is not packed."""
    squares = 4 + (2 if cross else 0)
    per_layer = squares * config.dim**2 + 2 * config.dim * config.feed_forward
    return config.layers * per_layer * WEIGHT_BYTES[weights]


def sequence_bytes(
    config: TransformerConfig, *, steps: int, states: int, prefix: int, weights: Weights, device: str
) -> int:
    """What one more sequence needs: keys and values for as long as the session lasts, and its beginning."""
    number = 2 if weights == "bfloat16" and device == "cuda" else 4
    kept = config.layers * 2 * (steps + states) * config.dim * number
    # Single precision: scores before and after the bias and the softmax, then the widened states and their GELU.
    scores = 3 * config.heads * prefix * max(prefix, states)
    widened = prefix * (2 * config.feed_forward + 4 * config.dim)
    return kept + 4 * max(scores, widened)


def free_bytes(device: torch.device) -> int:
    """Free memory of a CUDA device, or of the machine."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
