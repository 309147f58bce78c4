"""The command line, end to end, as a researcher calls it."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis as da
from analysis.__main__ import main
from analysis.frames import pair_frame
from analysis.page import html

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


def test_check_says_what_is_in_a_table_and_prints_its_digest(
    ratings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(ratings)]) == 0
    told = capsys.readouterr().out
    assert "240 rows keep the contract" in told
    assert f"digest {da.read(ratings).report().digest}" in told


def test_the_papers_tables_come_as_csv_markdown_and_latex(ratings: Path, tmp_path: Path) -> None:
    assert main(["tables", str(ratings), "-o", str(tmp_path), "--romano-wolf"]) == 0
    table = pd.read_csv(tmp_path / "paper_table_4.csv")
    assert set(table["system"]) == {"a", "b", "c"}
    assert (table["convention"] == "ties left out").all()
    assert (tmp_path / "paper_table_1.md").read_text().startswith("**Table 1, subjective columns")
    assert r"\begin{tabular}{llrr}" in (tmp_path / "paper_table_1.tex").read_text()
    rates = pd.read_csv(tmp_path / "win_rates.csv")
    averages = rates["genre"] == "(average over genres)"
    assert rates.loc[averages, "p_romano_wolf"].between(0, 1).all()
    assert rates.loc[~averages, "p_romano_wolf"].isna().all()


def test_single_clips_are_listed_by_result(ratings: Path, tmp_path: Path) -> None:
    assert main(["tables", str(ratings), "-o", str(tmp_path), "--by", "clip", "--clips", "fixed"]) == 0
    rates = pd.read_csv(tmp_path / "win_rates.csv")
    assert "clip" in rates.columns
    assert rates["clip"].nunique() == 20 + 1


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--by-genre"],
        ["--resamples", "50"],
        ["--clips", "fixed"],
        ["--independent"],
        ["--no-side"],
        ["--no-side", "--by-genre"],
        ["--no-side", "--resamples", "50"],
    ],
)
def test_ranking_prints_strengths(
    ratings: Path, options: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["ranking", str(ratings), *options]) == 0
    (tmp_path / "out.csv").write_text(capsys.readouterr().out)
    table = pd.read_csv(tmp_path / "out.csv")
    assert {"a", "b", "c"} <= set(table["system"])
    assert np.isfinite(table["value"]).all()
    assert table["method"].str.contains("no effect of the side").all() == ("--no-side" in options)
    assert table["method"].str.contains("taken as independent").all() == ("--independent" in options)
    assert ("(left)" in set(table["system"])) == (options == ["--resamples", "50"])


def test_ranking_sets_the_shares_of_every_pair_beside_the_models(
    ratings: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["ranking", str(ratings), "--fits"]) == 0
    (tmp_path / "out.csv").write_text(capsys.readouterr().out)
    table = pd.read_csv(tmp_path / "out.csv")
    assert len(table) == 2 * 3
    for shares in (["win_1", "tie", "win_2"], ["fitted_win_1", "fitted_tie", "fitted_win_2"]):
        assert table[shares].sum(axis=1).to_numpy() == pytest.approx(1.0)
    seen = pd.read_csv(ratings).query("system_1 == 'a' and system_2 == 'b' and question == 'visual_relevance'")
    first = table.query("system_1 == 'a' and system_2 == 'b' and question == 'visual_relevance'").iloc[0]
    assert (first["n"], first["win_1"]) == (len(seen), pytest.approx((seen["score"] > 0).mean()))


def test_the_monitor_writes_a_page_without_a_p_value(ratings: Path, tmp_path: Path) -> None:
    page = tmp_path / "now.html"
    options = ["-o", str(tmp_path / "now.csv"), "--page", str(page), "--most-raters", "5", "--ended"]
    assert main(["monitor", str(ratings), *options]) == 0
    assert set(pd.read_csv(tmp_path / "now.csv")["decision"]) == {
        "stop: the most raters have come, no preference is shown"
    }
    text = page.read_text()
    assert "the study so far" in text
    assert "p value" in text
    assert "p (Holm)" not in text


def test_the_monitor_says_what_alpha_is_shared_by(
    ratings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, table = tmp_path / "now.html", tmp_path / "now.csv"
    options = ["-o", str(table), "--page", str(page), "--ended"]
    for declared, needed, told in (
        ([], 120, "6 lines: 3 pairs that the 3 systems of the table can form and 2 questions"),
        (["--lines", "9"], 180, "9 lines, as declared"),
        (["--primary", "b", "a"], 40, "2 lines: the 1 pair declared primary and 2 questions"),
    ):
        assert main(["monitor", str(ratings), *options, *declared]) == 0
        assert f"Alpha is shared by {told}" in capsys.readouterr().err
        assert f"Alpha is shared by {told}" in page.read_text()
        assert set(pd.read_csv(table)["needed"]) == {needed}
    assert pd.read_csv(table).query("primary")[["system_1", "system_2"]].to_numpy().tolist() == [["a", "b"]] * 2


def test_figures_without_pictures_are_their_tables(ratings: Path, tmp_path: Path) -> None:
    assert main(["figures", str(ratings), "-o", str(tmp_path), "--format", "none"]) == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".md", ".tex"}
    assert (tmp_path / "bars-visual_relevance.csv").is_file()


def test_numbers_of_figures_are_those_of_the_tables_with_the_same_family(ratings: Path, tmp_path: Path) -> None:
    declared = ["--primary", "b", "c", "--max-same-choice", "0.1"]
    assert main(["figures", str(ratings), "-o", str(tmp_path), "--format", "none", *declared]) == 0
    assert main(["tables", str(ratings), "-o", str(tmp_path), *declared[:3]]) == 0
    tables = pd.read_csv(tmp_path / "win_rates.csv")
    forest = pd.read_csv(tmp_path / "forest-1.csv")
    wanted = tables.query("system_1 == 'a' and system_2 == 'b'").sort_values(["question", "genre"])
    found = forest.sort_values(["question", "genre"])
    pd.testing.assert_frame_equal(found.reset_index(drop=True), wanted.reset_index(drop=True))
    assert set(found.query("genre == '(average over genres)'")["adjustment"]) == {"Benjamini–Hochberg"}
    flow = pd.read_csv(tmp_path / "flow.csv")
    assert flow["step"].str.startswith("break").any()
    assert pd.api.types.is_integer_dtype(flow["raters"])
    for path in tmp_path.glob("*.csv"):
        assert "'" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command", ["check", "report", "tables", "figures", "ranking", "monitor", "power", "package"]
)
def test_help_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([command, "--help"])
    assert done.value.code == 0
    assert f"python -m analysis {command} " in capsys.readouterr().out


def test_a_notebook_reads_and_asks(ratings: Path) -> None:
    study = da.read(ratings)
    rates = study.win_rates(by="genre")
    pd.testing.assert_frame_equal(rates.to_frame(), pair_frame(rates))
    assert len(rates.systems_to_frame()) == len(rates.systems)
    assert repr(study) == "Ratings(240 rows, include_simulated=False)"
    assert study.report(title="From a notebook").title == "From a notebook"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = da.nothing


def test_a_notebook_reads_other_platforms_and_saves_its_report(tmp_path: Path) -> None:
    votes = pd.DataFrame(
        {
            "judge": [f"j{number % 6}" for number in range(36)],
            "question_id": [f"q{number // 6}" for number in range(36)],
            "model_a": "x",
            "model_b": "y",
            "winner": ["model_a", "model_a", "tie", "model_b"] * 9,
        }
    )
    study = da.read(votes, map="votes")
    assert study.name == "votes"
    twice = pd.concat([votes, votes])
    with pytest.raises(da.SchemaError, match="row 37 repeats row 1"):
        da.read(twice, map="votes")
    assert len(da.read(twice, map="votes", alike_rows="keep").frame) == 72
    assert len(da.read(twice, map="votes", alike_rows="drop").frame) == 36
    with pytest.raises(da.AnalysisError, match="give its column map too"):
        da.read(study.frame, alike_rows="drop")
    report = study.report(title="From <elsewhere>")
    report.save(tmp_path / "out" / "report.html")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page == html(report)
    with pytest.raises(da.AnalysisError, match=r"not 'report\.pdf'; a browser prints it as PDF"):
        report.save(tmp_path / "report.pdf")
    frame = re.fullmatch(r'<iframe title="(.*?)" sandbox="allow-scripts" srcdoc="([^"]*)".*', report._repr_html_())
    assert frame is not None
    assert [unescape(text) for text in frame.groups()] == ["From <elsewhere>", page]


def test_alike_rows_are_kept_or_dropped_by_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = "judge,question_id,model_a,model_b,winner\nj1,q1,x,y,tie\n"
    (tmp_path / "votes.csv").write_text(row + row.splitlines()[1] + "\n")
    check = ["check", str(tmp_path / "votes.csv"), "--map", "votes"]
    assert main(check) == 2
    assert "row 2 repeats row 1 in every column of the map. Name a column" in capsys.readouterr().err
    assert main([*check, "--alike-rows", "keep"]) == 0
    assert "2 rows keep the contract" in capsys.readouterr().out
    assert main([*check, "--alike-rows", "drop"]) == 0
    assert "1 rows keep the contract" in capsys.readouterr().out


def test_the_web_process_does_not_pay_for_what_it_only_names() -> None:
    code = "import sys, analysis; from analysis import design; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["power", "--studies", "0"], "studies to simulate are at least 2, not 0"),
        (["power", "--level", "2"], "the level is a chance between 0 and 1, not 2"),
        (["ranking", "RATINGS", "--resamples", "-3"], "resamples are at least 2, not -3"),
        (["ranking", "RATINGS", "--resamples", "0"], "resamples are at least 2, not 0"),
        (["ranking", "RATINGS", "--by-genre", "--clips", "fixed"], "leave --clips away there"),
        (["ranking", "RATINGS", "--resamples", "9", "--clips", "random"], "leave --clips away there"),
        (["figures", "RATINGS", "--primary", "a", "cmd"], "no system is called 'cmd'; there are: "),
        (["monitor", "RATINGS", "--lines", "3"], "6 lines are watched, and alpha was declared to be shared by 3"),
        (["power", "--question", "music_preference"], "give --pilot too"),
        (
            ["power", "--pilot", "RATINGS", "--question", "taste"],
            "nobody answered question 'taste' in the pilot; there",
        ),
        (["monitor", "RATINGS", "--alpha", "2"], "alpha is a chance between 0 and 1"),
        (["monitor", "RATINGS", "--most-raters", "0"], "most_raters is at least 1, not 0"),
        (["report", "RATINGS", "--margin", "-1"], "the margin is a net preference above 0 and up to 1, not -1"),
        (["report", "RATINGS", "--min-gold-right", "7"], "min_gold_right is a share from 0 to 1, not 7"),
        (["tables", "RATINGS", "--by", "mood"], "there is no column 'mood' to group by"),
        (["tables", "RATINGS", "--primary", "a", "cmd"], "no system is called 'cmd'; there are: "),
        (["report", "RATINGS", "--primary", "a", "a"], "a and a were not compared with each other"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(
    arguments: list[str],
    told: str,
    ratings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(ratings) if one == "RATINGS" else one for one in arguments]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_package_knows_neither_django_nor_torch(ratings: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from analysis.__main__ import main; "
        f"main(['report', {str(ratings)!r}, '-o', {str(tmp_path / 'r.html')!r}]); "
        "sys.exit(any(name in sys.modules for name in ('django', 'torch', 'generation', 'studyapp')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
