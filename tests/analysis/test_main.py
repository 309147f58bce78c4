"""The command line, end to end, as a researcher calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import main

from .simulate import simulate

COLUMNS = [
    "question",
    "genre",
    "system_1",
    "system_2",
    "raters",
    "clips",
    "n",
    "win_1",
    "tie",
    "win_2",
    "net",
    "low",
    "high",
    "method",
    "convention",
    "flags",
]


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "ratings.csv"
    simulate(seed=4, systems=("a", "b", "c"), raters=12, per_rater=10).to_csv(path, index=False)
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "analysis", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_report_is_one_file(ratings: Path, tmp_path: Path) -> None:
    page = tmp_path / "out" / "report.html"
    done = run("report", ratings, "-o", page, "--title", "My study")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(page)
    assert "<h1>My study: preference report</h1>" in page.read_text(encoding="utf-8")
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]


def test_tables_are_the_per_genre_export(ratings: Path, tmp_path: Path) -> None:
    assert main(["tables", str(ratings), "-o", str(tmp_path)]) == 0
    rates = pd.read_csv(tmp_path / "win_rates.csv")
    assert list(rates.columns[: len(COLUMNS)]) == COLUMNS
    assert len(rates) == 2 * 3 * (4 + 1)
    assert set(rates["genre"]) == {"Electronic", "Hip hop", "Pop", "Rock", "(average over genres)"}
    assert (rates[["win_1", "tie", "win_2"]].sum(axis=1) - 1).abs().max() < 1e-12
    assert (rates["convention"] == "ties in the denominator").all()
    average = rates[rates["genre"] == "(average over genres)"].iloc[0]
    cells = rates[
        (rates["question"] == average["question"])
        & (rates["system_1"] == average["system_1"])
        & (rates["system_2"] == average["system_2"])
        & (rates["genre"] != "(average over genres)")
    ]
    assert average["net"] == pytest.approx(cells["net"].mean())
    systems = pd.read_csv(tmp_path / "system_win_rates.csv")
    assert len(systems) == 2 * 3 * (4 + 1)


def test_parquet_is_read_and_gives_the_same_tables(ratings: Path, tmp_path: Path) -> None:
    parquet = tmp_path / "ratings.parquet"
    pd.read_csv(ratings).to_parquet(parquet)
    main(["tables", str(ratings), "-o", str(tmp_path / "one")])
    main(["tables", str(parquet), "-o", str(tmp_path / "two")])
    for name in ("win_rates.csv", "system_win_rates.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_codebook_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codebook"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("column,type,meaning,levels\nstudy,text,")
    assert main(["codebook", "-o", str(tmp_path / "codebook.csv")]) == 0
    assert (tmp_path / "codebook.csv").read_text(encoding="utf-8") == printed


def test_faults_are_one_sentence_and_status_2(
    ratings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text(ratings.read_text(encoding="utf-8").replace("visual_relevance", "beauty", 1))
    simulated = tmp_path / "simulated.csv"
    pd.read_csv(ratings).assign(simulated=True).to_csv(simulated, index=False)
    absent = run("report", tmp_path / "absent.csv")
    assert absent.returncode == 2
    assert absent.stderr.startswith("error: there is no file")
    assert absent.stderr.count("\n") == 1
    for arguments, told in (
        (("report", broken, "-o", tmp_path / "r.html"), "row 1, column 'question': 'beauty' is not allowed"),
        (("tables", simulated, "-o", tmp_path / "t"), "simulated answers only when asked for"),
    ):
        assert main([str(argument) for argument in arguments]) == 2
        assert told in capsys.readouterr().err


def test_the_package_knows_neither_django_nor_torch(ratings: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from analysis.__main__ import main; "
        f"main(['report', {str(ratings)!r}, '-o', {str(tmp_path / 'r.html')!r}]); "
        "sys.exit(any(name in sys.modules for name in ('django', 'torch', 'generation', 'studyapp')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
