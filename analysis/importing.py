"""Ratings of other platforms read into the contract by a small column map, a TOML file.

    [columns]                          # ours = theirs
    rater_id = "annotator"
    clip_id = "video"
    genre = "genre"
    system_left = "model_left"
    system_right = "model_right"
    [questions]                        # a column of theirs for each question
    music_preference = "preference"
    [answers]                          # their answer = 2 … −2, + for the left side
    "left is much better" = 2
    tie = 0
    [constants]                        # ours = the same in every row
    study = "pilot"

What a platform does not tell is derived where it can be (the canonical pair by name, a position by order, a
session for each rater) and left empty where the contract lets it be. A platform that tells a winner only is mapped
to ±1: a win is a win, and degrees are not made up.

Without a ``trial_id`` a row is a trial, and one that was pasted twice would be two. So rows that are alike in
every column of the map are refused unless somebody says what they are. To count them in silence narrows every
interval, and nobody sees it; to drop them in silence loses votes: in an arena one may vote twice on a pair, and
where the map has no time both rows look alike.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from analysis import schema
from analysis.checks import check_choice
from analysis.schema import COLUMNS, QUESTIONS, SchemaError, Source

AlikeRows = Literal["refuse", "keep", "drop"]

NEEDED = ("study", "rater_id", "dataset", "clip_id", "genre", "system_left", "system_right")
"""What nothing else tells: each needs a column of theirs or a constant."""


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Ours to theirs. ``answers`` turn their words into scores as presented, 2 for "left much better" to −2."""

    columns: dict[str, str]
    questions: dict[str, str]
    answers: dict[str, int]
    constants: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = schema.COLUMN_NAMES
        for place, given in (("columns", self.columns), ("constants", self.constants)):
            for ours in given:
                if ours not in names:
                    raise SchemaError(
                        f"[{place}] names {ours!r}, which is no column of ours; ours: {', '.join(names)}"
                    )
        for question in self.questions:
            if question not in QUESTIONS:
                raise SchemaError(f"[questions] names {question!r}; there are: {', '.join(QUESTIONS)}")
        for theirs, score in self.answers.items():
            if score not in range(-2, 3):
                raise SchemaError(f"[answers] gives {theirs!r} the score {score!r}; it must be from −2 to 2")
        if not self.questions:
            raise SchemaError(
                "[questions] is empty; name a column of theirs for visual_relevance or music_preference"
            )
        missing = [name for name in NEEDED if name not in self.columns and name not in self.constants]
        if missing:
            raise SchemaError(f"nothing tells {missing[0]!r}; give it a column of theirs or a constant")


def maps() -> tuple[str, ...]:
    """Names of the maps that come with Duet."""
    folder = resources.files("analysis").joinpath("maps")
    return tuple(
        sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    )


def column_map(source: str | Path) -> ColumnMap:
    """A map by name, or from a TOML file. Raises SchemaError."""
    if str(source) in maps():
        text = resources.files("analysis").joinpath("maps", f"{source}.toml").read_text(encoding="utf-8")
    elif Path(source).is_file():
        text = Path(source).read_text(encoding="utf-8")
    else:
        raise SchemaError(
            f"there is no column map {str(source)!r}: no such file, and ours are {', '.join(maps())}"
        )
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SchemaError(f"the column map {str(source)!r} is no TOML: {error}") from error
    known = ("columns", "questions", "answers", "constants")
    unknown = [name for name in told if name not in known]
    if unknown:
        raise SchemaError(f"the column map has a part {unknown[0]!r}; there are: {', '.join(known)}")
    parts = {name: told.get(name, {}) for name in known}
    return ColumnMap(**parts)


