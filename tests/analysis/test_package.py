"""The folder that others use: complete, its own rules kept, and the same ratings in every file of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from analysis import files, schema
from analysis.__main__ import main
from analysis.package import described, problems, write_package
from analysis.results import AnalysisError
from analysis.schema import COLUMN_NAMES, Column
from tests.analysis.simulate import simulate

MOOD = Column("mood", "category", "Mood of the clip.", levels=("calm", "wild"))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    table = simulate(seed=2, raters=4, per_rater=4, genres=("=cmd()", "ジャズ")).assign(mood="wild")
    table.loc[0, "coverage_left"] = None
    return schema.read(table)


@pytest.fixture(scope="module")
def folder(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package")
    write_package(frame, path, title="Pilot", licence="CC-BY-4.0", further=[MOOD])
    return path


def test_the_folder_keeps_the_rules_that_it_names(folder: Path) -> None:
    assert problems(folder) == ()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert names == [
        "README.md",
        "codebook.csv",
        "data/study-sim_description-ratings_data.csv",
        "datapackage.json",
        "dataset_description.json",
        "ratings.sav",
        "read_ratings.R",
    ]


def test_the_table_comes_back_as_it_was(folder: Path, frame: pd.DataFrame) -> None:
    back = schema.read(next((folder / "data").iterdir()))
    assert schema.digest(back) == schema.digest(frame)
    assert back["mood"].astype(str).tolist() == frame["mood"].astype(str).tolist()


def test_psych_ds_measures_every_column_and_frictionless_bounds_it(folder: Path) -> None:
    told = json.loads((folder / "dataset_description.json").read_text())
    assert [one["name"] for one in told["variableMeasured"]] == [*COLUMN_NAMES, "mood"]
    assert told["license"] == "CC-BY-4.0"
    (resource,) = json.loads((folder / "datapackage.json").read_text())["resources"]
    fields = {field["name"]: field for field in resource["schema"]["fields"]}
    assert fields["choice"]["constraints"] == {"required": True, "minimum": 1, "maximum": 5}
    assert fields["mood"]["constraints"]["enum"] == ["calm", "wild"]
    assert "required" not in fields["coverage_left"].get("constraints", {})
    content = (folder / resource["path"]).read_bytes()
    assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_spss_gets_numbers_with_labels(folder: Path, frame: pd.DataFrame) -> None:
    table, told = pyreadstat.read_sav(folder / "ratings.sav")
    assert table["choice"].tolist() == frame["choice"].tolist()
    assert told.variable_value_labels["choice"][1.0] == "A is much better"
    assert told.variable_value_labels["question"] == {1.0: "visual_relevance", 2.0: "music_preference"}
    assert told.column_names_to_labels["score"].startswith("The answer in the canonical frame")
    assert set(table["genre"]) == {"=cmd()", "ジャズ"}


def test_r_reads_factors_in_order(folder: Path) -> None:
    script = (folder / "read_ratings.R").read_text()
    assert 'levels = c("visual_relevance", "music_preference"), ordered = TRUE)' in script
    assert 'ratings[["score"]] <- as.numeric(ratings[["score"]])' in script


def test_r_gives_texts_back_as_they_were(frame: pd.DataFrame, tmp_path: Path) -> None:
    """In a bracket of R's expressions a backslash is itself: the tab has to be a tab."""
    names = ["'tis", "=cmd()", "\tx", "don't", "''=a", "-1", "rest"]
    clips = dict(zip(frame["clip_id"].unique(), names, strict=False))
    hostile = frame.assign(clip_id=frame["clip_id"].astype(object).map(lambda clip: clips.get(clip, clip)))
    write_package(hostile, tmp_path, title="Pilot", further=[MOOD])
    script = (tmp_path / "read_ratings.R").read_text()
    assert r"""sub("^'('*[=+@\t\r-])", "\\1", x)""" in script
    if shutil.which("Rscript") is None:
        pytest.skip("the script was compared as text; R is not here to run it")
    told = (
        'source("read_ratings.R"); stopifnot(is.ordered(ratings$mood)); cat(unique(ratings$clip_id), sep = "\\n")'
    )
    done = subprocess.run(["Rscript", "-e", told], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split("\n")) - {""} == set(hostile["clip_id"])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "dataset_description.json").unlink(), "dataset_description.json cannot be read"),
        (lambda folder: (folder / "datapackage.json").write_text("{"), "datapackage.json cannot be read"),
        (lambda folder: next((folder / "data").iterdir()).write_text("a,b\n1,2\n"), "column 'a' of study-sim"),
        (lambda folder: next((folder / "data").iterdir()).write_text("a,b\n1,2\n"), "is not the file that"),
        (
            lambda folder: next((folder / "data").iterdir()).rename(folder / "data" / "Ratings_data.csv"),
            "is not made of keyword-value pairs",
        ),
        (lambda folder: next((folder / "data").iterdir()).unlink(), "there is no data/ folder"),
    ],
)
def test_a_spoilt_folder_is_found_out(frame: pd.DataFrame, tmp_path: Path, spoil, told: str) -> None:  # type: ignore[no-untyped-def]
    write_package(frame, tmp_path, title="Pilot", further=[MOOD])
    spoil(tmp_path)
    assert any(told in problem for problem in problems(tmp_path))


def test_a_column_that_nobody_describes_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="column 'mood' has no description"):
        described(frame)


def test_the_command_writes_it_and_says_what_it_leaves_out(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.csv").write_text(files.csv_text(frame), encoding="utf-8", newline="")
    assert main(["package", str(tmp_path / "r.csv"), "-o", str(tmp_path / "out")]) == 0
    assert "left out, as nothing describes them: mood" in capsys.readouterr().out
    (tmp_path / "codebook.csv").write_text(files.csv_text(schema.codebook((*schema.COLUMNS, MOOD))))
    further = ["--further", str(tmp_path / "codebook.csv")]
    assert main(["package", str(tmp_path / "r.csv"), "-o", str(tmp_path / "whole"), *further]) == 0
    assert "left out" not in capsys.readouterr().out
    assert problems(tmp_path / "whole") == ()
