"""Win, tie and loss shares and net preference, per question, genre and system pair, and their averages.

A win is a strong or weak preference, counted out of all answers (ties in the denominator), as in the text of
V2Meow's ablation and in MusicLM. A win share is therefore never compared with one half; what is tested is net
preference = 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

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
from analysis.schema import QUESTIONS
from analysis.variance import (
    Codes,
    Floats,
    Layout,
    Moments,
    design_effect,
    effective_n,
    t_interval,
    t_test,
    two_way_moments,
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
class Answers:
    """The answers that are estimated from, as integer codes; ``score`` + favours system_1.

    ``split``: whether a tie is half a win for either.
    """

    score: Codes
    question: Codes
    genre: Codes
    pair: Codes
    rater: Codes
    clip: Codes
    simulated: np.ndarray[Any, np.dtype[np.bool_]]
    questions: tuple[str, ...]
    genres: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
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


def included(frame: pd.DataFrame, *, include_simulated: bool = False) -> pd.DataFrame:
    """The rows that are estimated from: test trials, answered by people unless asked otherwise."""
    keep = frame["kind"] == "test"
    if not include_simulated:
        keep &= ~frame["simulated"]
    return frame[keep]


def win_rates(
    frame: pd.DataFrame, *, include_simulated: bool = False, level: float = 0.95, ties: Ties = "denominator"
) -> WinRates:
    """Estimate every win rate of one study from a table that ``schema.read`` returned.

    Only kind "test" counts, and only people's answers unless ``include_simulated``. Intervals take raters and
    clips as samples. Net preference is tested per pair and question on the average over genres (Holm) and,
    exploratory, per genre (Benjamini–Hochberg). ``ties`` names the convention: kept in the denominator, split, or
    left out with their answers, as in the printed tables of V2Meow. Raises AnalysisError when there is nothing to
    estimate from.
    """
    used = included(frame, include_simulated=include_simulated)
    if ties == "left out":
        used = used[used["score"] != 0]
    answers = _answers(used, split=ties == "split")
    cells: list[_Raw] = []
    averages: list[_Raw] = []
    systems: list[_Raw] = []
    names = sorted({name for pair in answers.pairs for name in pair})
    for question in range(len(answers.questions)):
        asked = np.flatnonzero(answers.question == question)
        for pair in range(len(answers.pairs)):
            rows = asked[answers.pair[asked] == pair]
            if len(rows):
                cells += [
                    _pair_raw(answers, rows[at], question, genre, pair) for genre, at in _by_genre(answers, rows)
                ]
                averages.append(_pair_raw(answers, rows, question, None, pair))
        for system, name in enumerate(names):
            involved = [p for p, pair in enumerate(answers.pairs) if name in pair]
            rows = asked[np.isin(answers.pair[asked], involved)]
            if len(rows):
                towards = np.array([1 if pair[0] == name else -1 for pair in answers.pairs])
                for genre, at in _by_genre(answers, rows):
                    systems.append(_system_raw(answers, rows[at], towards, (question, genre, system)))
                systems.append(_system_raw(answers, rows, towards, (question, None, system)))
    cell_effect = _pooled_effect(cells)
    average_effect = _pooled_effect(averages) or cell_effect
    system_effect = _pooled_effect(systems) or average_effect
    return WinRates(
        level=level,
        convention=CONVENTIONS[ties],
        cells=_adjusted([_pair_rate(answers, raw, cell_effect, level) for raw in cells], "Benjamini–Hochberg"),
        averages=_adjusted([_pair_rate(answers, raw, average_effect, level) for raw in averages], "Holm"),
        systems=tuple(_system_rate(answers, names, raw, system_effect, level) for raw in systems),
    )


def _answers(frame: pd.DataFrame, *, split: bool) -> Answers:
    if frame.empty:
        raise AnalysisError(
            "no answer is left to analyse: only test trials count, simulated answers only when asked for, and "
            "ties not where they are left out"
        )
    studies = sorted(map(str, frame["study"].unique()))
    if len(studies) > 1:
        raise AnalysisError(f"the table holds the studies {', '.join(studies)}; analyse one at a time")
    pair_names = frame[["system_1", "system_2"]].astype(object)
    pair, pairs = pd.factorize(pd.MultiIndex.from_frame(pair_names), sort=True)
    genre, genres = pd.factorize(frame["genre"].astype(object), sort=True)
    clip = pd.MultiIndex.from_frame(frame[["dataset", "clip_id"]].astype(object))
    question = frame["question"].map({name: code for code, name in enumerate(QUESTIONS)})
    return Answers(
        score=frame["score"].to_numpy(dtype=np.intp),
        question=question.to_numpy().astype(np.intp),
        genre=genre,
        pair=pair,
        rater=pd.factorize(frame["rater_id"].astype(object), sort=True)[0],
        clip=pd.factorize(clip, sort=True)[0],
        simulated=frame["simulated"].to_numpy(dtype=np.bool_),
        questions=QUESTIONS,
        genres=tuple(map(str, genres)),
        pairs=tuple((str(first), str(second)) for first, second in pairs),
        split=split,
    )


def _by_genre(answers: Answers, rows: Codes) -> Iterable[tuple[int, Codes]]:
    genre = answers.genre[rows]
    for code in np.unique(genre):
        yield int(code), np.flatnonzero(genre == code)


def _dense(codes: Codes) -> Codes:
    return np.unique(codes, return_inverse=True)[1]


def _pair_raw(answers: Answers, rows: Codes, question: int, genre: int | None, pair: int) -> _Raw:
    nest = _dense(answers.genre[rows])
    strata = int(nest.max()) + 1
    layout = Layout(
        _dense(answers.rater[rows]), _dense(answers.clip[rows]), nest, nest, np.full(strata, 1 / strata)
    )
    missing = len(answers.genres) - strata if genre is None else 0
    note = (f"average over {strata} of {len(answers.genres)} genres",) if missing else ()
    simulated = int(answers.simulated[rows].sum())
    score = answers.score[rows]
    return _raw((question, genre, pair), score, layout, strata, note, simulated, split=answers.split)


def _system_raw(answers: Answers, rows: Codes, towards: Codes, index: tuple[int, int | None, int]) -> _Raw:
    genre, pair = answers.genre[rows], answers.pair[rows]
    cells, stratum = np.unique(pair * len(answers.genres) + genre, return_inverse=True)
    opponent = cells // len(answers.genres)
    genres_met = {code: int((opponent == code).sum()) for code in np.unique(opponent)}
    weights = np.array([1 / (len(genres_met) * genres_met[code]) for code in opponent])
    uneven = index[1] is None and min(genres_met.values()) < len(answers.genres)
    note = ("not every opponent was met in every genre",) if uneven else ()
    layout = Layout(_dense(answers.rater[rows]), _dense(answers.clip[rows]), stratum, _dense(genre), weights)
    simulated = int(answers.simulated[rows].sum())
    score = answers.score[rows] * towards[pair]
    return _raw(index, score, layout, len(genres_met), note, simulated, split=answers.split)


def _raw(
    index: tuple[int, int | None, int],
    score: Codes,
    layout: Layout,
    groups: int,
    notes: tuple[str, ...],
    simulated: int,
    *,
    split: bool,
) -> _Raw:
    def moments(values: np.ndarray[Any, Any]) -> Moments:
        return two_way_moments(values.astype(np.float64), layout)

    sign = np.sign(score)
    half = (1 + sign) / 2
    win, loss = (moments(half), moments(1 - half)) if split else (moments(score > 0), moments(score < 0))
    tie, net = moments(score == 0), moments(sign)
    weight = (layout.weights / np.bincount(layout.stratum))[layout.stratum]
    flags = [*notes]
    flags += [f"fewer than {FEW} raters"] * (net.raters < FEW) + [f"fewer than {FEW} clips"] * (net.clips < FEW)
    if net.reason:
        flags.append(f"no interval: {net.reason}")
    elif not _spread(net):
        flags.append("no test: every answer is alike")
    return _Raw(index, win, tie, loss, net, _strengths(score, weight), groups, tuple(flags), simulated)


def _strengths(score: Codes, weight: Floats) -> tuple[float, ...]:
    return tuple(float(weight[score == value].sum()) for value in (2, 1, 0, -1, -2))


def _spread(moments: Moments) -> bool:
    return moments.variance is not None and moments.variance > _NO_SPREAD


def _pooled_effect(raws: Sequence[_Raw]) -> float | None:
    """Mean design effect of the shares that have one, weighted by answers."""
    known = [
        (m.n, effect) for raw in raws for m in (raw.win, raw.loss) if (effect := design_effect(m)) is not None
    ]
    return sum(n * effect for n, effect in known) / sum(n for n, _ in known) if known else None


def _share(moments: Moments, pooled: float | None, level: float) -> Estimate:
    if moments.variance is None:
        return Estimate(moments.mean, None, None, WILSON, moments.reason)
    n_eff = effective_n(moments, pooled)
    low, high = wilson(min(max(moments.mean, 0.0), 1.0), n_eff, moments.df, level)
    return Estimate(moments.mean, min(low, moments.mean), max(high, moments.mean), WILSON)


def _net(raw: _Raw, pooled: float | None, level: float) -> Estimate:
    net = raw.net
    if net.variance is None:
        return Estimate(net.mean, None, None, T_INTERVAL, net.reason)
    if _spread(net):
        return Estimate(net.mean, *t_interval(net, level), T_INTERVAL)
    # Every answer alike: a share at its edge still has a Wilson bound, and net moves at most twice as far from ±1.
    edge = replace(net, mean=0.0)
    reach = wilson(0.0, effective_n(edge, pooled), net.df, level)[1]
    if round(net.mean) == 0:
        return Estimate(net.mean, -reach, reach, BOUND)
    bounds = (1 - 2 * reach, 1.0) if net.mean > 0 else (-1.0, 2 * reach - 1)
    return Estimate(net.mean, *bounds, BOUND)


def _test(raw: _Raw, adjustment: Literal["Holm", "Benjamini–Hochberg"]) -> NetTest | None:
    if not _spread(raw.net):
        return None
    statistic, p = t_test(raw.net)
    assert raw.net.variance is not None  # there is spread
    return NetTest(statistic, float(np.sqrt(raw.net.variance)), raw.net.df, p, p, adjustment)


def _pair_rate(answers: Answers, raw: _Raw, pooled: float | None, level: float) -> PairRate:
    question, genre, pair = raw.index
    strong_1, weak_1, none, weak_2, strong_2 = raw.strengths
    return PairRate(
        question=answers.questions[question],
        genre=None if genre is None else answers.genres[genre],
        genres=raw.genres,
        system_1=answers.pairs[pair][0],
        system_2=answers.pairs[pair][1],
        n=raw.net.n,
        raters=raw.net.raters,
        clips=raw.net.clips,
        win_1=_share(raw.win, pooled, level),
        tie=_share(raw.tie, pooled, level),
        win_2=_share(raw.loss, pooled, level),
        net=_net(raw, pooled, level),
        strengths=(strong_1, weak_1, none, weak_2, strong_2),
        n_eff=None if raw.win.variance is None else effective_n(raw.win, pooled),
        test=_test(raw, "Holm" if genre is None else "Benjamini–Hochberg"),
        flags=raw.flags,
        simulated=raw.simulated,
    )


def _system_rate(
    answers: Answers, names: Sequence[str], raw: _Raw, pooled: float | None, level: float
) -> SystemRate:
    question, genre, system = raw.index
    return SystemRate(
        question=answers.questions[question],
        genre=None if genre is None else answers.genres[genre],
        system=names[system],
        opponents=raw.genres,
        n=raw.net.n,
        raters=raw.net.raters,
        clips=raw.net.clips,
        win=_share(raw.win, pooled, level),
        tie=_share(raw.tie, pooled, level),
        loss=_share(raw.loss, pooled, level),
        net=_net(raw, pooled, level),
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
        rate if rate.test is None else replace(rate, test=replace(rate.test, p_adjusted=next(corrected)))
        for rate in rates
    )
