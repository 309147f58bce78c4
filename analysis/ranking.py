"""How strong each system is over all its opponents, with intervals that respect raters and clips, and ranks.

Strengths come from ``analysis.bradley_terry``. Their covariance is a sandwich: the spread of rater × clip cells,
and what raters and what clips add to it, as matrices (two-way clustering after Cameron, Gelbach and Miller 2011,
kept from going negative). Rank sets follow from simultaneous intervals of all differences (Mogstad, Romano, Shaikh
and Wilhelm 2024); quasi standard errors are Firth and de Menezes' (2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from analysis import bradley_terry as bt
from analysis.bradley_terry import Codes, Floats
from analysis.results import AnalysisError
from analysis.schema import QUESTIONS
from analysis.win_rates import included

DRAWS = 20_000
SEED = 1
METHOD = "adjacent-category Bradley–Terry, two-way (rater × clip) sandwich, t interval"
METHOD_PENALISED = METHOD + "; penalised: half a win and half a loss of every system against an average one"


@dataclass(frozen=True, slots=True)
class Strength:
    """One system. ``value`` is in logits, 0 the mean of all systems.

    A difference is the log odds of "much better" for the one against "much better" for the other. Ranks count from
    1; rank sets hold simultaneously.
    """

    system: str
    value: float
    se: float | None
    low: float | None
    high: float | None
    quasi_se: float | None
    rank_best: int | None
    rank_worst: int | None


@dataclass(frozen=True, slots=True)
class Effect:
    """A number with its standard error, interval and two-sided p value of 0."""

    value: float
    se: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Transitivity:
    """Wald test that every pair's preference follows from one strength a system."""

    statistic: float
    df: int
    df_error: int
    p: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Strengths for one question, strongest first; ``reason`` says why intervals or ranks are missing.

    ``covariance`` (K, K) is that of the strengths in the order of ``systems``. ``left`` is what standing on the
    left adds, in the same logits.
    """

    question: str
    level: float
    n: int
    raters: int
    clips: int
    strengths: tuple[Strength, ...]
    covariance: Floats | None
    left: Effect | None
    transitivity: Transitivity | None
    log_likelihood: float
    iterations: int
    penalised: bool
    method: str
    reason: str

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(strength.system for strength in self.strengths)


@dataclass(frozen=True, slots=True)
class _Coded:
    """The answers to one question as codes; ``answer`` + favours the first of the pair."""

    system_1: Codes
    system_2: Codes
    side: Codes
    answer: Codes
    rater: Codes
    clip: Codes
    systems: tuple[str, ...]
    levels: tuple[int, ...]


def rankings(frame: pd.DataFrame, *, include_simulated: bool = False, level: float = 0.95) -> tuple[Ranking, ...]:
    """A ranking for every question of a table that ``schema.read`` returned.

    Only kind "test" counts, and only people's answers unless ``include_simulated``. Raises AnalysisError when
    there is nothing to estimate from.
    """
    used = included(frame, include_simulated=include_simulated)
    if used.empty:
        raise AnalysisError("there is no answer to a test trial, so no system has a strength")
    asked = used["question"].astype(object)
    return tuple(
        _rank(question, used[asked == question], level) for question in QUESTIONS if (asked == question).any()
    )


def _rank(question: str, used: pd.DataFrame, level: float) -> Ranking:
    coded = _coded(used)
    if coded.levels == (0,):
        return _all_tied(question, coded, level)
    count = len(coded.systems)
    design, combination = bt.design(
        coded.system_1, coded.system_2, coded.side, coded.answer, systems=count, levels=coded.levels
    )
    fitted = bt.fit(design)
    raters, clips = int(coded.rater.max()) + 1, int(coded.clip.max()) + 1
    common: dict[str, Any] = {
        "question": question,
        "level": level,
        "n": len(used),
        "raters": raters,
        "clips": clips,
        "log_likelihood": fitted.log_likelihood,
        "iterations": fitted.iterations,
        "penalised": fitted.penalised,
        "method": METHOD_PENALISED if fitted.penalised else METHOD,
    }
    values = fitted.parameters[:count]
    order = np.argsort(-values, kind="stable")
    reason = _no_interval(coded, fitted, raters, clips)
    if reason:
        bare = tuple(
            Strength(coded.systems[i], float(values[i]), None, None, None, None, None, None) for i in order
        )
        return Ranking(**common, strengths=bare, covariance=None, left=None, transitivity=None, reason=reason)
    column = np.searchsorted(np.asarray(design.levels), coded.answer)
    each = bt.scores(design, fitted.parameters, combination, column)
    whole = sandwich(fitted.inverse(), each, coded.rater, coded.clip)
    covariance = whole[:count, :count]
    df = min(raters, clips) - 1
    t = float(stats.t.ppf((1 + level) / 2, df))
    errors = np.sqrt(np.diag(covariance))
    quasi = quasi_standard_errors(covariance)
    best, worst = rank_sets(values, covariance, df=df, level=level)
    strengths = tuple(
        Strength(
            coded.systems[i],
            float(values[i]),
            float(errors[i]),
            float(values[i] - t * errors[i]),
            float(values[i] + t * errors[i]),
            None if quasi is None else float(quasi[i]),
            int(best[i]),
            int(worst[i]),
        )
        for i in order
    )
    return Ranking(
        **common,
        strengths=strengths,
        covariance=covariance[np.ix_(order, order)],
        left=_left(fitted, whole, count, t, df),
        transitivity=_transitivity(coded),
        reason="",
    )


def _all_tied(question: str, coded: _Coded, level: float) -> Ranking:
    return Ranking(
        question=question,
        level=level,
        n=len(coded.answer),
        raters=int(coded.rater.max()) + 1,
        clips=int(coded.clip.max()) + 1,
        strengths=tuple(Strength(name, 0.0, None, None, None, None, None, None) for name in coded.systems),
        covariance=None,
        left=None,
        transitivity=None,
        log_likelihood=0.0,
        iterations=0,
        penalised=False,
        method=METHOD,
        reason="every answer is a tie, so nothing is stronger",
    )


def _coded(used: pd.DataFrame) -> _Coded:
    names = sorted(set(used["system_1"].astype(str)) | set(used["system_2"].astype(str)))
    place = {name: code for code, name in enumerate(names)}
    first, second = (
        used[name].astype(str).map(place).to_numpy().astype(np.intp) for name in ("system_1", "system_2")
    )
    answer = used["score"].to_numpy(np.intp)
    sizes = set(np.abs(answer).tolist())
    # Degrees that nobody used have no τ: it would run away to minus infinity.
    used_levels = tuple(y for y in range(-2, 3) if abs(y) in sizes)
    left = used["system_left"].astype(str).to_numpy() == used["system_1"].astype(str).to_numpy()
    clip = pd.MultiIndex.from_frame(used[["dataset", "clip_id"]].astype(object))
    return _Coded(
        system_1=first,
        system_2=second,
        side=np.where(left, 1, -1).astype(np.intp),
        answer=answer,
        rater=pd.factorize(used["rater_id"].astype(object), sort=True)[0].astype(np.intp),
        clip=pd.factorize(clip, sort=True)[0].astype(np.intp),
        systems=tuple(names),
        levels=used_levels,
    )


def _no_interval(coded: _Coded, fitted: bt.Fit, raters: int, clips: int) -> str:
    if len(fitted.groups) > 1:
        groups = " and ".join("{" + ", ".join(coded.systems[i] for i in group) + "}" for group in fitted.groups)
        return f"no comparison links {groups}, so their strengths cannot be set against each other"
    if fitted.penalised:
        return (
            "some system won or lost every comparison by the strongest answer, so only a penalised fit is finite "
            "and its spread would say little"
        )
    if raters < 2 or clips < 2:
        what = "rater" if raters < 2 else "clip"
        return f"only one {what}, so the spread between {what}s cannot be estimated"
    return ""


def sandwich(inverse: Floats, each: Floats, rater: Codes, clip: Codes) -> Floats:
    """Covariance (P, P) of parameters from each answer's score (N, P), clustered by rater and by clip."""
    cell = np.unique(rater * (int(clip.max()) + 1) + clip, return_inverse=True)[1]
    middle = _outer(each, cell)
    whole = middle + _positive(_outer(each, rater) - middle) + _positive(_outer(each, clip) - middle)
    return np.asarray(inverse @ whole @ inverse)


