"""How strong each system is over all its opponents, with intervals that respect raters and clips, and ranks.

Strengths come from ``analysis.bradley_terry``. Their covariance is a sandwich: the spread of rater × clip cells,
and what raters and what clips add to it, as matrices (two-way clustering after Cameron, Gelbach and Miller 2011,
kept from going negative).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy import sparse, stats

from analysis import bradley_terry as bt
from analysis.answers import Answers
from analysis.asked import Asked, Covariance
from analysis.bradley_terry import Codes, Floats
from analysis.ranks import quasi_standard_errors, rank_sets, without_spread
from analysis.results import AnalysisError
from analysis.variance import Clips, dense, t_quantile, two_sided

METHOD: Mapping[Clips, str] = {
    "random": "adjacent-category Bradley–Terry, two-way (rater × clip) sandwich, t interval",
    "fixed": "adjacent-category Bradley–Terry, rater sandwich (clips fixed), t interval",
}
NEVER_SWAPPED = "the systems' sides were never swapped, so what a side adds cannot be told from what they do"
INDEPENDENT = "adjacent-category Bradley–Terry, answers taken as independent (raters, clips ignored), z interval"
WITHOUT_SIDE = "; no effect of the side in the model, as asked"
SIDE_NOT_ASKED = "the model was asked to go without it"
PENALISED = "; penalised: half a win and half a loss of every system against an average one"
PENALISED_SIDE = ", and of the side"


DegreeName = Literal["somewhat", "tie"]


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
    """A number with its standard error, interval and two-sided p value of 0; None where there is no spread."""

    value: float
    se: float | None
    low: float | None
    high: float | None
    p: float | None

    @classmethod
    def of(cls, value: float, se: float, df: float, level: float) -> Effect:
        """By t, or by z where ``df`` is infinite."""
        half = t_quantile(df, level) * se
        return cls(value, se, value - half, value + half, two_sided(value / se, df) if se > 0 else 1.0)

    def turned(self, sign: int) -> Effect:
        """For ``sign`` −1 that of the opposite."""
        if self.low is None or self.high is None:
            return replace(self, value=sign * self.value)
        low, high = sorted((sign * self.low, sign * self.high))
        return replace(self, value=sign * self.value, low=low, high=high)


@dataclass(frozen=True, slots=True)
class Degree:
    """How readily raters give answers of one degree: "somewhat" better, or a "tie" (no preference).

    ``value`` is the model's τ, in logits against the strongest degree that was given: between equals an answer of
    this degree is ν = exp(τ) times as likely as the strongest for the one (or for the other). For ties ν is
    Davidson's: P(tie) = ν·√(P(win)·P(loss)), of strongest wins and losses.
    """

    degree: DegreeName
    value: float
    se: float | None
    low: float | None
    high: float | None

    @property
    def nu(self) -> float:
        return math.exp(self.value)


@dataclass(frozen=True, slots=True)
class Transitivity:
    """Wald test that every pair's preference follows from one strength a system."""

    statistic: float
    df: int
    df_error: float
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

    ``covariance`` (K, K) is that of the strengths in the order of ``systems``, ``df`` the degrees of freedom of
    intervals (infinite where answers are taken as independent). ``left`` is what standing on the left adds, in the
    same logits; ``left_reason`` says why there is none, or why it has no interval. ``degrees`` are those that are
    weaker than the strongest, a tie the last.
    """

    question: str
    level: float
    n: int
    raters: int
    clips: int
    strengths: tuple[Strength, ...]
    covariance: Floats | None
    df: float | None
    left: Effect | None
    degrees: tuple[Degree, ...]
    transitivity: Transitivity | None
    log_likelihood: float
    iterations: int
    penalised: bool
    method: str
    fits: tuple[PairFit, ...]
    reason: str
    left_reason: str

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(strength.system for strength in self.strengths)

    @property
    def independent(self) -> bool:
        """Whether errors take each answer for that of another rater."""
        return self.df == math.inf

    @property
    def tie(self) -> Degree | None:
        """None where nobody gave a tie, or nobody anything else."""
        return next((one for one in self.degrees if one.degree == "tie"), None)

    def difference(self, system: str, other: str) -> Effect:
        """By how much one system is stronger than another, in logits. Raises AnalysisError for one not ranked."""
        for name in (system, other):
            if name not in self.systems:
                raise AnalysisError(f"no system is called {name!r}; there are: {', '.join(sorted(self.systems))}")
        one, two = self.systems.index(system), self.systems.index(other)
        value = self.strengths[one].value - self.strengths[two].value
        if self.covariance is None or self.df is None:
            return Effect(value, None, None, None, None)
        spread = self.covariance
        variance = spread[one, one] + spread[two, two] - 2 * spread[one, two]
        return Effect.of(value, float(np.sqrt(max(variance, 0.0))), self.df, self.level)


def rankings(
    answers: Answers,
    *,
    level: float = 0.95,
    clips: Clips = "random",
    side: bool = True,
    covariance: Covariance = "clustered",
) -> tuple[Ranking, ...]:
    """A ranking for every question that was answered; with fixed clips, intervals are clustered by rater alone.

    Without ``side`` the model has no effect of standing on the left. With the "independent" covariance standard
    errors are the model's own, which take a rater's hundred answers for those of a hundred raters: raises
    AnalysisError with fixed clips, which are about clusters.
    """
    if covariance == "independent" and clips != "random":
        raise AnalysisError("independent answers have no clusters of clips: leave clips away there")
    return tuple(
        _rank(
            answers.questions[question],
            Asked.of(answers, question, clips, side=side, covariance=covariance),
            level,
        )
        for question in answers.asked()
    )


def method_of(asked: Asked) -> str:
    """How strengths and their errors come about, with the choices that were made."""
    base = INDEPENDENT if asked.covariance == "independent" else METHOD[asked.clips]
    return base + ("" if asked.sided else WITHOUT_SIDE)


def _rank(question: str, asked: Asked, level: float) -> Ranking:
    if asked.levels == (0,):
        return _all_tied(question, asked, level)
    count = len(asked.systems)
    design, outcome = asked.design()
    fitted = bt.fit(design)
    penalised = PENALISED + (PENALISED_SIDE if design.sided else "")
    common: dict[str, Any] = {
        "question": question,
        "level": level,
        "n": len(asked.answer),
        "raters": asked.raters,
        "clips": asked.clip_count,
        "log_likelihood": fitted.log_likelihood,
        "iterations": fitted.iterations,
        "penalised": fitted.penalised,
        "method": method_of(asked) + (penalised if fitted.penalised else ""),
        "fits": _fits(design, fitted, asked),
    }
    reason = _no_interval(asked, fitted)
    if reason:
        return _bare(asked, design, fitted, common, reason)
    whole = _spread(design, fitted, outcome, asked)
    covariance = whole[:count, :count]
    still = without_spread(covariance)
    if still is not None:
        one, other = sorted(asked.systems[i] for i in still)
        reason = f"there are too few answers for a spread: {one} and {other} come out with none between them"
        return _bare(asked, design, fitted, common, reason)
    values = fitted.parameters[:count]
    order = np.argsort(-values, kind="stable")
    df = asked.clusters - 1
    effects = [
        Effect.of(float(value), float(se), df, level)
        for value, se in zip(fitted.parameters, np.sqrt(np.diag(whole)), strict=True)
    ]
    quasi = quasi_standard_errors(covariance)
    best, worst = rank_sets(values, covariance, df=df, level=level)
    strengths = tuple(
        Strength(
            asked.systems[i],
            effects[i].value,
            effects[i].se,
            effects[i].low,
            effects[i].high,
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
        df=df,
        left=effects[count].turned(asked.left) if design.sided else None,
        degrees=_degrees(design, effects),
        transitivity=_transitivity(asked),
        reason="",
        left_reason=no_side(asked, design),
    )


def no_side(asked: Asked, design: bt.Design) -> str:
    """Why a model has no effect of the side; empty where it has one."""
    if design.sided:
        return ""
    return NEVER_SWAPPED if asked.sided else SIDE_NOT_ASKED


def _bare(asked: Asked, design: bt.Design, fitted: bt.Fit, common: Mapping[str, Any], reason: str) -> Ranking:
    """Strengths alone, strongest first, and why there is no more."""
    count = len(asked.systems)
    effects = [Effect(float(value), None, None, None, None) for value in fitted.parameters]
    strengths = tuple(
        Strength(asked.systems[i], effects[i].value, None, None, None, None, None, None)
        for i in np.argsort(-fitted.parameters[:count], kind="stable")
    )
    return Ranking(
        **common,
        strengths=strengths,
        covariance=None,
        df=None,
        left=effects[count].turned(asked.left) if design.sided else None,
        degrees=_degrees(design, effects),
        transitivity=None,
        reason=reason,
        left_reason=no_side(asked, design) or reason,
    )


def _degrees(design: bt.Design, effects: list[Effect]) -> tuple[Degree, ...]:
    strongest = max(design.levels)
    found = effects[design.asks.shape[1] :]
    return tuple(
        Degree("tie" if degree == strongest else "somewhat", one.value, one.se, one.low, one.high)
        for degree, one in zip(design.free_degrees, found, strict=True)
    )


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
        if pair not in asked.pairs:
            pair, shares = pair[::-1], shares[:, ::-1]
        found[pair] = found.get(pair, np.zeros((2, 3))) + shares
    return tuple(
        PairFit(*pair, int(both[0].sum()), *(both / both[0].sum()).ravel().tolist())
        for pair, both in sorted(found.items())
    )


def _all_tied(question: str, asked: Asked, level: float) -> Ranking:
    reason = "every answer is a tie, so nothing is stronger"
    return Ranking(
        question=question,
        level=level,
        n=len(asked.answer),
        raters=asked.raters,
        clips=asked.clip_count,
        strengths=tuple(Strength(name, 0.0, None, None, None, None, None, None) for name in sorted(asked.systems)),
        covariance=None,
        df=None,
        left=None,
        degrees=(),
        transitivity=None,
        log_likelihood=0.0,
        iterations=0,
        penalised=False,
        method=method_of(asked),
        fits=(),
        reason=reason,
        left_reason=reason if asked.sided else SIDE_NOT_ASKED,
    )


def _no_interval(asked: Asked, fitted: bt.Fit) -> str:
    if len(fitted.groups) > 1:
        named = [sorted(asked.systems[i] for i in group) for group in fitted.groups]
        named.sort(key=lambda names: (-len(names), names))
        groups = " and ".join("{" + ", ".join(names) + "}" for names in named)
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


def _spread(design: bt.Design, fitted: bt.Fit, outcome: Codes, asked: Asked) -> Floats:
    """Covariance (P, P) of all parameters: the model's own, or clustered."""
    if asked.covariance == "independent":
        return fitted.inverse()
    return sandwich(fitted.inverse() @ bt.score_table(design, fitted.parameters).T, outcome, asked)


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
    whole = _spread(saturated, fitted, outcome, pairs)
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
    if math.isinf(df_error):
        return Transitivity(wald / excess, excess, df_error, float(stats.chi2.sf(wald, excess)))
    # Hotelling's: the spread of q contrasts is estimated from as many clusters.
    statistic = wald * df_error / (excess * (df_error + excess - 1))
    return Transitivity(statistic, excess, df_error, float(stats.f.sf(statistic, excess, df_error)))
