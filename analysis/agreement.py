"""How far raters agree: Krippendorff's alpha for ordered answers, and Gwet's AC2 beside it.

A unit is one comparison (clip and pair of systems) under one question; an answer is the canonical score. Alpha
falls when nearly all answers are alike, however much raters agree; AC2 does not, so both are told. Low agreement
in a question of taste is taste, not error: neither number passes or fails anybody.

Values are as many as were to be had: five, or three where nobody answered strongly, or two where nobody saw a tie
either, as in votes. Both pair the answers of units that two raters or more have judged; AC2 takes the chance of
each value from the answers to all units.

Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability"; Gwet (2014), Handbook of Inter-Rater
Reliability, 4th edition, chapters 4 and 5. Intervals are delete-one jackknives over units and over raters; the
wider is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from analysis.answers import Answers
from analysis.results import Estimate
from analysis.variance import Codes, Floats, dense, t_quantile

Flags = np.ndarray[Any, np.dtype[np.bool_]]

CHANGED_AT_ONCE = 100_000
JACKKNIFE = "delete-one jackknife over {over}, t interval"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one question. ``units``, ``raters`` and ``answers`` are those of units with two raters or more."""

    question: str
    units: int
    raters: int
    answers: int
    alpha: Estimate
    ac2: Estimate


def agreements(answers: Answers, *, level: float = 0.95) -> tuple[Agreement, ...]:
    """For every question that was answered."""
    return tuple(_of_one(answers, question, level) for question in answers.asked())


def _of_one(answers: Answers, question: int, level: float) -> Agreement:
    rows = np.flatnonzero(answers.question == question)
    unit = dense(answers.clip[rows] * len(answers.pairs) + answers.pair[rows])
    rater = dense(answers.rater[rows])
    raters_of = np.bincount(np.unique(unit * (int(rater.max()) + 1) + rater) // (int(rater.max()) + 1))[unit]
    paired = raters_of > 1
    if not paired.any():
        nobody = Estimate(0.0, None, None, "", "no comparison was judged by two raters")
        return Agreement(answers.questions[question], 0, 0, 0, nobody, nobody)
    value, values = _values(answers.score[rows])
    weights = quadratic_weights(values)
    # What one rater answered twice pairs with nobody else's.
    known = paired | (np.bincount(unit)[unit] == 1)
    alpha = _estimate(_alpha_parts, _alpha_of, _Given.of(unit, rater, value, paired, values), level)
    ac2 = _estimate(
        partial(_ac2_parts, weights=weights),
        partial(_ac2_of, weights=weights),
        _Given.of(unit, rater, value, known, values),
        level,
    )
    units, raters = (len(np.unique(codes[paired])) for codes in (unit, rater))
    return Agreement(answers.questions[question], units, raters, int(paired.sum()), alpha, ac2)


def _values(score: Codes) -> tuple[Codes, int]:
    """Scores (N,) as places on their scale from 0, and how many places it has."""
    if np.abs(score).max() > 1:
        return score + 2, 5
    if (score == 0).any():
        return score + 1, 3
    return (score + 1) // 2, 2


@dataclass(frozen=True, slots=True)
class _Given:
    """Answers (N,) as codes without gaps: the unit and rater of each, and its place of so many ``values``."""

    unit: Codes
    rater: Codes
    value: Codes
    values: int

    @classmethod
    def of(cls, unit: Codes, rater: Codes, value: Codes, some: Flags, values: int) -> _Given:
        return cls(dense(unit[some]), dense(rater[some]), value[some], values)

    @property
    def counts(self) -> Floats:
        """(U, Q)"""
        key = self.unit * self.values + self.value
        counts = np.bincount(key, minlength=self.values * (int(self.unit.max()) + 1))
        return np.asarray(counts.reshape(-1, self.values), dtype=np.float64)


def krippendorff_alpha(counts: Floats) -> float:
    """Alpha of answers counted by unit and ordered value (U, Q); NaN where all answers are alike.

    Units with fewer than two answers are left out, as they pair with nothing.
    """
    return float(_alpha_of(_alpha_parts(counts).sum(axis=0)))


def gwet_ac2(counts: Floats, weights: Floats | None = None) -> float:
    """AC2 of answers counted by unit and ordered value (U, Q), with quadratic weights unless others are given."""
    weights = quadratic_weights(counts.shape[1]) if weights is None else weights
    return float(_ac2_of(_ac2_parts(counts, weights).sum(axis=0), weights))


def quadratic_weights(values: int) -> Floats:
    """1 for the same value, 0 for the ends against each other."""
    places = np.arange(values)
    return np.asarray(1 - ((places[:, None] - places[None, :]) / (values - 1)) ** 2)


def _alpha_parts(counts: Floats) -> Floats:
    """What each unit (…, Q) adds to the coincidences: Q² pairs, then Q answers that have one to pair with."""
    size = counts.sum(axis=-1, keepdims=True)
    paired = np.where(size > 1, counts, 0.0)
    scaled = paired / np.maximum(size - 1, 1)
    pairs = scaled[..., :, None] * paired[..., None, :]
    values = np.arange(counts.shape[-1])
    pairs[..., values, values] -= scaled
    return np.concatenate([pairs.reshape(*counts.shape[:-1], -1), paired], axis=-1)


def _alpha_of(parts: Floats) -> Floats:
    """Alpha (…) from summed parts (…, Q² + Q)."""
    values = int((np.sqrt(4 * parts.shape[-1] + 1) - 1) / 2)
    pairs = parts[..., : values * values].reshape(*parts.shape[:-1], values, values)
    totals = parts[..., values * values :]
    below = np.cumsum(totals, axis=-1) - totals / 2
    distance = (below[..., :, None] - below[..., None, :]) ** 2
    observed = (pairs * distance).sum(axis=(-2, -1))
    expected = (totals[..., :, None] * totals[..., None, :] * distance).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (totals.sum(axis=-1) - 1) * observed / expected, np.nan))


