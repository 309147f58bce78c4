"""The noise of riffusion-tiny: a cosine schedule, velocities, and DDIM with classifier-free guidance.

Cosine schedule: Nichol & Dhariwal (2021, arXiv:2102.09672). Velocity: Salimans & Ho (2022, arXiv:2202.00512).
DDIM: Song et al. (2020, arXiv:2010.02502). Guidance: Ho & Salimans (2022, arXiv:2207.12598).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Noisy latents [B, C, h, w], time [B] and text [B, D] to the velocity [B, C, h, w]."""


def amounts(time: Tensor) -> tuple[Tensor, Tensor]:
    """How much picture and how much noise there is at a time in [0, 1]; their squares sum to one."""
    angle = time * (math.pi / 2)
    return angle.cos(), angle.sin()


def loss(velocity: Velocity, latents: Tensor, text: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity at random times, one a picture and spread evenly over the batch."""
    batch = len(latents)
    start = torch.rand(1, generator=generator)
    time = (start + torch.arange(batch) / batch) % 1
    noise = torch.randn(latents.shape, generator=generator)
    picture, noisy = (amount[:, None, None, None] for amount in amounts(time))
    found = velocity(picture * latents + noisy * noise, time, text)
    return (found.float() - (picture * noise - noisy * latents)).square().mean()


def sample(
    velocity: Velocity,
    text: Tensor,
    shape: tuple[int, int, int],
    *,
    steps: int,
    guidance: float,
    generator: torch.Generator,
    progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """Latents [1, C, h, w] for one text [1, D], from noise in ``steps`` steps; one seed gives the same picture.

    ``guidance`` 1 takes the text at its word, 0 ignores it, more exaggerates it.
    """
    both = torch.cat([text, torch.zeros_like(text)])
    latents = torch.randn(1, *shape, generator=generator)
    times = torch.linspace(1, 0, steps + 1)
    for step in range(steps):
        picture, noise = amounts(times[step])
        told, untold = velocity(latents.expand(2, -1, -1, -1), times[step].expand(2), both).chunk(2)
        found = untold + guidance * (told - untold)
        clean, dirt = picture * latents - noise * found, noise * latents + picture * found
        picture, noise = amounts(times[step + 1])
        latents = picture * clean + noise * dirt
        progress((step + 1) / steps)
    return latents
