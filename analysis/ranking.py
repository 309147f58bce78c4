"""How strong each system is over all its opponents, with intervals that respect raters and clips, and ranks.

Strengths come from ``analysis.bradley_terry``. Their covariance is a sandwich: the spread of rater × clip cells,
and what raters and what clips add to it, as matrices (two-way clustering after Cameron, Gelbach and Miller 2011,
kept from going negative).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse, stats

from analysis import bradley_terry as bt
from analysis.answers import Answers
from analysis.bradley_terry import Codes, Floats
from analysis.ranks import quasi_standard_errors, rank_sets, without_spread
from analysis.variance import Clips, dense, t_quantile, two_sided

METHOD: Mapping[Clips, str] = {
    "random": "adjacent-category Bradley–Terry, two-way (rater × clip) sandwich, t interval",
    "fixed": "adjacent-category Bradley–Terry, rater sandwich (clips fixed), t interval",
}
NEVER_SWAPPED = "the systems' sides were never swapped, so what a side adds cannot be told from what they do"
PENALISED = "; penalised: half a win and half a loss of every system against an average one, and of the side"


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
class PairFit:
    """One pair's shares as seen, and as the model has them."""

    system_1: str
    system_2: str
    n: int
    win_1: float
    tie: float
    win_2: float
    fitted_win_1: float
    fitted_tie: float
    fitted_win_2: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Strengths for one question, strongest first; ``reason`` says why intervals or ranks are missing.

    ``covariance`` (K, K) is that of the strengths in the order of ``systems``. ``left`` is what standing on the
    left adds, in the same logits; None where ``left_reason`` says why.
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
    fits: tuple[PairFit, ...]
    reason: str
    left_reason: str = ""

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(strength.system for strength in self.strengths)


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers to one question as the engine takes them; ``answer`` + favours the first of the pair."""

    system_1: Codes
    system_2: Codes
    side: Codes
    answer: Codes
    rater: Codes
    clip: Codes
    systems: tuple[str, ...]
    levels: tuple[int, ...]
    clips: Clips

    @classmethod
    def of(cls, answers: Answers, question: int, clips: Clips = "random") -> Asked:
        rows = np.flatnonzero(answers.question == question)
        pairs, pair = np.unique(answers.pair[rows], return_inverse=True)
        met = [answers.pairs[place] for place in pairs]
        systems = sorted({name for both in met for name in both})
        ends = np.array([[systems.index(one), systems.index(other)] for one, other in met], dtype=np.intp)
        answer = answers.score[rows]
        sizes = set(np.flatnonzero(np.bincount(np.abs(answer))).tolist())
        return cls(
            system_1=ends[pair, 0],
            system_2=ends[pair, 1],
            side=np.where(answers.left[rows], 1, -1).astype(np.intp),
            answer=answer,
            rater=dense(answers.rater[rows]),
            clip=dense(answers.clip[rows]),
            systems=tuple(systems),
            # Degrees that nobody used have no τ: it would run away to minus infinity.
            levels=tuple(y for y in range(-2, 3) if abs(y) in sizes),
            clips=clips,
        )

    @property
    def raters(self) -> int:
        return int(self.rater.max()) + 1

    @property
    def clip_count(self) -> int:
        return int(self.clip.max()) + 1

    @property
    def clusters(self) -> int:
        """How many independent pieces the spread is estimated from."""
        return min(self.raters, self.clip_count) if self.clips == "random" else self.raters

    def design(self) -> tuple[bt.Design, Codes]:
        return bt.design(
            self.system_1, self.system_2, self.side, self.answer, systems=len(self.systems), levels=self.levels
        )


def rankings(answers: Answers, *, level: float = 0.95, clips: Clips = "random") -> tuple[Ranking, ...]:
    """A ranking for every question that was answered; with fixed clips, intervals are clustered by rater alone."""
    return tuple(
        _rank(answers.questions[question], Asked.of(answers, question, clips), level)
        for question in answers.asked()
    )


def _rank(question: str, asked: Asked, level: float) -> Ranking:
    if asked.levels == (0,):
        return _all_tied(question, asked, level)
    count = len(asked.systems)
    design, outcome = asked.design()
    fitted = bt.fit(design)
    common: dict[str, Any] = {
        "question": question,
        "level": level,
        "n": len(asked.answer),
        "raters": asked.raters,
        "clips": asked.clip_count,
        "log_likelihood": fitted.log_likelihood,
        "iterations": fitted.iterations,
        "penalised": fitted.penalised,
        "method": METHOD[asked.clips] + (PENALISED if fitted.penalised else ""),
        "fits": _fits(design, fitted, asked),
    }
    values = fitted.parameters[:count]
    order = np.argsort(-values, kind="stable")
    reason = _no_interval(asked, fitted)
    if reason:
        return _bare(asked, values, common, reason)
    whole = sandwich(fitted.inverse() @ bt.score_table(design, fitted.parameters).T, outcome, asked)
    covariance = whole[:count, :count]
    still = without_spread(covariance)
    if still is not None:
        one, other = (asked.systems[i] for i in still)
        reason = f"there are too few answers for a spread: {one} and {other} come out with none between them"
        return _bare(asked, values, common, reason)
    df = asked.clusters - 1
    t = t_quantile(df, level)
    errors = np.sqrt(np.diag(covariance))
    quasi = quasi_standard_errors(covariance)
    best, worst = rank_sets(values, covariance, df=df, level=level)
    strengths = tuple(
        Strength(
            asked.systems[i],
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
        left=_left(fitted, whole, count, t, df) if design.sided else None,
        transitivity=_transitivity(asked),
        reason="",
        left_reason="" if design.sided else NEVER_SWAPPED,
    )


def _bare(asked: Asked, values: Floats, common: Mapping[str, Any], reason: str) -> Ranking:
    """Strengths alone, strongest first, and why there is no more."""
    strengths = tuple(
        Strength(asked.systems[i], float(values[i]), None, None, None, None, None, None)
        for i in np.argsort(-values[: len(asked.systems)], kind="stable")
    )
    return Ranking(**common, strengths=strengths, covariance=None, left=None, transitivity=None, reason=reason)


def _fits(design: bt.Design, fitted: bt.Fit, asked: Asked) -> tuple[PairFit, ...]:
    """Both orders of sides of a pair together."""
    chances = bt.probabilities(design, fitted.parameters)
    totals = design.counts.sum(axis=1, keepdims=True)
    signs = np.sign(np.asarray(design.levels))
    found: dict[tuple[str, str], Floats] = {}
    for ask, seen, told in zip(design.asks, design.counts, chances * totals, strict=True):
        one, other = int(np.argmax(ask[:-1])), int(np.argmin(ask[:-1]))
        shares = np.array([[row[signs == sign].sum() for sign in (1, 0, -1)] for row in (seen, told)])
        pair = asked.systems[one], asked.systems[other]
        found[pair] = found.get(pair, np.zeros((2, 3))) + shares
    return tuple(
        PairFit(*pair, int(both[0].sum()), *(both / both[0].sum()).ravel().tolist())
        for pair, both in sorted(found.items())
    )


def _all_tied(question: str, asked: Asked, level: float) -> Ranking:
    return Ranking(
        question=question,
        level=level,
        n=len(asked.answer),
        raters=asked.raters,
        clips=asked.clip_count,
        strengths=tuple(Strength(name, 0.0, None, None, None, None, None, None) for name in asked.systems),
        covariance=None,
        left=None,
        transitivity=None,
        log_likelihood=0.0,
        iterations=0,
        penalised=False,
        method=METHOD[asked.clips],
        fits=(),
        reason="every answer is a tie, so nothing is stronger",
    )


def _no_interval(asked: Asked, fitted: bt.Fit) -> str:
    if len(fitted.groups) > 1:
        groups = " and ".join("{" + ", ".join(asked.systems[i] for i in group) + "}" for group in fitted.groups)
        return f"no comparison links {groups}, so their strengths cannot be set against each other"
    if fitted.penalised:
        return (
            "some system, or some side, won or lost every comparison by the strongest answer, so only a penalised "
            "fit is finite and its spread would say little"
        )
    if asked.clusters < 2:
        what = "rater" if asked.raters < 2 else "clip"
        return f"only one {what}, so the spread between {what}s cannot be estimated"
    return ""


def sandwich(influence: Floats, outcome: Codes, asked: Asked) -> Floats:
    """Covariance (P, P) of parameters from what an answer of each outcome moves them by (P, M·L).

    Clustered by rater and by clip, or by rater alone where the clips are fixed.
    """
    table = np.ascontiguousarray(influence.T)
    by_rater = _outer(table, outcome, asked.rater)
    if asked.clips == "fixed":
        return by_rater
    middle = _outer(table, outcome, dense(asked.rater * asked.clip_count + asked.clip))
    return middle + _positive(by_rater - middle) + _positive(_outer(table, outcome, asked.clip) - middle)


def cluster_sums(table: Floats, outcome: Codes, cluster: Codes) -> Floats:
    """Sums (C, P) over each cluster's answers of the rows of ``table`` (M·L, P) that their outcomes name."""
    shape = int(cluster.max()) + 1, len(table)
    counts = sparse.csr_matrix((np.ones(len(outcome)), (cluster, outcome)), shape=shape)
    return np.asarray(counts @ table)


