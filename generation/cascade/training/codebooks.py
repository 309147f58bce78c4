"""Codebooks that learn: running means of what each code stands for, as in VQ-VAE-2 and SoundStream.

Zeghidour et al. 2021, section III-C: codebooks follow by exponential moving averages, a code that hardly anything
is near moves onto an input, and quantiser dropout lets one network serve any number of first levels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.acoustic.quantizer import ResidualQuantizer
from generation.cascade.training.ranks import from_first_rank, mean_over_ranks

_FOLLOW = 0.02
_DEAD = 0.004
_REVIVED = 0.05


def quantised_in_training(
    quantizer: ResidualQuantizer, latents: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Quantise [B, T, D] and let the codebooks follow; also the commitment loss. Gradients pass straight through.

    About half of the examples stop at a random level, so that the first levels alone already carry the gist. The
    first example never does: a level that nobody reaches could not learn, and its mean would not be a number.
    """
    batch, frames, dim = latents.shape
    levels = len(quantizer.codebooks)
    keep = torch.randint(1, levels + 1, (batch,), generator=generator)
    keep[torch.rand(batch, generator=generator) < 0.5] = levels
    keep[0] = levels
    residual = latents.reshape(-1, dim)
    total = torch.zeros_like(residual)
    commitment = residual.new_zeros(())
    for level in range(levels):
        used = (keep > level).repeat_interleave(frames).to(residual.device)
        with torch.no_grad():
            _follow(quantizer, level, residual.detach()[used], generator)
            code = quantizer.codebooks[level][quantizer.nearest(residual.detach(), level)]
        commitment = commitment + F.mse_loss(residual[used], code[used])
        total = total + code * used.unsqueeze(1)
        residual = residual - code
    flat = latents.reshape(-1, dim)
    return (flat + (total - flat).detach()).view(batch, frames, dim), commitment / levels


def _follow(quantizer: ResidualQuantizer, level: int, inputs: Tensor, generator: torch.Generator) -> None:
    """Move one level's codes towards what they are nearest to among ``inputs`` [N, D] of all ranks."""
    counts, sums = quantizer.counts[level], quantizer.sums[level]
    if float(counts.sum()) == 0:
        sums.copy_(_some(inputs, len(counts), generator))
        counts.fill_(1.0)
        quantizer.codebooks[level] = sums
    index = quantizer.nearest(inputs, level)
    seen = torch.zeros_like(counts).index_add_(0, index, torch.ones(len(index), device=inputs.device))
    summed = torch.zeros_like(sums).index_add_(0, index, inputs)
    counts.mul_(1 - _FOLLOW).add_(mean_over_ranks(seen), alpha=_FOLLOW)
    sums.mul_(1 - _FOLLOW).add_(mean_over_ranks(summed), alpha=_FOLLOW)
    dead = (counts < _DEAD).nonzero().flatten()
    if len(dead):
        sums[dead] = _some(inputs, len(dead), generator) * _REVIVED
        counts[dead] = _REVIVED
    quantizer.codebooks[level] = sums / counts.clamp(min=1e-6).unsqueeze(1)


def _some(inputs: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Inputs [count, D] by lot, on every rank those that the first one drew, or their codebooks would part."""
    picked = inputs[torch.randint(len(inputs), (count,), generator=generator)]
    from_first_rank([picked])
    return picked
