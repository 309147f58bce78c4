"""A table of coloured cells: genre × system, and every system against every other.

The page's plotly is the basic bundle, without heatmaps: cells are rectangles with the number in each, so that they
survive grey print; an unseen marker in each carries what a pointer asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.drawing import (
    BLUE,
    INK,
    NAME_FONT,
    ORANGE,
    Figure,
    Json,
    base_layout,
    labelled,
    note,
    plain,
    simulated_label,
)
from analysis.frames import pair_records, system_records
from analysis.ranking import Ranking
from analysis.results import PairRate, SystemRate, WinRates
from analysis.table import Row, Table
from analysis.tables import system_table
from analysis.wording import QUESTION_TITLES, average_row, interval, percent, signed_percent

_WHITE, _FAINT = (255, 255, 255), "#ececec"
_STRONGEST = 0.6
"""Net preference that is drawn in the full colour."""
ROW_HEIGHT = 76


@dataclass(frozen=True, slots=True)
class Cell:
    """What one rectangle shows; ``net`` None draws an empty one, ``faint`` a grey one."""

    net: float | None
    text: str
    hover: str
    faint: bool = False


def genre_heatmap(rates: WinRates, question: str) -> Figure | None:
    """Net preference of every system over its opponents, by genre; None with one genre."""
    if rates.only_genre:
        return None
    grid = rates.grid(question)
    cells = [[_system_cell(rate) for rate in grid.of(genre)] for genre in grid.genres]
    names = [genre or average_row(rates) for genre in grid.genres]
    title = f"{QUESTION_TITLES[question]}: net preference over all opponents, by genre"
    label = simulated_label([rate for rate in rates.averages if rate.question == question])
    told = " ".join(
        f"{rate.system}, {rate.genre or average_row(rates)}: {signed_percent(rate.net.value)} "
        f"{interval(rate.net, signed=True)}, n = {rate.n}."
        for rate in grid.rates.values()
    )
    data, layout = _drawn(
        names,
        grid.systems,
        cells,
        f"n = {grid.answers(None):,} ratings; grey: fewer than 5 raters or clips",
        bold_last=True,
    )
    return Figure(
        f"genres-{question}",
        title,
        f"{title}. {label and f'{label}. '}{told}",
        data,
        labelled(layout, label),
        system_table(rates, question),
        system_records(rates, grid.rates.values()),
    )


def _system_cell(rate: SystemRate | None) -> Cell:
    if rate is None:
        return Cell(None, "–", "not compared")
    told = f"{signed_percent(rate.net.value)} {interval(rate.net, signed=True)}"
    hover = f"{plain(rate.system)}: net {told}, n = {rate.n}"
    # Three lines where cells are narrow: the number, and the bounds below each other.
    bounds = interval(rate.net, signed=True).replace(",\N{NO-BREAK SPACE}", ",<br>")
    text = f"{signed_percent(rate.net.value)}<br>{bounds}"
    return Cell(rate.net.value, text, hover, faint=bool(rate.flags))


def pair_matrix(rates: WinRates, ranking: Ranking | None, question: str) -> Figure | None:
    """How often the row beat the column, and ties, strongest first; None with two systems: their bar says it."""
    asked = [rate for rate in rates.averages if rate.question == question]
    net = {
        rate.system: rate.net.value for rate in rates.systems if rate.question == question and rate.genre is None
    }
    if len(net) < 3:
        return None
    order = sorted(net, key=lambda system: (-net[system], system))
    if ranking is not None:
        order = [system for system in ranking.systems if system in net]
    by_pair = {(rate.system_1, rate.system_2): rate for rate in asked}
    cells = [[_pair_cell(one, other, by_pair) for other in order] for one in order]
    title = f"{QUESTION_TITLES[question]}: how often the row was preferred to the column"
    n = sum(rate.n for rate in asked)
    told = " ".join(
        f"{rate.system_1} against {rate.system_2}: {percent(rate.win_1.value)} to {percent(rate.win_2.value)}, "
        f"{percent(rate.tie.value)} without preference, n = {rate.n}."
        for rate in asked
    )
    data, layout = _drawn(order, order, cells, f"n = {n:,} ratings; below each share: no preference")
    table = Table(
        title,
        ("Row", *(f"over {other}" for other in order)),
        tuple(Row((one, *(_told(one, other, by_pair) for other in order))) for one in order),
    )
    label = simulated_label(asked)
    return Figure(
        f"matrix-{question}",
        title,
        f"{title}. {label and f'{label}. '}{told}",
        data,
        labelled(layout, label),
        table,
        pair_records(rates, asked),
    )


def _of(one: str, other: str, by_pair: dict[tuple[str, str], PairRate]) -> tuple[PairRate, float, float] | None:
    if (one, other) in by_pair:
        rate = by_pair[one, other]
        return rate, rate.win_1.value, rate.net.value
    if (other, one) in by_pair:
        rate = by_pair[other, one]
        return rate, rate.win_2.value, -rate.net.value
    return None


def _pair_cell(one: str, other: str, by_pair: dict[tuple[str, str], PairRate]) -> Cell:
    if one == other:
        return Cell(None, "", "")
    found = _of(one, other, by_pair)
    if found is None:
        return Cell(None, "–", "not compared")
    rate, won, net = found
    hover = (
        f"{plain(one)} preferred to {plain(other)}: {percent(won)}, no preference {percent(rate.tie.value)}, "
        f"n = {rate.n}, {rate.raters} raters, {rate.clips} clips"
    )
    return Cell(net, f"{percent(won)}<br>tie {percent(rate.tie.value)}", hover, faint=bool(rate.flags))


def _told(one: str, other: str, by_pair: dict[tuple[str, str], PairRate]) -> str:
    found = None if one == other else _of(one, other, by_pair)
    if found is None:
        return "–"
    rate, won, _ = found
    share = rate.win_1 if rate.system_1 == one else rate.win_2
    return f"{percent(won)} {interval(share)}, tie {percent(rate.tie.value)}, n = {rate.n}"


def _drawn(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Cell]],
    foot: str,
    *,
    bold_last: bool = False,
) -> tuple[tuple[Json, ...], Json]:
    """Every row's name above its cells, so that these have the whole width of a phone."""
    count = len(columns)
    slanted = count > 3 or any(len(name) > 12 for name in columns)
    top = 92 if slanted else 30
    layout = base_layout(height=top + ROW_HEIGHT * len(rows) + 28, top=top, bottom=28)
    # The last name leans over the edge by what half a cell does not hold.
    layout["margin"] |= {"r": max(16, round(6.2 * len(_short(columns[-1], 18))) - 18) if slanted else 16}
    shapes: list[Json] = []
    texts: list[Json] = []
    for y, line in enumerate(cells):
        weight = 700 if bold_last and y == len(rows) - 1 else 400
        heading = note(_short(rows[y], 40), x=0, xref="paper", xanchor="left", y=y - 0.37)
        texts.append(heading | {"font": {"size": 12, "weight": weight}})
        for x, cell in enumerate(line):
            fill = _FAINT if cell.faint or cell.net is None else _shade(cell.net)
            box = {"x0": x / count, "x1": (x + 1) / count, "y0": y - 0.23, "y1": y + 0.47}
            edge = {"width": 1, "color": "#ffffff"}
            shapes.append({"type": "rect", "xref": "x", "layer": "below", "line": edge, "fillcolor": fill, **box})
            dark = cell.net is not None and not cell.faint and abs(cell.net) > 0.75 * _STRONGEST
            font = {"size": 11 if count > 3 else 12, "weight": weight, "color": "#ffffff" if dark else INK}
            text = cell.text if count > 3 else cell.text.replace(",<br>", ", ")
            texts.append(note(text, x=(x + 0.5) / count, xref="x", xanchor="center", y=y + 0.12, font=font))
    for x, name in enumerate(columns):
        place = {"x": (x + 0.5) / count, "xref": "x", "xanchor": "left" if slanted else "center"}
        heading = note(_short(name, 18), **place, yref="paper", y=1, yanchor="bottom", font=NAME_FONT)
        texts.append(heading | {"textangle": -35 if slanted else 0})
    below = note(foot, x=0, xref="paper", xanchor="left", yref="paper", y=0, yanchor="top", yshift=-6)
    texts.append(below | {"font": {"size": 11, "color": "#444444"}})
    layout |= {
        "xaxis": {"range": [0, 1], "visible": False, "fixedrange": True},
        "yaxis": {"range": [len(rows) - 0.5, -0.5], "visible": False, "fixedrange": True},
        "shapes": shapes,
        "annotations": texts,
        "showlegend": False,
    }
    points = [((x + 0.5) / count, y + 0.12, cell) for y, line in enumerate(cells) for x, cell in enumerate(line)]
    data: Json = {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _, _ in points],
        "y": [y for _, y, _ in points],
        "marker": {"size": 28, "opacity": 0},
        "customdata": [[cell.hover] for _, _, cell in points],
        "hovertemplate": "%{customdata[0]}<extra></extra>",
    }
    return (data,), layout


def _shade(net: float) -> str:
    """White at 0, blue for, orange against, full at ± ``_STRONGEST``."""
    colour = BLUE if net > 0 else ORANGE
    end = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    share = min(abs(net) / _STRONGEST, 1.0)
    mixed = (round(white + (full - white) * share) for white, full in zip(_WHITE, end, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _short(name: str, longest: int) -> str:
    return plain(name if len(name) <= longest else name[: longest - 1] + "…")
