"""Tables at the edge of what can be analysed: a report with a reason, or an error that says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.drawing import Figure
from analysis.page import for_site, html
from analysis.printing import save
from analysis.ratings import read
from analysis.report import Report
from analysis.results import AnalysisError
from analysis.schema import SchemaError
from tests.analysis.simulate import row, simulate

SYSTEMS = ("a", "b", "c")


def tied() -> pd.DataFrame:
    return simulate(seed=1, raters=5, systems=SYSTEMS).assign(score=0, choice=3, score_presented=0)


def one_rater() -> pd.DataFrame:
    return simulate(seed=1, raters=1, systems=SYSTEMS, per_rater=40)


def one_clip() -> pd.DataFrame:
    return simulate(seed=1, raters=9, genres=("Pop",), clips_per_genre=1, systems=SYSTEMS)


def one_genre() -> pd.DataFrame:
    return simulate(seed=1, raters=9, genres=("Pop",), systems=SYSTEMS)


def never_compared() -> pd.DataFrame:
    """a–b and c–d meet, and nothing links the two."""
    first = simulate(seed=1, raters=9, systems=("a", "b"))
    second = simulate(seed=2, raters=9, systems=("c", "d"))
    second = second.assign(
        trial_id="x" + second["trial_id"], rater_id="x" + second["rater_id"], session_id="x" + second["session_id"]
    )
    return pd.concat([first, second])


def always_won() -> pd.DataFrame:
    frame = simulate(seed=1, raters=9, systems=SYSTEMS)
    wins = frame["system_1"] == "a"
    left = frame["system_left"] == frame["system_1"]
    presented = frame["score_presented"].where(~wins, left.map({True: 2, False: -2}))
    return frame.assign(score_presented=presented, choice=3 - presented, score=presented.where(left, -presented))


def in_every_script() -> pd.DataFrame:
    names = {"a": "=cmd()|' /C calc'!A0", "b": "Система ﷺ 🎵", "c": "系統\u202ereversed"}
    frame = simulate(seed=1, raters=9, systems=SYSTEMS, genres=("=cmd()", "ジャズ", "موسيقى", "</table>"))
    columns = ["system_1", "system_2", "system_left", "system_right"]
    return frame.assign(**{column: frame[column].replace(names) for column in columns})


def one_answer() -> pd.DataFrame:
    return pd.DataFrame([row(rater="r", trial="t", genre="g", clip="c", pair=("a", "b"), score=2)])


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (tied, "every answer is a tie, so nothing is stronger"),
        (one_rater, "only one rater, so the spread between raters cannot be estimated"),
        (one_clip, "only one clip, so the spread between clips cannot be estimated"),
        (one_genre, "all clips (one genre: Pop)"),
        (never_compared, "no comparison links {a, b} and {c, d}"),
        (always_won, "won or lost every comparison by the strongest answer"),
        (in_every_script, "ジャズ"),
        (one_answer, "only one rater"),
        (lambda: simulate(seed=1, raters=2).iloc[:0], "There is no answer to a test trial yet"),
    ],
)
def test_there_is_a_report_and_it_says_why_something_is_missing(
    table: Callable[[], pd.DataFrame], told: str
) -> None:
    built = read(table()).report(title="Edge")
    assert "nan" not in json.dumps(for_site(built), allow_nan=False).lower().replace("finance", "")
    page = html(built)
    assert told.replace("'", "&#39;") in page


def test_shares_add_up_to_one_whatever_the_table() -> None:
    for table in (tied, one_rater, one_clip, never_compared, always_won, one_answer):
        for rate in (*(rates := read(table()).win_rates()).cells, *rates.averages):
            assert rate.win_1.value + rate.tie.value + rate.win_2.value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda f: pd.concat([f, f.iloc[[3]]]),
            "this trial and question are there twice; a trial is answered once",
        ),
        (
            lambda f: f.assign(score=3),
            "row 1, column 'score': '3' is not allowed; it must be a whole number from -2 to 2",
        ),
        (lambda f: f.assign(choice=0), "row 1, column 'choice': '0' is not allowed"),
        (lambda f: f.assign(score=-f["score"]), "column 'score'"),
        (lambda f: f.drop(columns="genre"), "column 'genre' is missing"),
    ],
)
def test_a_broken_table_is_refused_by_row_and_column(
    change: Callable[[pd.DataFrame], pd.DataFrame], told: str
) -> None:
    with pytest.raises(SchemaError, match=told):
        read(change(simulate(seed=1, raters=3)))


def test_two_studies_in_one_table_are_refused() -> None:
    frame = simulate(seed=1, raters=3)
    other = frame.assign(study="other")
    with pytest.raises(AnalysisError, match="the studies other, sim; analyse one at a time"):
        read(pd.concat([frame, other])).win_rates()


@pytest.fixture(scope="module")
def built() -> Report:
    return read(simulate(seed=1, raters=12, systems=SYSTEMS)).report(title="Print")


def test_another_format_is_refused(built: Report, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"is written as \.svg, \.pdf, \.png, not as '\.gif'"):
        save(built.figures[0], tmp_path / "figure.gif")


def test_without_kaleido_the_error_says_what_to_install(
    built: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> bytes:
        raise ValueError("Image export requires the kaleido package.\nmore")

    monkeypatch.setattr("plotly.graph_objects.Figure.to_image", missing)
    with pytest.raises(
        AnalysisError, match=r'requires the kaleido package; install both: pip install "duet\[print\]"'
    ):
        save(built.figures[0], tmp_path / "figure.svg")


def test_every_figure_has_numbers_words_and_a_table(built: Report) -> None:
    for figure in built.figures:
        assert isinstance(figure, Figure)
        assert any(character.isdigit() for character in figure.alt)
        assert figure.table.rows
