"""The variance of a mean of answers that repeat raters and clips, and intervals from it. Pure NumPy.

Two-way clustering after Cameron, Gelbach & Miller (2011), kept from going negative, with Satterthwaite degrees of
freedom; Wilson (1927) intervals at the effective sample size, after Korn & Graubard (1998), Franco et al. (2019).
Averages over genres use influence values, so a rater who serves many genres is one rater; clips are nested in
genres, so their spread is measured within genres with K/(K − 1) for each, as for clusters in survey strata. K is
the effective number of clusters, (Σw)²/Σw² of what they weigh (Kish 1965; Carter, Schnepel & Steigerwald 2017):
their number where they weigh alike, fewer where one rater gave most answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import special

Floats = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.intp]]
Clips = Literal["random", "fixed"]
LEAST = 1.001
"""Clusters that one cluster with nearly all the weight still counts as, so that numbers stay finite."""
NO_SPREAD = 1e-15
"""A variance up to this is rounding."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which rater, clip, stratum and nest each of N answers belongs to, as codes from 0, and stratum weights.

    A stratum is averaged first (a genre, or a genre against one opponent); weights add up to 1. A nest is the
    group that clips are nested in (the genre). Every code up to the largest is used. ``clips`` says whether those
    of the study stand for others ("random") or for themselves ("fixed"). ``each`` weighs the answers within their
    stratum (N,), all alike without it.
    """

    rater: Codes
    clip: Codes
    stratum: Codes
    nest: Codes
    weights: Floats
    clips: Clips = "random"
    each: Floats | None = None

    @classmethod
    def of_one_cell(cls, rater: Codes, clip: Codes) -> Layout:
        zeros = np.zeros(len(rater), dtype=np.intp)
        return cls(rater, clip, zeros, zeros, np.ones(1))


@dataclass(frozen=True, slots=True)
class Moments:
    """A weighted mean with its variance, which is None where ``reason`` says why it cannot be had."""

    mean: float
    n: int
    raters: int
    clips: int
    variance: float | None
    df: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters within nests: each answer's (N,), and the root of what their squared sums are scaled up by (K,).

    A nest with one cluster says nothing about spread within it: it is centred at the overall mean instead, which
    errs on the wide side (the "adjust" rule for lonely clusters in survey statistics). ``scale`` is what each
    answer (N,) weighs in the mean.
    """

    code: Codes
    lonely: np.ndarray[Any, np.dtype[np.bool_]] | None
    root: Floats
    df: float

    @classmethod
    def of(cls, code: Codes, nest: Codes, scale: Floats) -> Clusters:
        nest_of = np.zeros(int(code.max()) + 1, dtype=np.intp)
        nest_of[code] = nest
        nests = int(nest.max()) + 1
        weight = np.bincount(code, scale)
        count = np.bincount(nest_of, minlength=nests)
        effective = np.bincount(nest_of, weight, nests) ** 2 / np.bincount(nest_of, weight**2, nests)
        effective = np.maximum(effective, LEAST)
        lonely = count == 1
        factor = np.where(lonely, 1.0, effective / np.where(lonely, 1.0, effective - 1))
        df = float((effective - 1)[~lonely].sum())
        if int(lonely.sum()) > 1:
            alone = effective_number(weight[lonely[nest_of]])
            factor[lonely] = alone / (alone - 1)
            df += alone - 1
        return cls(code, lonely[nest] if lonely.any() else None, np.sqrt(factor[nest_of]), max(df, 1.0))

    def variance(self, influence: Floats, about_mean: Floats) -> float:
        """From answers' influence (N,), and from their distance to the overall mean where a nest is lonely."""
        sums = self.scaled_sums(influence, about_mean)
        return float(sums @ sums)

    def scaled_sums(self, influence: Floats, about_mean: Floats) -> Floats:
        """Sums (K,) whose squares add up to the variance."""
        centred = influence if self.lonely is None else np.where(self.lonely, about_mean, influence)
        return np.asarray(np.bincount(self.code, centred) * self.root)


def two_way_moments(values: Floats, layout: Layout) -> Moments:
    """Mean of ``values`` (N,) averaged within strata, then over strata by weight, with its rater × clip variance.

    V = V0 + max(V_rater − V0, 0) + max(V_clip − V0, 0), V0 being that of the rater × clip cells;
    df = V² / (V_rater²/df_rater + V_clip²/df_clip + V0²/df_0), at least the smaller of df_rater and df_clip.
    With fixed clips V and df go without the terms of clips. df_rater is the effective number of raters less one.
    """
    return many_moments((values,), layout)[0]