def _by_cluster(each: Floats, cluster: Codes) -> Floats:
    return np.stack([np.bincount(cluster, column) for column in each.T], axis=1)


def _outer(each: Floats, cluster: Codes) -> Floats:
    sums = _by_cluster(each, cluster)
    return np.asarray(sums.T @ sums * (len(sums) / (len(sums) - 1)))


def _positive(matrix: Floats) -> Floats:
    """The part of a symmetric matrix with eigenvalues above 0."""
    eigenvalues, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(eigenvalues, 0.0)) @ vectors.T)


def quasi_standard_errors(covariance: Floats) -> Floats | None:
    """Errors q whose squares add up to every difference's variance as nearly as can be; None for two systems."""
    count = len(covariance)
    if count < 3:
        return None
    pairs = np.array(list(combinations(range(count), 2)))
    wanted = np.log(_variances(covariance, pairs))

    def misfit(log_q: Floats) -> Floats:
        squares = np.exp(log_q)
        return np.asarray(np.log(squares[pairs[:, 0]] + squares[pairs[:, 1]]) - wanted)

    start = np.full(count, float(wanted.mean()) - np.log(2))
    return np.asarray(np.exp(optimize.least_squares(misfit, start).x / 2))


def rank_sets(values: Floats, covariance: Floats, *, df: int, level: float) -> tuple[Codes, Codes]:
    """Best and worst rank (K,) that the data leave each system, all together at ``level``.

    A system is surely worse than another where the simultaneous interval of their difference leaves 0 out; the
    critical value is that of the largest of all |t| over multivariate-t draws.
    """
    count = len(values)
    pairs = np.array(list(combinations(range(count), 2)))
    errors = np.sqrt(_variances(covariance, pairs))
    rng = np.random.default_rng(SEED)
    root = np.linalg.cholesky(covariance + 1e-12 * np.trace(covariance) * np.eye(count))
    draws = (rng.standard_normal((DRAWS, count)) @ root.T) / np.sqrt(rng.chisquare(df, DRAWS) / df)[:, None]
    largest = np.abs((draws[:, pairs[:, 0]] - draws[:, pairs[:, 1]]) / errors).max(axis=1)
    critical = float(np.quantile(largest, level))
    surely = (values[pairs[:, 0]] - values[pairs[:, 1]]) / errors
    best, worst = np.ones(count, np.intp), np.full(count, count, np.intp)
    for (one, other), t in zip(pairs, surely, strict=True):
        if abs(t) > critical:
            ahead, behind = (one, other) if t > 0 else (other, one)
            best[behind] += 1
            worst[ahead] -= 1
    return best, worst


