"""Win, tie and loss shares and net preference, per question, genre and system pair, and their averages.

A win is a strong or weak preference, counted out of all answers (ties in the denominator), as in the text of
V2Meow's ablation and in MusicLM. A win share is therefore never compared with one half; what is tested is net
preference = 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from statsmodels.stats.multitest import multipletests

from analysis.answers import Answers
from analysis.results import (
    BOUND,
    T_INTERVAL,
    TIES_IN_DENOMINATOR,
    TIES_LEFT_OUT,
    TIES_SPLIT,
    WILSON,
    AnalysisError,
    Estimate,
    NetTest,
    PairRate,
    SystemRate,
    WinRates,
)
from analysis.shrinkage import shrunken
from analysis.variance import (
    Clips,
    Codes,
    Floats,
    Layout,
    Moments,
    dense,
    design_effect,
    effective_n,
    many_moments,
    t_interval,
    t_test,
    wilson,
)

FEW = 5
Ties = Literal["denominator", "split", "left out"]
CONVENTIONS: Mapping[Ties, str] = {
    "denominator": TIES_IN_DENOMINATOR,
    "split": TIES_SPLIT,
    "left out": TIES_LEFT_OUT,
}
_STATSMODELS_NAMES = {"Holm": "holm", "Benjamini–Hochberg": "fdr_bh"}
_NO_SPREAD = 1e-15


@dataclass(frozen=True, slots=True)
class _Study:
    """What is estimated from, and how. ``split``: whether a tie is half a win for either."""

    answers: Answers
    level: float
    clips: Clips
    split: bool


@dataclass(frozen=True, slots=True)
class _Raw:
    """The moments of one row of results before intervals; a system's are oriented towards it."""

    index: tuple[int, int | None, int]
    win: Moments
    tie: Moments
    loss: Moments
    net: Moments
    strengths: tuple[float, ...]
    genres: int
    flags: tuple[str, ...]
    simulated: int


def win_rates(
    answers: Answers,
    *,
    level: float = 0.95,
    ties: Ties = "denominator",
    clips: Clips = "random",
    primary: Collection[tuple[str, str]] = (),
) -> WinRates:
    """Estimate every win rate of one study.

    Intervals take raters as a sample, and clips as well unless they are "fixed": what is found then holds for the
    clips of the study. Net preference is tested per pair and question on the average over genres: by Holm's
    method over the ``primary`` pairs (two system names each, in either order; none given: every pair), and by
    Benjamini and Hochberg's over the other pairs and over genres, which are exploratory. A primary pair without
    answers counts for nothing. ``ties`` names the convention: kept in the denominator, split, or left out with
    their answers, as in the printed tables of V2Meow. Raises AnalysisError when there is nothing to estimate from.
    """
    if ties == "left out":
        if not answers.score.any():
            raise AnalysisError("every answer is a tie and ties are left out, so no answer is left to analyse")
        answers = answers.kept(answers.score != 0)
    study = _Study(answers, level, clips, split=ties == "split")
    cells: list[_Raw] = []
    averages: list[_Raw] = []
    systems: list[_Raw] = []
    names = answers.systems
    for question in answers.asked():
        asked = np.flatnonzero(answers.question == question)
        pairs = answers.pair[asked]
        for pair in range(len(answers.pairs)):
            rows = asked[pairs == pair]
            if len(rows):
                cells += [_pair_raw(study, at, question, genre, pair) for genre, at in _by_genre(answers, rows)]
                averages.append(_pair_raw(study, rows, question, None, pair))
        for system, name in enumerate(names):
            towards = np.array([1 if pair[0] == name else -1 if pair[1] == name else 0 for pair in answers.pairs])
            rows = asked[towards[pairs] != 0]
            if len(rows):
                systems += [
                    _system_raw(study, at, towards, (question, genre, system))
                    for genre, at in _by_genre(answers, rows)
                ]
                systems.append(_system_raw(study, rows, towards, (question, None, system)))
    cell_effect = _pooled_effect(cells)
    average_effect = _pooled_effect(averages) or cell_effect
    system_effect = _pooled_effect(systems) or average_effect
    return WinRates(
        by=answers.by,
        level=level,
        clips=clips,
        convention=CONVENTIONS[ties],
        cells=shrunken(
            _adjusted([_pair_rate(study, raw, cell_effect) for raw in cells], "Benjamini–Hochberg"), level=level
        ),
        averages=_in_families([_pair_rate(study, raw, average_effect) for raw in averages], primary),
        systems=tuple(_system_rate(study, names, raw, system_effect) for raw in systems),
    )


