"""Drawing tokens from logits: pure, seeded, and with the same noise for the same seed whatever the logits are."""

from __future__ import annotations

import torch
from torch import Tensor


def gumbel_noise(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Standard Gumbel noise, drawn on the processor so that one seed means the same on every device."""
    uniform = torch.rand(shape, generator=generator).clamp(1e-9, 1 - 1e-7)
    return (-(-uniform.log()).log()).to(device)


def sample(logits: Tensor, noise: Tensor, temperature: float, top_k: int) -> Tensor:
    """Logits [..., tokens] and Gumbel noise of the same shape to drawn tokens [...].

    Adding Gumbel noise and taking the largest draws exactly from the softmax. Because the noise does not depend on
    the logits, two nearly equal videos at one seed get the same token almost everywhere. Temperature 0 takes the
    likeliest token. Raises ValueError on a negative temperature or a ``top_k`` below 1.
    """
    if temperature < 0 or top_k < 1:
        raise ValueError(f"temperature {temperature} and top_k {top_k}: need a temperature >= 0 and a top_k >= 1")
    if temperature == 0:
        return logits.argmax(-1)
    floor = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]
    kept = logits.masked_fill(logits < floor, float("-inf"))
    return (kept / temperature + noise).argmax(-1)
