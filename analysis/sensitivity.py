"""Whether the primary results hang on choices: which raters count, how it is tested, what "no difference" means.

Rules for raters are declared before a study opens and never ask whether others agree. The primary results take
every rater; beside them stand the same results without raters who break a rule, with raters weighted by how
consistent they are, and for these clips alone, and how many raters break which rule.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.answers import Answers, Flags
from analysis.consistency import METHOD as WEIGHTED
from analysis.consistency import attention_weights
from analysis.net import net_interval, parts
from analysis.raters import NO_RULES, PassRules, RaterFigures
from analysis.results import AnalysisError, Estimate, NetTest, PairRate, WinRates
from analysis.variance import Floats, Layout, dense
from analysis.win_rates import win_rates

MARGIN = 0.1
"""Net preference that is too small to matter, unless a study declares another."""
EXACT_UP_TO, NORMAL_FROM = 14, 1_000
HEAVY = 0.02
"""Share of the sum of squares from which one rater is too heavy for the sum to be normal."""
AT_ONCE = 1_000
"""Draws in memory at a time."""
LIGHT = 0.5
DRAWS = 9_999
SEED = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One primary result. ``kept`` is net preference without raters who break a rule, None where none is declared.

    ``weighted`` counts each rater by what the rater's own checks say of attention; None where nobody was checked.
    ``these_clips`` takes raters as a sample and the clips as they are. ``sign_flip`` is the p value of flipping
    each rater's part of the net preference at random (these clips, raters a sample). ``equivalence`` is the p
    value of |net| ≥ margin (two one-sided tests): small means shown to be no difference. Neither p value is
    corrected.
    """

    question: str
    system_1: str
    system_2: str
    all: Estimate
    kept: Estimate | None
    weighted: Estimate | None
    these_clips: Estimate
    sign_flip: float
    equivalence: float | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Every primary result, and the flow of raters: what, and how many. A rater may break several rules."""

    margin: float
    lines: tuple[Line, ...]
    flow: tuple[tuple[str, int], ...]


def sensitivity(
    answers: Answers,
    rates: WinRates,
    figures: tuple[RaterFigures, ...],
    *,
    rules: PassRules = NO_RULES,
    margin: float = MARGIN,
) -> Sensitivity:
    """Beside the primary ``rates``, which ``win_rates`` made of the same ``answers``. Raises AnalysisError."""
    if not 0 < margin <= 1:
        raise AnalysisError(f"the margin is a net preference above 0 and up to 1, not {margin:g}")
    breaches = {one.rater_id: rules.breaches(one) for one in figures} if rules.declared else {}
    out = np.array([bool(breaches.get(rater)) for rater in answers.raters])
    kept = _by_pair(answers, ~out[answers.rater], rates.level) if rules.declared else None
    weights = attention_weights(figures, answers.raters)
    fixed = {_key(rate): rate for rate in win_rates(answers, level=rates.level, clips="fixed").averages}
    lines = tuple(
        _line(
            rate,
            answers,
            None if kept is None else kept.get(_key(rate)),
            fixed[_key(rate)].net,
            weights,
            margin,
            rules,
            rates.level,
        )
        for rate in rates.primary
    )
    return Sensitivity(margin, lines, _flow(answers, breaches, weights, declared=rules.declared))


def _by_pair(
    answers: Answers, keep: np.ndarray[tuple[int], np.dtype[np.bool_]], level: float
) -> dict[tuple[str, str, str], PairRate]:
    try:
        left = answers.kept(keep)
    except AnalysisError:
        return {}
    return {_key(rate): rate for rate in win_rates(left, level=level).averages}


def _key(rate: PairRate) -> tuple[str, str, str]:
    return rate.question, rate.system_1, rate.system_2


def _line(
    rate: PairRate,
    answers: Answers,
    kept: PairRate | None,
    fixed: Estimate,
    weights: Floats | None,
    margin: float,
    rules: PassRules,
    level: float,
) -> Line:
    nobody = Estimate(0.0, None, None, "", "nobody who keeps the rules judged this pair")
    return Line(
        rate.question,
        rate.system_1,
        rate.system_2,
        rate.net,
        None if not rules.declared else kept.net if kept else nobody,
        None if weights is None else weighted_net(answers, rate, weights, level),
        fixed,
        sign_flip(rater_parts(answers, rate)),
        equivalence(rate.net.value, rate.test, margin) if rate.test else None,
    )


def weighted_net(answers: Answers, rate: PairRate, weights: Floats, level: float = 0.95) -> Estimate:
    """Net preference averaged over genres, each rater (R,) counting within a genre by weight."""
    rows = np.flatnonzero(_of(answers, rate))
    nest = dense(answers.group[rows])
    strata = int(nest.max()) + 1
    layout = Layout(
        dense(answers.rater[rows]),
        dense(answers.clip[rows]),
        nest,
        nest,
        np.full(strata, 1 / strata),
        each=weights[answers.rater[rows]],
    )
    win, _, loss, net = parts(np.sign(answers.score[rows]).astype(np.float64), layout)
    if net.variance is None:
        return Estimate(net.mean, None, None, WEIGHTED, net.reason)
    return Estimate(net.mean, *net_interval(win, loss, net, level=level), WEIGHTED)


def _of(answers: Answers, rate: PairRate) -> Flags:
    """The answers (N,) that a primary result is about."""
    question = answers.questions.index(rate.question)
    pair = answers.pairs.index((rate.system_1, rate.system_2))
    return np.asarray((answers.question == question) & (answers.pair == pair))


def rater_parts(answers: Answers, rate: PairRate) -> Floats:
    """What each rater's answers (R,) put into one net preference; they add up to it, genres weighing the same."""
    mine = _of(answers, rate)
    genre = dense(answers.group[mine])
    each = np.bincount(genre) * (int(genre.max()) + 1)
    return np.asarray(np.bincount(dense(answers.rater[mine]), np.sign(answers.score[mine]) / each[genre]))