def _in_families(rates: Sequence[PairRate], primary: Collection[tuple[str, str]]) -> tuple[PairRate, ...]:
    """The averages in their order, the primary ones corrected together and the others together."""
    family = {frozenset(pair) for pair in primary}
    marked = [
        replace(rate, primary=not family or frozenset((rate.system_1, rate.system_2)) in family) for rate in rates
    ]
    declared = iter(_adjusted([rate for rate in marked if rate.primary], "Holm"))
    others = iter(_adjusted([rate for rate in marked if not rate.primary], "Benjamini–Hochberg"))
    return tuple(next(declared if rate.primary else others) for rate in marked)


def _by_genre(answers: Answers, rows: Codes) -> Iterable[tuple[int, Codes]]:
    """Each genre's code with the rows that are of it."""
    genre = answers.group[rows]
    order = np.argsort(genre, kind="stable")
    for code, at in zip(
        np.unique(genre), np.split(rows[order], np.flatnonzero(np.diff(genre[order])) + 1), strict=True
    ):
        yield int(code), at


def _pair_raw(study: _Study, rows: Codes, question: int, genre: int | None, pair: int) -> _Raw:
    answers = study.answers
    nest = dense(answers.group[rows])
    strata = int(nest.max()) + 1
    layout = Layout(
        dense(answers.rater[rows]), dense(answers.clip[rows]), nest, nest, np.full(strata, 1 / strata), study.clips
    )
    missing = len(answers.groups) - strata if genre is None else 0
    note = (f"average over {strata} of {len(answers.groups)} genres",) if missing else ()
    return _raw(study, (question, genre, pair), rows, answers.score[rows], layout, strata, note)


def _system_raw(study: _Study, rows: Codes, towards: Codes, index: tuple[int, int | None, int]) -> _Raw:
    answers = study.answers
    genre, pair = answers.group[rows], answers.pair[rows]
    key = pair * len(answers.groups) + genre
    stratum = dense(key)
    opponent = np.flatnonzero(np.bincount(key)) // len(answers.groups)
    genres_met = np.bincount(opponent)
    met = genres_met[genres_met > 0]
    weights = 1 / (len(met) * genres_met[opponent])
    uneven = index[1] is None and met.min() < len(answers.groups)
    note = ("not every opponent was met in every genre",) if uneven else ()
    layout = Layout(
        dense(answers.rater[rows]), dense(answers.clip[rows]), stratum, dense(genre), weights, study.clips
    )
    return _raw(study, index, rows, answers.score[rows] * towards[pair], layout, len(met), note)


def _raw(
    study: _Study,
    index: tuple[int, int | None, int],
    rows: Codes,
    score: Codes,
    layout: Layout,
    groups: int,
    notes: tuple[str, ...],
) -> _Raw:
    sign = np.sign(score).astype(np.float64)
    half = (1 + sign) / 2
    wins, losses = (half, 1 - half) if study.split else (np.maximum(sign, 0.0), np.maximum(-sign, 0.0))
    win, tie, loss, net = many_moments((wins, 1 - np.abs(sign), losses, sign), layout)
    weight = (layout.weights / np.bincount(layout.stratum))[layout.stratum]
    flags = [*notes]
    flags += [f"fewer than {FEW} raters"] * (net.raters < FEW)
    flags += [f"fewer than {FEW} clips"] * (net.clips < FEW and study.clips == "random")
    if net.reason:
        flags.append(f"no interval: {net.reason}")
    elif not _spread(net):
        flags.append("no test: every answer is alike")
    simulated = int(study.answers.simulated[rows].sum())
    return _Raw(index, win, tie, loss, net, _strengths(score, weight), groups, tuple(flags), simulated)


def _strengths(score: Codes, weight: Floats) -> tuple[float, ...]:
    return tuple(np.bincount(2 - score, weight, minlength=5).tolist())


def _spread(moments: Moments) -> bool:
    return moments.variance is not None and moments.variance > _NO_SPREAD


