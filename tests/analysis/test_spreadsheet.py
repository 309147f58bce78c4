"""Texts that a spreadsheet would run, in and out of a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis import files, schema
from analysis.spreadsheet import as_it_was, not_a_formula
from tests.analysis.simulate import simulate

HOSTILE = ["=cmd()", "+1", "-1", "@sum(a1)", "\tx", "'=a", "''=a"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_gets_one_apostrophe_which_comes_off_again(text: str) -> None:
    assert not_a_formula(text) == "'" + text
    assert as_it_was(not_a_formula(text)) == text


@pytest.mark.parametrize("text", ["", "rock", "don't", "'tis", "a=b", "3"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert not_a_formula(text) == text
    assert as_it_was(text) == text


def test_a_genre_that_is_a_formula_survives_the_file_and_never_starts_a_cell(tmp_path: Path) -> None:
    ratings = schema.read(simulate(seed=1, raters=3, genres=("=cmd()", "+pop", "rock")).assign(note="@home"))
    text = files.csv_text(ratings)
    (tmp_path / "r.csv").write_text(text, encoding="utf-8", newline="")
    cells = pd.read_csv(tmp_path / "r.csv", dtype=str)
    assert set(cells["genre"]) == {"'=cmd()", "'+pop", "rock"}
    assert set(cells["note"]) == {"'@home"}
    back = schema.read(tmp_path / "r.csv")
    assert set(back["genre"]) == {"=cmd()", "+pop", "rock"}
    assert set(back["note"]) == {"@home"}
    assert schema.digest(back) == schema.digest(ratings)


def test_numbers_below_zero_are_left_alone() -> None:
    table = pd.DataFrame({"net": [-0.25, 0.5], "name": ["-x", "y"]})
    assert files.csv_text(table) == "net,name\n-0.25,'-x\n0.5,y\n"