def _flow(
    answers: Answers, breaches: dict[str, dict[str, str]], weights: Floats | None, *, declared: bool
) -> tuple[tuple[str, int], ...]:
    raters = {answers.raters[code] for code in np.unique(answers.rater)}
    by_rule = Counter(name for rater in raters for name in breaches.get(rater, {}))
    broken = [(f"break the rule on {name}", count) for name, count in sorted(by_rule.items())]
    keep = sum(not breaches.get(rater) for rater in raters)
    kept = (("keep every declared rule", keep),) if declared else ()
    flow = (("raters analysed", len(raters)), *broken, *kept)
    if weights is None:
        return flow
    light = int((weights[np.unique(answers.rater)] < LIGHT).sum())
    return (*flow, ("weighted below one half by their own checks", light))


def sign_flip(values: Floats) -> float:
    """Two-sided p value of raters' parts (R,) being symmetric about 0.

    Exact for few raters, by draws for more; of many, none of whom weighs much, the sum of flipped parts is normal.
    """
    count = len(values)
    # In the order of their sizes, so that draws do not hang on who came first.
    sizes = np.sort(np.abs(values).round(12))
    total, squares = abs(float(values.sum())), float(sizes @ sizes)
    least = total - 1e-10
    if count <= EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float((np.abs(signs @ sizes) >= least).mean())
    if count >= NORMAL_FROM and sizes[-1] ** 2 < HEAVY * squares:
        return float(2 * stats.norm.sf(total / np.sqrt(squares)))
    rng = np.random.default_rng(SEED)
    as_far = 0
    for start in range(0, DRAWS, AT_ONCE):
        some = min(AT_ONCE, DRAWS - start)
        bits = np.unpackbits(rng.integers(0, 256, (some, -(-count // 8)), dtype=np.uint8), axis=1, count=count)
        as_far += int((np.abs(2 * (bits @ sizes) - sizes.sum()) >= least).sum())
    return (1 + as_far) / (DRAWS + 1)


def equivalence(net: float, test: NetTest, margin: float) -> float:
    """The larger p value of the two one-sided tests that net lies beyond −margin or +margin (Schuirmann 1987)."""
    nearest = (margin - abs(net)) / test.se
    return float(stats.t.sf(nearest, test.df))
