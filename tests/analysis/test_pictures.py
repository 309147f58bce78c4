"""The pictures of systems, raters and the running study: what they draw is what their tables say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis.abilities import COMPARED_BY_EYE, abilities
from analysis.cells import genre_heatmap, pair_matrix
from analysis.drawing import Figure, plain
from analysis.genre_bars import genre_bars
from analysis.live import live_monitor
from analysis.rater_pictures import rater_flow, rater_panel, response_times, side_effect
from analysis.raters import NO_RULES, PassRules
from analysis.ratings import Ratings, read
from analysis.sequential import StoppingRule
from analysis.wording import percent, signed_percent
from tests.analysis.simulate import row, simulate
from tests.analysis.test_sensitivity import with_gold

NASTY = "</script><b>=cmd()</b>"
QUESTION = "visual_relevance"
WORDS = [
    *("question", "genre", "system", "system_1", "system_2", "method", "win_method", "net_method", "convention"),
    *("flags", "adjustment", "reason", "left_reason", "rater_id", "breaks", "step", "decision"),
]
"""Columns of text in the numbers behind figures."""


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    frame = simulate(seed=2, raters=30, systems=("a", "b", NASTY), per_rater=30, effect=0.5)
    return read(with_gold(frame, {"r003"}))


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    go.Figure(data=list(figure.data), layout=figure.layout)
    text = json.dumps([figure.data, figure.layout], allow_nan=False)
    assert "<b>" not in text
    assert "n = " in text or "raters" in text.lower()
    assert len(figure.alt) > len(figure.title)
    assert figure.table.rows
    assert all(len(one.cells) == len(figure.table.columns) for one in figure.table.rows)
    numbers = pd.DataFrame(figure.numbers)
    assert len(numbers)
    # Percentages and intervals are printed in the table; numbers are numbers.
    text = numbers.select_dtypes(exclude=["number", "bool"]).drop(columns=WORDS, errors="ignore")
    assert text.isna().to_numpy().all()
    return figure


def texts(figure: Figure) -> list[str]:
    return [note["text"] for note in figure.layout["annotations"]]


def test_the_heatmap_prints_every_systems_net_preference_and_shades_it_both_ways(ratings: Ratings) -> None:
    rates = ratings.win_rates()
    figure = drawn(genre_heatmap(rates, QUESTION))
    asked = [rate for rate in rates.systems if rate.question == QUESTION]
    for rate in asked:
        assert any(text.startswith(f"{signed_percent(rate.net.value)}<br>") for text in texts(figure))
        assert signed_percent(rate.net.value) in figure.alt
    boxes = [shape["fillcolor"] for shape in figure.layout["shapes"]]
    assert len(boxes) == len(asked) == 5 * 3
    best = max(range(len(asked)), key=lambda place: asked[place].net.value)
    red, _, blue = (int(boxes[_cell(asked, best)][place : place + 2], 16) for place in (1, 3, 5))
    assert blue > red


def _cell(asked: list, place: int) -> int:  # type: ignore[type-arg]
    """Where a rate's cell is drawn: genres down with the average last, systems across."""
    genres = [*sorted({rate.genre for rate in asked if rate.genre}), None]
    systems = sorted({rate.system for rate in asked})
    return genres.index(asked[place].genre) * len(systems) + systems.index(asked[place].system)


def test_few_raters_make_grey_cells() -> None:
    rates = read(simulate(seed=2, raters=4, systems=("a", "b", "c"), per_rater=30)).win_rates()
    figure = drawn(genre_heatmap(rates, QUESTION))
    assert {shape["fillcolor"] for shape in figure.layout["shapes"]} == {"#ececec"}


def test_the_matrix_gives_both_sides_of_a_pair_and_an_empty_diagonal(ratings: Ratings) -> None:
    rates = ratings.win_rates()
    ranking = ratings.rankings()[0]
    figure = drawn(pair_matrix(rates, ranking, QUESTION))
    assert [one.cells[0] for one in figure.table.rows] == list(ranking.systems)
    rate = next(rate for rate in rates.averages if rate.question == QUESTION)
    by_row = {
        one.cells[0]: dict(zip(figure.table.columns[1:], one.cells[1:], strict=True)) for one in figure.table.rows
    }
    assert by_row[rate.system_1][f"over {rate.system_2}"].startswith(percent(rate.win_1.value))
    assert by_row[rate.system_2][f"over {rate.system_1}"].startswith(percent(rate.win_2.value))
    assert all(by_row[system][f"over {system}"] == "–" for system in by_row)
    assert f"{percent(rate.win_1.value)}<br>tie {percent(rate.tie.value)}" in texts(figure)


def test_bars_by_genre_are_the_win_rates_of_figure_9(ratings: Ratings) -> None:
    rates = ratings.win_rates()
    figure = drawn(genre_bars(rates, QUESTION))
    assert len(figure.data) == 3
    for trace in figure.data:
        mine = [
            rate for rate in rates.systems if rate.question == QUESTION and plain(rate.system) == trace["name"]
        ]
        assert sorted(trace["x"]) == pytest.approx(sorted(rate.win.value for rate in mine))
    patterns = {trace["marker"]["pattern"]["shape"] for trace in figure.data}
    assert len(patterns) == len({trace["marker"]["color"] for trace in figure.data}) == 3


