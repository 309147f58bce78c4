"""The report: what it says, that nothing is fetched, and that names cannot break out of the page."""

from __future__ import annotations

import hashlib
import json
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis import report
from analysis.counts import StudyCounts
from analysis.page import csp_hashes, csp_policy, for_site, html
from analysis.ratings import read
from analysis.report import Report
from analysis.schema import SchemaError
from analysis.table import Row, Table
from analysis.wording import level_percent, p_value, signed_bound, signed_percent

from .simulate import row, simulate


def test_it_says_as_often_as_promised_what_is_being_worked_out(ratings: pd.DataFrame) -> None:
    told: list[str] = []
    report.build(read(ratings), title="Pilot", progress=told.append)
    assert len(told) == len(set(told)) == report.STEPS


def table(built: Report, start: str) -> Table:
    """The table of a report whose title starts so."""
    return next(one for one in built.tables if one.title.startswith(start))


COUNTS = "Answers and who gave them"
BY_SYSTEM = "Visual relevance: wins over all opponents"


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    return simulate(
        seed=2, systems=("v2meow-clip-tiny", "random-shuffle", "ground-truth"), per_rater=15, effect=0.9
    )


@pytest.fixture(scope="module")
def built(ratings: pd.DataFrame) -> Report:
    return report.build(read(ratings), title="Pilot")


def test_report_starts_with_what_was_found(built: Report) -> None:
    assert built.rates is not None
    page = html(built)
    assert page.index(built.found[0][:40].replace("&", "&amp;")) < page.index("Which system was preferred")
    shown = [r for r in built.rates.averages if r.test and r.test.p_adjusted < 0.05]
    assert sum("was preferred to" in sentence for sentence in built.found) == len(shown) > 0
    first = shown[0]
    winner = first.system_1 if first.net.value > 0 else first.system_2
    assert built.found[0].startswith(f"Visual relevance: {winner} was preferred to")
    assert f"{first.n} ratings of {first.raters} raters on {first.clips} clips" in built.found[0]


def test_what_was_found_is_followed_by_design_results_choices_deviations_and_methods(built: Report) -> None:
    assert [section.title for section in built.sections] == [
        "Design and raters",
        "Which system was preferred",
        "By genre",
        "By genre and system",
        "In the form of V2Meow’s tables",
        "Under other choices",
        "Checks, sides and times",
        "Deviations from the plan",
        "Methods",
    ]


def test_page_is_self_contained_and_has_no_inline_handlers_or_styles(built: Report) -> None:
    page = html(built)
    markup = re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\s(style|on\w+|src|href)=", markup)
    assert len(csp_hashes(page)) == 4
    assert "unsafe" not in csp_policy(page)


def test_every_figure_is_valid_plotly_with_words_and_a_table(built: Report) -> None:
    assert [figure.key for figure in built.figures] == [
        "flow",
        "bars-visual_relevance",
        "bars-music_preference",
        "forest-1",
        "forest-2",
        "forest-3",
        *(
            f"{kind}-{question}"
            for question in ("visual_relevance", "music_preference")
            for kind in ("genres", "wins", "matrix", "strengths")
        ),
        "sides",
        "times",
    ]
    for figure in built.figures:
        go.Figure(data=list(figure.data), layout=figure.layout)
        assert len(figure.alt) > len(figure.title)
        assert figure.table.rows
        assert all(len(row.cells) == len(figure.table.columns) for row in figure.table.rows)


def test_bars_reach_from_the_middle_of_no_preference_to_the_shares_of_the_table(built: Report) -> None:
    assert built.rates is not None
    bars = built.figures[1]
    rate = built.rates.averages[0]
    left = sum(-trace["x"][0] for trace in bars.data if trace["x"][0] < 0)
    right = sum(trace["x"][0] for trace in bars.data if trace["x"][0] > 0)
    assert left == pytest.approx(rate.win_1.value + rate.tie.value / 2)
    assert right == pytest.approx(rate.win_2.value + rate.tie.value / 2)


