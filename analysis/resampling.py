"""Strengths with intervals from resampling raters: the cluster bootstrap, beside the sandwich's intervals.

Every resample draws as many raters as there are, with replacement, each with all his answers, and is fitted anew
by Newton's method; all resamples at once, on counts. Raters are drawn in an order that their answers alone decide.
Clips are taken as they are; intervals are percentiles (Efron 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis import bradley_terry as bt
from analysis.answers import Answers
from analysis.asked import Asked
from analysis.bradley_terry import Codes, Floats
from analysis.ranking import WITHOUT_SIDE, no_side
from analysis.results import AnalysisError

SEED = 1
METHOD = "percentile interval over resampled raters (clips fixed)"
_COUNTED_AT_ONCE = 40_000_000
"""Numbers in one table of counts by rater, or of resamples: 320 MB."""


@dataclass(frozen=True, slots=True)
class ResampledStrength:
    """One system: its strength, the standard deviation over resamples, and the interval that they leave."""

    system: str
    value: float
    se: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Resampled:
    """Strengths of one question, strongest first, and what standing on the left adds, None where ``left_reason``.

    ``unbounded`` of the ``resamples`` had no finite fit (some system won or lost everything) and are left out.
    """

    question: str
    level: float
    resamples: int
    unbounded: int
    seed: int
    strengths: tuple[ResampledStrength, ...]
    left: ResampledStrength | None
    left_reason: str
    method: str


def resampled_rankings(
    answers: Answers, *, resamples: int = 1000, seed: int = SEED, level: float = 0.95, side: bool = True
) -> tuple[Resampled, ...]:
    """For every question that was answered; without ``side``, the model has no effect of the side.

    Raises AnalysisError where strengths have no finite fit.
    """
    if resamples < 2:
        raise AnalysisError(f"resamples are at least 2, not {resamples}")
    return tuple(
        _resampled(answers.questions[code], Asked.of(answers, code, side=side), resamples, seed, level)
        for code in answers.asked()
    )


def _resampled(question: str, asked: Asked, resamples: int, seed: int, level: float) -> Resampled:
    if asked.raters < 2:
        raise AnalysisError(f"{question}: only one rater, so there is nobody to resample")
    if asked.levels == (0,):
        raise AnalysisError(f"{question}: every answer is a tie, so nothing is stronger in any resample")
    design, outcome = asked.design()
    fitted = bt.fit(design)
    if fitted.penalised:
        raise AnalysisError(
            f"{question}: strengths have no finite fit, so resamples have none; rankings() says why"
        )
    drawn, done = resample(design, outcome, asked.rater, fitted.parameters, resamples=resamples, seed=seed)
    kept = drawn[done]
    if len(kept) < resamples / 2:
        raise AnalysisError(
            f"{question}: {resamples - len(kept)} of {resamples} resamples have no finite fit, too many to leave "
            "out; take the intervals of rankings()"
        )
    tail = (1 - level) / 2
    names = (*asked.systems, "left")
    sign = np.array([1.0] * len(asked.systems) + [asked.left])
    kept, values = kept[:, : len(names)], fitted.parameters[: len(names)] * sign
    low, high = np.sort(np.quantile(kept, [tail, 1 - tail], axis=0) * sign, axis=0)
    spread = kept.std(axis=0, ddof=1)
    every = [
        ResampledStrength(name, *(float(column[i]) for column in (values, spread, low, high)))
        for i, name in enumerate(names)
    ]
    strengths = tuple(sorted(every[:-1], key=lambda one: -one.value))
    left = every[-1] if design.sided else None
    return Resampled(
        question=question,
        level=level,
        resamples=resamples,
        unbounded=resamples - len(kept),
        seed=seed,
        strengths=strengths,
        left=left,
        left_reason=no_side(asked, design),
        method=METHOD if asked.sided else METHOD + WITHOUT_SIDE,
    )


def resample(
    design: bt.Design, outcome: Codes, rater: Codes, start: Floats, *, resamples: int, seed: int
) -> tuple[Floats, Codes]:
    """Parameters (B, P) of every resample, and which of them are finite (B,)."""
    table = answers_by_rater(design, outcome, rater)
    raters, outcomes = table.shape
    rng = np.random.default_rng(seed)
    times = rng.multinomial(raters, np.full(raters, 1 / raters), size=resamples).astype(np.float64)
    drawn, done = [], []
    at_once = max(1, _COUNTED_AT_ONCE // max(outcomes * 4, raters))
    for first in range(0, resamples, at_once):
        counts = times[first : first + at_once] @ table
        parameters, converged = bt.fit_many(design, counts.reshape(-1, *design.counts.shape), start)
        drawn.append(parameters)
        done.append(converged)
    return np.concatenate(drawn), np.concatenate(done)


def answers_by_rater(design: bt.Design, outcome: Codes, rater: Codes) -> Codes:
    """How often each rater gave each outcome (R, M·L), rows in an order that depends on nothing else."""
    raters, outcomes = int(rater.max()) + 1, design.counts.size
    table = np.bincount(rater * outcomes + outcome, minlength=raters * outcomes).reshape(raters, outcomes)
    # As bytes a row is one key: a tenth of the time of sorting by every column.
    keys = np.ascontiguousarray(table).view(np.dtype((np.void, table.itemsize * outcomes))).ravel()
    return np.asarray(table[np.argsort(keys, kind="stable")])
