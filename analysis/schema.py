"""The data contract between a study and its analysis: one row per trial and question.

``COLUMNS`` is the one source: reading validates by it and the codebook is printed from it. Both frames are in
every row, as presented (``left`` is the rater's A, ``right`` is B) and canonical (``system_1`` against
``system_2``), and reading checks that they say the same.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from analysis import files
from analysis.files import SchemaError as SchemaError  # whoever reads through the contract catches it

_DIGESTED_AT_ONCE = 8_192
_Flags = np.ndarray[Any, np.dtype[np.bool_]]
_Codes = np.ndarray[Any, np.dtype[np.intp]]
Type = Literal["text", "category", "integer", "number", "boolean", "sha256", "timestamp"]
Source: TypeAlias = "os.PathLike[str] | str | pd.DataFrame"
"""What a table of ratings is read from: a .csv or .parquet file, or a data frame."""

QUESTIONS = ("visual_relevance", "music_preference")
KINDS = ("test", "repeat", "training", "gold", "identical")
SIDES = ("left", "right")
CHOICES = {
    1: "A is much better",
    2: "A is somewhat better",
    3: "no preference",
    4: "B is somewhat better",
    5: "B is much better",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, its meaning, and what it may hold.

    ``levels`` are the allowed values of a category, in order; ``low`` and ``high`` bound numbers (inclusive);
    ``may_be_empty`` is for what not every study measures, ``may_be_absent`` for what came later than the first
    tables: one without it is read as if it were empty.
    """

    name: str
    type: Type
    meaning: str
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    may_be_empty: bool = False
    may_be_absent: bool = False

    @property
    def allowed(self) -> str:
        if self.levels:
            allowed = "one of " + ", ".join(self.levels)
        elif self.low is not None and self.high is not None:
            allowed = f"{_noun(self.type)} from {self.low:g} to {self.high:g}"
        elif self.low is not None:
            allowed = f"{_noun(self.type)} of at least {self.low:g}"
        else:
            allowed = _noun(self.type)
        return allowed + (", or empty" if self.may_be_empty else "")


def _noun(kind: Type) -> str:
    return {
        "text": "text, not empty",
        "category": "text, not empty",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "sha256": "64 hexadecimal digits",
        "timestamp": "a UTC time in ISO 8601, such as 2026-01-31T12:00:00Z",
    }[kind]


COLUMNS: tuple[Column, ...] = (
    Column("study", "text", "The study's short name."),
    Column("rater_id", "text", "Pseudonym of the rater; one person, one value."),
    Column("session_id", "text", "One rater's run through one block."),
    Column("block", "integer", "Number of the block (playlist).", low=0),
    Column("trial_id", "text", "The trial; its two questions share it."),
    Column("position", "integer", "Place of the trial in its block, from 1.", low=1),
    Column("kind", "category", "What the trial is for; only test trials are estimated from.", levels=KINDS),
    Column("repeat_of", "text", "For a repeat, the trial it repeats with sides swapped.", may_be_empty=True),
    Column(
        "expected",
        "text",
        "For a gold pair, the system that is known to fit the video better.",
        may_be_empty=True,
        may_be_absent=True,
    ),
    Column("dataset", "text", "The collection the clip comes from."),
    Column("clip_id", "text", "The video excerpt; unique within its dataset."),
    Column("genre", "text", "Genre of the clip."),
    Column("question", "category", "What was asked.", levels=QUESTIONS),
    Column("system_left", "text", "System that was presented on the left, the rater's A."),
    Column("system_right", "text", "System that was presented on the right, the rater's B."),
    Column("played_first", "category", "The side that was played first.", levels=SIDES, may_be_empty=True),
    Column(
        "choice",
        "integer",
        "The answer as read from A to B: " + ", ".join(f"{n} {text}" for n, text in CHOICES.items()) + ".",
        low=1,
        high=5,
    ),
    Column("score_presented", "integer", "3 − choice: + favours the left side.", low=-2, high=2),
    Column("system_1", "text", "First system of the canonical pair, the same order all through a study."),
    Column("system_2", "text", "Second system of the canonical pair."),
    Column("score", "integer", "The answer in the canonical frame: + favours system_1.", low=-2, high=2),
    Column("simulated", "boolean", "Whether a program answered instead of a person."),
    Column(
        "coverage_left", "number", "Share of the left version that was played.", low=0, high=1, may_be_empty=True
    ),
    Column(
        "coverage_right", "number", "Share of the right version that was played.", low=0, high=1, may_be_empty=True
    ),
    Column(
        "response_time_ms",
        "integer",
        "Milliseconds from the moment both versions were played to the answer.",
        low=0,
        may_be_empty=True,
    ),
    Column("stimulus_left", "sha256", "SHA-256 of the rendered file on the left.", may_be_empty=True),
    Column("stimulus_right", "sha256", "SHA-256 of the rendered file on the right.", may_be_empty=True),
    Column("lufs_left", "number", "Integrated loudness on the left, ITU-R BS.1770, LUFS.", may_be_empty=True),
    Column("lufs_right", "number", "Integrated loudness on the right, ITU-R BS.1770, LUFS.", may_be_empty=True),
    Column("gain_db_left", "number", "Gain that rendering applied on the left, dB.", may_be_empty=True),
    Column("gain_db_right", "number", "Gain that rendering applied on the right, dB.", may_be_empty=True),
    Column("seed_left", "integer", "Generation seed of the left version.", low=0, may_be_empty=True),
    Column("seed_right", "integer", "Generation seed of the right version.", low=0, may_be_empty=True),
    Column("answered_at", "timestamp", "When the answer was saved, UTC, ISO 8601.", may_be_empty=True),
)
COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
_OF_CLIP = ("genre",)
_OF_SESSION = ("rater_id",)
_OF_TRIAL = (
    "rater_id", "session_id", "kind", "repeat_of", "expected", "dataset", "clip_id", "system_left", "system_right",
    "system_1", "system_2", "simulated",
)  # fmt: skip
_SAME_NAMES = (("trial_id", "repeat_of"), ("system_left", "system_right", "system_1", "system_2", "expected"))
"""Columns whose names are of one kind; those of any other text column are its own."""


