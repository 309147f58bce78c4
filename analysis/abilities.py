"""Strengths with their intervals, and the errors by which any two can be compared by eye."""

from __future__ import annotations

from analysis.drawing import (
    BLUE,
    GRID,
    INK,
    NAME_FONT,
    Figure,
    Json,
    axis_title,
    base_layout,
    note,
    plain,
    segment,
)
from analysis.frames import strength_records
from analysis.ranking import Ranking
from analysis.tables import ranking_table
from analysis.wording import QUESTION_TITLES, level_percent, number_interval, signed_number

COMPARED_BY_EYE = 1.39
"""Quasi errors whose intervals just miss each other where a difference is 1.96 of its own errors: 1.96/√2."""


def abilities(ranking: Ranking) -> Figure:
    """Thin: the interval of a strength. Thick: ± 1.39 quasi errors; where thick lines miss, systems differ.

    The ranks at the right are those that hold simultaneously.
    """
    title = f"{QUESTION_TITLES[ranking.question]}: strength over all opponents, logits"
    rows = list(enumerate(ranking.strengths))
    thin = [(y, one) for y, one in rows if one.low is not None and one.high is not None]
    data: list[Json] = []
    for y, one in thin:
        data.append(segment([one.low, one.high], y, BLUE, 1.6))
        if one.quasi_se is not None:
            half = COMPARED_BY_EYE * one.quasi_se
            data.append(segment([one.value - half, one.value + half], y, BLUE, 6))
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "showlegend": False,
            # A millionth of a logit is a rounding error, and an axis of such would be one of nothing.
            "x": [round(one.value, 6) + 0.0 for _, one in rows],
            "y": [y for y, _ in rows],
            "marker": {"size": 10, "color": "#ffffff", "line": {"width": 2.2, "color": BLUE}},
            "customdata": [
                [f"{plain(one.system)}: {signed_number(one.value)} {number_interval(one.low, one.high)}"]
                for _, one in rows
            ],
            "hovertemplate": "%{customdata[0]}<extra></extra>",
        }
    )
    layout = base_layout(height=58 * len(rows) + 76, top=8, bottom=58) | {
        "xaxis": {
            # Powers of ten are written with a style attribute, which a strict Content-Security-Policy blocks.
            "exponentformat": "none",
            "gridcolor": GRID,
            "zeroline": True,
            "zerolinecolor": INK,
            "fixedrange": True,
            "title": axis_title(_counted(ranking)),
        },
        "yaxis": {"range": [len(rows) - 0.4, -0.7], "visible": False, "fixedrange": True},
        "annotations": [
            text
            for y, one in rows
            for text in (
                note(plain(one.system), **_above(y, 0, "left"), font=NAME_FONT),
                note(_rank(one.rank_best, one.rank_worst), **_above(y, 1, "right")),
            )
        ],
        "showlegend": False,
    }
    told = " ".join(
        f"{one.system}: {signed_number(one.value)} {number_interval(one.low, one.high)} "
        f"{_rank(one.rank_best, one.rank_worst)}."
        for one in ranking.strengths
    )
    why = f" No intervals: {ranking.reason}." if ranking.reason else ""
    kind = "intervals of independent answers" if ranking.independent else "intervals"
    alt = f"{title}, with {level_percent(ranking.level)} {kind}, n = {ranking.n}. {told}{why}"
    return Figure(
        f"strengths-{ranking.question}",
        title,
        alt,
        tuple(data),
        layout,
        ranking_table(ranking),
        strength_records(ranking),
    )


def _counted(ranking: Ranking) -> str:
    if ranking.independent:
        return f"n = {ranking.n:,} ratings, taken as independent"
    return f"n = {ranking.n:,} ratings, {ranking.raters} raters, {ranking.clips} clips"


def _above(y: int, x: int, anchor: str) -> Json:
    return {"x": x, "xref": "paper", "xanchor": anchor, "y": y - 0.36}


def _rank(best: int | None, worst: int | None) -> str:
    if best is None:
        return ""
    return f"rank {best}" if best == worst else f"ranks {best} to {worst}"
