"""Net preference per genre with its interval, and the average over genres as a diamond."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.drawing import (
    BLUE,
    FAINT,
    NAME_FONT,
    ORANGE,
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
from analysis.tables import genre_table
from analysis.wording import QUESTION_TITLES, average_row, interval, level_percent, signed_percent

LOOKS = {"visual_relevance": (BLUE, "circle"), "music_preference": (ORANGE, "square")}
BESIDE = 28
"""Characters of two names that fit beside each other on a phone."""


def forest(rates: WinRates, pair: tuple[str, str], number: int) -> Figure:
    """One pair, both questions. Left of zero favours the first system, which is on the left everywhere.

    A lone genre has no row of its own: the row of all clips says the same.
    """
    cells = () if rates.only_genre else rates.cells
    chosen = [r for r in (*cells, *rates.averages) if (r.system_1, r.system_2) == pair]
    average = average_row(rates)
    genres: list[str | None] = [*sorted({r.genre for r in chosen if r.genre is not None}), None]
    questions = [question for question in LOOKS if any(rate.question == question for rate in chosen)]
    data: list[Json] = []
    for turn, question in enumerate(questions):
        asked = [rate for rate in chosen if rate.question == question]
        shift = 0.26 if len(questions) == 1 else 0.12 + 0.26 * turn
        data.append(_legend(question))
        data += [
            _points([rate for rate in asked if rate.genre is not None and not rate.flags], genres, shift, average),
            _points([rate for rate in asked if rate.genre is not None and rate.flags], genres, shift, average),
            _points([rate for rate in asked if rate.genre is None], genres, shift, average),
        ]
    last = len(genres) - 1
    # On a phone two long names do not fit beside each other.
    long = len(pair[0]) + len(pair[1]) > BESIDE
    layout = base_layout(height=62 * len(genres) + 130 + 18 * long, top=40 + 18 * long, bottom=74) | {
        "xaxis": side_axis(1.04, ticks=(-1, -0.5, 0, 0.5, 1)),
        "yaxis": {"range": [len(genres) - 0.3, -0.5], "visible": False, "fixedrange": True},
        "annotations": [
            note(f"◀ {plain(pair[0])}", **_corner(0, "left", lines=2 if long else 1), font=NAME_FONT),
            note(f"{plain(pair[1])} ▶", **_corner(1, "right"), font=NAME_FONT),
            *(_row_name(genre, place, chosen, average) for place, genre in enumerate(genres)),
        ],
        "shapes": [_rule(last - 0.46)] if last else [],
    }
    over = f", {average}" if rates.only_genre else " by genre"
    title = f"{pair[0]} against {pair[1]}: net preference{over}"
    label = simulated_label([rate for rate in chosen if rate.genre is None])
    alt = f"{title}, with {level_percent(rates.level)} intervals. {label and f'{label}. '}" + " ".join(
        f"{QUESTION_TITLES[rate.question]}, {rate.genre or average}: {signed_percent(rate.net.value)} "
        f"{interval(rate.net, signed=True)}."
        for rate in chosen
    )
    return Figure(
        f"forest-{number}",
        title,
        alt,
        tuple(data),
        labelled(layout, label),
        genre_table(rates, pair),
        pair_records(rates, chosen),
    )


def _rule(y: float) -> Json:
    line = {"color": "#888888", "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _corner(x: int, anchor: str, *, lines: int = 1) -> Json:
    return {"x": x, "xref": "paper", "y": 1, "yref": "paper", "xanchor": anchor, "yshift": 18 * lines - 2}


def _row_name(genre: str | None, place: int, chosen: Sequence[PairRate], average: str) -> Json:
    # In the order of the questions; once where both have as many.
    counts = dict.fromkeys(rate.n for rate in chosen if rate.genre == genre)
    text = f"{plain(genre or average)}, n = {' / '.join(map(str, counts))}"
    font = {"size": 12, "weight": 700 if genre is None else 400}
    return note(text, x=0, xref="paper", xanchor="left", y=place - 0.22, font=font)


def _legend(question: str) -> Json:
    colour, symbol = LOOKS[question]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": QUESTION_TITLES[question],
        "x": [None],
        "y": [None],
        "marker": {"size": 9, "symbol": symbol, "color": colour},
        "hoverinfo": "skip",
    }


def _points(rates: Sequence[PairRate], genres: list[str | None], shift: float, average: str) -> Json:
    colour, symbol = LOOKS[rates[0].question] if rates else (FAINT, "circle")
    diamond = any(rate.genre is None for rate in rates)
    faint = any(rate.flags for rate in rates)
    # Where there is no interval, the whiskers have no length.
    lows = [rate.net.value if rate.net.low is None else rate.net.low for rate in rates]
    highs = [rate.net.value if rate.net.high is None else rate.net.high for rate in rates]
    return {
        "type": "scatter",
        "mode": "markers",
        "showlegend": False,
        "x": [-rate.net.value for rate in rates],
        "y": [genres.index(rate.genre) + shift for rate in rates],
        "marker": {
            "size": 15 if diamond else 9,
            "symbol": ("diamond" if diamond else symbol) + ("-open" if faint else ""),
            "color": colour,
            "line": {"width": 1.5, "color": colour},
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [rate.net.value - low for rate, low in zip(rates, lows, strict=True)],
            "arrayminus": [high - rate.net.value for rate, high in zip(rates, highs, strict=True)],
            "color": FAINT if faint else colour,
            "thickness": 2.2 if diamond else 1.4,
            "width": 0,
        },
        "customdata": [
            [
                plain(rate.genre or average),
                signed_percent(rate.net.value),
                interval(rate.net, signed=True),
                rate.n,
                plain(rate.system_1),
                "<br>".join(map(plain, rate.flags)),
            ]
            for rate in rates
        ],
        "hovertemplate": "%{customdata[0]}: net %{customdata[1]} %{customdata[2]} for %{customdata[4]}, "
        "n = %{customdata[3]}<br>%{customdata[5]}<extra></extra>",
    }