def codebook(columns: Sequence[Column] = COLUMNS) -> pd.DataFrame:
    """Columns, the contract's unless others are given, as a table: column, type, meaning, levels."""
    return pd.DataFrame(
        [
            {"column": c.name, "type": c.type, "meaning": c.meaning, "levels": "; ".join(c.levels) or c.allowed}
            for c in columns
        ]
    )


def read_codebook(path: Path) -> tuple[Column, ...]:
    """The columns that a file from ``codebook`` describes. Raises SchemaError."""
    table = files.load(path)
    missing = [name for name in ("column", "type", "meaning", "levels") if name not in table.columns]
    if missing:
        raise SchemaError(f"{path.name} is no codebook: it has no column {missing[0]!r}")
    columns = []
    for number, (name, kind, meaning, levels) in enumerate(
        table[["column", "type", "meaning", "levels"]].astype(str).itertuples(index=False), start=1
    ):
        if kind not in _PARSERS:
            raise SchemaError(
                f"{path.name}, row {number}, column 'type': {kind!r} is not allowed; it must be one of "
                + ", ".join(_PARSERS)
            )
        told = tuple(levels.split("; ")) if kind == "category" and "text, not empty" not in levels else ()
        columns.append(Column(name, cast(Type, kind), meaning, levels=told, may_be_empty=True))
    return tuple(columns)


def read(source: Source, *, whole: bool = True) -> pd.DataFrame:
    """Read and validate a table of ratings from CSV, Parquet or a frame.

    Returns a new frame, row order kept, with the contract's columns first and typed: categories are ordered
    categoricals, whole numbers ``int64`` (``Int64`` where they may be empty), ``answered_at`` UTC timestamps.
    Columns beyond the contract stay as they came. A piece of a larger table (not ``whole``) may have repeats whose
    originals are in another piece. Raises SchemaError, and TypeError for what is no ``Source``.
    """
    raw = table(source)
    later = [column.name for column in COLUMNS if column.may_be_absent and column.name not in raw.columns]
    raw = raw.assign(**dict.fromkeys(later, ""))
    missing = [name for name in COLUMN_NAMES if name not in raw.columns]
    if missing:
        raise SchemaError(_told_missing(missing, [str(name) for name in raw.columns]))
    twice = raw.columns[raw.columns.duplicated()]
    if len(twice):
        raise SchemaError(f"column {str(twice[0])!r} is there twice; keep one")
    extra = [name for name in raw.columns if name not in COLUMN_NAMES]
    frame = pd.DataFrame({c.name: _parse(raw[c.name].reset_index(drop=True), c) for c in COLUMNS})
    frame = _without_decimals(frame)
    _check_consistency(frame)
    _check_repeats(frame, whole=whole)
    return pd.concat([frame, raw[extra].reset_index(drop=True)], axis=1)


