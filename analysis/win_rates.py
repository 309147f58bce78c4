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

from analysis.answers import Answers
from analysis.corrections import benjamini_hochberg, holm
from analysis.net import Shares, net_interval, parts
from analysis.results import (
    BOUND,
    MOVER,
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
    NO_SPREAD,
    Clips,
    Codes,
    Floats,
    Layout,
    Moments,
    dense,
    design_effect,
    effective_n,
    t_quantile,
    t_test,
    two_sided,
    wilson,
)

FEW = 5
Ties = Literal["denominator", "split", "left out"]
CONVENTIONS: Mapping[Ties, str] = {
    "denominator": TIES_IN_DENOMINATOR,
    "split": TIES_SPLIT,
    "left out": TIES_LEFT_OUT,
}


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
    Benjamini and Hochberg's over the other pairs and over genres, which are exploratory. A primary pair that
    cannot be tested, or that nobody judged, still counts into the family. ``ties`` names the convention: kept in
    the denominator, split, or left out with their answers, as in the printed tables of V2Meow. Raises
    AnalysisError when there is nothing to estimate from.
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
        averages=_in_families(
            [_pair_rate(study, raw, average_effect) for raw in averages], primary, len(answers.asked())
        ),
        systems=tuple(_system_rate(study, names, raw, system_effect) for raw in systems),
    )


def _in_families(
    rates: Sequence[PairRate], primary: Collection[tuple[str, str]], questions: int
) -> tuple[PairRate, ...]:
    """The averages in their order, the primary ones corrected together and the others together."""
    family = {frozenset(pair) for pair in primary}
    marked = [
        replace(rate, primary=not family or frozenset((rate.system_1, rate.system_2)) in family) for rate in rates
    ]
    primaries = [rate for rate in marked if rate.primary]
    declared = iter(_adjusted(primaries, "Holm", tests=max(len(family) * questions, len(primaries))))
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
    win, tie, loss, net = parts(sign, layout, split=study.split)
    weight = (layout.weights / np.bincount(layout.stratum))[layout.stratum]
    flags = [*notes]
    flags += [f"fewer than {FEW} raters"] * (net.raters < FEW)
    flags += [f"fewer than {FEW} clips"] * (net.clips < FEW and study.clips == "random")
    if net.reason:
        flags.append(f"no interval: {net.reason}")
    elif not _spread(net):
        alike = len(np.unique(sign)) == 1
        flags.append("every answer is alike" if alike else "answers differ between genres only")
    simulated = int(study.answers.simulated[rows].sum())
    return _Raw(index, win, tie, loss, net, _strengths(score, weight), groups, tuple(flags), simulated)


def _strengths(score: Codes, weight: Floats) -> tuple[float, ...]:
    return tuple(np.bincount(2 - score, weight, minlength=5).tolist())


def _spread(moments: Moments) -> bool:
    return moments.variance is not None and moments.variance > NO_SPREAD


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
    low, high = wilson(moments.mean, n_eff, moments.df, study.level)
    return Estimate(moments.mean, min(low, moments.mean), max(high, moments.mean), method)


def _net(study: _Study, raw: _Raw, pooled: float | None) -> Estimate:
    net, method = raw.net, MOVER[study.clips]
    if net.variance is None:
        return Estimate(net.mean, None, None, method, net.reason)
    low, high = net_interval(raw.win, raw.loss, net, level=study.level, pooled=pooled)
    return Estimate(net.mean, low, high, method if _spread(net) else BOUND)


def _test(study: _Study, raw: _Raw, pooled: float | None) -> NetTest | None:
    """Not corrected yet: that takes the family."""
    net = raw.net
    if net.variance is None:
        return None
    if _spread(net):
        statistic, p = t_test(net)
        return NetTest(statistic, float(np.sqrt(net.variance)), net.df, p, p, "none")
    shares, t = Shares.of(raw.win, raw.loss, net, pooled=pooled), t_quantile(net.df, study.level)
    low, high = shares.limits(t)
    statistic = shares.first_holding_zero()
    p = two_sided(statistic, net.df)
    return NetTest(float(np.copysign(statistic, net.mean)), (high - low) / (2 * t), net.df, p, p, "none")


def _halved(net: Estimate) -> Estimate:
    """A win share with ties split is (1 + net) / 2, and so are its limits."""
    low, high = (None if limit is None else (1 + limit) / 2 for limit in (net.low, net.high))
    return replace(net, value=(1 + net.value) / 2, low=low, high=high)


def _turned(net: Estimate) -> Estimate:
    """The same for the other system."""
    low, high = (None if limit is None else -limit for limit in (net.high, net.low))
    return replace(net, value=-net.value, low=low, high=high)


def _pair_rate(study: _Study, raw: _Raw, pooled: float | None) -> PairRate:
    answers = study.answers
    question, genre, pair = raw.index
    net = _net(study, raw, pooled)
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
        win_1=_halved(net) if study.split else _share(study, raw.win, pooled),
        tie=_share(study, raw.tie, pooled),
        win_2=_halved(_turned(net)) if study.split else _share(study, raw.loss, pooled),
        net=net,
        strengths=(strong_1, weak_1, none, weak_2, strong_2),
        n_eff=None if raw.win.variance is None else effective_n(raw.win, pooled),
        test=_test(study, raw, pooled),
        flags=raw.flags,
        simulated=raw.simulated,
    )


def _system_rate(study: _Study, names: Sequence[str], raw: _Raw, pooled: float | None) -> SystemRate:
    answers = study.answers
    question, genre, system = raw.index
    net = _net(study, raw, pooled)
    return SystemRate(
        question=answers.questions[question],
        genre=None if genre is None else answers.groups[genre],
        system=names[system],
        opponents=raw.genres,
        n=raw.net.n,
        raters=raw.net.raters,
        clips=raw.net.clips,
        win=_halved(net) if study.split else _share(study, raw.win, pooled),
        tie=_share(study, raw.tie, pooled),
        loss=_halved(_turned(net)) if study.split else _share(study, raw.loss, pooled),
        net=net,
        flags=raw.flags,
        simulated=raw.simulated,
    )


def _adjusted(
    rates: Sequence[PairRate], adjustment: Literal["Holm", "Benjamini–Hochberg"], *, tests: int = 0
) -> tuple[PairRate, ...]:
    """Correct the p values of one family; of at least ``tests`` results, those without a test having p = 1."""
    tested = [rate.test.p for rate in rates if rate.test is not None]
    if not tested:
        return tuple(rates)
    family = np.array(tested + [1.0] * (tests - len(tested)))
    corrected = iter((holm(family[None])[0] if adjustment == "Holm" else benjamini_hochberg(family)).tolist())
    return tuple(
        rate
        if rate.test is None
        else replace(rate, test=replace(rate.test, p_adjusted=next(corrected), adjustment=adjustment))
        for rate in rates
    )
