"""The variance of a mean of answers that repeat raters and clips, and intervals from it. Pure NumPy.

Two-way clustering after Cameron, Gelbach & Miller (2011), kept from going negative, with Satterthwaite degrees of
freedom; Wilson (1927) intervals at the effective sample size, after Korn & Graubard (1998), Franco et al. (2019).
Averages over genres use influence values, so a rater who serves many genres is one rater; clips are nested in
genres, so their spread is measured within genres with K/(K − 1) for each, as for clusters in survey strata.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

Floats = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which rater, clip, stratum and nest each of N answers belongs to, as codes from 0, and stratum weights.

    A stratum is averaged first (a genre, or a genre against one opponent); weights add up to 1. A nest is the
    group that clips are nested in (the genre).
    """

    rater: Codes
    clip: Codes
    stratum: Codes
    nest: Codes
    weights: Floats

    @classmethod
    def of_one_cell(cls, rater: Codes, clip: Codes) -> Layout:
        zeros = np.zeros(len(rater), dtype=np.intp)
        return cls(rater, clip, zeros, zeros, np.ones(1))


@dataclass(frozen=True, slots=True)
class Moments:
    """A weighted mean with its two-way variance, which is None where ``reason`` says why it cannot be had."""

    mean: float
    n: int
    raters: int
    clips: int
    variance: float | None
    df: float
    reason: str = ""


def two_way_moments(values: Floats, layout: Layout) -> Moments:
    """Mean of ``values`` (N,) averaged within strata, then over strata by weight, with its rater × clip variance.

    V = V0 + max(V_rater − V0, 0) + max(V_clip − V0, 0), V0 being that of the rater × clip cells;
    df = V² / (V_rater²/df_rater + V_clip²/df_clip + V0²/df_0), at least the smaller of df_rater and df_clip.
    """
    n = len(values)
    sizes = np.bincount(layout.stratum)
    means = np.bincount(layout.stratum, values) / sizes
    mean = float(layout.weights @ means)
    scale = (layout.weights / sizes)[layout.stratum]
    raters, clips = _levels(layout.rater), _levels(layout.clip)
    if raters < 2 or clips < 2:
        what = "rater" if raters < 2 else "clip"
        reason = f"only one {what}, so the spread between {what}s cannot be estimated"
        return Moments(mean, n, raters, clips, None, 0.0, reason)

    influence = (values - means[layout.stratum]) * scale
    rater_sums = np.bincount(layout.rater, influence)
    v_rater = raters / (raters - 1) * float(rater_sums @ rater_sums)
    v_clip, df_clip = _nested(values, influence, mean, scale, layout.clip, layout.nest)
    cell = np.unique(layout.rater * (layout.clip.max() + 1) + layout.clip, return_inverse=True)[1]
    v_cell, df_cell = _nested(values, influence, mean, scale, cell, layout.nest)

    variance = v_cell + max(v_rater - v_cell, 0.0) + max(v_clip - v_cell, 0.0)
    spread = v_rater**2 / (raters - 1) + v_clip**2 / df_clip + v_cell**2 / df_cell
    least = min(raters - 1, df_clip)
    df = max(variance**2 / spread, least) if spread > 0 else least
    return Moments(mean, n, raters, clips, variance, float(df))


def _nested(
    values: Floats, influence: Floats, mean: float, scale: Floats, cluster: Codes, nest: Codes
) -> tuple[float, float]:
    """Variance from cluster sums within nests, and its degrees of freedom.

    A nest with one cluster says nothing about spread within it: it is centred at the overall mean instead, which
    errs on the wide side (the "adjust" rule for lonely clusters in survey statistics).
    """
    _, first, code = np.unique(cluster, return_index=True, return_inverse=True)
    nest_of = nest[first]
    per_nest = np.bincount(nest_of, minlength=int(nest.max()) + 1)
    lonely = per_nest == 1
    centred = np.where(lonely[nest], (values - mean) * scale, influence)
    sums = np.bincount(code, centred)
    factor = np.where(per_nest > 1, per_nest / np.maximum(per_nest - 1, 1), 1.0)
    alone = int(lonely.sum())
    if alone > 1:
        factor[lonely] = alone / (alone - 1)
    df = len(first) - int((per_nest > 1).sum()) - (1 if alone > 1 else 0)
    return float(factor[nest_of] @ (sums * sums)), float(max(df, 1))


def _levels(codes: Codes) -> int:
    return len(np.unique(codes))


def design_effect(moments: Moments) -> float | None:
    """Variance of a share against that of as many independent answers; None where the share is 0 or 1."""
    independent = moments.mean * (1 - moments.mean) / moments.n
    if moments.variance is None or independent <= 1e-12:
        return None
    return max(moments.variance / independent, 1.0)


def effective_n(moments: Moments, pooled_effect: float | None) -> float:
    """How many independent answers say as much. At 0 or 1 the pooled design effect of other cells decides.

    Without any to pool, the smaller of raters and clips is what can be relied on.
    """
    effect = design_effect(moments) or pooled_effect
    if effect is None:
        return float(min(moments.raters, moments.clips))
    return moments.n / effect


def wilson(share: float, n_eff: float, df: float, level: float) -> tuple[float, float]:
    """Wilson interval of a share with ``n_eff`` answers and the t quantile of ``df``."""
    t = float(stats.t.ppf((1 + level) / 2, df))
    weight = t * t / n_eff
    centre = (share + weight / 2) / (1 + weight)
    half = t / (1 + weight) * math.sqrt(share * (1 - share) / n_eff + weight / (4 * n_eff))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def t_interval(moments: Moments, level: float) -> tuple[float, float]:
    """Mean ± t · standard error, within −1 and 1."""
    assert moments.variance is not None
    half = float(stats.t.ppf((1 + level) / 2, moments.df)) * math.sqrt(moments.variance)
    return max(moments.mean - half, -1.0), min(moments.mean + half, 1.0)


def t_test(moments: Moments) -> tuple[float, float]:
    """Statistic and two-sided p value of mean = 0."""
    assert moments.variance
    statistic = moments.mean / math.sqrt(moments.variance)
    return statistic, float(2 * stats.t.sf(abs(statistic), moments.df))
