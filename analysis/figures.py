"""The report's pictures as plotly figures in plain JSON: no plotly is needed to build them, only to draw them.

System 1 is always on the left, as A is for a rater. Blue and orange are told apart in the common kinds of colour
blindness, and strong and weak differ in lightness, so they survive grey print.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analysis.results import PairRate, WinRates
from analysis.tables import Row, Table, genre_table
from analysis.wording import AVERAGE, QUESTION_TITLES, interval, percent, signed_percent

Json = dict[str, Any]

STRENGTHS = ("much better", "somewhat better", "no preference", "somewhat better", "much better")
COLOURS = ("#1f5a99", "#8fbbe0", "#d5d5d5", "#f6b26b", "#b45309")
TEXT_COLOURS = ("#ffffff", "#12263a", "#222222", "#3a2000", "#ffffff")
QUESTION_LOOKS = {"visual_relevance": ("#1f5a99", "circle"), "music_preference": ("#b45309", "square")}
FAINT = "#8a8a8a"
FONT = {
    "family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
    "size": 13,
    "color": "#1c1c1c",
}
# Bold by font weight: plotly writes <b> as a style attribute, which a strict Content-Security-Policy blocks.
NAME_FONT = {"size": 13, "weight": 700}
LABELLED_FROM = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """A plotly figure (``data`` and ``layout`` as JSON), its words for who cannot see it, and its table."""

    key: str
    title: str
    alt: str
    data: tuple[Json, ...]
    layout: Json
    table: Table


def diverging_bars(rates: WinRates, question: str) -> Figure:
    """The paper's stacked bars: one a pair, split amid "no preference" (Heiberger & Robbins 2014)."""
    shown = [rate for rate in rates.averages if rate.question == question]
    places = list(range(len(shown)))
    reach = max(max(sum(rate.strengths[:2]), sum(rate.strengths[3:])) + rate.strengths[2] / 2 for rate in shown)
    reach = min(1.0, round(reach * 1.04 + 0.005, 2))
    # Bars stack from zero outwards, so neutral halves come first and the strong answers last.
    data: list[Json] = []
    for level, half in ((2, -0.5), (1, -1.0), (0, -1.0), (2, 0.5), (3, 1.0), (4, 1.0)):
        shares = [rate.strengths[level] for rate in shown]
        neutral = level == 2
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": places,
                "x": [half * share for share in shares],
                "width": 0.42,
                "marker": {"color": COLOURS[level], "line": {"color": "#ffffff", "width": 0 if neutral else 1}},
                "name": _legend(level),
                "legendrank": level,
                "showlegend": not (neutral and half > 0),
                "text": ["" if neutral or share < LABELLED_FROM else percent(share) for share in shares],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "textfont": {"color": TEXT_COLOURS[level]},
                "customdata": [
                    [_side(rate, level), percent(share)] for rate, share in zip(shown, shares, strict=True)
                ],
                "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra></extra>",
            }
        )
    annotations = []
    for place, rate in enumerate(shown):
        annotations += [
            _note(_plain(rate.system_1), x=0, xref="paper", y=place, xanchor="left", yshift=26, font=NAME_FONT),
            _note(_plain(rate.system_2), x=1, xref="paper", y=place, xanchor="right", yshift=26, font=NAME_FONT),
            _note(
                f"n = {rate.n} ratings, {rate.raters} raters, {rate.clips} clips; "
                f"net {signed_percent(rate.net.value)} {interval(rate.net, signed=True)}",
                x=0,
                xref="paper",
                y=place,
                xanchor="left",
                yshift=-27,
                font={"size": 11, "color": "#444444"},
            ),
        ]
        if rate.strengths[2] >= LABELLED_FROM:
            annotations.append(
                _note(percent(rate.strengths[2]), x=0, xref="x", y=place, xanchor="center", yshift=0)
            )
    layout = _layout(height=92 * len(shown) + 110) | {
        "barmode": "relative",
        "xaxis": {
            "range": [-reach, reach],
            "tickvals": [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["100%", "75%", "50%", "25%", "0", "25%", "50%", "75%", "100%"],
            "zeroline": True,
            "zerolinecolor": "#1c1c1c",
            "gridcolor": "#e6e6e6",
            "fixedrange": True,
        },
        "yaxis": {"range": [len(shown) - 0.45, -0.55], "visible": False, "fixedrange": True},
        "uniformtext": {"mode": "hide", "minsize": 9},
        "annotations": annotations,
        "legend": {"orientation": "h", "y": 0, "yanchor": "top", "yref": "paper", "x": 0, "traceorder": "normal"},
    }
    layout["legend"]["y"] = -34 / max(layout["height"] - 90, 1)
    rows = tuple(
        Row((f"{rate.system_1} | {rate.system_2}", str(rate.n), *(percent(share) for share in rate.strengths)))
        for rate in shown
    )
    title = f"{QUESTION_TITLES[question]}: answers by system pair, averaged over genres"
    first, second = "Left system", "Right system"
    columns = (
        "Left | right",
        "Ratings",
        f"{first} {STRENGTHS[0]}",
        f"{first} {STRENGTHS[1]}",
        "No preference",
        f"{second} {STRENGTHS[3]}",
        f"{second} {STRENGTHS[4]}",
    )
    alt = f"{title}. " + " ".join(
        f"{rate.system_1} wins {percent(rate.win_1.value)}, no preference {percent(rate.tie.value)}, "
        f"{rate.system_2} wins {percent(rate.win_2.value)} of {rate.n} ratings."
        for rate in shown
    )
    return Figure(f"bars-{question}", title, alt, tuple(data), layout, Table(title, columns, rows))


def _legend(level: int) -> str:
    return ("◀ " if level < 2 else "") + STRENGTHS[level] + (" ▶" if level > 2 else "")


def _side(rate: PairRate, level: int) -> str:
    if level == 2:
        return "no preference"
    return f"{_plain(rate.system_1 if level < 2 else rate.system_2)} {STRENGTHS[level]}"


def forest(rates: WinRates, pair: tuple[str, str], number: int) -> Figure:
    """Net preference of one pair with intervals, per genre and averaged (diamond), for both questions."""
    chosen = [r for r in (*rates.cells, *rates.averages) if (r.system_1, r.system_2) == pair]
    genres: list[str | None] = [*sorted({r.genre for r in chosen if r.genre is not None}), None]
    questions = [q for q in QUESTION_LOOKS if any(r.question == q for r in chosen)]
    data: list[Json] = []
    for turn, question in enumerate(questions):
        shift = 0.0 if len(questions) == 1 else 0.34 * turn - 0.17
        asked = [rate for rate in chosen if rate.question == question]
        for average in (False, True):
            data.append(_points([r for r in asked if (r.genre is None) is average], genres, question, shift))
    labels = []
    for genre in genres:
        counts = sorted({rate.n for rate in chosen if rate.genre == genre})
        name = AVERAGE if genre is None else _plain(genre)
        labels.append(f"{name}<br>n = {' / '.join(map(str, counts))}")
    ticks = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]
    layout = _layout(height=54 * len(genres) + 150) | {
        "xaxis": {
            "range": [1.05, -1.05],
            "tickvals": ticks,
            "ticktext": ["", "75%", "50%", "25%", "0", "25%", "50%", "75%", ""],
            "zeroline": True,
            "zerolinecolor": "#1c1c1c",
            "zerolinewidth": 1.5,
            "gridcolor": "#e6e6e6",
            "fixedrange": True,
        },
        "yaxis": {
            "range": [len(genres) - 0.4, -0.6],
            "tickvals": list(range(len(genres))),
            "ticktext": labels,
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": len(genres) - 1.5,
                "y1": len(genres) - 1.5,
                "line": {"color": "#888888", "width": 1, "dash": "dot"},
            }
        ],
        "annotations": [
            _note(f"◀ {_plain(pair[0])}", x=0, xref="paper", y=1, yref="paper", xanchor="left", yshift=14),
            _note(f"{_plain(pair[1])} ▶", x=1, xref="paper", y=1, yref="paper", xanchor="right", yshift=14),
        ],
        "legend": {"orientation": "h", "x": 0, "y": 0, "yanchor": "top"},
    }
    layout["margin"] |= {"t": 40}
    layout["legend"]["y"] = -34 / max(layout["height"] - 100, 1)
    title = f"{pair[0]} against {pair[1]}: net preference by genre"
    alt = f"{title}, with {percent(rates.level)} intervals. " + " ".join(
        f"{QUESTION_TITLES[rate.question]}, {rate.genre or AVERAGE}: {signed_percent(rate.net.value)} "
        f"{interval(rate.net, signed=True)}."
        for rate in chosen
    )
    return Figure(f"forest-{number}", title, alt, tuple(data), layout, genre_table(rates, pair))