def test_strengths_have_thin_and_thick_lines_and_ranks_in_words(ratings: Ratings) -> None:
    ranking = ratings.rankings()[0]
    figure = drawn(abilities(ranking))
    thin = [trace for trace in figure.data if trace["mode"] == "lines" and trace["line"]["width"] < 3]
    thick = [trace for trace in figure.data if trace["mode"] == "lines" and trace["line"]["width"] > 3]
    for strength, line, bar in zip(ranking.strengths, thin, thick, strict=True):
        assert line["x"] == [strength.low, strength.high]
        assert strength.quasi_se is not None
        assert bar["x"][1] - bar["x"][0] == pytest.approx(2 * COMPARED_BY_EYE * strength.quasi_se)
    assert any(text.startswith("rank") for text in texts(figure))


def test_strengths_without_intervals_are_points_with_the_reason_in_words() -> None:
    tied = simulate(seed=1, systems=("a", "b", "c"), raters=4).assign(score=0, choice=3, score_presented=0)
    figure = drawn(abilities(read(tied).rankings()[0]))
    assert len(figure.data) == 1
    assert "every answer is a tie" in figure.alt


def test_a_rater_who_always_takes_the_left_lies_outside_what_chance_does(ratings: Ratings) -> None:
    frame = simulate(seed=2, raters=12, per_rater=20)
    mine = frame["rater_id"] == "r005"
    left_is_1 = frame["system_left"] == frame["system_1"]
    frame.loc[mine, "score_presented"], frame.loc[mine, "choice"] = 2, 1
    frame.loc[mine, "score"] = np.where(left_is_1[mine], 2, -2)
    figure = drawn(side_effect(read(frame).rater_figures))
    points = figure.data[-1]
    assert points["customdata"][-1][:2] == ["rater 6", "100%"]
    assert points["marker"]["symbol"][-1] == "diamond"
    assert points["y"] == sorted(points["y"])
    assert points["marker"]["symbol"].count("diamond") <= 2


def test_times_are_counted_on_a_scale_that_grows(ratings: Ratings) -> None:
    times = np.geomspace(200, 400_000, len(ratings.frame)).astype(int)
    frame = ratings.frame.assign(response_time_ms=times)
    figure = drawn(response_times(frame))
    assert sum(figure.data[0]["y"]) == len(frame)
    assert figure.data[0]["y"][0] == (times < 500).sum()
    assert figure.data[0]["y"][-1] == (times >= 300_000).sum()
    assert response_times(frame.assign(response_time_ms=pd.NA)) is None


def test_the_panel_marks_who_breaks_a_rule_and_draws_the_bound(ratings: Ratings) -> None:
    rules = PassRules(min_gold_right=0.75)
    figure = drawn(rater_panel(ratings.rater_figures, rules))
    gold = figure.data[0]
    assert [
        who for who, symbol in zip(gold["customdata"], gold["marker"]["symbol"], strict=True) if symbol == "x"
    ] == [["rater 4", "0%"]]
    assert [shape["y0"] for shape in figure.layout["shapes"]] == [0.75]
    assert figure.table.rows[0].cells[0] == "rater 4"
    assert "of gold pairs right" in figure.table.rows[0].cells[-1]
    assert rater_panel(read(simulate(seed=1)).rater_figures, NO_RULES) is None


def test_the_flow_names_every_step_with_its_number(ratings: Ratings) -> None:
    found = ratings.sensitivity(rules=PassRules(min_gold_right=0.75))
    figure = drawn(rater_flow(found, [("sessions that began", 33)]))
    assert texts(figure)[0] == "sessions that began: 33"
    assert texts(figure)[1:] == [f"{name}: {count}" for name, count in found.flow]


def test_the_live_picture_bounds_every_pair_and_has_no_p_value(ratings: Ratings) -> None:
    watched = ratings.watch(StoppingRule(most_raters=20), ended=True)
    figure = drawn(live_monitor(watched))
    points = figure.data[-1]
    assert points["x"] == [-one.net for one in watched]
    assert figure.data[0]["x"] == [-watched[0].low, -watched[0].high]
    told = figure.alt + json.dumps(figure.layout)
    assert " p " not in told
    assert "p =" not in told
    assert "stop: the most raters have come" in figure.alt


def test_two_systems_and_one_genre_need_neither_matrix_nor_heatmap() -> None:
    rows = [
        row(rater=f"r{r}", trial=f"{r}-{c}", genre="Polka", clip=f"c{c}", pair=("a", "b"), score=(r + c) % 5 - 2)
        for r in range(6)
        for c in range(6)
    ]
    rates = read(pd.DataFrame(rows)).win_rates()
    assert genre_heatmap(rates, QUESTION) is None
    assert genre_bars(rates, QUESTION) is None
    assert pair_matrix(rates, None, QUESTION) is None


def test_an_axis_of_equal_strengths_is_no_axis_of_rounding_errors() -> None:
    (ranking, *_) = read(simulate(seed=1, systems=("a", "b", "c"))).rankings()
    even = replace(ranking, strengths=tuple(replace(one, value=-1.9e-16) for one in ranking.strengths))
    figure = abilities(even)
    assert figure.data[-1]["x"] == [0.0, 0.0, 0.0]
    assert figure.layout["xaxis"]["exponentformat"] == "none"
