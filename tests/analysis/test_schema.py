"""The data contract: what is read, what is refused, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis import files, schema
from analysis.raters import rater_figures
from analysis.schema import COLUMN_NAMES, COLUMNS, SchemaError, codebook, digest, read

from .simulate import row, simulate


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


def with_repeats(ratings: pd.DataFrame) -> pd.DataFrame:
    """Trials numbered, and every rater's first one asked again: most rows have nothing in ``repeat_of``."""
    numbers = pd.factorize(ratings["trial_id"])[0] + 1
    numbered = ratings.assign(trial_id=numbers, repeat_of=pd.Series([None] * len(ratings), dtype=object))
    again = numbered[numbered["position"] == 1]
    again = again.assign(kind="repeat", repeat_of=again["trial_id"], trial_id=again["trial_id"] + numbers.max())
    table = pd.concat([numbered, again], ignore_index=True)
    return table.assign(repeat_of=table["repeat_of"].astype(float))


def test_whole_numbers_as_names_read_alike_from_every_file(ratings: pd.DataFrame, tmp_path: Path) -> None:
    systems = {"alpha": 1, "beta": 2, "gamma": 3}
    named = {name: ratings[name].map(systems) for name in ("system_left", "system_right", "system_1", "system_2")}
    table = with_repeats(ratings.assign(**named, clip_id=pd.factorize(ratings["clip_id"])[0]))
    gold = table["kind"].eq("test") & table["position"].eq(2)
    table = table.assign(
        kind=table["kind"].mask(gold, "gold"), expected=table["system_1"].where(gold).astype(float)
    )
    assert pd.api.types.is_float_dtype(table["repeat_of"])
    table.to_csv(tmp_path / "r.csv", index=False)
    assert ",1.0," in (tmp_path / "r.csv").read_text()
    table.to_parquet(tmp_path / "r.parquet")
    frame = read(table)
    assert set(frame["repeat_of"].dropna()) <= set(frame["trial_id"])
    assert set(frame["expected"].dropna()) <= {"1", "2", "3"}
    assert all(figures.repeat_near == 1 for figures in rater_figures(frame))
    gaps = table.assign(repeat_of=table["repeat_of"].astype("Int64"), expected=table["expected"].astype("Int64"))
    gaps.to_csv(tmp_path / "whole.csv", index=False)
    sources = (tmp_path / "r.csv", tmp_path / "r.parquet", tmp_path / "whole.csv", gaps, gaps.astype(object))
    for source in sources:
        pd.testing.assert_frame_equal(read(source), frame)
        assert digest(read(source)) == digest(frame)


def test_beside_other_names_a_decimal_is_part_of_one(ratings: pd.DataFrame) -> None:
    systems = {"alpha": "3.5", "beta": "4.0", "gamma": "4"}
    named = {name: ratings[name].map(systems) for name in ("system_left", "system_right", "system_1", "system_2")}
    frame = read(ratings.assign(**named))
    assert set(frame["system_2"]) == {"4.0", "4"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"repeat_of": "999"}, "row 3, column 'repeat_of': 999 is not allowed; a repeat names another trial"),
        ({"repeat_of": "t3"}, "t3 is not allowed"),
        ({"rater_id": "r2", "session_id": "s2"}, "t1 is not allowed; .* of the same rater, clip and pair"),
        ({"clip_id": "c2"}, "take its repeats out too"),
        ({"system_right": "gamma", "system_2": "gamma"}, "t1 is not allowed"),
        ({"study": "other", "session_id": "s9"}, "t1 is not allowed"),
        ({}, None),
    ],
)
def test_a_repeat_names_a_trial_that_it_can_be_set_beside(changes: dict[str, str], told: str | None) -> None:
    def trial(name: str, **more: object) -> dict[str, object]:
        return row(rater="r1", trial=name, genre="Rock", clip="c1", pair=("alpha", "beta"), score=1) | more

    table = pd.DataFrame([trial("t1"), trial("t2"), trial("t3", kind="repeat", repeat_of="t1") | changes])
    if told is None:
        assert read(table)["repeat_of"].iloc[2] == "t1"
        return
    with pytest.raises(SchemaError, match=told):
        read(table)


def test_a_piece_of_a_table_may_have_a_repeat_whose_original_is_in_another_piece(ratings: pd.DataFrame) -> None:
    table = with_repeats(ratings)
    piece = table[table["kind"] == "repeat"]
    assert len(read(piece, whole=False)) == len(piece)
    with pytest.raises(SchemaError, match="row 1, column 'repeat_of': 1 is not allowed"):
        read(piece)


@pytest.mark.parametrize(
    ("changes", "column", "told"),
    [
        ({"clip_id": "Pop-0"}, "clip_id", "Pop-0"),
        ({"clip_id": "Pop-0", "genre": "Pop", "dataset": "other"}, "dataset", "other"),
        ({"rater_id": "somebody", "session_id": "s2"}, "rater_id", "somebody"),
        ({"session_id": "s2"}, "session_id", "s2"),
        ({"simulated": True}, "simulated", "True"),
        ({"kind": "training"}, "kind", "training"),
        ({"system_left": "beta", "system_right": "alpha", "score": -1}, "system_left", "beta"),
        ({"system_right": "gamma", "system_2": "gamma"}, "system_right", "gamma"),
    ],
)
def test_the_two_questions_of_a_trial_are_about_one_trial(
    changes: dict[str, object], column: str, told: str
) -> None:
    def answer(trial: str, question: str) -> dict[str, object]:
        named = {"rater": "r1", "genre": "Rock", "clip": "c1", "pair": ("alpha", "beta"), "score": 1}
        return row(**named, trial=trial, question=question)  # type: ignore[arg-type]

    answers = [answer(trial, question) for question in schema.QUESTIONS for trial in ("t1", "t2")]
    read(pd.DataFrame(answers))
    answers[3] |= changes
    with pytest.raises(SchemaError) as caught:
        read(pd.DataFrame(answers))
    rule = f"an earlier row gives trial_id 't2' another {column} (row 2)"
    assert str(caught.value) == f"row 4, column {column!r}: {told} is not allowed; {rule}"


@pytest.mark.parametrize(
    ("renamed", "told"),
    [
        ({"rater_id": "Rater_ID"}, r"column 'rater_id' \(did you mean 'Rater_ID', which is there\?\) is missing"),
        ({"rater_id": " rater_id"}, "did you mean ' rater_id'"),
        (
            {"score": "note", "clip_id": "Clip ID"},
            r"columns 'clip_id' \(did you mean 'Clip ID'.*, 'score' are missing",
        ),
    ],
)
def test_a_column_that_is_nearly_there_is_pointed_at(
    ratings: pd.DataFrame, renamed: dict[str, str], told: str
) -> None:
    with pytest.raises(SchemaError, match=told):
        read(ratings.rename(columns=renamed))


def test_another_platforms_table_is_sent_to_the_column_map() -> None:
    with pytest.raises(SchemaError) as caught:
        read(pd.DataFrame({"judge": ["j1"], "winner": ["model_a"]}))
    told = str(caught.value)
    assert told.startswith("33 of the 33 columns that the table needs are missing, 'study' first. ")
    assert "--map" in told
    assert "map=" in told


@pytest.mark.parametrize("source", [None, [{"study": "s"}], 3])
def test_what_is_no_table_is_told_what_to_give(source: object) -> None:
    with pytest.raises(
        TypeError, match=r"path of a \.csv or \.parquet file or from a pandas data frame, not from"
    ):
        read(source)  # type: ignore[arg-type]


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
