"""Residual vector quantisation (Zeghidour et al. 2021, section III-C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ResidualQuantizer(nn.Module):
    """Each level codes what the levels before it left over.

    Codebooks follow a running mean of what they are given; codes that nobody uses are moved onto current inputs.
    """

    codebooks: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, levels: int, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("codebooks", torch.zeros(levels, size, dim))
        self.register_buffer("counts", torch.zeros(levels, size), persistent=False)
        self.register_buffer("sums", torch.zeros(levels, size, dim), persistent=False)

    def nearest(self, x: Tensor, level: int) -> Tensor:
        """[N, D] to the index of the nearest code, [N]; in single precision, as bfloat16 takes near for equal."""
        book = self.codebooks[level]
        with torch.autocast(x.device.type, enabled=False):
            return (book.square().sum(1) - 2 * x.float() @ book.T).argmin(1)

    def encode(self, latents: Tensor) -> Tensor:
        """[B, T, D] to codes [B, levels, T]."""
        flat = latents.reshape(-1, latents.shape[-1])
        codes = []
        for level in range(self.codebooks.shape[0]):
            index = self.nearest(flat, level)
            flat = flat - self.codebooks[level][index]
            codes.append(index.view(latents.shape[:2]))
        return torch.stack(codes, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [B, any number of first levels, T] to the sum of their vectors, [B, T, D]."""
        return torch.stack([self.codebooks[level][codes[:, level]] for level in range(codes.shape[1])]).sum(0)