def _outer(table: Floats, outcome: Codes, cluster: Codes) -> Floats:
    sums = cluster_sums(table, outcome, cluster)
    return np.asarray(sums.T @ sums * (len(sums) / (len(sums) - 1)))


def _positive(matrix: Floats) -> Floats:
    """The part of a symmetric matrix with eigenvalues above 0."""
    eigenvalues, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(eigenvalues, 0.0)) @ vectors.T)


def _left(fitted: bt.Fit, covariance: Floats, place: int, t: float, df: int) -> Effect:
    value, se = float(fitted.parameters[place]), float(np.sqrt(covariance[place, place]))
    p = two_sided(value / se, df) if se > 0 else 1.0
    return Effect(value, se, value - t * se, value + t * se, p)


def _transitivity(asked: Asked) -> Transitivity | None:
    """Every pair with a strength of its own, and what of them no strengths of systems explain."""
    count = len(asked.systems)
    key = asked.system_1 * count + asked.system_2
    known = np.flatnonzero(np.bincount(key))
    excess = len(known) - (count - 1)
    df_error = asked.clusters - excess
    if excess < 1 or df_error < 1:
        return None
    # A pair as a system against a common one: the same engine, with a column for each pair.
    pairs = replace(
        asked,
        system_1=dense(key),
        system_2=np.full(len(key), len(known), np.intp),
        systems=(*map(str, known), "common"),
    )
    saturated, outcome = pairs.design()
    fitted = bt.fit(saturated)
    if fitted.penalised:
        return None
    whole = sandwich(fitted.inverse() @ bt.score_table(saturated, fitted.parameters).T, outcome, pairs)
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
