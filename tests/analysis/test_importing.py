"""Other platforms' ratings through a column map."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.importing import ColumnMap, column_map, import_ratings, maps
from analysis.ratings import Ratings
from analysis.results import AnalysisError
from analysis.schema import SchemaError

WIDE = """voter,film,style,a,b,fit,like,when
ann,f1,Rock,zeta,alpha,A!,B,2026-01-31T12:00:00Z
ann,f2,Pop,alpha,zeta,tie,A,2026-01-31T12:01:00Z
bob,f1,Rock,alpha,zeta,B!,A,2026-01-31T12:02:00Z
"""
MAP = """
[columns]
rater_id = "voter"
clip_id = "film"
genre = "style"
system_left = "a"
system_right = "b"
answered_at = "when"
[questions]
visual_relevance = "fit"
music_preference = "like"
[answers]
"A!" = 2
A = 1
tie = 0
B = -1
"B!" = -2
[constants]
study = "elsewhere"
dataset = "films"
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "votes.csv").write_text(WIDE)
    (tmp_path / "map.toml").write_text(MAP)
    return tmp_path / "votes.csv", tmp_path / "map.toml"


def test_a_row_a_comparison_becomes_a_row_a_question_in_both_frames(files: tuple[Path, Path]) -> None:
    frame = import_ratings(*files)
    assert len(frame) == 6
    first = frame.iloc[0]
    assert (first["system_left"], first["system_1"], first["system_2"]) == ("zeta", "alpha", "zeta")
    assert (first["score_presented"], first["score"], first["choice"]) == (2, -2, 1)
    assert list(frame["question"]) == ["visual_relevance"] * 3 + ["music_preference"] * 3
    assert list(frame["position"]) == [1, 2, 1] * 2
    assert list(frame["trial_id"]) == ["1", "2", "3"] * 2
    assert frame["session_id"].tolist() == frame["rater_id"].tolist()
    assert frame["played_first"].isna().all()
    rates = Ratings(frame).win_rates()
    assert {(rate.question, rate.n) for rate in rates.averages} == {
        ("visual_relevance", 3),
        ("music_preference", 3),
    }
    assert rates.averages[0].net.value == pytest.approx((-1 + 0) / 2)


