"""Win rates by genre, a bar for each system: the paper's Figure 9, with intervals."""

from __future__ import annotations

from analysis.drawing import GRID, Figure, Json, base_layout, labelled, note, plain, simulated_label
from analysis.frames import system_records
from analysis.results import SystemGrid, SystemRate, WinRates
from analysis.table import Row, Table
from analysis.wording import QUESTION_TITLES, average_row, interval, percent

# Okabe & Ito's palette (2008), told apart in the common kinds of colour blindness; patterns for grey print.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#5b5b5b")
PATTERNS = ("", "/", "\\", "x", "-", "|", "+", ".")


def genre_bars(rates: WinRates, question: str) -> Figure | None:
    """Share of ratings that each system won over all its opponents, genre by genre, the average last."""
    if rates.only_genre:
        return None
    grid = rates.grid(question)
    systems, genres = grid.systems, grid.genres
    # Sideways, so that names of genres are read without turning one's head, on a phone too.
    data = tuple(_bars(place, system, grid) for place, system in enumerate(systems))
    row = 14 * len(systems) + 30
    legend = 24 * len(systems) + 40
    layout = base_layout(height=row * len(genres) + 40 + legend, top=8, bottom=legend)
    layout |= {
        "barmode": "group",
        "bargap": 0.42,
        "bargroupgap": 0.06,
        "xaxis": {
            "range": [0, 1.0],
            "tickformat": ".0%",
            "gridcolor": GRID,
            "fixedrange": True,
            "zeroline": True,
            "zerolinecolor": "#1c1c1c",
        },
        "yaxis": {"range": [len(genres) - 0.45, -0.6], "visible": False, "fixedrange": True},
        "annotations": [
            note(
                f"{plain(genre or average_row(rates))}, n = {grid.answers(genre)}",
                x=0,
                xref="paper",
                xanchor="left",
                y=place - 0.42,
                font={"size": 12, "weight": 700 if genre is None else 400},
            )
            for place, genre in enumerate(genres)
        ],
    }
    layout["legend"] |= {"orientation": "v", "y": -30 / (row * len(genres))}
    title = f"{QUESTION_TITLES[question]}: wins over all opponents, by genre"
    told = " ".join(
        f"{rate.genre or average_row(rates)}, {rate.system}: {percent(rate.win.value)} {interval(rate.win)}."
        for rate in grid.rates.values()
    )
    label = simulated_label([rate for rate in rates.averages if rate.question == question])
    table = Table(
        title,
        ("Genre", "Ratings", *systems),
        tuple(
            Row(
                (
                    genre or average_row(rates),
                    str(grid.answers(genre)),
                    *map(_cell, grid.of(genre)),
                ),
                strong=genre is None,
            )
            for genre in genres
        ),
    )
    return Figure(
        f"wins-{question}",
        title,
        f"{title}. {label and f'{label}. '}{told}",
        data,
        labelled(layout, label),
        table,
        system_records(rates, grid.rates.values()),
    )


def _bars(place: int, system: str, grid: SystemGrid) -> Json:
    met = [(y, rate) for y, genre in enumerate(grid.genres) if (rate := grid.rates.get((genre, system)))]
    lows = [rate.win.value if rate.win.low is None else rate.win.low for _, rate in met]
    highs = [rate.win.value if rate.win.high is None else rate.win.high for _, rate in met]
    return {
        "type": "bar",
        "orientation": "h",
        "name": plain(system),
        "y": [y for y, _ in met],
        "x": [rate.win.value for _, rate in met],
        "marker": {
            "color": COLOURS[place % len(COLOURS)],
            "pattern": {
                "shape": PATTERNS[place % len(PATTERNS)],
                "fillmode": "overlay",
                "fgcolor": "#ffffff",
                "fgopacity": 0.55,
                "size": 6,
                "solidity": 0.25,
            },
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - rate.win.value for high, (_, rate) in zip(highs, met, strict=True)],
            "arrayminus": [rate.win.value - low for low, (_, rate) in zip(lows, met, strict=True)],
            "color": "#333333",
            "thickness": 1.2,
            "width": 0,
        },
        "customdata": [
            [plain(rate.genre or "average"), percent(rate.win.value), interval(rate.win), rate.n]
            for _, rate in met
        ],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]} %{customdata[2]}, n = %{customdata[3]}",
    }


def _cell(rate: SystemRate | None) -> str:
    return "not compared" if rate is None else f"{percent(rate.win.value)} {interval(rate.win)} (n = {rate.n})"
