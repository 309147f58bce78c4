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

from analysis.answers import included
from analysis.results import AnalysisError

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
    ``decision`` is what the declared rule says, in words.
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
    decision: str


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When to stop asking about a pair, declared before the study opens.

    ``alpha`` is the chance of a false alarm over all looks and lines. Evidence stops nothing before
    ``least_raters``; ``most_raters`` stop it whatever was found (None: no such bound).
    """

    alpha: float = 0.05
    least_raters: int = 0
    most_raters: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise AnalysisError(f"alpha is a chance between 0 and 1, not {self.alpha}")
        if self.most_raters is not None and self.most_raters < max(self.least_raters, 1):
            raise AnalysisError(f"most_raters is at least {max(self.least_raters, 1)}, not {self.most_raters}")

    def decision(self, *, raters: int, reached_at: int | None) -> str:
        """What to do with a pair after so many raters."""
        if reached_at is not None and raters >= self.least_raters:
            return "stop: a preference is shown"
        if self.most_raters is not None and raters >= self.most_raters:
            return "stop: the most raters have come, no preference is shown"
        return "go on"


def watch(
    frame: pd.DataFrame,
    rule: StoppingRule = StoppingRule(),
    *,
    include_simulated: bool = False,
) -> tuple[Watched, ...]:
    """Every pair and question of a running study's table, as ``schema.read`` returned it.

    The bounds of one line hold at 1 − alpha over all looks; what is ``needed`` also covers that several lines are
    watched. Raises AnalysisError without answers.
    """
    used = included(frame, include_simulated=include_simulated)
    if used.empty:
        raise AnalysisError("there is no answer to a test trial yet, so there is nothing to watch")
    if used["answered_at"].isna().any():
        raise AnalysisError("column 'answered_at' is empty in some rows, so raters have no order to be watched in")
    groups = list(used.groupby(["question", "system_1", "system_2"], observed=True, sort=True))
    return tuple(
        _watched((str(names[0]), str(names[1]), str(names[2])), rows, len(groups), rule) for names, rows in groups
    )


def _watched(line: tuple[str, str, str], rows: pd.DataFrame, lines: int, rule: StoppingRule) -> Watched:
    # It builds on this module's rule and result.
    from analysis.looks import watch_line

    by_rater = pd.DataFrame(
        {
            "sign": np.sign(rows["score"].to_numpy(dtype=np.float64)),
            "at": rows["answered_at"].to_numpy(),
            "rater": rows["rater_id"].astype(str),
        }
    )
    raters = by_rater.groupby("rater").agg(sign=("sign", "mean"), at=("at", "max")).sort_values(["at", "rater"])
    values = (1 + raters["sign"].to_numpy(dtype=np.float64)) / 2
    return watch_line(line, values, lines=lines, rule=rule)


def evidence(values: Floats, mean: float) -> Floats:
    """E after each of the raters' values (R,), in [0, 1], against their mean being ``mean``."""
    # Bets that could lose more than all are cut to what this mean allows.
    bets = np.clip(BETS, -0.95 / (1 - mean), 0.95 / mean)
    growth = np.cumsum(np.log1p(np.outer(values - mean, bets)), axis=0)
    top = growth.max(axis=1, keepdims=True)
    return np.asarray(np.exp(top[:, 0]) * np.exp(growth - top).mean(axis=1))


def betting_interval(values: Floats, alpha: float) -> tuple[float, float]:
    """The means that no look so far has ruled out; one step of the grid wider than found.

    Where every mean is ruled out, since raters have changed their minds: those that were ruled out last.
    """
    over = np.array([evidence(values, mean) >= 1 / alpha for mean in _MEANS])
    looks = np.where(over.any(axis=1), over.argmax(axis=1), len(values))
    inside = _MEANS[looks == looks.max()]
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