def test_forest_draws_what_favours_system_1_on_the_left(built: Report) -> None:
    assert built.rates is not None
    forest = next(figure for figure in built.figures if figure.key == "forest-1")
    diamonds = [trace for trace in forest.data if trace["marker"]["symbol"] == "diamond"]
    rates = [r for r in built.rates.averages if (r.system_1, r.system_2) == ("random-shuffle", "ground-truth")]
    assert len(diamonds) == len(rates) == 2
    for trace, rate in zip(diamonds, rates, strict=True):
        assert trace["x"] == [-rate.net.value]
        assert trace["x"][0] - trace["error_x"]["arrayminus"][0] == pytest.approx(-(rate.net.high or 0))
        assert trace["x"][0] + trace["error_x"]["array"][0] == pytest.approx(-(rate.net.low or 0))


def test_simulated_answers_are_left_out_or_announced(ratings: pd.DataFrame) -> None:
    program = ratings.assign(simulated=True)
    left_out = report.build(read(program), title="Demo")
    assert left_out.rates is None
    assert "900 simulated answers are left out" in left_out.found[0]
    assert "banner" not in re.sub(r"<style>.*?</style>", "", html(left_out), flags=re.DOTALL)
    shown = report.build(read(program, include_simulated=True), title="Demo")
    assert shown.simulated_shown == 900
    assert '<p class="banner" role="note">900 of 900 answers analysed here are simulated' in html(shown)


def test_a_figure_says_by_itself_how_many_of_its_answers_are_simulated(
    ratings: pd.DataFrame, built: Report
) -> None:
    mixed = ratings.astype({"simulated": object})
    mixed.loc[mixed["rater_id"] == "r001", "simulated"] = True
    shown = report.build(read(mixed, include_simulated=True), title="Mixed")
    assert shown.rates is not None
    of_rates = ("bars", "forest", "genres", "wins", "matrix")
    for figure, human in zip(shown.figures, built.figures, strict=True):
        if not figure.key.startswith(of_rates):
            continue
        asked = [
            rate
            for rate in shown.rates.averages
            if figure.key.endswith(f"-{rate.question}")
            or figure.title.startswith(f"{rate.system_1} against {rate.system_2}:")
        ]
        told = f"Includes simulated answers: {sum(r.simulated for r in asked)} of {sum(r.n for r in asked)}"
        assert told in [text["text"] for text in figure.layout["annotations"]]
        assert told in figure.alt
        assert figure.layout["height"] > human.layout["height"]
        assert "simulated" not in human.alt + json.dumps(human.layout)
    page = html(shown)
    assert f"{shown.simulated_shown} of {shown.analysed} answers analysed here are simulated" in page
    assert 0 < shown.simulated_shown < shown.analysed


def test_one_genre_is_shown_once_and_called_what_it_is() -> None:
    one = report.build(read(simulate(seed=3, genres=("Polka",), raters=8)), title="One")
    page = re.sub(r"<(script|style)>.*?</\1>", "", html(one), flags=re.DOTALL)
    assert "all clips (one genre: Polka)" in page
    assert "over genres" not in page
    assert "by genre" not in page.lower()
    forest = next(figure for figure in one.figures if figure.key == "forest-1")
    symbols = [trace["marker"]["symbol"] for trace in forest.data if trace["x"] and trace["x"] != [None]]
    assert symbols == ["diamond", "diamond"]
    assert len(forest.table.rows) == 2
    assert len(table(one, BY_SYSTEM).rows) == 1
    assert not any("q (genre)" in each.columns for each in (forest.table, *one.tables))


def test_the_primary_table_names_whose_wins_it_counts(built: Report) -> None:
    primary = table(built, "Visual relevance: every pair")
    assert primary.columns[3:6] == ("System 1 wins", "No preference", "System 2 wins")
    assert built.rates is not None
    rate = built.rates.averages[0]
    cells = primary.rows[0].cells
    for cell, share in zip(cells[3:6], (rate.win_1, rate.tie, rate.win_2), strict=True):
        assert cell.startswith(f"{round(100 * share.value)}%")


