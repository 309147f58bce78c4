"""The tables of the V2Meow paper by name, from any study's ratings, in the convention that they are printed in.

The paper's text counts wins out of all ratings. Its printed numbers do not: in Table 1 on MV100K the baseline's
20.6 % and 30.0 % are what the five variants' mean leaves over to 100 %, and the five rates of Table 4 average
50 %, which both hold only without ties. So both tables leave ties out, and say so. Table 1 pools all decided
ratings of a system against its opponents, by dataset; Table 4 takes the rate within each genre and averages over
genres. The paper prints no intervals; the ones here are Duet's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.answers import Answers
from analysis.results import TIES_LEFT_OUT, WILSON, Estimate
from analysis.table import Row, Table
from analysis.variance import Codes, Layout, dense, effective_n, two_way_moments, wilson
from analysis.wording import QUESTION_TITLES

TABLE_1 = "Table 1, subjective columns: share of decided ratings that a system won"
TABLE_4 = "Table 4: share of decided ratings that a system won, averaged over genres"


@dataclass(frozen=True, slots=True)
class Won:
    """How often a system was preferred among the ``decided`` ratings; ``ties`` more had no preference.

    ``dataset`` is empty where all are taken together.
    """

    table: str
    dataset: str
    system: str
    question: str
    decided: int
    ties: int
    raters: int
    clips: int
    win: Estimate
    convention: str = TIES_LEFT_OUT


def table_1(answers: Answers, *, level: float = 0.95) -> tuple[Won, ...]:
    """From answers grouped by dataset (``Answers.of(frame, by="dataset")``)."""
    found = []
    for dataset, name in enumerate(answers.groups):
        for question, system, rows, towards in _of_systems(answers, answers.group == dataset):
            zeros = np.zeros(len(rows), dtype=np.intp)
            found.append(_won("Table 1", name, system, answers, question, rows, towards, zeros, level))
    return tuple(found)


def table_4(answers: Answers, *, level: float = 0.95) -> tuple[Won, ...]:
    """From answers grouped by genre."""
    everything = np.ones(len(answers), dtype=np.bool_)
    return tuple(
        _won("Table 4", "", system, answers, question, rows, towards, answers.group[rows], level)
        for question, system, rows, towards in _of_systems(answers, everything)
    )


def _of_systems(
    answers: Answers, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Iterator[tuple[int, str, Codes, Codes]]:
    """Question, system, the rows (N,) that it is in, and the sign (N,) that turns a score towards it."""
    for question in answers.asked():
        rows = np.flatnonzero(keep & (answers.question == question))
        for system in answers.systems:
            sign = np.array([1 if pair[0] == system else -1 if pair[1] == system else 0 for pair in answers.pairs])
            mine = rows[sign[answers.pair[rows]] != 0]
            if len(mine):
                yield question, system, mine, sign[answers.pair[mine]]


def _won(
    table: str,
    dataset: str,
    system: str,
    answers: Answers,
    question: int,
    rows: Codes,
    towards: Codes,
    stratum: Codes,
    level: float,
) -> Won:
    score = answers.score[rows] * towards
    decided = score != 0
    rows, won = rows[decided], (score[decided] > 0).astype(np.float64)
    ties = int((~decided).sum())
    question_name = answers.questions[question]
    if not len(rows):
        nobody = Estimate(0.0, None, None, "", "every rating is a tie")
        return Won(table, dataset, system, question_name, 0, ties, 0, 0, nobody)
    stratum = dense(stratum[decided])
    strata = int(stratum.max()) + 1
    layout = Layout(
        dense(answers.rater[rows]), dense(answers.clip[rows]), stratum, stratum, np.full(strata, 1 / strata)
    )
    moments = two_way_moments(won, layout)
    if moments.variance is None:
        share = Estimate(moments.mean, None, None, WILSON["random"], moments.reason)
    else:
        low, high = wilson(moments.mean, effective_n(moments, None), moments.df, level)
        share = Estimate(moments.mean, min(low, moments.mean), max(high, moments.mean), WILSON["random"])
    return Won(table, dataset, system, question_name, len(rows), ties, moments.raters, moments.clips, share)


def printed(won: tuple[Won, ...]) -> Table:
    """As the paper prints it, with an interval and the number of decided ratings beside each rate."""
    questions = list(dict.fromkeys(one.question for one in won))
    titled = TABLE_1 if won[0].table == "Table 1" else TABLE_4
    by_row: dict[tuple[str, str], dict[str, Won]] = {}
    for one in won:
        by_row.setdefault((one.dataset, one.system), {})[one.question] = one
    several = bool(won[0].dataset)
    rows = tuple(
        Row(
            (
                *([dataset] if several else []),
                system,
                *(_cell(cells[question]) if question in cells else "–" for question in questions),
            )
        )
        for (dataset, system), cells in by_row.items()
    )
    columns = (*(["Dataset"] if several else []), "System", *(QUESTION_TITLES[question] for question in questions))
    return Table(f"{titled} ({TIES_LEFT_OUT}, as printed)", columns, rows, headings=2 if several else 1)


def _cell(won: Won) -> str:
    if not won.decided:
        return won.win.reason
    told = f"{100 * won.win.value:.1f}%"
    if won.win.low is not None and won.win.high is not None:
        told += f" [{100 * won.win.low:.1f},\N{NO-BREAK SPACE}{100 * won.win.high:.1f}]"
    return f"{told}, n = {won.decided}"