def _pooled_effect(raws: Sequence[_Raw]) -> float | None:
    """Mean design effect of the shares that have one, weighted by answers."""
    known = [
        (m.n, effect) for raw in raws for m in (raw.win, raw.loss) if (effect := design_effect(m)) is not None
    ]
    return sum(n * effect for n, effect in known) / sum(n for n, _ in known) if known else None


def _share(study: _Study, moments: Moments, pooled: float | None) -> Estimate:
    method = WILSON[study.clips]
    if moments.variance is None:
        return Estimate(moments.mean, None, None, method, moments.reason)
    n_eff = effective_n(moments, pooled)
    low, high = wilson(min(max(moments.mean, 0.0), 1.0), n_eff, moments.df, study.level)
    return Estimate(moments.mean, min(low, moments.mean), max(high, moments.mean), method)


def _net(study: _Study, raw: _Raw, pooled: float | None) -> Estimate:
    net, level = raw.net, study.level
    if net.variance is None:
        return Estimate(net.mean, None, None, T_INTERVAL[study.clips], net.reason)
    if _spread(net):
        return Estimate(net.mean, *t_interval(net, level), T_INTERVAL[study.clips])
    # Every answer alike: a share at its edge still has a Wilson bound, and net moves at most twice as far from ±1.
    edge = replace(net, mean=0.0)
    reach = wilson(0.0, effective_n(edge, pooled), net.df, level)[1]
    if round(net.mean) == 0:
        return Estimate(net.mean, -reach, reach, BOUND)
    bounds = (1 - 2 * reach, 1.0) if net.mean > 0 else (-1.0, 2 * reach - 1)
    return Estimate(net.mean, *bounds, BOUND)


def _test(raw: _Raw) -> NetTest | None:
    """Not corrected yet: that takes the family."""
    if not _spread(raw.net):
        return None
    statistic, p = t_test(raw.net)
    assert raw.net.variance is not None  # there is spread
    return NetTest(statistic, float(np.sqrt(raw.net.variance)), raw.net.df, p, p, "none")


def _pair_rate(study: _Study, raw: _Raw, pooled: float | None) -> PairRate:
    answers = study.answers
    question, genre, pair = raw.index
    strong_1, weak_1, none, weak_2, strong_2 = raw.strengths
    return PairRate(
        question=answers.questions[question],
        genre=None if genre is None else answers.groups[genre],
        genres=raw.genres,
        system_1=answers.pairs[pair][0],
        system_2=answers.pairs[pair][1],
        n=raw.net.n,
        raters=raw.net.raters,
        clips=raw.net.clips,
        win_1=_share(study, raw.win, pooled),
        tie=_share(study, raw.tie, pooled),
        win_2=_share(study, raw.loss, pooled),
        net=_net(study, raw, pooled),
        strengths=(strong_1, weak_1, none, weak_2, strong_2),
        n_eff=None if raw.win.variance is None else effective_n(raw.win, pooled),
        test=_test(raw),
        flags=raw.flags,
        simulated=raw.simulated,
    )


def _system_rate(study: _Study, names: Sequence[str], raw: _Raw, pooled: float | None) -> SystemRate:
    answers = study.answers
    question, genre, system = raw.index
    return SystemRate(
        question=answers.questions[question],
        genre=None if genre is None else answers.groups[genre],
        system=names[system],
        opponents=raw.genres,
        n=raw.net.n,
        raters=raw.net.raters,
        clips=raw.net.clips,
        win=_share(study, raw.win, pooled),
        tie=_share(study, raw.tie, pooled),
        loss=_share(study, raw.loss, pooled),
        net=_net(study, raw, pooled),
        flags=raw.flags,
        simulated=raw.simulated,
    )


def _adjusted(
    rates: Sequence[PairRate], adjustment: Literal["Holm", "Benjamini–Hochberg"]
) -> tuple[PairRate, ...]:
    """Correct the p values of one family; rows without a test do not count into it."""
    tested = [rate.test.p for rate in rates if rate.test is not None]
    if not tested:
        return tuple(rates)
    corrected = iter(multipletests(tested, method=_STATSMODELS_NAMES[adjustment])[1].tolist())
    return tuple(
        rate
        if rate.test is None
        else replace(rate, test=replace(rate.test, p_adjusted=next(corrected), adjustment=adjustment))
        for rate in rates
    )
