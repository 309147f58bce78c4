"""The picture of a running study: what each pair shows so far, which may be looked at as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from analysis.drawing import BLUE, NAME_FONT, ORANGE, Figure, Json, base_layout, note, plain, segment, side_axis
from analysis.sequential import Watched
from analysis.table import Row, Table
from analysis.wording import QUESTION_TITLES, signed_percent

_COLOURS = {"visual_relevance": BLUE, "music_preference": ORANGE}


def live_monitor(watched: Sequence[Watched]) -> Figure:
    """Confidence sequences, the guaranteed one thin and the asymptotic one thick, and the decision of each line.

    As in the other figures what favours the first system is on the left. There is no p value on it.
    """
    data: list[Json] = []
    texts: list[Json] = []
    for y, one in enumerate(watched):
        colour = _COLOURS[one.question]
        data.append(segment([-one.low, -one.high], y, colour, 1.6))
        if one.asymptotic_low is not None and one.asymptotic_high is not None:
            data.append(segment([-one.asymptotic_low, -one.asymptotic_high], y, colour, 5))
        told = (
            f"{QUESTION_TITLES[one.question]}, {one.raters} raters: {one.decision} "
            f"(evidence {_short(one.evidence)} of {one.needed:.0f})"
        )
        texts += [
            note(f"◀ {plain(one.system_1)}", x=0, xref="paper", xanchor="left", y=y - 0.32, font=NAME_FONT),
            note(f"{plain(one.system_2)} ▶", x=1, xref="paper", xanchor="right", y=y - 0.32, font=NAME_FONT),
            note(told, x=0, xref="paper", xanchor="left", y=y + 0.34, font={"size": 11, "color": "#444444"}),
        ]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "showlegend": False,
            "x": [-one.net for one in watched],
            "y": list(range(len(watched))),
            "marker": {
                "size": 10,
                "color": "#ffffff",
                "line": {"width": 2.2, "color": [_COLOURS[one.question] for one in watched]},
            },
            "customdata": [
                [f"net {signed_percent(one.net)} for {plain(one.system_1)}, {one.raters} raters"]
                for one in watched
            ],
            "hovertemplate": "%{customdata[0]}<extra></extra>",
        }
    )
    layout = base_layout(height=96 * len(watched) + 56, top=8, bottom=40) | {
        "xaxis": side_axis(1.04, ticks=(-1, -0.5, 0, 0.5, 1)),
        "yaxis": {"range": [len(watched) - 0.4, -0.6], "visible": False, "fixedrange": True},
        "annotations": texts,
        "showlegend": False,
    }
    title = "The study so far: net preference with bounds that hold at every look"
    alt = f"{title}. " + " ".join(
        f"{QUESTION_TITLES[one.question]}, {one.system_1} against {one.system_2}: {signed_percent(one.net)}, "
        f"bounds {signed_percent(one.low)} to {signed_percent(one.high)}, {one.raters} raters; {one.decision}."
        for one in watched
    )
    numbers = tuple(asdict(one) for one in watched)
    return Figure("live", title, alt, tuple(data), layout, monitor_table(watched), numbers)


def monitor_table(watched: Sequence[Watched]) -> Table:
    """The same in figures."""
    rows = tuple(
        Row(
            (
                QUESTION_TITLES[one.question],
                f"{one.system_1} against {one.system_2}",
                str(one.raters),
                str(one.under_way),
                signed_percent(one.net),
                f"{signed_percent(one.low)} to {signed_percent(one.high)}",
                f"{_short(one.evidence)} of {one.needed:.0f}",
                one.decision,
            )
        )
        for one in watched
    )
    columns = ("Question", "Pair", "Raters", "Under way", "Net", "Bounds at every look", "Evidence", "Decision")
    return Table("The study so far", columns, rows, headings=2)


def _short(evidence: float) -> str:
    return f"{evidence:.1f}" if evidence < 1000 else f"{evidence:.0e}"
