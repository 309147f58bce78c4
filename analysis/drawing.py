"""What every figure shares: its type, its look, and how text is put into it.

Blue and orange are told apart in the common kinds of colour blindness, and strong and weak differ in lightness, so
they survive grey print. Figures are plain JSON: no plotly is needed to build them, only to draw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.results import PairRate
from analysis.table import Table

Json = dict[str, Any]

BLUE, PALE_BLUE, GREY, PALE_ORANGE, ORANGE = "#1f5a99", "#8fbbe0", "#d5d5d5", "#f6b26b", "#b45309"
FAINT = "#8a8a8a"
INK = "#1c1c1c"
GRID = "#e6e6e6"
LABEL_STRIP = 26
# Bold by font weight: plotly writes <b> as a style attribute, which a strict Content-Security-Policy blocks.
NAME_FONT = {"size": 13, "weight": 700}


@dataclass(frozen=True, slots=True)
class Figure:
    """A plotly figure (``data`` and ``layout`` as JSON), its words for who cannot see it, and its table.

    ``numbers`` are what is drawn as records at full precision, for a file; the table is to be read.
    """

    key: str
    title: str
    alt: str
    data: tuple[Json, ...]
    layout: Json
    table: Table
    numbers: tuple[Json, ...]


def base_layout(*, height: int, top: int, bottom: int) -> Json:
    return {
        "height": height,
        "autosize": True,
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
            "size": 13,
            "color": INK,
        },
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 16, "r": 16, "t": top, "b": bottom, "pad": 4},
        "hoverlabel": {"font": {"size": 12}, "align": "left"},
        "dragmode": False,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -34 / max(height - top - bottom, 1),
            "yanchor": "top",
            "traceorder": "normal",
        },
    }


def side_axis(reach: float, *, ticks: tuple[float, ...]) -> Json:
    """An x axis that is 0 in the middle and counts up to both sides: what is left favours system 1."""
    return {
        "tickvals": list(ticks),
        "ticktext": [f"{abs(100 * tick):.0f}%" if tick else "0" for tick in ticks],
        "range": [-reach, reach],
        "tickangle": 0,
        "zeroline": True,
        "zerolinecolor": INK,
        "zerolinewidth": 1.5,
        "gridcolor": GRID,
        "fixedrange": True,
    }


def axis_title(text: str) -> Json:
    return {"text": text, "font": {"size": 11}}


def segment(ends: Sequence[float | None], y: float, colour: str, width: float) -> Json:
    """A line from left to right, an interval say."""
    return {
        "type": "scatter",
        "mode": "lines",
        "showlegend": False,
        "x": list(ends),
        "y": [y, y],
        "line": {"color": colour, "width": width},
        "hoverinfo": "skip",
    }


def note(text: str, **place: Any) -> Json:
    """A text beside a row; on white, so that the zero line does not run through it."""
    plain: Json = {"text": text, "showarrow": False, "yref": "y", "yanchor": "middle", "font": {"size": 12}}
    return plain | ({"bgcolor": "#ffffff", "borderpad": 0} if place.get("xref") == "paper" else {}) | place


def simulated_label(rates: Sequence[PairRate]) -> str:
    """The words that go into a figure whose answers people did not all give; empty where they did."""
    simulated = sum(rate.simulated for rate in rates)
    answers = sum(rate.n for rate in rates)
    return f"Includes simulated answers: {simulated:,} of {answers:,}" if simulated else ""


def labelled(layout: Json, label: str) -> Json:
    """The layout with the label above everything, in a strip of its own, so that it stays when cropped."""
    if not label:
        return layout
    margin = layout["margin"]
    mark = note(
        label,
        x=0,
        xref="paper",
        xanchor="left",
        y=1,
        yref="paper",
        yanchor="bottom",
        yshift=margin["t"] - 2,
        font={"size": 12, "weight": 700, "color": "#4a2d00"},
        bgcolor="#fff3cd",
        borderpad=3,
    )
    return layout | {
        "height": layout["height"] + LABEL_STRIP,
        "margin": margin | {"t": margin["t"] + LABEL_STRIP},
        "annotations": [*layout["annotations"], mark],
    }


def plain(name: str) -> str:
    """Names are text, but plotly reads a little HTML in labels."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
