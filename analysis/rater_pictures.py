"""Pictures of how raters answered: sides, times, checks, and who came and who counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import special

from analysis.drawing import (
    BLUE,
    GREY,
    GRID,
    INK,
    ORANGE,
    Figure,
    Json,
    axis_title,
    base_layout,
    note,
    plain,
)
from analysis.frames import rater_records
from analysis.raters import PassRules, RaterFigures
from analysis.sensitivity import Sensitivity
from analysis.table import Row, Table
from analysis.wording import percent

MOST_RATERS = 60
_EDGES_S = np.array([0.5, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 300, 1e9])


NUMBERED = "Raters are numbered in the order of their pseudonyms (rater_id) in the table of ratings."


def _numbered(figures: Sequence[RaterFigures]) -> dict[str, str]:
    """What a page calls each rater: a page is handed on to many, and a pseudonym leads to single answers."""
    return {
        rater: f"rater {number}" for number, rater in enumerate(sorted(one.rater_id for one in figures), start=1)
    }


def side_effect(figures: Sequence[RaterFigures]) -> Figure | None:
    """Each rater's share of preferences for the left side, sorted, and what chance would do; None without any."""
    known = sorted(
        (one for one in figures if one.left_share is not None), key=lambda one: (one.left_share or 0, one.rater_id)
    )
    if not known:
        return None
    named = _numbered(figures)
    shares = [one.left_share or 0.0 for one in known]
    counts = [one.sided for one in known]
    # 99 %: of a hundred raters one lies outside by chance.
    half = special.ndtri(0.995) * 0.5 / np.sqrt(np.maximum(counts, 1))
    outside = [bool(abs(share - 0.5) > bound) for share, bound in zip(shares, half, strict=True)]
    data: tuple[Json, ...] = (
        _band(np.minimum(0.5 + half, 1.0), None),
        _band(np.maximum(0.5 - half, 0.0), "tonexty"),
        {
            "type": "scatter",
            "mode": "markers",
            "showlegend": False,
            "x": list(range(1, len(known) + 1)),
            "y": shares,
            "marker": {
                "size": 7,
                "color": [ORANGE if out else BLUE for out in outside],
                "symbol": ["diamond" if out else "circle" for out in outside],
            },
            "customdata": [
                [named[one.rater_id], percent(share), one.sided] for one, share in zip(known, shares, strict=True)
            ],
            "hovertemplate": "%{customdata[0]}: %{customdata[1]} of %{customdata[2]}<extra></extra>",
        },
    )
    layout = _with_axis(300, bottom=48) | {
        "xaxis": {
            "title": axis_title(f"raters, from right-leaning to left-leaning (n = {len(known)})"),
            "showgrid": False,
            "fixedrange": True,
            "zeroline": False,
        },
        "yaxis": {
            "range": [-0.04, 1.04],
            "tickformat": ".0%",
            "gridcolor": GRID,
            "fixedrange": True,
            "zeroline": False,
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
        "showlegend": False,
    }
    title = "Share of preferences that went to the left side, rater by rater"
    mean = float(np.average(shares, weights=counts))
    alt = (
        f"{title}. {percent(mean)} over all {len(known)} raters; {sum(outside)} lie outside what chance does in "
        f"99% of raters. From {percent(shares[0])} to {percent(shares[-1])}."
    )
    rows = tuple(
        Row((named[one.rater_id], str(one.sided), percent(share)), faint=out)
        for one, share, out in zip(known, shares, outside, strict=True)
    )
    numbers = tuple(
        {
            "rater_id": one.rater_id,
            "preferences": one.sided,
            "left_share": share,
            "chance_low": max(0.5 - bound, 0.0),
            "chance_high": min(0.5 + bound, 1.0),
        }
        for one, share, bound in zip(known, shares, half.tolist(), strict=True)
    )
    table = Table(title, ("Rater", "Preferences", "To the left"), rows, notes=(NUMBERED,))
    return Figure("sides", title, alt, data, layout, table, numbers)


def _with_axis(height: int, *, bottom: int) -> Json:
    layout = base_layout(height=height, top=16, bottom=bottom)
    return layout | {"margin": layout["margin"] | {"l": 52}}


def _band(values: np.ndarray[tuple[int], np.dtype[np.float64]], fill: str | None) -> Json:
    drawn: Json = {
        "type": "scatter",
        "mode": "lines",
        "showlegend": False,
        "x": list(range(1, len(values) + 1)),
        "y": values.tolist(),
        "line": {"width": 0, "color": GREY},
        "hoverinfo": "skip",
    }
    return drawn | ({"fill": fill, "fillcolor": "#ececec"} if fill else {})


def response_times(used: pd.DataFrame) -> Figure | None:
    """How long answers took, from both versions played, and by place in the block; None if unknown."""
    times = used["response_time_ms"].dropna().astype(float).to_numpy() / 1000
    if not len(times):
        return None
    counts = np.histogram(np.maximum(times, 0.01), bins=np.concatenate([[0], _EDGES_S]))[0]
    names = [
        "< 0.5",
        *(f"{low:g}–{high:g}" for low, high in pairwise(_EDGES_S[:-1])),
        "> 300",
    ]
    by_place = used.dropna(subset=["response_time_ms"]).groupby("position")["response_time_ms"].median() / 1000
    data: tuple[Json, ...] = (
        {
            "type": "bar",
            "x": names,
            "y": counts.tolist(),
            "marker": {"color": BLUE},
            "showlegend": False,
            "hovertemplate": "%{x} s: %{y}<extra></extra>",
        },
    )
    title = "Time from both played to the answer"
    median = float(np.median(times))
    layout = _with_axis(300, bottom=84) | {
        "xaxis": {
            "title": axis_title(f"seconds (n = {len(times):,}, median {median:.0f} s)"),
            "fixedrange": True,
            "tickangle": -40,
            "type": "category",
        },
        "yaxis": {"gridcolor": GRID, "fixedrange": True, "title": axis_title("answers")},
        "bargap": 0.08,
    }
    early, late = (
        by_place.iloc[: max(len(by_place) // 4, 1)].median(),
        by_place.iloc[-max(len(by_place) // 4, 1) :].median(),
    )
    quick = percent(float((times < 1).mean()))
    alt = (
        f"{title}. {len(times):,} answers, median {median:.0f} seconds; {quick} within one second. Median "
        f"{early:.0f} s in the first quarter of places in a block and {late:.0f} s in the last."
    )
    rows = (
        *(Row((f"{name} s", f"{count:,}")) for name, count in zip(names, counts.tolist(), strict=True)),
        Row(("median, first quarter of the block", f"{early:.1f} s"), faint=True),
        Row(("median, last quarter of the block", f"{late:.1f} s"), faint=True),
    )
    # The last one has no end.
    ends = [*_EDGES_S[:-1].tolist(), None]
    numbers = tuple(
        {"from_s": low, "to_s": high, "answers": count, "n": len(times)}
        for low, high, count in zip([0.0, *_EDGES_S[:-1].tolist()], ends, counts.tolist(), strict=True)
    )
    return Figure("times", title, alt, data, layout, Table(title, ("Time", "Answers"), rows), numbers)


def rater_panel(figures: Sequence[RaterFigures], rules: PassRules) -> Figure | None:
    """Checks that each rater passed, with what was declared; None where nobody was checked."""
    checks = (
        ("gold right", "gold_right", rules.min_gold_right),
        ("identical near", "identical_near", rules.min_identical_near),
        ("repeats near", "repeat_near", None),
        ("same answer", "same_choice", rules.max_same_choice),
    )
    checked = [one for one in figures if one.gold or one.identical or one.repeats]
    if not checked:
        return None
    named = _numbered(figures)
    breaking = [one for one in checked if rules.broken_by(one)]
    others = [one for one in checked if not rules.broken_by(one)]
    shown = [*breaking, *others][:MOST_RATERS]
    data: list[Json] = []
    shapes: list[Json] = []
    shift = np.linspace(-0.32, 0.32, len(shown)) if len(shown) > 1 else np.zeros(1)
    for place, (_, name, bound) in enumerate(checks):
        held = [
            (x, one, getattr(one, name))
            for x, one in zip(shift, shown, strict=True)
            if getattr(one, name) is not None
        ]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "showlegend": False,
                "x": [place + float(x) for x, _, _ in held],
                "y": [value for _, _, value in held],
                "marker": {
                    "size": 7,
                    "color": [ORANGE if rules.broken_by(one) else BLUE for _, one, _ in held],
                    "symbol": ["x" if rules.broken_by(one) else "circle" for _, one, _ in held],
                    "opacity": 0.8,
                },
                "customdata": [[named[one.rater_id], percent(value)] for _, one, value in held],
                "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra></extra>",
            }
        )
        if bound is not None:
            shapes.append(
                {
                    "type": "line",
                    "x0": place - 0.42,
                    "x1": place + 0.42,
                    "y0": bound,
                    "y1": bound,
                    "line": {"color": INK, "width": 2, "dash": "dot"},
                }
            )
    some = (
        ""
        if len(shown) == len(checked)
        else f" The first {MOST_RATERS} of {len(checked)} are drawn, rule breakers first."
    )
    layout = _with_axis(320, bottom=64) | {
        "xaxis": {
            "range": [-0.6, len(checks) - 0.4],
            "tickvals": list(range(len(checks))),
            "ticktext": [name.replace(" ", "<br>") for name, _, _ in checks],
            "tickangle": 0,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "title": axis_title(f"n = {len(checked)} raters; dotted: declared bound; cross: breaks a rule"),
        },
        "yaxis": {
            "range": [-0.04, 1.04],
            "tickformat": ".0%",
            "gridcolor": GRID,
            "fixedrange": True,
            "zeroline": False,
        },
        "shapes": shapes,
    }
    title = "Raters and their checks"
    alt = f"{title}. {len(checked)} raters were checked; {len(breaking)} break a declared rule.{some}"
    rows = tuple(
        Row(
            (
                named[one.rater_id],
                *(_percent(getattr(one, name)) for _, name, _ in checks),
                "; ".join(rules.broken_by(one)),
            ),
            faint=bool(rules.broken_by(one)),
        )
        for one in [*breaking, *others]
    )
    table = Table(title + some, ("Rater", *(name for name, _, _ in checks), "Remarks"), rows, notes=(NUMBERED,))
    numbers = rater_records([*breaking, *others], rules)
    return Figure("raters", title, alt, tuple(data), layout, table, numbers)


def _percent(value: float | None) -> str:
    return "–" if value is None else percent(value)


def rater_flow(found: Sensitivity, came: Sequence[tuple[str, int]] = ()) -> Figure:
    """Who came, who is analysed, and who is counted when declared rules are applied: boxes from top to bottom.

    ``came`` are steps before the analysis, as the study counted them. Nobody is left out of the primary results.
    """
    main = [*came, found.flow[0]]
    aside = [step for step in found.flow[1:] if step[0].startswith("break")]
    rest = [step for step in found.flow[1:] if not step[0].startswith("break")]
    boxes = [
        *((0.0, *step) for step in main),
        *((0.12, *step) for step in aside),
        *((0.0, *step) for step in rest),
    ]
    shapes: list[Json] = []
    texts: list[Json] = []
    for y, (x, name, count) in enumerate(boxes):
        shapes.append(_box(x, y, "#f3f3f3" if x else "#ffffff"))
        texts.append(note(f"{plain(name)}: {count:,}", x=(1 + x) / 2, xref="x", xanchor="center", y=y))
        if y:
            ends = {"x0": 0.5, "x1": 0.5, "y0": y - 0.7, "y1": y - 0.3}
            shapes.append({"type": "line", **ends, "line": {"color": INK, "width": 1.2}})
    layout = base_layout(height=58 * len(boxes) + 24, top=8, bottom=8) | {
        "xaxis": {"range": [0, 1], "visible": False, "fixedrange": True},
        "yaxis": {"range": [len(boxes) - 0.4, -0.6], "visible": False, "fixedrange": True},
        "shapes": shapes,
        "annotations": texts,
        "showlegend": False,
    }
    title = "Flow of raters"
    steps = [*came, *found.flow]
    alt = f"{title}. " + " ".join(f"{name}: {count}." for name, count in steps)
    table = Table(
        title, ("Step", "Raters"), tuple(Row((name.capitalize(), f"{count:,}")) for name, count in steps)
    )
    blank: Json = {
        "type": "scatter",
        "mode": "markers",
        "x": [0.5],
        "y": [0],
        "marker": {"opacity": 0},
        "hoverinfo": "skip",
    }
    numbers = tuple({"step": name, "raters": count} for name, count in steps)
    return Figure("flow", title, alt, (blank,), layout, table, numbers)


def _box(x: float, y: int, fill: str) -> Json:
    ends = {"x0": x, "x1": 1, "y0": y - 0.3, "y1": y + 0.3}
    return {"type": "rect", "layer": "below", **ends, "fillcolor": fill, "line": {"color": INK, "width": 1}}
