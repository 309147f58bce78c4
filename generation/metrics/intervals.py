"""Comparing music with its own video and with another's: the shuffle, rank correlation, intervals over clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

RESAMPLES = 2000
SHUFFLES = 20
"""One shuffle may be lucky: its rank correlation over a hundred clips strays by 0.1."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over clips with its 95 % percentile bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        return self.low > 0


def derangements(count: int, seed: int, shuffles: int = SHUFFLES) -> Indices:
    """Shuffles of ``count`` clips that leave none in its place, [shuffles, count].

    Raises ValueError for fewer than two clips.
    """
    if count < 2:
        raise ValueError(f"{count} clips cannot be shuffled; two are needed")
    draw = np.random.default_rng(seed)
    orders: list[Indices] = []
    while len(orders) < shuffles:
        order = draw.permutation(count)
        if (order != np.arange(count)).all():
            orders.append(order)
    return np.stack(orders)


def rank_correlation(first: Values, second: Values) -> float:
    """Spearman's rho, ties at their mean rank; 0 where one of the two never changes."""
    one, other = rankdata(first), rankdata(second)
    one, other = one - one.mean(), other - other.mean()
    spread = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / spread) if spread > 0 else 0.0


def bootstrap(figure: Callable[[Indices], float], count: int, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """A figure of ``count`` clips and its interval: ``figure`` is asked with clips drawn again and again."""
    draw = np.random.default_rng(seed)
    again = [figure(draw.integers(count, size=count)) for _ in range(resamples)]
    low, high = np.percentile(again, [2.5, 97.5])
    return Estimate(figure(np.arange(count)), float(low), float(high))


def mean_difference(first: Values, second: Values, seed: int) -> Estimate:
    """Mean of paired differences over clips, first minus second."""
    apart = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return bootstrap(lambda clips: float(apart[clips].mean()), len(apart), seed)


def correlation_difference(heard: Values, own: Values, others: Values, seed: int) -> Estimate:
    """Rank correlation of what is heard with ``own`` minus the mean of those with ``others`` [shuffles, clips]."""
    return correlation_difference_of(heard, own, others, seed)[2]


def correlation_difference_of(
    heard: Values, own: Values, others: Values, seed: int
) -> tuple[float, float, Estimate]:
    """The two rank correlations and their difference; a clip may have several values [clips, ...], kept together.

    own has the shape of heard, others one axis of shuffles before it.
    """

    def with_own(clips: Indices) -> float:
        return rank_correlation(heard[clips].ravel(), own[clips].ravel())

    def with_others(clips: Indices) -> float:
        return float(np.mean([rank_correlation(heard[clips].ravel(), other[clips].ravel()) for other in others]))

    everyone = np.arange(len(heard))
    apart = bootstrap(lambda clips: with_own(clips) - with_others(clips), len(heard), seed)
    return with_own(everyone), with_others(everyone), apart