def test_a_study_adds_its_plan_and_what_was_never_exported(ratings: pd.DataFrame, built: Report) -> None:
    course = StudyCounts(planned_trials=1200, completed=25, expired=4, under_way=1, simulated_left_out=60)
    with_course = report.build(read(ratings), title="Pilot", study=course)
    counts = dict(row.cells for row in table(with_course, COUNTS).rows)
    assert counts["Trials planned, repeats included"] == "1,200"
    assert counts["Trials answered, repeats included"] == "450"
    assert counts["Sessions completed"] == "25"
    assert counts["Sessions expired before the end"] == "4"
    assert counts["Sessions under way"] == "1"
    assert counts["Simulated answers left out of the table"] == "60"
    # Without a study, as from a file, there is nothing to say about any of these.
    assert [row for row in table(with_course, COUNTS).rows if row not in table(built, COUNTS).rows] == list(
        table(with_course, COUNTS).rows[:6]
    )


def test_a_system_table_says_how_many_ratings_each_system_was_in(built: Report) -> None:
    assert built.rates is not None
    by_system = table(built, BY_SYSTEM)
    systems = by_system.columns[2:]
    answers = {(r.genre, r.system): r.n for r in built.rates.systems if r.question == "visual_relevance"}
    for row_ in by_system.rows:
        genre = None if row_.strong else row_.cells[0]
        for system, cell in zip(systems, row_.cells[2:], strict=True):
            assert f"n = {answers[genre, system]}" in cell


def test_what_was_not_shown_names_direction_level_and_correction() -> None:
    quiet = report.build(read(simulate(seed=5, raters=12, genres=("Pop",), clips_per_genre=6)), title="Quiet")
    assert quiet.rates is not None
    rate = quiet.rates.averages[0]
    net = signed_percent(rate.net.value)
    assert f"(net {net} for alpha, 95% interval [" in quiet.found[0]
    assert "p (Holm) = " in quiet.found[0]


def test_bars_say_whose_net_preference_they_print(built: Report) -> None:
    assert built.rates is not None
    bars = next(figure for figure in built.figures if figure.key.startswith("bars-"))
    texts = [text["text"] for text in bars.layout["annotations"]]
    rates = [rate for rate in built.rates.averages if rate.question == "visual_relevance"]
    assert sum(
        f"net for left {signed_percent(rate.net.value)}" in text for rate in rates for text in texts
    ) >= len(rates)


def test_forest_counts_stand_in_the_order_of_the_questions(ratings: pd.DataFrame) -> None:
    fewer = ratings[(ratings["question"] == "visual_relevance") | (ratings["rater_id"] > "r004")]
    built = report.build(read(fewer), title="Some left the second question out")
    assert built.rates is not None
    first = (built.rates.averages[0].system_1, built.rates.averages[0].system_2)
    rates = [rate for rate in built.rates.averages if (rate.system_1, rate.system_2) == first]
    assert rates[0].n > rates[1].n
    forest = next(figure for figure in built.figures if figure.key.startswith("forest-"))
    told = f"average over genres, n = {rates[0].n} / {rates[1].n}"
    assert told in [text["text"] for text in forest.layout["annotations"]]


def test_the_page_says_that_intervals_are_not_corrected_and_rounding_shows(built: Report) -> None:
    page = html(built)
    assert "not corrected for the number of comparisons" in page
    assert "may not add up" in page


def test_counts_say_what_was_left_out(ratings: pd.DataFrame) -> None:
    other = ratings.astype(object)
    other.loc[:1, "kind"] = "gold"
    other.loc[:1, "expected"] = other.loc[:1, "system_1"]
    other.loc[2:5, "simulated"] = True
    counts = {row.cells[0]: row.cells[1] for row in table(report.build(read(other), title="x"), COUNTS).rows}
    assert counts["Answers in the table"] == "900"
    assert counts["left out: gold trials"] == "−2"
    assert counts["left out: simulated answers"] == "−4"
    assert counts["Answers analysed"] == "894"


