"""From the ratings of a study to one frozen report: what was found, in sections of text, figures and tables."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import ranks, sensitivity
from analysis.abilities import abilities
from analysis.answers import included
from analysis.bars import diverging_bars
from analysis.cells import genre_heatmap, pair_matrix
from analysis.counts import StudyCounts, balance_table, came, counts_table, told_deviations
from analysis.drawing import Figure
from analysis.forest import forest
from analysis.genre_bars import genre_bars
from analysis.live import live_monitor, monitor_table
from analysis.paper import Won, printed
from analysis.ranking import Ranking
from analysis.rater_pictures import rater_flow, rater_panel, response_times, side_effect
from analysis.raters import NO_RULES, PassRules
from analysis.ratings import Ratings
from analysis.results import AnalysisError, WinRates
from analysis.schema import digest
from analysis.sensitivity import MARGIN
from analysis.sequential import StoppingRule
from analysis.system_cards import SystemCard, cards_table, stand_ins
from analysis.table import Table
from analysis.tables import (
    agreement_table,
    genre_strength_table,
    primary_table,
    ranking_table,
    sensitivity_table,
    system_table,
    undeclared_table,
)
from analysis.win_rates import win_rates
from analysis.wording import (
    QUESTION_TASKS,
    QUESTION_TITLES,
    WATCHING,
    estimand,
    figures_note,
    found,
    methods,
    ranking_methods,
    signed_percent,
    systems_note,
    watched_so_far,
)

Progress = Callable[[str], None]
"""Told a few words on what is being worked out."""
STEPS = 5
DECLARED = "What was declared before the study opened"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: a note in small print, paragraphs, figures, tables."""

    title: str
    note: str = ""
    paragraphs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page prints. ``rates`` is None when nothing could be estimated; ``found`` then says why.

    ``digest`` is the SHA-256 of the rows given, whatever their order or file format. ``simulated_shown`` of the
    ``analysed`` answers were given by a program.
    """

    title: str
    rates: WinRates | None
    found: tuple[str, ...]
    estimand: str
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    analysed: int
    simulated_shown: int
    digest: str
    versions: tuple[tuple[str, str], ...]
    seeds: tuple[str, ...]
    kind: str = "preference report"

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them, in reading order."""
        return tuple(figure for section in self.sections for figure in section.figures)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All that stand by themselves, in reading order."""
        return tuple(table for section in self.sections for table in section.tables)

    def save(self, path: str | Path) -> None:
        """Write the page that ``analysis.page.html`` makes. Raises AnalysisError unless the file is a .html."""
        from analysis.page import html

        file = Path(path)
        if file.suffix.lower() != ".html":
            raise AnalysisError(f"a report is a .html file, not {file.name!r}; a browser prints it as PDF")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(html(self), encoding="utf-8", newline="")

    def _repr_html_(self) -> str:
        """The same page, for a notebook."""
        from analysis.page import framed

        return framed(self)


def build(
    ratings: Ratings,
    *,
    title: str,
    study: StudyCounts | None = None,
    rules: PassRules = NO_RULES,
    margin: float = MARGIN,
    deviations: Sequence[str] = (),
    systems: Sequence[SystemCard] = (),
    primary: Collection[tuple[str, str]] = (),
    plan: Sequence[str] = (),
    progress: Progress = lambda doing: None,
) -> Report:
    """Analyse the ratings of one study into a report.

    ``study`` adds what the table cannot say: what was planned, who left, what was never exported. ``rules`` are
    those for raters that were declared: the primary results take everybody, and beside them stand those without
    who breaks one. ``margin`` is the net preference that was declared too small to matter. ``deviations`` are
    sentences on what was done otherwise than planned; those that the counts show are added. ``systems`` say what
    the systems compared are. ``primary`` are the pairs that were declared primary, every pair where none is;
    ``plan`` are sentences on what else was declared before the study opened. ``progress`` is told STEPS times what
    is being worked out.
    Only test trials count, and simulated answers only when asked for. Raises AnalysisError for several studies in
    one table; one with nothing to estimate from gives a report saying so.
    """
    frame = ratings.frame
    used = included(frame, include_simulated=ratings.include_simulated)
    common: dict[str, Any] = {
        "title": title,
        "analysed": len(used),
        "simulated_shown": int(used["simulated"].sum()),
        "digest": digest(frame),
        "versions": _versions(),
        "seeds": _seeds(),
    }
    counted = counts_table(frame, used, study)
    planned = (Section(DECLARED, paragraphs=tuple(plan)),) if plan else ()
    if used.empty:
        return Report(
            **common,
            rates=None,
            found=(_nothing(frame),),
            estimand=estimand(None),
            warnings=(),
            sections=(Section("Answers and who gave them", tables=(counted,)), *planned),
        )
    progress("win rates")
    # The estimator itself: a declared pair that nobody has judged is no slip here, and is told below.
    rates = win_rates(ratings.answers, primary=primary)
    progress("strengths of systems")
    # Two systems have one difference, and the win rates say it all.
    ranked = [one for one in ratings.rankings() if len(one.strengths) > 2]
    progress("other choices")
    other = ratings.sensitivity(rules=rules, margin=margin, rates=rates)
    # A rendered file is Duet's own: another platform's table has none, nor its scale and its wording.
    own = bool(used["stimulus_left"].notna().any())
    five = own or any(rate.strengths[0] or rate.strengths[4] for rate in rates.averages)
    compared = {name for rate in rates.averages for name in (rate.system_1, rate.system_2)}
    cards = cards_table(systems, compared)
    progress("genres and systems")
    middle = (
        _preferred(rates, own=own, five=five),
        _by_genre(rates),
        _by_system(ratings, rates, ranked),
        _as_the_paper(ratings, rates),
    )
    progress("raters")
    raters = _raters(ratings, used, rules)
    return Report(
        **common,
        rates=rates,
        found=found(rates),
        estimand=estimand(rates),
        warnings=(*filter(None, [stand_ins(systems, compared)]), *_unanswered(rates, primary), *_warnings(rates)),
        sections=(
            Section(
                "Design and raters",
                note=rules.told,
                figures=(rater_flow(other, came(study)),),
                tables=(counted, *([cards] if cards else [])),
            ),
            *planned,
            *middle,
            *([Section("Under other choices", tables=(sensitivity_table(other),))] if other.lines else []),
            raters,
            Section(
                "Deviations from the plan",
                paragraphs=told_deviations(study, deviations, answered=frame["trial_id"].nunique()),
            ),
            Section("Methods", paragraphs=_methods(rates, ranked, declared=bool(primary), five=five)),
        ),
    )


def _methods(rates: WinRates, ranked: Sequence[Ranking], *, declared: bool, five: bool) -> tuple[str, ...]:
    return (
        *methods(rates, declared=declared, five=five),
        *filter(None, [ranking_methods(ranked, five=five, genres=not rates.only_genre)]),
    )


def _preferred(rates: WinRates, *, own: bool, five: bool) -> Section:
    asked = dict.fromkeys(rate.question for rate in rates.averages)
    tasks = "; ".join(f"{QUESTION_TITLES[question]}: “{QUESTION_TASKS[question]}”" for question in asked)
    questions = f"Questions: {tasks}. " if own else ""
    return Section(
        "Which system was preferred",
        note=f"{questions}In every figure the first system is on the left; a positive net preference is "
        "for it, a negative one for the system on the right.",
        figures=tuple(diverging_bars(rates, question, five=five) for question in asked),
        tables=(
            *(primary_table(rates, question) for question in asked if rates.primary),
            *(undeclared_table(rates, question) for question in asked if rates.undeclared),
        ),
    )


def _by_genre(rates: WinRates) -> Section:
    pairs = dict.fromkeys((rate.system_1, rate.system_2) for rate in rates.averages)
    return Section(
        "Pair by pair" if rates.only_genre else "By genre",
        note=figures_note(rates),
        figures=tuple(forest(rates, pair, number) for number, pair in enumerate(pairs, start=1)),
    )


def _by_system(ratings: Ratings, rates: WinRates, ranked: Sequence[Ranking]) -> Section:
    by_genre = ratings.genre_strengths() if ranked and not rates.only_genre else ()
    names = {one.question for one in ranked}
    asked = dict.fromkeys(rate.question for rate in rates.averages)
    of_question = {one.question: one for one in ranked}
    drawn = (
        figure
        for question in asked
        for figure in (
            genre_heatmap(rates, question),
            genre_bars(rates, question),
            pair_matrix(rates, of_question.get(question), question),
            abilities(of_question[question]) if question in of_question else None,
        )
    )
    return Section(
        "By system" if rates.only_genre else "By genre and system",
        note=systems_note(ranked),
        figures=tuple(figure for figure in drawn if figure is not None),
        tables=(
            *(system_table(rates, question) for question in asked),
            *(ranking_table(one) for one in ranked),
            *(genre_strength_table(one) for one in by_genre if one.question in names and one.strengths),
        ),
    )


def _as_the_paper(ratings: Ratings, rates: WinRates) -> Section:
    averages = () if rates.only_genre else ratings.paper_table_4()
    averaged = (printed(averages),) if averages else ()
    return Section(
        "In the form of V2Meow’s tables",
        paragraphs=tuple(_turned_round(rates, averages)),
        note="The paper counts wins out of all ratings in its text, yet its printed Tables 1 and 4 add up only "
        "without ties. So these two leave ties out; everything above keeps them. The paper prints no intervals.",
        tables=(printed(ratings.paper_table_1()), *averaged),
    )


def _turned_round(rates: WinRates, averages: Sequence[Won]) -> Iterator[str]:
    """Systems that lead with ties kept and fall behind without them, or the other way round."""
    nets = {(rate.question, rate.system): rate.net.value for rate in rates.systems if rate.genre is None}
    for one in averages:
        net = nets.get((one.question, one.system), 0.0)
        if one.decided and net * (one.win.value - 0.5) < 0:
            yield (
                f"{QUESTION_TITLES[one.question]}, {one.system}: leaving ties out turns the direction round, from "
                f"a net preference of {signed_percent(net)} to {100 * one.win.value:.1f}% of decided ratings. "
                "Genres with few decided ratings weigh as much as others here; read the primary results."
            )


def _raters(ratings: Ratings, used: pd.DataFrame, rules: PassRules) -> Section:
    pictures = (
        rater_panel(ratings.rater_figures, rules),
        side_effect(ratings.rater_figures),
        response_times(used),
    )
    return Section(
        "Checks, sides and times",
        figures=tuple(figure for figure in pictures if figure is not None),
        tables=(
            balance_table(used, ratings.answers, 0.95),
            agreement_table(ratings.agreement()),
        ),
    )


def _nothing(ratings: pd.DataFrame) -> str:
    simulated = int(((ratings["kind"] == "test") & ratings["simulated"]).sum())
    if simulated:
        return f"No person has answered yet; {simulated} simulated answers are left out unless asked for."
    return "There is no answer to a test trial yet, so nothing can be estimated."


def _unanswered(rates: WinRates, primary: Collection[tuple[str, str]]) -> Iterator[str]:
    judged = {frozenset((rate.system_1, rate.system_2)) for rate in rates.averages}
    for first, second in primary:
        if frozenset((first, second)) not in judged:
            yield f"{first} against {second} was declared primary, and nobody has judged it."


def _warnings(rates: WinRates) -> tuple[str, ...]:
    told = []
    cells = () if rates.only_genre else rates.cells
    small = [rate for rate in cells if any(flag.startswith("fewer than") for flag in rate.flags)]
    few = sum(rate.net.low is not None for rate in small)
    bare = sum(rate.net.low is None for rate in cells)
    if few:
        told.append(f"{few} of {len(cells)} genre results rest on few raters or clips; their intervals are grey.")
    if bare:
        told.append(f"{bare} of {len(cells)} genre results have no interval; the remark beside each says why.")
    return tuple(
        told
        + [
            f"{rate.system_1} against {rate.system_2}, {QUESTION_TITLES[rate.question]}: {'; '.join(rate.flags)}."
            for rate in rates.averages
            if rate.flags
        ]
    )


def _versions() -> tuple[tuple[str, str], ...]:
    packages = []
    for name in ("duet", "numpy", "pandas", "scipy", "statsmodels"):
        try:
            packages.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:  # the package can be run from a checkout
            packages.append((name, "not installed"))
    return (("python", platform.python_version()), *packages)


def _seeds() -> tuple[str, ...]:
    """Where chance comes in, and what makes it repeatable."""
    return (
        f"rank sets: {ranks.DRAWS:,} draws, seed {ranks.SEED}",
        f"flips of {sensitivity.EXACT_UP_TO + 1} to {sensitivity.NORMAL_FROM:,} raters: "
        f"{sensitivity.DRAWS:,} draws, seed {sensitivity.SEED}",
    )


def live(ratings: Ratings, rule: StoppingRule, *, title: str, ended: bool = False) -> Report:
    """A page on a running study: what each pair shows so far, without a p value. Raises AnalysisError."""
    watched = ratings.watch(rule, ended=ended)
    used = included(ratings.frame, include_simulated=ratings.include_simulated)
    return Report(
        title=title,
        rates=None,
        found=watched_so_far(watched),
        estimand=f"{WATCHING} {ratings.watched_family(rule).told}",
        warnings=(),
        sections=(Section("So far", figures=(live_monitor(watched),), tables=(monitor_table(watched),)),),
        analysed=len(used),
        simulated_shown=int(used["simulated"].sum()),
        digest=digest(ratings.frame),
        versions=_versions(),
        seeds=(),
        kind="the study so far",
    )