def many_moments(columns: Sequence[Floats], layout: Layout) -> tuple[Moments, ...]:
    """``two_way_moments`` of several columns (N,) of values that share one layout."""
    n = len(layout.rater)
    sizes = np.bincount(layout.stratum, layout.each)
    scale = (layout.weights / sizes)[layout.stratum]
    if layout.each is not None:
        scale = scale * layout.each
    raters, clips = int(layout.rater.max()) + 1, int(layout.clip.max()) + 1
    reason = _no_spread(raters, clips, layout.clips)
    each = 1.0 if layout.each is None else layout.each
    averages = [np.bincount(layout.stratum, values * each) / sizes for values in columns]
    if reason:
        return tuple(
            Moments(float(layout.weights @ means), n, raters, clips, None, 0.0, reason) for means in averages
        )
    by_clip = Clusters.of(layout.clip, layout.nest, scale)
    by_cell = Clusters.of(dense(layout.rater * clips + layout.clip), layout.nest, scale)
    independent = effective_number(np.bincount(layout.rater, scale).astype(np.float64))
    df_rater = max(independent - 1, 1.0)
    found = []
    for values, means in zip(columns, averages, strict=True):
        mean = float(layout.weights @ means)
        influence = (values - means[layout.stratum]) * scale
        about_mean = (values - mean) * scale
        sums = np.bincount(layout.rater, influence)
        v_rater = independent / (independent - 1) * float(sums @ sums)
        v_cell = by_cell.variance(influence, about_mean)
        variance = v_cell + max(v_rater - v_cell, 0.0)
        spread = v_rater**2 / df_rater + v_cell**2 / by_cell.df
        least = df_rater
        if layout.clips == "random":
            v_clip = by_clip.variance(influence, about_mean)
            variance += max(v_clip - v_cell, 0.0)
            spread += v_clip**2 / by_clip.df
            least = min(least, by_clip.df)
        df = max(variance**2 / spread, least) if spread > 0 else least
        found.append(Moments(mean, n, raters, clips, variance, float(df)))
    return tuple(found)


def effective_number(weights: Floats) -> float:
    """How many equal weights (K,), at least two, say as much: K where they are equal (Kish 1965); over 1."""
    return max(float(weights.sum() ** 2 / (weights @ weights)), LEAST)


def _no_spread(raters: int, clips: int, kind: Clips) -> str:
    few = [what for what, count in (("rater", raters), ("clip", clips)) if count < 2]
    few = [what for what in few if what == "rater" or kind == "random"]
    return f"only one {few[0]}, so the spread between {few[0]}s cannot be estimated" if few else ""


def dense(codes: Codes) -> Codes:
    """The same codes (N,) numbered from 0 without gaps, in their order."""
    top = int(codes.max()) + 1
    if top > 8 * len(codes) + 1024:
        return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.intp)
    # A table is faster than sorting, and no larger than the answers.
    used = np.zeros(top, dtype=np.intp)
    used[codes] = 1
    return np.asarray((np.cumsum(used) - 1)[codes], dtype=np.intp)


def design_effect(moments: Moments) -> float | None:
    """Variance of a share against that of as many independent answers; None where no answers of a genre differ."""
    independent = moments.mean * (1 - moments.mean) / moments.n
    if moments.variance is None or moments.variance <= NO_SPREAD or independent <= 1e-12:
        return None
    return max(moments.variance / independent, 1.0)


def effective_n(moments: Moments, pooled_effect: float | None) -> float:
    """How many independent answers say as much. Without spread the pooled design effect of other cells decides.

    Without any to pool, the smaller of raters and clips is what can be relied on.
    """
    effect = design_effect(moments) or pooled_effect
    if effect is None:
        return float(min(moments.raters, moments.clips))
    return moments.n / effect


def wilson(share: float, n_eff: float, df: float, level: float) -> tuple[float, float]:
    """Wilson interval of a share with ``n_eff`` answers and the t quantile of ``df``."""
    return wilson_limits(share, n_eff, t_quantile(df, level))


def wilson_limits(share: float, n_eff: float, t: float) -> tuple[float, float]:
    """Wilson interval of a share with ``n_eff`` answers that reaches ``t`` standard errors to each side.

    A share that rounding has taken past 0 or 1 counts as that.
    """
    share = min(max(share, 0.0), 1.0)
    weight = t * t / n_eff
    centre = (share + weight / 2) / (1 + weight)
    half = t / (1 + weight) * math.sqrt(share * (1 - share) / n_eff + weight / (4 * n_eff))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def t_interval(moments: Moments, level: float) -> tuple[float, float]:
    """Mean ± t · standard error, within −1 and 1."""
    assert moments.variance is not None
    half = t_quantile(moments.df, level) * math.sqrt(moments.variance)
    return max(moments.mean - half, -1.0), min(moments.mean + half, 1.0)


def t_test(moments: Moments) -> tuple[float, float]:
    """Statistic and two-sided p value of mean = 0."""
    assert moments.variance
    statistic = moments.mean / math.sqrt(moments.variance)
    return statistic, two_sided(statistic, moments.df)


def t_quantile(df: float, level: float) -> float:
    """How many standard errors an interval of that level reaches to each side."""
    # A hundredth of the time that scipy.stats takes to check its arguments; there are thousands of intervals.
    return float(special.stdtrit(df, (1 + level) / 2))


def two_sided(statistic: float, df: float) -> float:
    """p value of a t statistic."""
    return float(2 * special.stdtr(df, -abs(statistic)))