def import_ratings(
    source: Source, columns: ColumnMap | Path | str, *, alike_rows: AlikeRows = "refuse"
) -> pd.DataFrame:
    """Another platform's table as ``schema.read`` returns ours.

    ``alike_rows``: those that repeat an earlier one in every column of the map, where it names no ``trial_id``,
    are refused, kept as votes of their own, or dropped as copies. Raises SchemaError, by row, column and value,
    AnalysisError for another choice, and TypeError for what is no ``Source``.
    """
    check_choice("alike_rows", alike_rows, get_args(AlikeRows))
    mapped = columns if isinstance(columns, ColumnMap) else column_map(columns)
    theirs = schema.table(source).reset_index(drop=True)
    absent = [
        name for name in (*mapped.columns.values(), *mapped.questions.values()) if name not in theirs.columns
    ]
    if absent:
        raise SchemaError(
            f"the table has no column {absent[0]!r} that the map names; it has: "
            + ", ".join(map(str, theirs.columns))
        )
    if "trial_id" not in mapped.columns and alike_rows != "keep":
        theirs = _each_once(theirs, mapped, drop=alike_rows == "drop")
    base = pd.DataFrame({ours: theirs[name].astype(object) for ours, name in mapped.columns.items()})
    base = base.assign(**mapped.constants)
    asked = [
        base.assign(question=question, score_presented=_scores(theirs[name], mapped))
        for question, name in mapped.questions.items()
    ]
    table = pd.concat(asked, ignore_index=True)
    return schema.read(_completed(table, rows=len(base)))


def _each_once(theirs: pd.DataFrame, mapped: ColumnMap, *, drop: bool) -> pd.DataFrame:
    """The table with rows that repeat an earlier one dropped, or refused by a SchemaError."""
    told = theirs[list(dict.fromkeys((*mapped.columns.values(), *mapped.questions.values())))]
    again = told.duplicated().to_numpy()
    if drop or not again.any():
        return theirs[~again].reset_index(drop=True)
    row, more = int(again.argmax()), int(again.sum()) - 1
    codes = [pd.factorize(told[name])[0] for name in told.columns]
    earlier = int(np.all([each == each[row] for each in codes], axis=0).argmax())
    others = f", and {more:,} more row{'s repeat' if more > 1 else ' repeats'} an earlier one" if more else ""
    raise SchemaError(
        f"row {row + 1} repeats row {earlier + 1} in every column of the map{others}. Name a column of theirs as "
        "trial_id in the map, or as answered_at where one tells the time; or say what such rows are, by "
        "--alike-rows on the command line or alike_rows= in a notebook: keep (votes of their own) or drop (copies)"
    )


def _scores(values: pd.Series[Any], mapped: ColumnMap) -> pd.Series[Any]:
    text = values.astype(object).where(values.notna(), "").astype(str).str.strip()
    # pandas makes 1.0 of an answer 1 in a column with a gap.
    text = text.where(text.isin(mapped.answers.keys()), text.str.replace(r"^(-?[0-9]+)\.0$", r"\1", regex=True))
    known = text.isin(mapped.answers.keys())
    if not known.all():
        row = int((~known).to_numpy().argmax())
        raise SchemaError(
            f"row {row + 1}, column {values.name!r}: the answer {text.iloc[row]!r} has no score; add it to "
            f"[answers], which has: {', '.join(map(repr, mapped.answers))}"
        )
    return text.map(mapped.answers).astype(int)


def _completed(table: pd.DataFrame, *, rows: int) -> pd.DataFrame:
    """The contract's other columns, derived, or empty where it lets them be."""
    trial = [str(number + 1) for number in range(rows)] * (len(table) // rows if rows else 0)
    left, right = table["system_left"].astype(str), table["system_right"].astype(str)
    turned = left > right
    derived: dict[str, Any] = {
        "trial_id": trial,
        "session_id": table["rater_id"],
        "block": 1,
        "kind": "test",
        "simulated": False,
        "choice": 3 - table["score_presented"],
        "system_1": left.where(~turned, right),
        "system_2": right.where(~turned, left),
        "score": table["score_presented"].where(~turned, -table["score_presented"]),
    }
    filled = table.assign(**{name: value for name, value in derived.items() if name not in table.columns})
    if "position" not in filled.columns:
        order = filled.groupby(["rater_id", "question"], sort=False).cumcount() + 1
        filled = filled.assign(position=order)
    empty = [column.name for column in COLUMNS if column.may_be_empty and column.name not in filled.columns]
    return filled.assign(**dict.fromkeys(empty, ""))
