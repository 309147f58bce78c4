"""How far raters agree: Krippendorff's alpha for ordered answers, and Gwet's AC2 beside it.

A unit is one comparison (clip and pair of systems) under one question; an answer is the canonical score. Alpha
falls when nearly all answers are alike, however much raters agree; AC2 does not, so both are told. Low agreement
in a question of taste is taste, not error: neither number passes or fails anybody.

Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability"; Gwet (2014), Handbook of Inter-Rater
Reliability, 4th edition, chapters 4 and 5. Intervals are delete-one jackknives over units and over raters; the
wider is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.results import Estimate
from analysis.schema import QUESTIONS
from analysis.win_rates import included

Floats = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.intp]]

JACKKNIFE = "delete-one jackknife over {over}, t interval"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one question. ``answers`` are those of units with two raters or more; the others say nothing of it."""

    question: str
    units: int
    raters: int
    answers: int
    alpha: Estimate
    ac2: Estimate


def agreements(
    frame: pd.DataFrame, *, include_simulated: bool = False, level: float = 0.95
) -> tuple[Agreement, ...]:
    """For every question of a table that ``schema.read`` returned; only kind "test" counts."""
    used = included(frame, include_simulated=include_simulated)
    asked = used["question"].astype(object)
    present = [question for question in QUESTIONS if (asked == question).any()]
    return tuple(_of_one(question, used[asked == question], level) for question in present)


def _of_one(question: str, used: pd.DataFrame, level: float) -> Agreement:
    keys = used[["dataset", "clip_id", "system_1", "system_2"]].astype(object)
    unit = pd.factorize(pd.MultiIndex.from_frame(keys))[0].astype(np.intp)
    paired = np.bincount(unit)[unit] > 1
    rater = pd.factorize(used["rater_id"].astype(object)[paired])[0].astype(np.intp)
    unit = np.unique(unit[paired], return_inverse=True)[1].astype(np.intp)
    value = used["score"].to_numpy()[paired].astype(np.intp) + 2
    alpha = _estimate(krippendorff_alpha, _alpha_without_each_unit, unit, rater, value, level)
    ac2 = _estimate(gwet_ac2, _ac2_without_each_unit, unit, rater, value, level)
    return Agreement(question, len(np.unique(unit)), len(np.unique(rater)), len(value), alpha, ac2)


def krippendorff_alpha(counts: Floats) -> float:
    """Alpha of answers counted by unit and ordered value (U, Q); NaN where all answers are alike.

    Units with fewer than two answers are left out, as they pair with nothing.
    """
    pairs, totals = _coincidences(counts)
    return float(_alpha(pairs.sum(axis=0), totals.sum(axis=0)))


def _coincidences(counts: Floats) -> tuple[Floats, Floats]:
    """Pairs of answers within each unit (U, Q, Q), and the answers that have one to pair with (U, Q)."""
    counts = counts[counts.sum(axis=1) > 1]
    scaled = counts / (counts.sum(axis=1, keepdims=True) - 1)
    pairs = scaled[:, :, None] * counts[:, None, :]
    values = np.arange(counts.shape[1])
    pairs[:, values, values] -= scaled
    return pairs, counts


def _alpha(pairs: Floats, totals: Floats) -> Floats:
    """Alpha from coincidences (…, Q, Q) and totals (…, Q)."""
    below = np.cumsum(totals, axis=-1) - totals / 2
    distance = (below[..., :, None] - below[..., None, :]) ** 2
    observed = (pairs * distance).sum(axis=(-2, -1))
    expected = (totals[..., :, None] * totals[..., None, :] * distance).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (totals.sum(axis=-1) - 1) * observed / expected, np.nan))


def _alpha_without_each_unit(counts: Floats) -> Floats:
    pairs, totals = _coincidences(counts)
    return _alpha(pairs.sum(axis=0) - pairs, totals.sum(axis=0) - totals)


def gwet_ac2(counts: Floats) -> float:
    """AC2 with quadratic weights of answers counted by unit and ordered value (U, Q)."""
    return _ac2(counts, quadratic_weights(counts.shape[1]))


def quadratic_weights(values: int) -> Floats:
    """1 for the same value, 0 for the ends against each other."""
    places = np.arange(values)
    return np.asarray(1 - ((places[:, None] - places[None, :]) / (values - 1)) ** 2)


def _ac2(counts: Floats, weights: Floats) -> float:
    shares, agreeing = _shares_and_agreement(counts, weights)
    return float(_ac2_of(shares.mean(axis=0), np.asarray(np.nanmean(agreeing)), weights))


def _shares_and_agreement(counts: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Of each unit: the shares of values (U, Q), and the weighted agreement of pairs (U,), NaN without a pair."""
    counts = counts[counts.sum(axis=1) > 0]
    size = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        agreeing = (counts * (counts @ weights - 1)).sum(axis=1) / (size * (size - 1))
    return counts / size[:, None], agreeing


def _ac2_of(shares: Floats, agreeing: Floats, weights: Floats) -> Floats:
    values = weights.shape[0]
    chance = weights.sum() / (values * (values - 1)) * (shares * (1 - shares)).sum(axis=-1)
    return np.asarray((agreeing - chance) / (1 - chance))


def _ac2_without_each_unit(counts: Floats) -> Floats:
    """Every unit has a pair here."""
    weights = quadratic_weights(counts.shape[1])
    shares, agreeing = _shares_and_agreement(counts, weights)
    left = len(counts) - 1
    return _ac2_of((shares.sum(axis=0) - shares) / left, (agreeing.sum() - agreeing) / left, weights)


def _counts(unit: Codes, value: Codes) -> Floats:
    return np.bincount(unit * 5 + value, minlength=5 * (int(unit.max()) + 1)).reshape(-1, 5).astype(np.float64)


def _estimate(
    statistic: Callable[[Floats], float],
    without_each_unit: Callable[[Floats], Floats],
    unit: Codes,
    rater: Codes,
    value: Codes,
    level: float,
) -> Estimate:
    if not len(value):
        return Estimate(0.0, None, None, "", "no comparison was judged by two raters")
    counts = _counts(unit, value)
    whole = statistic(counts)
    if np.isnan(whole):
        return Estimate(0.0, None, None, "", "every answer is alike, so nothing is left to agree on")
    units, raters = len(counts), int(rater.max()) + 1
    if units < 3 or raters < 3:
        what = "units" if units < 3 else "raters"
        return Estimate(whole, None, None, "", f"fewer than three {what}, so the spread cannot be estimated")
    without_rater = [
        statistic(counts - _padded(_counts(unit[mine], value[mine]), units))
        for mine in (rater == one for one in range(raters))
    ]
    spreads = {"units": _jackknife(without_each_unit(counts)), "raters": _jackknife(np.asarray(without_rater))}
    over = max(spreads, key=lambda name: spreads[name])
    half = float(stats.t.ppf((1 + level) / 2, min(units, raters) - 1)) * spreads[over]
    return Estimate(whole, max(whole - half, -1.0), min(whole + half, 1.0), JACKKNIFE.format(over=over))


def _padded(counts: Floats, units: int) -> Floats:
    return np.vstack([counts, np.zeros((units - len(counts), counts.shape[1]))])


def _jackknife(without: Floats) -> float:
    """Standard error from the statistic without each one."""
    known = without[~np.isnan(without)]
    return float(np.sqrt((len(known) - 1) / len(known) * ((known - known.mean()) ** 2).sum()))
