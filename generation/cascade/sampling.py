"""Drawing tokens from logits: pure, seeded, and with the same noise for the same seed whatever the logits are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

Weights = Literal["float32", "bfloat16", "int8"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one stage draws.

    temperature: 0 takes the likeliest token. top_k: how many tokens it may choose from.
    guidance: how far the control pushes, as in classifier-free guidance (Ho & Salimans 2022): 1 takes the
        conditional scores as they are, more exaggerates what sets them apart from the unconditional ones.
    weights: the decoder's weights while drawing.
    """

    temperature: float
    top_k: int
    guidance: float = 1.0
    weights: Weights = "float32"

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 1:
            raise ValueError(
                f"temperature {self.temperature} and top_k {self.top_k}: need a temperature >= 0 and a top_k >= 1"
            )
        if self.weights not in get_args(Weights):
            raise ValueError(f"no weights {self.weights!r}; there are {', '.join(get_args(Weights))}")
        if not 0 <= self.guidance <= 20:
            raise ValueError(f"guidance {self.guidance}: need a number from 0 to 20; 1 is none")


def gumbel_noise(shape: tuple[int, ...], seeds: Sequence[int], stage: int, device: torch.device) -> Tensor:
    """Standard Gumbel noise [len(seeds), *shape] for stage 1, 2 or 3.

    One generator a clip and stage, drawn on the processor: one seed means the same on every device and in every
    batch, and no stage repeats another's luck.
    """
    noise = []
    for seed in seeds:
        generator = torch.Generator().manual_seed((seed * 4 + stage) % 2**63)
        uniform = torch.rand(shape, generator=generator).clamp(1e-9, 1 - 1e-7)
        noise.append(-(-uniform.log()).log())
    return torch.stack(noise).to(device)


def sample(logits: Tensor, noise: Tensor, temperature: float, top_k: int) -> Tensor:
    """Logits [..., tokens] and Gumbel noise of the same shape to drawn tokens [...].

    Adding Gumbel noise and taking the largest draws exactly from the softmax. Because the noise does not depend on
    the logits, two nearly equal videos at one seed get the same token almost everywhere.
    """
    if temperature == 0:
        return logits.argmax(-1)
    floor = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]
    kept = logits.masked_fill(logits < floor, float("-inf"))
    return (kept / temperature + noise).argmax(-1)


def guided(logits: Tensor, strength: float) -> Tensor:
    """Scores [2B, ...] of the asked and the unasked half to [B, ...] pushed by ``strength``."""
    asked, unasked = logits.chunk(2)
    return unasked + strength * (asked - unasked)