def table(source: Source) -> pd.DataFrame:
    """A table as it came, unchecked. Raises SchemaError for a file that is none, TypeError for no ``Source``."""
    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, str | os.PathLike):
        return files.load(Path(source))
    raise TypeError(
        "ratings are read from the path of a .csv or .parquet file or from a pandas data frame, not from "
        f"{type(source).__name__}; pandas.DataFrame(rows) makes a frame of a list of rows"
    )


def _told_missing(missing: Sequence[str], present: Sequence[str]) -> str:
    needed = [column.name for column in COLUMNS if not column.may_be_absent]
    if len(missing) > len(needed) / 2:
        return (
            f"{len(missing)} of the {len(needed)} columns that the table needs are missing, {missing[0]!r} first. "
            "Ratings of another platform are read through a column map (--map votes on the command line, "
            'map="votes" in a notebook, or a map of your own; the module analysis.importing shows one). What each '
            "column is: python -m analysis codebook"
        )
    spare = {name.strip().casefold().replace(" ", "_"): name for name in present if name not in COLUMN_NAMES}
    meant = {name: difflib.get_close_matches(name, spare, n=1, cutoff=0.8) for name in missing}
    told = [
        repr(name) + (f" (did you mean {spare[close[0]]!r}, which is there?)" if close else "")
        for name, close in meant.items()
    ]
    which = f"column {told[0]} is" if len(told) == 1 else f"columns {', '.join(told)} are"
    return f"{which} missing; the table needs: {', '.join(needed)}"


def digest(frame: pd.DataFrame) -> str:
    """SHA-256 of the contract's columns of a table that ``read`` returned, whatever its order and file format.

    The rows are sorted by study, trial and question and written as CSV by Arrow, its header left out.
    """
    keys = [frame[name].cat.codes.to_numpy() for name in ("question", "trial_id", "study")]
    order = np.lexsort(keys)
    found = hashlib.sha256()
    whole = frame[list(COLUMN_NAMES)]
    for start in range(0, len(frame), _DIGESTED_AT_ONCE):
        rows = pa.Table.from_pandas(whole.iloc[order[start : start + _DIGESTED_AT_ONCE]], preserve_index=False)
        plain = [
            column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in rows.columns
        ]
        written = pa.BufferOutputStream()
        csv.write_csv(pa.table(plain, names=rows.column_names), written, csv.WriteOptions(include_header=False))
        found.update(written.getvalue())
    pa.default_memory_pool().release_unused()
    return found.hexdigest()


def _parse(values: pd.Series[Any], column: Column) -> pd.Series[Any]:
    # Each distinct value is parsed once; its index is the row where it first stands, for the error message.
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    raw = pd.Series(distinct, index=np.unique(codes, return_index=True)[1])
    text = raw.astype(object).where(raw.notna(), "").map(str).str.strip()
    empty = (text == "").to_numpy()
    if not column.may_be_empty:
        _refuse(empty, raw, column)
    return _PARSERS[column.type](raw, text, empty, column).take(codes).reset_index(drop=True)


def _refuse(bad: _Flags, raw: pd.Series[Any], column: Column) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        row, value = int(raw.index[first]), raw.iloc[first]
        told = "empty" if pd.isna(value) or value == "" else repr(str(value))
        raise SchemaError(
            f"row {row + 1}, column {column.name!r}: {told} is not allowed; it must be {column.allowed}"
        )


def _parse_text(raw: pd.Series[Any], text: pd.Series[Any], empty: _Flags, column: Column) -> pd.Series[Any]:
    return text.mask(empty).astype("category")


def _parse_category(raw: pd.Series[Any], text: pd.Series[Any], empty: _Flags, column: Column) -> pd.Series[Any]:
    _refuse(~text.isin(column.levels).to_numpy() & ~empty, raw, column)
    return text.mask(empty).astype(pd.CategoricalDtype(list(column.levels), ordered=True))


