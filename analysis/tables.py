"""Results as short printed tables for pages."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.agreement import Agreement
from analysis.genre_strengths import GenreStrengths
from analysis.ranking import Ranking, Strength
from analysis.results import Estimate, PairRate, SystemRate, WinRates
from analysis.sensitivity import Sensitivity
from analysis.table import Row, Table
from analysis.wording import (
    AVERAGE,
    QUESTION_TITLES,
    average_row,
    averaged,
    interval,
    level_percent,
    number_interval,
    p_sign,
    p_value,
    percent,
    signed_number,
    signed_percent,
)

COUNTS = "Ratings (raters, clips)"


def primary_table(rates: WinRates, question: str) -> Table:
    """The declared family for one question, averaged over genres: every pair unless some were declared."""
    pairs = "the primary pairs" if rates.undeclared else "every pair"
    return _averages_table(rates, rates.primary, question, pairs, "p (Holm)")


def undeclared_table(rates: WinRates, question: str) -> Table:
    """The pairs that were not declared primary, for one question, averaged over genres."""
    return _averages_table(
        rates, rates.undeclared, question, "other pairs (exploratory)", "q (Benjamini–Hochberg)"
    )


def _averages_table(rates: WinRates, shown: Sequence[PairRate], question: str, pairs: str, p_or_q: str) -> Table:
    shares = ("System 1 wins", "No preference", "System 2 wins", "Net preference for system 1")
    return Table(
        f"{QUESTION_TITLES[question]}: {pairs}, {averaged(rates)}",
        ("System 1", "System 2", COUNTS, *shares, p_or_q),
        tuple(
            Row(
                (
                    rate.system_1,
                    rate.system_2,
                    _counts(rate),
                    *_shares(rate.win_1, rate.tie, rate.win_2),
                    _net(rate.net),
                    p_value(rate.test.p_adjusted) if rate.test else "–",
                ),
                faint=bool(rate.flags),
            )
            for rate in shown
            if rate.question == question
        ),
        headings=2,
    )


def genre_table(rates: WinRates, pair: tuple[str, str]) -> Table:
    """One pair: every question and genre, the average over genres last; a lone genre has no row of its own."""
    rows = []
    shown = () if rates.only_genre else rates.cells
    shrunken = any(rate.shrunken for rate in shown)
    for average in (rate for rate in rates.averages if (rate.system_1, rate.system_2) == pair):
        cells = (r for r in shown if (r.system_1, r.system_2) == pair and r.question == average.question)
        for rate in (*cells, average):
            rows.append(
                Row(
                    (
                        QUESTION_TITLES[rate.question],
                        average_row(rates) if rate.genre is None else rate.genre,
                        _counts(rate),
                        *_shares(rate.win_1, rate.tie, rate.win_2),
                        _net(rate.net),
                        *([_net(rate.shrunken) if rate.shrunken else "–"] if shrunken else []),
                        p_value(rate.test.p_adjusted) if rate.test else "–",
                        "; ".join(rate.flags),
                    ),
                    strong=rate.genre is None,
                    faint=bool(rate.flags),
                )
            )
    wins = (f"{pair[0]} wins", "No preference", f"{pair[1]} wins", f"Net preference for {pair[0]}")
    declared = any(rate.primary for rate in rates.averages if (rate.system_1, rate.system_2) == pair)
    corrected = "p (Holm)" if declared else "q (Benjamini–Hochberg)"
    p_or_q = corrected if rates.only_genre else "q (genre) or p (average)" if declared else "q"
    return Table(
        f"{pair[0]} against {pair[1]}" + ("" if rates.only_genre else ", by genre"),
        ("Question", "Genre", COUNTS, *wins, *(["The same, shrunken"] if shrunken else []), p_or_q, "Remarks"),
        tuple(rows),
        headings=2,
    )


def system_table(rates: WinRates, question: str) -> Table:
    """Genre × system: wins over all opponents, and net preference; a lone genre has no row of its own."""
    grid = rates.grid(question)
    rows = tuple(
        Row(
            (genre or average_row(rates), str(grid.answers(genre)), *map(_system_cell, grid.of(genre))),
            strong=genre is None,
            faint=any(rate is not None and rate.flags for rate in grid.of(genre)),
        )
        for genre in grid.genres
    )
    title = f"{QUESTION_TITLES[question]}: wins over all opponents and net preference"
    return Table(title, ("Genre", "Ratings", *grid.systems), rows)


def ranking_table(ranking: Ranking) -> Table:
    """One question's systems, strongest first, and what stands beside them: the side's part, and transitivity."""
    rows = [
        Row(
            (
                one.system,
                f"{signed_number(one.value)} {number_interval(one.low, one.high)}".strip(),
                "–" if one.quasi_se is None else f"{one.quasi_se:.2f}",
                _rank_set(one),
            )
        )
        for one in ranking.strengths
    ]
    if ranking.left is not None:
        left = ranking.left
        told = f"{signed_number(left.value)} {number_interval(left.low, left.high)}".strip()
        told += "" if left.p is None else f", p {p_sign(left.p)}"
        rows.append(Row(("standing on the left", told, "", ""), faint=True))
    elif ranking.left_reason:
        rows.append(Row(("standing on the left", "–", "", ""), faint=True))
    if ranking.transitivity is not None:
        test = ranking.transitivity
        told = f"F({test.df}, {test.df_error}) = {test.statistic:.2f}, p {p_sign(test.p)}"
        rows.append(Row(("departure from one strength a system", told, "", ""), faint=True))
    notes = [f"No interval and no ranks: {ranking.reason}."] if ranking.reason else []
    if ranking.left is None and ranking.left_reason:
        notes.append(f"No effect of standing on the left: {ranking.left_reason}.")
    if ranking.transitivity is not None and ranking.transitivity.p < 1 - ranking.level:
        notes.append(
            "One strength a system does not explain every pair here: read the pairs, and ranks with care."
        )
    columns = (
        "System",
        f"Strength, logits ({level_percent(ranking.level)} interval)",
        "Quasi SE",
        "Ranks that hold",
    )
    return Table(
        f"{QUESTION_TITLES[ranking.question]}: strength over all opponents",
        columns,
        tuple(rows),
        notes=tuple(notes),
    )


def genre_strength_table(found: GenreStrengths) -> Table:
    """Genre × system: strengths, shrunken where there are genres enough, and whether genres differ."""
    systems = list(dict.fromkeys(one.system for one in found.strengths))
    by_key = {(one.genre, one.system): one for one in found.strengths}
    genres = list(dict.fromkeys(one.genre for one in found.strengths if one.genre is not None))
    average = [None] if any(one.genre is None for one in found.strengths) else []
    rows = []
    for genre in (*genres, *average):
        cells = [by_key[genre, system] for system in systems]
        printed = [one.shrunken or one.strength for one in cells]
        texts = [f"{signed_number(one.value)} {number_interval(one.low, one.high)}".strip() for one in printed]
        rows.append(Row((genre or AVERAGE, *texts), strong=genre is None))
    notes = [f"{genre} is left out: {why}." for genre, why in found.left_out]
    if found.interaction is not None:
        test = found.interaction
        told = f"F({test.df}, {test.df_error}) = {test.statistic:.2f}, p {p_sign(test.p)}"
        notes.insert(0, f"Departure from every system being as strong in every genre: {told}.")
    elif found.reason:
        notes.insert(0, f"Whether genres differ is not tested: {found.reason}.")
    drawn = ", shrunken towards each system’s average" if any(one.shrunken for one in found.strengths) else ""
    title = f"{QUESTION_TITLES[found.question]}: strength by genre, logits{drawn}"
    return Table(title, ("Genre", *systems), tuple(rows), notes=tuple(notes))


def sensitivity_table(found: Sensitivity) -> Table:
    """The primary results beside what other choices would have made of them."""
    rows = tuple(
        Row(
            (
                QUESTION_TITLES[line.question],
                f"{line.system_1} against {line.system_2}",
                _net(line.all),
                "no rule" if line.kept is None else line.kept.reason or _net(line.kept),
                "no checks" if line.weighted is None else line.weighted.reason or _net(line.weighted),
                line.these_clips.reason or _net(line.these_clips),
                p_value(line.sign_flip),
                "–" if line.equivalence is None else p_value(line.equivalence),
            )
        )
        for line in found.lines
    )
    columns = (
        *(
            "Question",
            "Pair",
            "Net, every rater",
            "Net, declared rules kept",
            "Net, raters weighted",
            "Net, these clips alone",
        ),
        "p, flipping raters (uncorrected)",
        f"p, beyond ±{percent(found.margin)} (TOST, uncorrected)",
    )
    return Table("The primary results under other choices", columns, rows, headings=2)


def agreement_table(found: Sequence[Agreement]) -> Table:
    """How far raters agree, by question."""
    rows = tuple(
        Row((QUESTION_TITLES[one.question], _coefficient(one.alpha), _coefficient(one.ac2), str(one.units)))
        for one in found
    )
    columns = ("Question", "Krippendorff's alpha, ordinal", "Gwet's AC2, quadratic", "Judged by two or more")
    return Table("Agreement between raters", columns, rows)


def _coefficient(estimate: Estimate) -> str:
    if estimate.reason and estimate.low is None and not estimate.value:
        return estimate.reason
    return f"{estimate.value:.2f} {number_interval(estimate.low, estimate.high)}".strip().replace("-", "−")


def _rank_set(one: Strength) -> str:
    if one.rank_best is None:
        return "–"
    return str(one.rank_best) if one.rank_best == one.rank_worst else f"{one.rank_best} to {one.rank_worst}"


def _system_cell(rate: SystemRate | None) -> str:
    if rate is None:
        return "not compared"
    # Two lines, so that four systems are beside each other on a desk's screen.
    return f"{percent(rate.win.value)} (n = {rate.n})\nnet {_net(rate.net)}"


def _counts(rate: PairRate) -> str:
    return f"{rate.n} ({rate.raters}, {rate.clips})"


def _shares(*estimates: Estimate) -> tuple[str, ...]:
    return tuple(f"{percent(estimate.value)} {interval(estimate)}" for estimate in estimates)


def _net(estimate: Estimate) -> str:
    return f"{signed_percent(estimate.value)} {interval(estimate, signed=True)}"
