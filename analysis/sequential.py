"""Watching a study while it runs, without fooling oneself: evidence that may be looked at after every rater.

The unit is the rater: X = (1 + the mean sign of a rater's answers) / 2 for one pair and question, in order of the
last answers; a rater who goes on answering changes X, so those under way count for what they have answered so far.
Fed single answers, an e-process is invalid as soon as raters differ from one another. The clips are taken as they
are: what is found holds for them, and generalising to others waits for the final two-way interval.

- **Betting** (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86):
  E = mean over λ of ∏ (1 + λ (X − m)). Under mean m its chance of ever reaching 1/α is at most α (Ville), whenever
  one looks. The confidence sequence holds every m that E has not ruled out yet.
- **Asymptotic** (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, "Time-uniform central limit theory", Annals
  of Statistics 52): narrower, right from about ten raters on; to plan by, not to stop by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.results import AnalysisError
from analysis.win_rates import included

Floats = np.ndarray[Any, np.dtype[np.float64]]

BETS = np.linspace(-1.9, 1.9, 77)
_MEANS = np.linspace(0.0025, 0.9975, 400)
RHO_SQUARED = 0.1
FIRST_ASYMPTOTIC = 10


@dataclass(frozen=True, slots=True)
class Watched:
    """One pair under one question, after so many raters. Bounds are of net preference for ``system_1``.

    ``evidence`` is E against no preference and ``needed`` what it has to reach, with Bonferroni over everything
    that is watched; ``reached_at`` is the number of the rater with whom it did, or None. None of it is a p value.
    """

    question: str
    system_1: str
    system_2: str
    raters: int
    net: float
    low: float
    high: float
    evidence: float
    needed: float
    reached_at: int | None
    asymptotic_low: float | None
    asymptotic_high: float | None


def watch(frame: pd.DataFrame, *, include_simulated: bool = False, alpha: float = 0.05) -> tuple[Watched, ...]:
    """Every pair and question of a running study's table, as ``schema.read`` returned it.

    The bounds of one line hold at 1 − alpha over all looks; what is ``needed`` also covers that several lines are
    watched. Raises AnalysisError without answers.
    """
    used = included(frame, include_simulated=include_simulated)
    if used.empty:
        raise AnalysisError("there is no answer to a test trial yet, so there is nothing to watch")
    groups = list(used.groupby(["question", "system_1", "system_2"], observed=True, sort=True))
    return tuple(
        _watched((str(names[0]), str(names[1]), str(names[2])), rows, len(groups), alpha) for names, rows in groups
    )


def _watched(line: tuple[str, str, str], rows: pd.DataFrame, lines: int, alpha: float) -> Watched:
    by_rater = pd.DataFrame(
        {
            "sign": np.sign(rows["score"].to_numpy(dtype=np.float64)),
            "at": rows["answered_at"].to_numpy(),
            "rater": rows["rater_id"].astype(str),
        }
    )
    raters = by_rater.groupby("rater").agg(sign=("sign", "mean"), at=("at", "max")).sort_values(["at", "rater"])
    values = (1 + raters["sign"].to_numpy(dtype=np.float64)) / 2
    process = evidence(values, 0.5)
    needed = lines / alpha
    over = np.flatnonzero(process >= needed)
    low, high = betting_interval(values, alpha)
    asymptotic = asymptotic_interval(values, alpha)
    return Watched(
        question=line[0],
        system_1=line[1],
        system_2=line[2],
        raters=len(values),
        net=float(2 * values.mean() - 1),
        low=2 * low - 1,
        high=2 * high - 1,
        evidence=float(process[-1]),
        needed=needed,
        reached_at=int(over[0]) + 1 if len(over) else None,
        asymptotic_low=None if asymptotic is None else 2 * asymptotic[0] - 1,
        asymptotic_high=None if asymptotic is None else 2 * asymptotic[1] - 1,
    )


def evidence(values: Floats, mean: float) -> Floats:
    """E after each of the raters' values (R,), in [0, 1], against their mean being ``mean``."""
    # Bets that could lose more than all are cut to what this mean allows.
    bets = np.clip(BETS, -0.95 / (1 - mean), 0.95 / mean)
    growth = np.cumsum(np.log1p(np.outer(values - mean, bets)), axis=0)
    top = growth.max(axis=1, keepdims=True)
    return np.asarray(np.exp(top[:, 0]) * np.exp(growth - top).mean(axis=1))


def betting_interval(values: Floats, alpha: float) -> tuple[float, float]:
    """The means that no look so far has ruled out; one step of the grid wider than found."""
    kept = np.array([evidence(values, mean).max() < 1 / alpha for mean in _MEANS])
    if not kept.any():
        middle = float(values.mean())
        return middle, middle
    inside = _MEANS[kept]
    step = float(_MEANS[1] - _MEANS[0])
    return max(float(inside[0]) - step, 0.0), min(float(inside[-1]) + step, 1.0)


def asymptotic_interval(values: Floats, alpha: float) -> tuple[float, float] | None:
    """Mean ± a boundary that holds at all looks from ``FIRST_ASYMPTOTIC`` raters on; None before."""
    count = len(values)
    if count < FIRST_ASYMPTOTIC:
        return None
    scale = count * RHO_SQUARED + 1
    width = np.sqrt(2 * scale / (count**2 * RHO_SQUARED) * np.log(np.sqrt(scale) / alpha))
    half = float(values.std(ddof=1) * width)
    return max(float(values.mean()) - half, 0.0), min(float(values.mean()) + half, 1.0)