def test_an_empty_table_gives_a_report_that_says_so(ratings: pd.DataFrame) -> None:
    empty = report.build(read(ratings.iloc[:0]), title="Nobody came")
    assert empty.figures == ()
    assert "no answer to a test trial yet" in html(empty)
    with pytest.raises(SchemaError):
        report.build(read(ratings.drop(columns="score")), title="x")


@pytest.mark.parametrize(("raters", "clips"), [(1, 4), (4, 1)])
def test_too_little_data_still_makes_a_page(raters: int, clips: int) -> None:
    rows = [
        row(rater=f"r{r}", trial=f"{r}-{c}", genre="pop", clip=f"c{c}", pair=("a", "b"), score=1)
        for r in range(raters)
        for c in range(clips)
    ]
    built = report.build(read(pd.DataFrame(rows)), title="Small")
    page = html(built)
    assert "NaN" not in json.dumps(for_site(built))
    assert "not tested: a and b (only one" in page
    assert "no preference was shown" not in page


def test_digest_is_of_the_rows_whatever_their_order_or_format(ratings: pd.DataFrame, tmp_path: Path) -> None:
    ratings.to_csv(tmp_path / "r.csv", index=False)
    digests = {
        report.build(read(ratings), title="a").digest,
        report.build(read(ratings.sample(frac=1, random_state=3)), title="b").digest,
        report.build(read(tmp_path / "r.csv"), title="c").digest,
    }
    assert len(digests) == 1
    changed = ratings.assign(response_time_ms=1)
    assert report.build(read(changed), title="a").digest not in digests


def test_site_gets_the_same_figures_as_plain_json(built: Report) -> None:
    site = json.loads(json.dumps(for_site(built), allow_nan=False))
    figures = [figure for section in site["sections"] for figure in section["figures"]]
    assert [figure["key"] for figure in figures] == [figure.key for figure in built.figures]
    assert figures[0]["table"]["rows"][0]["cells"]
    assert site["found"] == list(built.found)
    tables = [one["title"] for section in site["sections"] for one in section["tables"]]
    assert tables == [one.title for one in built.tables]


def test_vendored_plotly_is_the_file_that_its_readme_names() -> None:
    assets = resources.files("analysis").joinpath("assets")
    digest = hashlib.sha256(assets.joinpath("plotly-basic.min.js").read_bytes()).hexdigest()
    assert digest in assets.joinpath("README.md").read_text(encoding="utf-8")


def test_a_question_that_only_some_answered_is_no_obstacle(ratings: pd.DataFrame) -> None:
    one = ratings[ratings["question"] == "music_preference"]
    keys = [figure.key for figure in report.build(read(one), title="x").figures]
    assert keys[1:5] == ["bars-music_preference", "forest-1", "forest-2", "forest-3"]
    assert not any("visual_relevance" in key for key in keys)


def test_deviations_are_those_declared_and_those_the_counts_show(ratings: pd.DataFrame) -> None:
    course = StudyCounts(
        planned_trials=1200, completed=25, expired=4, under_way=1, simulated_left_out=0, withdrawn=2
    )
    study = report.build(read(ratings), title="x", study=course, deviations=["Two clips were replaced."])
    told = next(one.paragraphs for one in study.sections if one.title == "Deviations from the plan")
    assert told[0] == "Two clips were replaced."
    assert "4 sessions expired before the end; what was left was offered again." in told
    assert "2 sessions ended with the rater leaving, answers kept." in told
    assert any("1 session still under way: this is an interim look" in one for one in told)
    assert told[-1] == "750 of 1,200 planned trials have no answer."
    as_planned = StudyCounts(planned_trials=450, completed=30, expired=0, under_way=0, simulated_left_out=0)
    for course, sentence in ((as_planned, "None were declared"), (None, "does not say what was planned")):
        plain = report.build(read(ratings), title="x", study=course)
        (only,) = next(one.paragraphs for one in plain.sections if one.title == "Deviations from the plan")
        assert sentence in only


