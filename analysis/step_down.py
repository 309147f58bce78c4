"""Romano and Wolf's step-down correction of the primary family, which uses that its results are correlated.

Pairs share systems, raters and clips, so their estimates move together, and correcting for the largest of
correlated statistics asks for less than correcting for their number. Draws are those of Gaussian multipliers on
the influence of raters, clips and rater × clip cells, shared by all results and scaled to each one's two-way
variance, which comes to drawing from a normal distribution with that correlation. Every result enters by its own p
value, so that its degrees of freedom count. Results are drawn in the order of their p values and turned to favour
their first system, so that no name decides a draw. Romano & Wolf (2005), "Exact and approximate stepdown methods
for multiple hypothesis testing", JASA 100; (2016), Statistics & Probability Letters 113.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse, special

from analysis.answers import Answers
from analysis.results import TIES_IN_DENOMINATOR, AnalysisError, PairRate, WinRates
from analysis.variance import Clusters, Codes, Floats, dense, effective_number

DRAWS = 20_000
SEED = 1
_NOTHING = 1e-9
"""A correlation below this is rounding."""


def romano_wolf(
    answers: Answers, rates: WinRates, *, draws: int = DRAWS, seed: int = SEED
) -> dict[tuple[str, str, str], float]:
    """Adjusted p values by (question, system_1, system_2) of the primary averages that have a test.

    ``rates`` are what ``win_rates`` made of the same ``answers``, with random clips and ties kept.
    """
    if (rates.clips, rates.convention, rates.by) != ("random", TIES_IN_DENOMINATOR, answers.by):
        raise AnalysisError(
            "Romano and Wolf's correction is for the primary family: clips random, ties kept, the same groups"
        )
    tested = sorted((rate for rate in rates.primary if rate.test is not None), key=_striking)
    if not tested:
        return {}
    correlation = _turned(_correlation(answers, tested), np.sign([round(rate.net.value, 9) for rate in tested]))
    p = np.array([rate.test.p for rate in tested if rate.test])
    # On the scale of a normal statistic: as surprising as the p value is at its own degrees of freedom.
    observed = -special.ndtri(np.maximum(p, 1e-300) / 2)
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(correlation)
    # The symmetric root: the one that rounding does not turn where eigenvalues are alike.
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    drawn = np.abs(rng.standard_normal((draws, len(tested))) @ root)
    adjusted = stepped(observed, drawn)
    return {(r.question, r.system_1, r.system_2): float(p) for r, p in zip(tested, adjusted, strict=True)}


def stepped(observed: Floats, drawn: Floats) -> Floats:
    """Adjusted p values (m,) of |statistics| (m,) from draws of them (B, m) under no effect."""
    order = np.argsort(-observed, kind="stable")
    # The largest of a result and all less striking ones, for each draw.
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    exceeding = (largest >= observed[order]).sum(axis=0)
    found = np.empty(len(observed))
    found[order] = np.maximum.accumulate((1 + exceeding) / (len(drawn) + 1))
    return found


def _striking(rate: PairRate) -> tuple[float, ...]:
    """What orders results without their names; rounded, so that the order of sums does not."""
    assert rate.test is not None
    sizes = (-abs(rate.net.value), rate.tie.value, rate.test.df)
    return (round(rate.test.p, 12), *(round(size, 9) for size in sizes), rate.n, rate.raters, rate.clips)


def _turned(correlation: Floats, signs: Floats) -> Floats:
    """As if every net preference were positive; one of 0 is turned to go with the first that it moves with."""
    for place in np.flatnonzero(signs == 0):
        moves = signs * np.where(np.abs(correlation[place]) > _NOTHING, np.sign(correlation[place]), 0.0)
        others = moves[moves != 0]
        signs[place] = others[0] if len(others) else 1.0
    return correlation * np.outer(signs, signs)


def _correlation(answers: Answers, tested: list[PairRate]) -> Floats:
    """Of the net preferences, from what they share of raters, clips and cells (m, m)."""
    raters, clips, cells = [], [], []
    for rate in tested:
        question = answers.questions.index(rate.question)
        pair = answers.pairs.index((rate.system_1, rate.system_2))
        rows = np.flatnonzero((answers.question == question) & (answers.pair == pair))
        by_rater, by_clip, by_cell = _sums(answers, rows)
        v_rater, v_clip, v_cell = (float(sums.multiply(sums).sum()) for sums in (by_rater, by_clip, by_cell))
        raters.append(by_rater * np.sqrt(max(v_rater - v_cell, 0.0) / v_rater) if v_rater else by_rater)
        clips.append(by_clip * np.sqrt(max(v_clip - v_cell, 0.0) / v_clip) if v_clip else by_clip)
        cells.append(by_cell)
    whole = sum((stack @ stack.T).toarray() for stack in map(sparse.vstack, (raters, clips, cells)))
    # A result without spread moves with no other.
    np.fill_diagonal(whole, np.where(np.diag(whole) > 0, np.diag(whole), 1.0))
    errors = np.sqrt(np.diag(whole))
    return np.asarray(whole / np.outer(errors, errors))


def _sums(answers: Answers, rows: Codes) -> tuple[sparse.csr_matrix, sparse.csr_matrix, sparse.csr_matrix]:
    """What each rater, clip and cell of the study adds to one net preference, as rows of sparse matrices."""
    sign = np.sign(answers.score[rows]).astype(np.float64)
    nest = dense(answers.group[rows])
    sizes = np.bincount(nest)
    means = np.bincount(nest, sign) / sizes
    scale = (1 / (len(sizes) * sizes))[nest]
    influence, about = (sign - means[nest]) * scale, (sign - means.mean()) * scale
    rater, clip = answers.rater[rows], answers.clip[rows]
    width = len(answers.clips)
    count = effective_number(np.bincount(rater, scale).astype(np.float64))
    by_rater = np.bincount(rater, influence, minlength=len(answers.raters)) * np.sqrt(count / (count - 1))
    return (
        sparse.csr_matrix(by_rater),
        _placed(clip, nest, scale, influence, about, width),
        _placed(rater * width + clip, nest, scale, influence, about, width * len(answers.raters)),
    )


def _placed(
    key: Codes, nest: Codes, scale: Floats, influence: Floats, about: Floats, width: int
) -> sparse.csr_matrix:
    """Clusters' scaled sums, each in the column of its key (1, width)."""
    code = dense(key)
    columns = np.zeros(int(code.max()) + 1, dtype=np.intp)
    columns[code] = key
    sums = Clusters.of(code, nest, scale).scaled_sums(influence, about)
    return sparse.csr_matrix((sums, (np.zeros(len(sums), dtype=np.intp), columns)), shape=(1, width))
