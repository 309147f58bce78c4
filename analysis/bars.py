"""Diverging stacked bars, as in the paper's Figures 10 to 12 (Heiberger & Robbins 2014, J. Stat. Softw. 57(5))."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.drawing import (
    BLUE,
    GREY,
    NAME_FONT,
    ORANGE,
    PALE_BLUE,
    PALE_ORANGE,
    Figure,
    Json,
    base_layout,
    labelled,
    note,
    plain,
    side_axis,
    simulated_label,
)
from analysis.frames import pair_records
from analysis.results import PairRate, WinRates
from analysis.table import Row, Table
from analysis.wording import QUESTION_TITLES, averaged, interval, percent, signed_percent

STRENGTHS = ("much better", "somewhat better", "no preference", "somewhat better", "much better")
WITHOUT_DEGREES = ("", "better", "no preference", "better", "")
_SHARES = (
    "system_1_much_better",
    "system_1_somewhat_better",
    "no_preference",
    "system_2_somewhat_better",
    "system_2_much_better",
)
COLOURS = (BLUE, PALE_BLUE, GREY, PALE_ORANGE, ORANGE)
TEXT_COLOURS = ("#ffffff", "#12263a", "#222222", "#3a2000", "#ffffff")
NEUTRAL = 2
LABELLED_FROM = 0.05
# Bars stack from zero outwards, so the halves of "no preference" come first and the strong answers last.
_STACK = ((2, -0.5), (1, -1.0), (0, -1.0), (2, 0.5), (3, 1.0), (4, 1.0))


def diverging_bars(rates: WinRates, question: str, *, five: bool = True) -> Figure:
    """One bar a pair for one question, split amid "no preference", averaged over genres.

    ``five``: whether answers have degrees of preference.
    """
    names = STRENGTHS if five else WITHOUT_DEGREES
    shown = [rate for rate in rates.averages if rate.question == question]
    reach = max(
        max(sum(rate.strengths[:2]), sum(rate.strengths[3:])) + rate.strengths[NEUTRAL] / 2 for rate in shown
    )
    # On a phone the legend is five lines: more than half of a figure's height, and plotly would scroll it.
    below = 110 if len(shown) == 1 else 74
    layout = base_layout(height=92 * len(shown) + 36 + below, top=16, bottom=below) | {
        "barmode": "relative",
        "xaxis": side_axis(min(1.0, 1.04 * reach), ticks=(-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1)),
        "yaxis": {"range": [len(shown) - 0.45, -0.55], "visible": False, "fixedrange": True},
        "uniformtext": {"mode": "hide", "minsize": 9},
        "annotations": [text for place, rate in enumerate(shown) for text in _texts(rate, place)],
    }
    title = f"{QUESTION_TITLES[question]}: answers by system pair, {averaged(rates)}"
    label = simulated_label(shown)
    alt = f"{title}. {label and f'{label}. '}" + " ".join(
        f"{rate.system_1} wins {percent(rate.win_1.value)}, no preference {percent(rate.tie.value)}, "
        f"{rate.system_2} wins {percent(rate.win_2.value)} of {rate.n} ratings."
        for rate in shown
    )
    data = tuple(_segment(shown, level, half, names) for level, half in _STACK if names[level])
    numbers = tuple(
        record | dict(zip(_SHARES, rate.strengths, strict=True))
        for record, rate in zip(pair_records(rates, shown), shown, strict=True)
    )
    return Figure(
        f"bars-{question}", title, alt, data, labelled(layout, label), _table(title, shown, names), numbers
    )


def _segment(shown: Sequence[PairRate], level: int, half: float, names: Sequence[str]) -> Json:
    shares = [rate.strengths[level] for rate in shown]
    neutral = level == NEUTRAL
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(shown))),
        "x": [half * share for share in shares],
        "width": 0.34,
        "marker": {"color": COLOURS[level], "line": {"color": "#ffffff", "width": 0 if neutral else 1}},
        "name": ("◀ " if level < NEUTRAL else "") + names[level] + (" ▶" if level > NEUTRAL else ""),
        "legendrank": level,
        "showlegend": not (neutral and half > 0),
        "text": ["" if neutral or share < LABELLED_FROM else percent(share) for share in shares],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": TEXT_COLOURS[level]},
        "customdata": [
            [_who(rate, level, names), percent(share)] for rate, share in zip(shown, shares, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra></extra>",
    }


def _who(rate: PairRate, level: int, names: Sequence[str]) -> str:
    if level == NEUTRAL:
        return "no preference"
    return f"{plain(rate.system_1 if level < NEUTRAL else rate.system_2)} {names[level]}"


def _texts(rate: PairRate, place: int) -> list[Json]:
    counts = (
        f"n = {rate.n}, {rate.raters} raters, {rate.clips} clips; "
        f"net for left {signed_percent(rate.net.value)} {interval(rate.net, signed=True)}"
    )
    small = {"size": 11, "color": "#444444"}
    left = {"x": 0, "xref": "paper", "xanchor": "left", "y": place}
    right = {"x": 1, "xref": "paper", "xanchor": "right", "y": place}
    texts = [
        note(plain(rate.system_1), **left, yshift=26, font=NAME_FONT),
        note(plain(rate.system_2), **right, yshift=26, font=NAME_FONT),
        note(counts, **left, yshift=-27, font=small),
    ]
    if rate.strengths[NEUTRAL] >= LABELLED_FROM:
        texts.append(note(percent(rate.strengths[NEUTRAL]), x=0, xref="x", xanchor="center", y=place))
    return texts


def _table(title: str, shown: Sequence[PairRate], names: Sequence[str]) -> Table:
    levels = [level for level, name in enumerate(names) if name]
    columns = (
        "Left | right",
        "Ratings",
        *(f"Left {names[level]}" for level in levels if level < NEUTRAL),
        "No preference",
        *(f"Right {names[level]}" for level in levels if level > NEUTRAL),
    )
    rows = tuple(
        Row(
            (
                f"{rate.system_1} | {rate.system_2}",
                str(rate.n),
                *(percent(rate.strengths[level]) for level in levels),
            )
        )
        for rate in shown
    )
    return Table(title, columns, rows)