def _parse_number(raw: pd.Series[Any], text: pd.Series[Any], empty: _Flags, column: Column) -> pd.Series[Any]:
    numbers = pd.to_numeric(text.mask(empty), errors="coerce").astype(float)
    values = numbers.to_numpy()
    with np.errstate(invalid="ignore"):
        bad = ~np.isfinite(values)
        bad |= values < (-np.inf if column.low is None else column.low)
        bad |= values > (np.inf if column.high is None else column.high)
    _refuse(bad & ~empty, raw, column)
    return numbers


def _parse_integer(raw: pd.Series[Any], text: pd.Series[Any], empty: _Flags, column: Column) -> pd.Series[Any]:
    numbers = _parse_number(raw, text, empty, column)
    _refuse((numbers % 1 != 0).to_numpy() & ~empty, raw, column)
    return numbers.astype("Int64" if column.may_be_empty else "int64")


def _parse_boolean(raw: pd.Series[Any], text: pd.Series[Any], empty: _Flags, column: Column) -> pd.Series[Any]:
    words = text.str.lower().map({"true": True, "false": False, "1": True, "0": False})
    _refuse(words.isna().to_numpy(), raw, column)
    return words.astype(bool)


def _parse_sha256(raw: pd.Series[Any], text: pd.Series[Any], empty: _Flags, column: Column) -> pd.Series[Any]:
    _refuse(~text.str.fullmatch("[0-9a-f]{64}").to_numpy(dtype=bool) & ~empty, raw, column)
    return text.mask(empty).astype("category")


def _parse_timestamp(raw: pd.Series[Any], text: pd.Series[Any], empty: _Flags, column: Column) -> pd.Series[Any]:
    times = pd.to_datetime(text.mask(empty), utc=True, errors="coerce", format="ISO8601")
    _refuse(times.isna().to_numpy() & ~empty, raw, column)
    return times


_PARSERS: dict[Type, Callable[[pd.Series[Any], pd.Series[Any], _Flags, Column], pd.Series[Any]]] = {
    "text": _parse_text,
    "category": _parse_category,
    "integer": _parse_integer,
    "number": _parse_number,
    "boolean": _parse_boolean,
    "sha256": _parse_sha256,
    "timestamp": _parse_timestamp,
}


def _without_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    """Names that are whole numbers, written so: pandas makes 1.0 of 1 in a column with a gap, and in its CSV.

    Only where all names of their kind are whole numbers: beside a system "3.5", "4.0" is a name of its own.
    """
    texts = [column.name for column in COLUMNS if column.type == "text"]
    alone = [(name,) for name in texts if not any(name in group for group in _SAME_NAMES)]
    for group in (*_SAME_NAMES, *alone):
        names = pd.Index([]).append([frame[name].cat.categories for name in group]).astype(str)
        if names.str.endswith(".0").any() and names.str.fullmatch(r"-?[0-9]+(\.0)?").all():
            for name in group:
                written = frame[name].astype(object).str.removesuffix(".0")
                frame = frame.assign(**{name: written.astype("category")})
    return frame


def _check_consistency(frame: pd.DataFrame) -> None:
    left, right = frame["system_left"].astype(object), frame["system_right"].astype(object)
    first, second = frame["system_1"].astype(object), frame["system_2"].astype(object)
    as_named = (left == first) & (right == second)
    swapped = (left == second) & (right == first)
    presented = frame["score_presented"]
    _demand(presented == 3 - frame["choice"], frame, "score_presented", "it must be 3 − choice")
    _demand(
        as_named | swapped,
        frame,
        "system_1",
        "system_1 and system_2 must be the two systems presented on the left and the right",
    )
    identical = frame["kind"] == "identical"
    _demand((left != right) | identical, frame, "system_right", "a system meets itself only in kind 'identical'")
    _demand(
        frame["score"] == presented.where(as_named, -presented),
        frame,
        "score",
        "it must be score_presented where system_1 is on the left, and its opposite where it is on the right",
    )
    expected = frame["expected"].astype(object)
    _demand(
        ((expected == first) | (expected == second)).where(frame["kind"] == "gold", expected.isna()),
        frame,
        "expected",
        "a gold pair names one of its two systems, and nothing else does",
    )
    repeats = frame["kind"] == "repeat"
    _demand(
        frame["repeat_of"].notna() == repeats,
        frame,
        "repeat_of",
        "a repeat names the trial it repeats, and nothing else does",
    )
    _demand(
        ~frame.duplicated(["study", "trial_id", "question"]),
        frame,
        "trial_id",
        "this trial and question are there twice; a trial is answered once",
    )
    order = pd.DataFrame({"study": frame["study"].astype(object), "1": first, "2": second}).drop_duplicates()
    turned = order.merge(order, left_on=["study", "1", "2"], right_on=["study", "2", "1"])
    turned = turned[turned["1_x"] != turned["2_x"]]
    if len(turned):
        study, one, two = turned.iloc[0][["study", "1_x", "2_x"]]
        raise SchemaError(
            f"study {study!r} names the pair {one!r}, {two!r} in both orders; system_1 and system_2 must keep one"
        )
    _check_owned(frame, ("dataset", "clip_id"), _OF_CLIP)
    _check_owned(frame, ("study", "session_id"), _OF_SESSION)
    _check_owned(frame, ("study", "trial_id"), _OF_TRIAL)


