"""Features brought to one scale and rounded, so that two encodings of one video lead to one music."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardised(nn.Module):
    """Features [..., dim] less their mean, over their deviation, rounded to steps of ``quantum`` deviations.

    Mean and deviation are fitted to training clips; until then they are 0 and ``deviation``. A quantum of 0 rounds
    nothing.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, dim: int, quantum: float, deviation: float) -> None:
        super().__init__()
        self.quantum = quantum
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", deviation * torch.ones(dim))

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Take mean and deviation from features [N, dim]; what never changes is left small, not blown up."""
        spread = features.std(0)
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(spread.clamp(min=1e-2 * float(spread.max()) + 1e-6))

    def forward(self, features: Tensor) -> Tensor:
        scaled = (features - self.mean) / self.deviation
        return (scaled / self.quantum).round() * self.quantum if self.quantum else scaled
