"""Results as tables: data frames to export at full precision, and short printed ones for pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import pandas as pd

from analysis.agreement import Agreement
from analysis.ranking import Ranking, Strength
from analysis.raters import PassRules, RaterFigures
from analysis.results import Estimate, PairRate, SystemRate, WinRates
from analysis.sensitivity import Sensitivity
from analysis.wording import (
    AVERAGE,
    QUESTION_TITLES,
    average_row,
    averaged,
    interval,
    number_interval,
    p_sign,
    p_value,
    percent,
    signed_number,
    signed_percent,
)

COUNTS = "Ratings (raters, clips)"


@dataclass(frozen=True, slots=True)
class Row:
    """Printed cells; ``strong`` marks an average, ``faint`` what rests on too little to be relied on."""

    cells: tuple[str, ...]
    strong: bool = False
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A printed table; the first ``headings`` cells of each row name it, the others are figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    headings: int = 1


def pair_frame(rates: WinRates) -> pd.DataFrame:
    """The per-genre preference export: a row per question, genre and pair, and the averages over genres.

    ``low`` and ``high`` bound ``net``; an empty bound has its reason in ``flags``. ``simulated`` is
    how many of the ``n`` answers a program gave.
    """
    return pd.DataFrame([_pair_record(rate, rates.convention) for rate in (*rates.cells, *rates.averages)])


def _pair_record(rate: PairRate, convention: str) -> dict[str, object]:
    test = rate.test
    return {
        "question": rate.question,
        "genre": _genre(rate.genre),
        "system_1": rate.system_1,
        "system_2": rate.system_2,
        "raters": rate.raters,
        "clips": rate.clips,
        "n": rate.n,
        "win_1": rate.win_1.value,
        "tie": rate.tie.value,
        "win_2": rate.win_2.value,
        "net": rate.net.value,
        "low": rate.net.low,
        "high": rate.net.high,
        "method": rate.net.method,
        "convention": convention,
        "flags": "; ".join(rate.flags),
        "simulated": rate.simulated,
        "win_1_low": rate.win_1.low,
        "win_1_high": rate.win_1.high,
        "tie_low": rate.tie.low,
        "tie_high": rate.tie.high,
        "win_2_low": rate.win_2.low,
        "win_2_high": rate.win_2.high,
        "win_method": rate.win_1.method,
        "n_eff": rate.n_eff,
        "t": test.statistic if test else None,
        "df": test.df if test else None,
        "p": test.p if test else None,
        "p_adjusted": test.p_adjusted if test else None,
        "adjustment": test.adjustment if test else None,
    }


def system_frame(rates: WinRates) -> pd.DataFrame:
    """A row per question, genre and system over its opponents, and the averages over genres."""
    return pd.DataFrame([_system_record(rate, rates.convention) for rate in rates.systems])


def _system_record(rate: SystemRate, convention: str) -> dict[str, object]:
    record: dict[str, object] = {
        "question": rate.question,
        "genre": _genre(rate.genre),
        "system": rate.system,
        "opponents": rate.opponents,
        "raters": rate.raters,
        "clips": rate.clips,
        "n": rate.n,
    }
    for name, estimate in (("win", rate.win), ("tie", rate.tie), ("loss", rate.loss), ("net", rate.net)):
        record |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return record | {
        "win_method": rate.win.method,
        "net_method": rate.net.method,
        "convention": convention,
        "flags": "; ".join(rate.flags),
        "simulated": rate.simulated,
    }


def _genre(genre: str | None) -> str:
    return f"({AVERAGE})" if genre is None else genre


def primary_table(rates: WinRates, question: str) -> Table:
    """The declared family for one question: every pair, averaged over genres."""
    shares = ("System 1 wins", "No preference", "System 2 wins", "Net preference for system 1")
    return Table(
        f"{QUESTION_TITLES[question]}: every pair, {averaged(rates)}",
        ("System 1", "System 2", COUNTS, *shares, "p (Holm)"),
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
            for rate in rates.averages
            if rate.question == question
        ),
        headings=2,
    )


def genre_table(rates: WinRates, pair: tuple[str, str]) -> Table:
    """One pair: every question and genre, the average over genres last; a lone genre has no row of its own."""
    rows = []
    shown = () if rates.only_genre else rates.cells
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
                        p_value(rate.test.p_adjusted) if rate.test else "–",
                        "; ".join(rate.flags),
                    ),
                    strong=rate.genre is None,
                    faint=bool(rate.flags),
                )
            )
    wins = (f"{pair[0]} wins", "No preference", f"{pair[1]} wins", f"Net preference for {pair[0]}")
    p_or_q = "p (Holm)" if rates.only_genre else "q (genre) or p (average)"
    return Table(
        f"{pair[0]} against {pair[1]}" + ("" if rates.only_genre else ", by genre"),
        ("Question", "Genre", COUNTS, *wins, p_or_q, "Remarks"),
        tuple(rows),
        headings=2,
    )


def system_table(rates: WinRates, question: str) -> Table:
    """Genre × system: wins over all opponents, and net preference; a lone genre has no row of its own."""
    asked = [rate for rate in rates.systems if rate.question == question]
    systems = sorted({rate.system for rate in asked})
    genres = [] if rates.only_genre else sorted({rate.genre for rate in asked if rate.genre is not None})
    by_key = {(rate.genre, rate.system): rate for rate in asked}
    rows = []
    for genre in (*genres, None):
        met = [by_key.get((genre, system)) for system in systems]
        answers = sum(rate.n for rate in met if rate is not None) // 2  # each answer is about two systems
        rows.append(
            Row(
                (genre or average_row(rates), str(answers), *(_system_cell(rate) for rate in met)),
                strong=genre is None,
                faint=any(rate is not None and rate.flags for rate in met),
            )
        )
    title = f"{QUESTION_TITLES[question]}: wins over all opponents and net preference"
    return Table(title, ("Genre", "Ratings", *systems), tuple(rows))


def ranking_frame(rankings: Sequence[Ranking]) -> pd.DataFrame:
    """A row per question and system, strongest first; strengths in logits, 0 the mean of the systems."""
    rows = []
    for ranking in rankings:
        for strength in ranking.strengths:
            rows.append(
                {
                    "question": ranking.question,
                    **asdict(strength),
                    "n": ranking.n,
                    "raters": ranking.raters,
                    "clips": ranking.clips,
                    "level": ranking.level,
                    "left": ranking.left.value if ranking.left else None,
                    "left_se": ranking.left.se if ranking.left else None,
                    "left_p": ranking.left.p if ranking.left else None,
                    "transitivity_p": ranking.transitivity.p if ranking.transitivity else None,
                    "method": ranking.method,
                    "reason": ranking.reason,
                }
            )
    return pd.DataFrame(rows)


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
        told = f"{signed_number(left.value)} {number_interval(left.low, left.high)}, p {p_sign(left.p)}"
        rows.append(Row(("standing on the left", told, "", ""), faint=True))
    if ranking.transitivity is not None:
        test = ranking.transitivity
        told = f"F({test.df}, {test.df_error}) = {test.statistic:.2f}, p {p_sign(test.p)}"
        rows.append(Row(("one strength a system explains every pair", told, "", ""), faint=True))
    if ranking.reason:
        rows.append(Row(("no interval and no ranks", ranking.reason, "", ""), faint=True))
    columns = ("System", f"Strength, logits ({percent(ranking.level)} interval)", "Quasi SE", "Ranks that hold")
    return Table(f"{QUESTION_TITLES[ranking.question]}: strength over all opponents", columns, tuple(rows))


def sensitivity_table(found: Sensitivity) -> Table:
    """The primary results beside what other choices would have made of them."""
    rows = tuple(
        Row(
            (
                QUESTION_TITLES[line.question],
                f"{line.system_1} against {line.system_2}",
                _net(line.all),
                "no rule" if line.kept is None else line.kept.reason or _net(line.kept),
                p_value(line.sign_flip),
                "–" if line.equivalence is None else p_value(line.equivalence),
            )
        )
        for line in found.lines
    )
    columns = (
        *("Question", "Pair", "Net, every rater", "Net, declared rules kept", "p, flipping raters"),
        f"p, beyond ±{percent(found.margin)} (TOST)",
    )
    return Table("The primary results under other choices", columns, rows, headings=2)


def flow_table(found: Sensitivity) -> Table:
    """Who was analysed, and who is left when declared rules are applied."""
    rows = tuple(Row((name.capitalize(), str(count)), strong=n == 0) for n, (name, count) in enumerate(found.flow))
    return Table("Raters and declared rules", ("", "Raters"), rows)


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


def rater_frame(figures: Sequence[RaterFigures], rules: PassRules) -> pd.DataFrame:
    """One row a rater: its figures, and the declared rules that they break, empty for a rater who passes."""
    names = [field.name for field in fields(RaterFigures)]
    rows = [{**asdict(each), "breaks": "; ".join(rules.broken_by(each))} for each in figures]
    return pd.DataFrame(rows, columns=[*names, "breaks"])
