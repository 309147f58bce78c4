"""The data contract: what is read, what is refused, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis import files, schema
from analysis.schema import COLUMN_NAMES, COLUMNS, SchemaError, codebook, digest, read

from .simulate import simulate


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    return simulate(seed=1, raters=4, per_rater=3, systems=("alpha", "beta", "gamma"))


def test_csv_parquet_and_frame_read_the_same(ratings: pd.DataFrame, tmp_path: Path) -> None:
    ratings.to_csv(tmp_path / "r.csv", index=False)
    ratings.to_parquet(tmp_path / "r.parquet")
    frame = read(ratings)
    pd.testing.assert_frame_equal(read(tmp_path / "r.csv"), frame)
    pd.testing.assert_frame_equal(read(str(tmp_path / "r.parquet")), frame)
    pd.testing.assert_frame_equal(read(frame), frame)
    assert tuple(frame.columns) == COLUMN_NAMES
    assert frame["question"].cat.ordered
    assert list(frame["kind"].cat.categories) == list(schema.KINDS)


def test_csv_text_has_iso_times_to_the_microsecond_and_reads_back_equal(
    ratings: pd.DataFrame, tmp_path: Path
) -> None:
    frame = read(ratings.assign(answered_at="2026-01-31T12:00:00.123456+01:00"))
    text = files.csv_text(frame)
    assert text.splitlines()[1].endswith(",2026-01-31T11:00:00.123456Z")
    (tmp_path / "r.csv").write_text(text)
    pd.testing.assert_frame_equal(read(tmp_path / "r.csv"), frame)


def test_words_that_look_like_nothing_stay_words(ratings: pd.DataFrame, tmp_path: Path) -> None:
    named = ratings.assign(genre="NA", dataset="null", note="kept")
    named.to_csv(tmp_path / "r.csv", index=False)
    frame = read(tmp_path / "r.csv")
    assert set(frame["genre"]) == {"NA"}
    assert set(frame["dataset"]) == {"null"}
    assert set(frame["note"]) == {"kept"}


def test_measurements_may_be_empty_and_an_empty_table_is_a_table(ratings: pd.DataFrame) -> None:
    frame = read(ratings.assign(coverage_left=None, seed_right="", response_time_ms=float("nan")))
    assert frame[["coverage_left", "seed_right", "response_time_ms"]].isna().all(axis=None)
    assert len(read(ratings.iloc[:0])) == 0


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("choice", 6, "row 3, column 'choice': '6' is not allowed; it must be a whole number from 1 to 5"),
        ("choice", 2.5, "'2.5' is not allowed"),
        ("choice", "two", "'two' is not allowed"),
        ("score", 3, "row 3, column 'score': '3' is not allowed; it must be a whole number from -2 to 2"),
        ("question", "beauty", "one of visual_relevance, music_preference"),
        ("kind", "exam", "one of test, repeat, training, gold, identical"),
        ("played_first", "A", "one of left, right"),
        ("rater_id", "", "row 3, column 'rater_id': empty is not allowed"),
        ("clip_id", None, "row 3, column 'clip_id': empty is not allowed"),
        ("coverage_left", 1.5, "a number from 0 to 1, or empty"),
        ("response_time_ms", -1, "at least 0, or empty"),
        ("stimulus_left", "abc", "64 hexadecimal digits"),
        ("simulated", "perhaps", "true or false"),
        ("answered_at", "yesterday", "UTC time in ISO 8601"),
        ("position", 0, "at least 1"),
        ("lufs_left", "inf", "a number, or empty"),
    ],
)
def test_a_bad_value_is_named_with_row_column_and_what_is_allowed(
    ratings: pd.DataFrame, column: str, value: object, message: str
) -> None:
    broken = ratings.astype({column: object})
    broken.loc[2, column] = value
    with pytest.raises(SchemaError, match="row 3") as caught:
        read(broken)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score_presented", 1, "3 − choice"),
        ("score", 2, "its opposite where it is on the right"),
        ("system_1", "delta", "the two systems presented"),
        ("repeat_of", "trial", "a repeat names"),
        ("kind", "repeat", "a repeat names"),
        ("rater_id", "somebody", "an earlier row gives session_id"),
        ("genre", "Polka", "an earlier row gives clip_id"),
    ],
)
def test_frames_that_disagree_are_refused(ratings: pd.DataFrame, column: str, value: object, message: str) -> None:
    broken = pd.concat([ratings.iloc[:1]] * 3, ignore_index=True)
    broken["trial_id"] = ["t1", "t2", "t3"]
    broken["choice"], broken["score_presented"] = 3, 0
    broken["score"] = 0
    read(broken)
    broken.loc[2, column] = value
    with pytest.raises(SchemaError, match="row 3") as caught:
        read(broken)
    assert message in str(caught.value)


def test_structural_faults_are_told(ratings: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="column 'genre' is missing"):
        read(ratings.drop(columns="genre"))
    with pytest.raises(SchemaError, match=r"row 2, column 'trial_id'.*there twice"):
        read(pd.concat([ratings.iloc[:1]] * 2))
    with pytest.raises(SchemaError, match="no file"):
        read(tmp_path / "absent.csv")
    (tmp_path / "ratings.xlsx").write_bytes(b"x")
    with pytest.raises(SchemaError, match=r"neither \.csv nor \.parquet"):
        read(tmp_path / "ratings.xlsx")
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    with pytest.raises(SchemaError, match=r"broken\.parquet cannot be read"):
        read(tmp_path / "broken.parquet")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(SchemaError, match=r"empty\.csv cannot be read"):
        read(tmp_path / "empty.csv")


def test_a_pair_keeps_one_order_all_through_a_study(ratings: pd.DataFrame) -> None:
    two = pd.concat([ratings.iloc[:1]] * 2, ignore_index=True)
    two["trial_id"] = ["t1", "t2"]
    two.loc[1, ["system_1", "system_2"]] = two.loc[0, ["system_2", "system_1"]].to_numpy()
    two.loc[1, "score"] = -int(two.loc[0, "score"])
    with pytest.raises(SchemaError, match="in both orders"):
        read(two)


def test_the_same_stimulus_on_both_sides_is_an_identical_trial(ratings: pd.DataFrame) -> None:
    same = ratings.iloc[:1].assign(system_left="x", system_right="x", system_1="x", system_2="x")
    same = same.assign(choice=3, score_presented=0, score=0)
    assert len(read(same.assign(kind="identical"))) == 1
    with pytest.raises(SchemaError, match="only in kind 'identical'"):
        read(same)


def test_the_codebook_covers_the_contract() -> None:
    book = codebook()
    assert list(book.columns) == ["column", "type", "meaning", "levels"]
    assert list(book["column"]) == [column.name for column in COLUMNS]
    assert not (book == "").any(axis=None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Empty CSV file"),
        (b"a,b\n1,2,3\n", "Expected 2 columns, got 3"),
        (b"study;rater_id\nx;y\n", "its columns are separated by semicolons; save it with commas"),
        (b"study\trater_id\nx\ty\n", "its columns are separated by tabs"),
        ("study,rater_id\nx,y\n".encode("utf-16"), "it is no UTF-8 text: save it as CSV in UTF-8"),
        ("study,genre\nx,Caf\xe9\n".encode("latin-1"), "it is no UTF-8 text"),
        (bytes(range(256)) * 8, "cannot be read"),
    ],
)
def test_a_file_that_is_no_such_table_says_what_to_do(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(SchemaError, match=told) as caught:
        read(tmp_path / "r.csv")
    assert str(caught.value).isprintable()
    (tmp_path / "r.parquet").write_bytes(content)
    with pytest.raises(SchemaError, match=r"r\.parquet cannot be read"):
        read(tmp_path / "r.parquet")


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(ratings: pd.DataFrame, tmp_path: Path) -> None:
    text = files.csv_text(read(ratings))
    (tmp_path / "r.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert digest(read(tmp_path / "r.csv")) == digest(read(ratings))