def test_tables_are_markdown_and_latex_with_what_either_would_trip_over() -> None:
    rows = (Row(("a|b & c_1", "50% −3\nn < 5")), Row(("average", "1"), strong=True))
    one = Table("Wins #1", ("System", "Share"), rows, notes=("Only {one} rater.",))
    assert one.markdown() == (
        "**Wins #1**\n\n| System | Share |\n| --- | ---: |\n| a\\|b & c_1 | 50% −3 n < 5 |\n| average | 1 |\n"
        "\nOnly {one} rater.\n"
    )
    latex = one.latex()
    assert r"a|b \& c\_1 & 50\% $-$3 n $<$ 5 \\" in latex
    assert r"\textbf{average} & \textbf{1} \\" in latex
    assert r"Only \{one\} rater.\par" in latex
    assert r"\caption{Wins \#1}" in latex


def test_a_genre_of_ties_that_turns_an_average_round_is_told_beside_the_papers_table() -> None:
    """One genre 70/0/30, one 5/80/15: net preference is +15 %, and without ties the system falls behind."""
    shares = {"decided": (14, 0, 6), "tied": (1, 16, 3)}
    rows = [
        row(rater=f"r{r}", trial=f"{r}-{genre}{c}", genre=genre, clip=f"{genre}{c}", pair=("a", "b"), score=score)
        for genre, (wins, ties, losses) in shares.items()
        for c in range(10)
        for r, score in enumerate([1] * wins + [0] * ties + [-1] * losses)
    ]
    built = report.build(read(pd.DataFrame(rows)), title="Turned")
    told = next(section for section in built.sections if "V2Meow" in section.title).paragraphs
    assert any("a: leaving ties out turns the direction round" in one and "+15%" in one for one in told)
    same = report.build(read(simulate(seed=2, raters=20, effect=0.8)), title="Same")
    assert next(section for section in same.sections if "V2Meow" in section.title).paragraphs == ()


def test_votes_of_another_platform_are_not_told_in_duets_words(ratings: pd.DataFrame) -> None:
    votes = ratings.assign(
        score=np.sign(ratings["score"]),
        score_presented=np.sign(ratings["score_presented"]),
        choice=3 - np.sign(ratings["score_presented"]),
        stimulus_left="",
        stimulus_right="",
    )
    page = html(report.build(read(votes), title="Votes"))
    assert "much better" not in page
    assert "five-point" not in page
    assert "ignore the sound quality" not in page
    own = html(report.build(read(ratings), title="Own"))
    assert "five-point scale" in own


def test_the_methods_say_whether_pairs_were_declared(ratings: pd.DataFrame) -> None:
    pair = tuple(ratings[["system_1", "system_2"]].iloc[0])
    undeclared = html(report.build(read(ratings), title="Free"))
    declared = html(report.build(read(ratings), title="Declared", primary=[pair]))
    assert "No pair was declared primary" in undeclared
    assert "No pair was declared primary" not in declared


@pytest.mark.parametrize(
    ("bound", "told"), [(0.004, "+0.4%"), (-0.0031, "−0.3%"), (0.0, "0%"), (0.006, "+1%"), (-0.2, "−20%")]
)
def test_a_bound_tells_its_side_of_zero(bound: float, told: str) -> None:
    assert signed_bound(bound) == told


@pytest.mark.parametrize(
    ("p", "told"), [(0.0496, ".0496"), (0.0504, ".0504"), (0.05, ".050"), (0.049, ".049"), (0.0004, "< .001")]
)
def test_a_p_value_near_the_threshold_tells_its_side_of_it(p: float, told: str) -> None:
    assert p_value(p) == told


def test_levels_keep_their_digits() -> None:
    assert [level_percent(level) for level in (0.95, 0.995, 0.9)] == ["95%", "99.5%", "90%"]
