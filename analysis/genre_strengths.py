"""Strengths in each genre, drawn towards a system's average, and whether genres differ at all.

Every genre is fitted by itself, with its own effect of the side and its own degrees. What a rater's answers move
in all genres is summed before it is squared, so a rater who served several genres is one rater. The average weighs
genres equally, as win rates do. Shrinkage is that of win rates per genre (``analysis.shrinkage``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from analysis import bradley_terry as bt
from analysis.answers import Answers, Flags
from analysis.asked import Asked
from analysis.bradley_terry import Codes, Floats
from analysis.ranking import WITHOUT_SIDE, Transitivity, sandwich
from analysis.results import Estimate
from analysis.shrinkage import FEWEST, towards_mean
from analysis.variance import dense, t_quantile

METHOD = "Bradley–Terry within the genre, two-way (rater × clip) sandwich, t interval"
SHRUNKEN = "shrunken towards the system's average over genres (empirical Bayes, REML)"


@dataclass(frozen=True, slots=True)
class GenreStrength:
    """One system in one genre, or (``genre`` None) averaged; ``shrunken`` is None without enough genres."""

    genre: str | None
    system: str
    strength: Estimate
    shrunken: Estimate | None


@dataclass(frozen=True, slots=True)
class GenreStrengths:
    """Of one question. ``left_out`` are genres without a finite fit, each with the reason.

    ``interaction`` tests that every system is as strong in every genre (Hotelling's, as for transitivity); None
    where ``reason`` says why.
    """

    question: str
    level: float
    strengths: tuple[GenreStrength, ...]
    left_out: tuple[tuple[str, str], ...]
    interaction: Transitivity | None
    reason: str


def genre_strengths(answers: Answers, *, level: float = 0.95, side: bool = True) -> tuple[GenreStrengths, ...]:
    """For every question that was answered; without ``side``, by models that have no effect of the side."""
    return tuple(_of_one(answers, code, level, side=side) for code in answers.asked())


def _of_one(answers: Answers, question: int, level: float, *, side: bool) -> GenreStrengths:
    mine = answers.kept(answers.question == question)
    whole = Asked.of(mine, question, side=side)
    systems = len(whole.systems)
    method = METHOD if side else METHOD + WITHOUT_SIDE
    kept: list[int] = []
    left_out: list[tuple[str, str]] = []
    values: list[Floats] = []
    influence: list[Floats] = []
    outcome = np.zeros(len(mine), dtype=np.intp)
    outcomes = 0
    for genre, name in enumerate(mine.groups):
        rows = np.flatnonzero(mine.group == genre)
        if not len(rows):
            continue
        design, of_rows = _design(whole, rows)
        reason = "every answer is a tie" if design is None else ""
        if design is not None:
            fitted = bt.fit(design)
            reason = _no_fit(fitted, systems)
        if reason or design is None:
            left_out.append((name, reason))
            continue
        kept.append(genre)
        values.append(fitted.parameters[:systems])
        influence.append((fitted.inverse() @ bt.score_table(design, fitted.parameters).T)[:systems])
        outcome[rows] = outcomes + of_rows
        outcomes += influence[-1].shape[1]
    among = np.isin(mine.group, kept)
    clustered = replace(whole, rater=_only(whole.rater, among), clip=_only(whole.clip, among)) if kept else whole
    reason = _too_little(clustered, len(kept))
    if reason:
        order = _by_name(whole.systems)
        bare = tuple(
            GenreStrength(
                mine.groups[genre],
                whole.systems[code],
                Estimate(float(of_genre[code]), None, None, method, reason),
                None,
            )
            for genre, of_genre in zip(kept, values, strict=True)
            for code in order
        )
        return GenreStrengths(answers.questions[question], level, bare, tuple(left_out), None, reason)
    table = np.zeros((len(kept) * systems, outcomes))
    place = 0
    for number, block in enumerate(influence):
        table[number * systems : (number + 1) * systems, place : place + block.shape[1]] = block
        place += block.shape[1]
    covariance = sandwich(table, outcome[among], clustered)
    df = clustered.clusters - 1
    found = np.array(values)
    genres = [mine.groups[genre] for genre in kept]
    strengths = _estimates(whole.systems, genres, found, covariance, df, level, method)
    interaction, why = _interaction(found, covariance, clustered.clusters)
    return GenreStrengths(answers.questions[question], level, strengths, tuple(left_out), interaction, why)


def _only(codes: Codes, among: Flags) -> Codes:
    return dense(codes[among])


def _design(whole: Asked, rows: Codes) -> tuple[bt.Design | None, Codes]:
    answer = whole.answer[rows]
    sizes = set(np.abs(answer).tolist())
    if sizes == {0}:
        return None, rows
    levels = tuple(level for level in range(-2, 3) if abs(level) in sizes)
    columns = (whole.system_1[rows], whole.system_2[rows], whole.side[rows], answer)
    return bt.design(*columns, systems=len(whole.systems), levels=levels)


def _no_fit(fitted: bt.Fit, systems: int) -> str:
    if len(fitted.groups) > 1:
        return "comparisons do not link all systems"
    return "some system won or lost every comparison" if fitted.penalised else ""


def _too_little(whole: Asked, genres: int) -> str:
    if not genres:
        return "no genre has a finite fit"
    if whole.clusters < 2:
        return f"only one {'rater' if whole.raters < 2 else 'clip'}, so the spread cannot be estimated"
    return ""


def _estimates(
    systems: tuple[str, ...],
    genres: list[str],
    found: Floats,
    covariance: Floats,
    df: float,
    level: float,
    method: str,
) -> tuple[GenreStrength, ...]:
    t, z = t_quantile(df, level), float(stats.norm.ppf((1 + level) / 2))
    count = len(systems)
    variances = np.diag(covariance).reshape(found.shape)
    strengths = []
    for code in _by_name(systems):
        system = systems[code]
        drawn = None
        if len(genres) >= FEWEST and (variances[:, code] > 0).all():
            drawn = towards_mean(found[:, code], variances[:, code] * (t / z) ** 2)
        for place, genre in enumerate(genres):
            own = _interval(found[place, code], t * np.sqrt(variances[place, code]), method)
            shrunken = None if drawn is None else _interval(drawn[0][place], z * drawn[1][place], SHRUNKEN)
            strengths.append(GenreStrength(genre, system, own, shrunken))
        among = np.arange(len(genres)) * count + code
        spread = float(covariance[np.ix_(among, among)].sum()) / len(genres) ** 2
        average = _interval(found[:, code].mean(), t * np.sqrt(spread), method + ", average over genres")
        strengths.append(GenreStrength(None, system, average, None))
    return tuple(strengths)


def _by_name(systems: tuple[str, ...]) -> list[int]:
    return sorted(range(len(systems)), key=systems.__getitem__)


def _interval(value: float, half: float, method: str) -> Estimate:
    return Estimate(float(value), float(value - half), float(value + half), method)


def _interaction(found: Floats, covariance: Floats, clusters: float) -> tuple[Transitivity | None, str]:
    genres, systems = found.shape
    contrasts = (genres - 1) * (systems - 1)
    df_error = clusters - contrasts
    if genres < 2:
        return None, "one genre has nothing to differ from"
    if df_error < 1:
        return None, (
            f"{contrasts} differences between genres cannot be tested together with {clusters} raters or clips"
        )
    between = np.hstack([np.eye(genres - 1), -np.ones((genres - 1, 1))])
    within = np.hstack([np.eye(systems - 1), np.zeros((systems - 1, 1))])
    contrast = np.kron(between, within)
    gap = contrast @ found.ravel()
    wald = float(gap @ np.linalg.solve(contrast @ covariance @ contrast.T, gap))
    statistic = wald * df_error / (contrasts * (df_error + contrasts - 1))
    return Transitivity(statistic, contrasts, df_error, float(stats.f.sf(statistic, contrasts, df_error))), ""