def _check_owned(frame: pd.DataFrame, owner: tuple[str, str], owned: Collection[str]) -> None:
    """Each owner has one value of every owned column, all through the table."""
    earlier = _first_rows(_together(frame, owner))
    for name in owned:
        values = frame[name].cat.codes if isinstance(frame[name].dtype, pd.CategoricalDtype) else frame[name]
        differs = values.to_numpy() != values.to_numpy()[earlier]
        if differs.any():
            row = int(np.argmax(differs))
            of = f"{owner[-1]} {str(frame[owner[-1]].iloc[row])!r}"
            _demand(
                pd.Series(~differs),
                frame,
                name,
                f"an earlier row gives {of} another {name} (row {earlier[row] + 1})",
            )


def _check_repeats(frame: pd.DataFrame, *, whole: bool) -> None:
    """A repeat's original is another trial of its rater, on the same clip and pair."""
    repeats = np.flatnonzero((frame["kind"] == "repeat").to_numpy())
    trials, named = frame["trial_id"].cat, frame["repeat_of"].cat
    codes = np.append(trials.categories.get_indexer(named.categories), -1)[named.codes.to_numpy()[repeats]]
    studies = frame["study"].cat.codes.to_numpy().astype(np.intp)
    keys = pd.Index(_together(frame, ("study", "trial_id")))
    first = keys.drop_duplicates()
    place = first.get_indexer(studies[repeats] * len(trials.categories) + codes)
    known = (place >= 0) & (codes >= 0)
    kept, rows = repeats[known], np.flatnonzero(~keys.duplicated())[place[known]]
    fits = np.ones(len(frame), dtype=np.bool_)
    fits[repeats[~known]] = not whole
    same = trials.codes.to_numpy()[kept] != trials.codes.to_numpy()[rows]
    for name in ("rater_id", "dataset", "clip_id", "system_1", "system_2"):
        values = frame[name].cat.codes.to_numpy()
        same &= values[kept] == values[rows]
    fits[kept] = same
    _demand(
        pd.Series(fits),
        frame,
        "repeat_of",
        "a repeat names another trial of the same rater, clip and pair in this table; where the trial was taken "
        "out, take its repeats out too",
    )


def _together(frame: pd.DataFrame, columns: tuple[str, str]) -> _Codes:
    """One number (N,) for the two names of a row."""
    first, second = (frame[name].cat for name in columns)
    return first.codes.to_numpy().astype(np.intp) * len(second.categories) + second.codes.to_numpy()


def _first_rows(keys: _Codes) -> _Codes:
    """Where (N,) each row's key stands first."""
    codes, distinct = pd.factorize(keys)
    first = np.empty(len(distinct), dtype=np.intp)
    # Of several rows the last one written stays.
    first[codes[::-1]] = np.arange(len(keys) - 1, -1, -1)
    return first[codes]


def _demand(holds: pd.Series[Any], frame: pd.DataFrame, column: str, rule: str) -> None:
    broken = ~holds.to_numpy(dtype=bool)
    if broken.any():
        row = int(np.argmax(broken))
        raise SchemaError(f"row {row + 1}, column {column!r}: {frame[column].iloc[row]!s} is not allowed; {rule}")