def _ac2_parts(counts: Floats, weights: Floats) -> Floats:
    """What each unit (…, Q) adds: shares of values, its pairs' agreement, whether it has answers, and pairs."""
    size = counts.sum(axis=-1, keepdims=True)
    shares = counts / np.maximum(size, 1)
    paired = size > 1
    agreeing = (counts * (counts @ weights - 1)).sum(axis=-1, keepdims=True) / np.maximum(size * (size - 1), 1)
    return np.concatenate([shares, np.where(paired, agreeing, 0.0), size > 0, paired], axis=-1)


def _ac2_of(parts: Floats, weights: Floats) -> Floats:
    """AC2 (…) from summed parts (…, Q + 3)."""
    values = weights.shape[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = parts[..., :values] / parts[..., [values + 1]]
        agreeing = parts[..., values] / parts[..., values + 2]
        chance = weights.sum() / (values * (values - 1)) * (shares * (1 - shares)).sum(axis=-1)
        return np.asarray((agreeing - chance) / (1 - chance))


def _estimate(
    parts_of: Callable[[Floats], Floats],
    statistic: Callable[[Floats], Floats],
    given: _Given,
    level: float,
) -> Estimate:
    units, raters = int(given.unit.max()) + 1, int(given.rater.max()) + 1
    counts = given.counts
    parts = parts_of(counts)
    total = parts.sum(axis=0)
    whole = float(statistic(total))
    if np.isnan(whole):
        return Estimate(0.0, None, None, "", "every answer is alike, so nothing is left to agree on")
    if units < 3 or raters < 3:
        what = "units" if units < 3 else "raters"
        return Estimate(whole, None, None, "", f"fewer than three {what}, so the spread cannot be estimated")
    without = {
        "units": statistic(total - parts),
        "raters": statistic(total + _change_without(parts_of, counts, parts, given)),
    }
    spreads = {name: _jackknife(values) for name, values in without.items()}
    over = max(spreads, key=lambda name: spreads[name])
    half = t_quantile(min(units, raters) - 1, level) * spreads[over]
    return Estimate(whole, max(whole - half, -1.0), min(whole + half, 1.0), JACKKNIFE.format(over=over))


def _change_without(parts_of: Callable[[Floats], Floats], counts: Floats, parts: Floats, given: _Given) -> Floats:
    """What leaving each rater out changes in the summed parts (R, K): only in the units that the rater judged."""
    key, mine = np.unique(given.rater * len(counts) + given.unit, return_inverse=True)
    owner, judged = np.divmod(key, len(counts))
    change = np.zeros((int(given.rater.max()) + 1, parts.shape[1]))
    order = np.argsort(mine, kind="stable")
    starts = np.searchsorted(mine[order], np.arange(0, len(key), CHANGED_AT_ONCE))
    for first, start, end in zip(
        range(0, len(key), CHANGED_AT_ONCE), starts, [*starts[1:], len(order)], strict=True
    ):
        rows = order[start:end]
        some = slice(first, min(first + CHANGED_AT_ONCE, len(key)))
        own = np.zeros((some.stop - some.start, given.values))
        np.add.at(own, (mine[rows] - first, given.value[rows]), 1.0)
        left = parts_of(counts[judged[some]] - own) - parts[judged[some]]
        np.add.at(change, owner[some], left)
    return change


def _jackknife(without: Floats) -> float:
    """Standard error from the statistic without each one."""
    known = without[~np.isnan(without)]
    return float(np.sqrt((len(known) - 1) / len(known) * ((known - known.mean()) ** 2).sum()))
