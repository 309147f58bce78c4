"""``python -m analysis``: from an exported table of ratings to a report or to tables, with no database."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)

    report = commands.add_parser(
        "report", help="write one self-contained HTML page", description="Write one self-contained HTML page."
    )
    report.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="the page (report.html)")
    report.add_argument("--title", help="heading of the page (the study's name)")
    rules = report.add_argument_group(
        "rules for raters",
        "As declared before the study opened; results without who breaks one stand beside.",
    )
    rules.add_argument("--min-gold-right", type=float, help="share of gold pairs right, at least")
    rules.add_argument("--min-identical-near", type=float, help="share of identical pairs near 0, at least")
    rules.add_argument("--max-same-choice", type=float, help="share of one and the same answer, at most")
    rules.add_argument("--min-median-response-ms", type=float, help="median time to answer, at least")

    tables = commands.add_parser(
        "tables",
        help="write preferences per genre and system pair as CSV",
        description="Write win_rates.csv (question, genre, pair) and system_win_rates.csv (over all opponents).",
    )
    tables.add_argument("-o", "--output", type=Path, default=Path("tables"), help="folder (tables)")
    tables.add_argument(
        "--ties",
        choices=("denominator", "split", "left out"),
        default="denominator",
        help="what becomes of “no preference”: kept in the denominator (default), half a win for either, or left "
        "out with its answers, as in the printed tables of V2Meow",
    )

    ranking = commands.add_parser(
        "ranking",
        help="print the strength of each system, as CSV",
        description="Strengths over all opponents (Bradley–Terry with ties, degrees and sides), with rank sets.",
    )
    ranking.add_argument("-o", "--output", type=Path, help="write to this file instead")

    monitor = commands.add_parser(
        "monitor",
        help="print what a running study shows so far, as CSV",
        description="Confidence sequences and evidence by rater, which may be looked at as often as one likes.",
    )
    monitor.add_argument("-o", "--output", type=Path, help="write to this file instead")

    for command in (report, tables, ranking, monitor):
        command.add_argument("ratings", type=Path, help="exported ratings, .csv or .parquet")
        command.add_argument(
            "--include-simulated", action="store_true", help="count simulated answers too, and say so"
        )

    codebook = commands.add_parser("codebook", help="print what each column of the ratings means, as CSV")
    codebook.add_argument("-o", "--output", type=Path, help="write to this file instead")
    return top


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from analysis.results import AnalysisError
    from analysis.schema import SchemaError

    commands = {
        "report": _report,
        "tables": _tables,
        "ranking": _ranking,
        "monitor": _monitor,
        "codebook": _codebook,
    }
    try:
        commands[arguments.command](arguments)
    except (SchemaError, AnalysisError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _report(arguments: argparse.Namespace) -> None:
    from analysis import report, schema
    from analysis.raters import PassRules

    frame = schema.read(arguments.ratings)
    title = arguments.title or (str(frame["study"].iloc[0]) if len(frame) else arguments.ratings.stem)
    rules = PassRules(
        min_gold_right=arguments.min_gold_right,
        min_identical_near=arguments.min_identical_near,
        max_same_choice=arguments.max_same_choice,
        min_median_response_ms=arguments.min_median_response_ms,
    )
    built = report.build(frame, title=title, include_simulated=arguments.include_simulated, rules=rules)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(report.html(built), encoding="utf-8")
    print(arguments.output)


def _tables(arguments: argparse.Namespace) -> None:
    from analysis import schema, tables
    from analysis.win_rates import win_rates

    frame = schema.read(arguments.ratings)
    rates = win_rates(frame, include_simulated=arguments.include_simulated, ties=arguments.ties)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, frame in (("win_rates", tables.pair_frame(rates)), ("system_win_rates", tables.system_frame(rates))):
        path = arguments.output / f"{name}.csv"
        frame.to_csv(path, index=False)
        print(path)


def _ranking(arguments: argparse.Namespace) -> None:
    from analysis import schema, tables
    from analysis.ranking import rankings

    found = rankings(schema.read(arguments.ratings), include_simulated=arguments.include_simulated)
    _write(tables.ranking_frame(found).to_csv(index=False), arguments)


def _monitor(arguments: argparse.Namespace) -> None:
    from dataclasses import asdict

    import pandas as pd

    from analysis import schema
    from analysis.sequential import watch

    lines = watch(schema.read(arguments.ratings), include_simulated=arguments.include_simulated)
    _write(pd.DataFrame([asdict(line) for line in lines]).to_csv(index=False), arguments)


def _codebook(arguments: argparse.Namespace) -> None:
    from analysis.schema import codebook

    _write(codebook().to_csv(index=False), arguments)


def _write(text: str, arguments: argparse.Namespace) -> None:
    """To the file that was named, else to the screen."""
    if arguments.output is None:
        print(text, end="")
    else:
        arguments.output.write_text(text, encoding="utf-8")
        print(arguments.output)


if __name__ == "__main__":
    raise SystemExit(main())
