"""Limits of net preference from those of its two shares: MOVER, with the shares' two-way correlation.

Near ±1 a t interval is too short, elsewhere too wide, and where no answers differ there is none. Wilson's limits
of the win and the loss share say how far each may be off, and the root of the sum of squares adds the two up (Zou
& Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine 27).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.variance import (
    NO_SPREAD,
    Floats,
    Layout,
    Moments,
    effective_n,
    many_moments,
    t_interval,
    t_quantile,
    wilson_limits,
)

_FARTHEST = 1e4
_HALVINGS = 60


def parts(sign: Floats, layout: Layout, *, split: bool = False) -> tuple[Moments, Moments, Moments, Moments]:
    """Moments of wins, ties, losses and net preference of answers (N,), +1, 0 or −1; a tie may be split."""
    half = (1 + sign) / 2
    wins, losses = (half, 1 - half) if split else (np.maximum(sign, 0.0), np.maximum(-sign, 0.0))
    win, tie, loss, net = many_moments((wins, 1 - np.abs(sign), losses, sign), layout)
    return win, tie, loss, net


def net_interval(
    win: Moments, loss: Moments, net: Moments, *, level: float, pooled: float | None = None
) -> tuple[float, float]:
    """MOVER's, from moments that have variances; 0 lies in it where the t test says so, and only there."""
    low, high = Shares.of(win, loss, net, pooled=pooled).limits(t_quantile(net.df, level))
    low, high = min(low, net.mean), max(high, net.mean)
    assert net.variance is not None
    if net.variance <= NO_SPREAD:
        return low, high
    t_low, t_high = t_interval(net, level)
    # Where the one leaves 0 out and the other does not, the limit is that of the test, which is not 0 itself.
    return (
        (low if low > 0 else t_low) if t_low > 0 else min(low, 0.0),
        (high if high < 0 else t_high) if t_high < 0 else max(high, 0.0),
    )


@dataclass(frozen=True, slots=True)
class Shares:
    """Win and loss share (0 to 1), the effective number of answers of each, and their correlation (−1 to 1)."""

    win: float
    loss: float
    n_win: float
    n_loss: float
    correlation: float

    @classmethod
    def of(cls, win: Moments, loss: Moments, net: Moments, *, pooled: float | None) -> Shares:
        """From moments that have variances; a share without spread has the ``pooled`` design effect."""
        assert win.variance is not None
        assert loss.variance is not None
        assert net.variance is not None
        if min(win.variance, loss.variance) > NO_SPREAD:
            covariance = (win.variance + loss.variance - net.variance) / 2
            correlation = covariance / math.sqrt(win.variance * loss.variance)
        else:
            # Without ties the one share is what the other leaves over.
            correlation = -1.0 if win.mean + loss.mean > 1 - 1e-9 else 0.0
        return cls(
            win.mean,
            loss.mean,
            effective_n(win, pooled),
            effective_n(loss, pooled),
            min(max(correlation, -1.0), 1.0),
        )

    @property
    def net(self) -> float:
        return self.win - self.loss

    def limits(self, t: float) -> tuple[float, float]:
        """Of the interval that reaches ``t`` standard errors to each side."""
        win_low, win_high = wilson_limits(self.win, self.n_win, t)
        loss_low, loss_high = wilson_limits(self.loss, self.n_loss, t)
        down = self._reach(self.win - win_low, loss_high - self.loss)
        up = self._reach(win_high - self.win, self.loss - loss_low)
        return max(self.net - down, -1.0), min(self.net + up, 1.0)

    def first_holding_zero(self) -> float:
        """The smallest ``t`` whose interval holds 0: the statistic of the test that these limits are of."""
        if self.net == 0:
            return 0.0
        low, high = 0.0, _FARTHEST
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below, above = self.limits(middle)
            low, high = (low, middle) if below <= 0 <= above else (middle, high)
        return high

    def _reach(self, of_win: float, of_loss: float) -> float:
        squares = of_win**2 + of_loss**2 - 2 * self.correlation * (of_win * of_loss)
        return math.sqrt(max(squares, 0.0))