def _points(rates: list[PairRate], genres: list[str | None], question: str, shift: float) -> Json:
    colour, symbol = QUESTION_LOOKS[question]
    average = bool(rates) and rates[0].genre is None
    colours = [FAINT if rate.flags else colour for rate in rates]
    symbols = ["diamond" if average else symbol + ("-open" if rate.flags else "") for rate in rates]
    bounds = [
        (
            rate.net.value if rate.net.low is None else rate.net.low,
            rate.net.value if rate.net.high is None else rate.net.high,
        )
        for rate in rates
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": QUESTION_TITLES[question],
        "legendgroup": question,
        "showlegend": not average,
        "x": [rate.net.value for rate in rates],
        "y": [genres.index(rate.genre) + shift for rate in rates],
        "marker": {
            "size": 15 if average else 9,
            "symbol": symbols,
            "color": colours,
            "line": {"width": 1.5, "color": colours},
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - rate.net.value for rate, (_, high) in zip(rates, bounds, strict=True)],
            "arrayminus": [rate.net.value - low for rate, (low, _) in zip(rates, bounds, strict=True)],
            "color": colour,
            "thickness": 2.2 if average else 1.4,
            "width": 0,
        },
        "customdata": [
            [
                _plain(rate.genre or AVERAGE),
                signed_percent(rate.net.value),
                interval(rate.net, signed=True),
                rate.n,
                _plain(rate.system_1),
                "<br>".join(rate.flags),
            ]
            for rate in rates
        ],
        "hovertemplate": "%{customdata[0]}: net %{customdata[1]} %{customdata[2]} for %{customdata[4]}, "
        "n = %{customdata[3]}<br>%{customdata[5]}<extra></extra>",
    }


def _layout(*, height: int) -> Json:
    return {
        "height": height,
        "autosize": True,
        "font": FONT,
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 8, "r": 8, "t": 16, "b": 74, "pad": 4},
        "hoverlabel": {"font": {"size": 12}, "align": "left"},
        "dragmode": False,
    }


def _note(text: str, **place: Any) -> Json:
    note: Json = {"text": text, "showarrow": False, "yref": "y", "yanchor": "middle", "font": {"size": 12}}
    return note | place


def _plain(name: str) -> str:
    """Names are text, but plotly reads a little HTML in labels."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def all_figures(rates: WinRates) -> tuple[Figure, ...]:
    """Every figure of the report, in reading order."""
    questions = [q for q in QUESTION_LOOKS if any(rate.question == q for rate in rates.averages)]
    pairs = dict.fromkeys((rate.system_1, rate.system_2) for rate in rates.averages)
    bars = [diverging_bars(rates, question) for question in questions]
    return (*bars, *(forest(rates, pair, number) for number, pair in enumerate(pairs, start=1)))