def test_a_report_is_made_of_them_that_says_nothing_of_an_order_nobody_told(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    ratings, column = map(str, files)
    assert main(["report", ratings, "--map", column, "-o", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "Trials with system 1 on the left" in page
    assert "played first" not in page.split("Sides and order")[1].split("</table>")[0]


def test_label_studio_and_arena_votes_by_name() -> None:
    assert maps() == ("label-studio", "votes")
    exported = pd.DataFrame(
        {
            "id": [7, 8],
            "video": ["v1.mp4", "v2.mp4"],
            "genre": ["Rock", "Pop"],
            "model_left": ["m1", "m2"],
            "model_right": ["m2", "m1"],
            "preference": ["left", "left"],
            "annotator": ["a@x.org", "b@x.org"],
            "annotation_id": [70, 71],
            "created_at": ["2026-01-31T12:00:00.123456Z", "2026-01-31T12:01:00.123456Z"],
            "lead_time": [4.2, 5.1],
        }
    )
    frame = import_ratings(exported, "label-studio")
    assert frame["score"].tolist() == [1, -1]
    with pytest.raises(SchemaError, match="row 2, column 'preference': the answer '' has no score"):
        import_ratings(exported.assign(preference=["left", ""]), "label-studio")
    assert frame["trial_id"].tolist() == ["70", "71"]
    votes = pd.DataFrame(
        {
            "question_id": ["q1", "q2", "q3"],
            "model_a": ["x", "y", "x"],
            "model_b": ["y", "x", "y"],
            "winner": ["model_a", "model_a", "tie (bothbad)"],
            "judge": ["j1", "j2", "j1"],
        }
    )
    assert import_ratings(votes, "votes")["score"].tolist() == [1, -1, 0]


def changed(old: str, new: str) -> ColumnMap:
    path = Path("map.toml")
    path.write_text(MAP.replace(old, new))
    return column_map(path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"voter"', '"who"', "no column 'who' that the map names; it has: voter, film"),
        ('rater_id = "voter"', "", "nothing tells 'rater_id'"),
        ('rater_id = "voter"', 'rater = "voter"', r"\[columns\] names 'rater', which is no column of ours"),
        ("visual_relevance", "beauty", r"\[questions\] names 'beauty'; there are: visual_relevance"),
        ("A = 1", "A = 3", r"gives 'A' the score 3; it must be from −2 to 2"),
        ("tie = 0", "", "row 2, column 'fit': the answer 'tie' has no score; add it to"),
        ("[constants]", "[constant]", "has a part 'constant'; there are: columns"),
        ("[columns]", "[columns", "is no TOML"),
        ('genre = "style"', 'genre = "film"', None),
    ],
)
def test_a_map_that_does_not_fit_says_where(
    old: str, new: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "votes.csv").write_text(WIDE)
    if told is None:
        assert set(import_ratings(tmp_path / "votes.csv", changed(old, new))["genre"]) == {"f1", "f2"}
        return
    with pytest.raises(SchemaError, match=told):
        import_ratings(tmp_path / "votes.csv", changed(old, new))


def test_a_map_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="ours are label-studio, votes"):
        column_map(tmp_path / "nowhere.toml")


VOTES = pd.DataFrame(
    {
        "question_id": [f"q{number}" for number in range(80)],
        "model_a": "x",
        "model_b": "y",
        "winner": ["model_a", "model_b"] * 40,
        "judge": [f"j{number % 8}" for number in range(80)],
        "turn": 1,
    }
)


def test_rows_that_were_pasted_twice_are_refused_until_somebody_says_what_they_are() -> None:
    thrice = pd.concat([VOTES, VOTES.assign(turn=2), VOTES], ignore_index=True)
    with pytest.raises(
        SchemaError, match="row 81 repeats row 1 in every column of the map, and 159 more rows repeat"
    ):
        import_ratings(thrice, "votes")
    with pytest.raises(SchemaError, match=r"row 5 repeats row 3 in every column of the map\. Name"):
        import_ratings(pd.concat([VOTES[:4], VOTES[2:3]]), "votes")
    kept = import_ratings(thrice, "votes", alike_rows="keep")
    assert (len(kept), kept["trial_id"].nunique()) == (240, 240)
    pd.testing.assert_frame_equal(
        import_ratings(thrice, "votes", alike_rows="drop"), import_ratings(VOTES, "votes")
    )
    with pytest.raises(AnalysisError, match="alike_rows is one of 'refuse', 'keep', 'drop', not 'count'"):
        import_ratings(VOTES, "votes", alike_rows="count")  # type: ignore[arg-type]


def test_a_trial_id_of_theirs_tells_copies_from_votes(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP.replace("[columns]", '[columns]\ntrial_id = "vote"'))
    table = pd.read_csv(files[0]).iloc[[0, 0]]
    assert len(import_ratings(table.assign(vote=["v1", "v2"]), tmp_path / "map.toml")) == 4
    with pytest.raises(SchemaError, match="this trial and question are there twice"):
        import_ratings(table.assign(vote="v1"), tmp_path / "map.toml")


def test_answers_that_are_numbers_are_known_with_and_without_a_gap(tmp_path: Path) -> None:
    numbers = MAP.replace("tie = 0\nB = -1", '"1" = 1\n"-1" = -1\n"" = 0')
    (tmp_path / "map.toml").write_text(numbers)
    table = pd.read_csv(io.StringIO(WIDE)).assign(fit=[1, None, -1], like=[1, -1, 1])
    assert pd.api.types.is_float_dtype(table["fit"])
    table.to_csv(tmp_path / "votes.csv", index=False)
    found = import_ratings(table, tmp_path / "map.toml")
    assert found["score_presented"].tolist() == [1, 0, -1, 1, -1, 1]
    pd.testing.assert_frame_equal(import_ratings(tmp_path / "votes.csv", tmp_path / "map.toml"), found)