def _variances(covariance: Floats, pairs: Codes) -> Floats:
    one, other = pairs.T
    return np.asarray(covariance[one, one] + covariance[other, other] - 2 * covariance[one, other])


def _left(fitted: bt.Fit, covariance: Floats, place: int, t: float, df: int) -> Effect:
    value, se = float(fitted.parameters[place]), float(np.sqrt(covariance[place, place]))
    p = float(2 * stats.t.sf(abs(value) / se, df)) if se > 0 else 1.0
    return Effect(value, se, value - t * se, value + t * se, p)


def _transitivity(coded: _Coded) -> Transitivity | None:
    """Every pair with a strength of its own, and what of them no strengths of systems explain."""
    count = len(coded.systems)
    key = coded.system_1 * count + coded.system_2
    known, pair = np.unique(key, return_inverse=True)
    excess = len(known) - (count - 1)
    raters, clips = int(coded.rater.max()) + 1, int(coded.clip.max()) + 1
    df_error = min(raters, clips) - excess
    if excess < 1 or df_error < 1:
        return None
    # A pair as a system against a common one: the same engine, with a column for each pair.
    saturated, combination = bt.design(
        pair.astype(np.intp),
        np.full(len(pair), len(known), np.intp),
        coded.side,
        coded.answer,
        systems=len(known) + 1,
        levels=coded.levels,
    )
    fitted = bt.fit(saturated)
    if fitted.penalised:
        return None
    column = np.searchsorted(np.asarray(saturated.levels), coded.answer)
    each = bt.scores(saturated, fitted.parameters, combination, column)
    whole = sandwich(fitted.inverse(), each, coded.rater, coded.clip)
    # Against the common one, for strengths sum to 0 with it among them.
    contrast = np.hstack([np.eye(len(known)), -np.ones((len(known), 1))])
    eta = contrast @ fitted.parameters[: len(known) + 1]
    spread = contrast @ whole[: len(known) + 1, : len(known) + 1] @ contrast.T
    explained = np.zeros((len(known), count))
    explained[np.arange(len(known)), known // count] += 1
    explained[np.arange(len(known)), known % count] -= 1
    left_over = np.linalg.svd(explained)[0][:, count - 1 :]
    gap = left_over.T @ eta
    wald = float(gap @ np.linalg.solve(left_over.T @ spread @ left_over, gap))
    # Hotelling's: the spread of q contrasts is estimated from as many clusters.
    statistic = wald * df_error / (excess * (df_error + excess - 1))
    return Transitivity(statistic, excess, df_error, float(stats.f.sf(statistic, excess, df_error)))
