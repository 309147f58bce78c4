"""What the commands share: where the ratings come from, where results go."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.raters import PassRules
    from analysis.ratings import Ratings

Commands = Any
"""argparse's subparsers, whose type has no public name."""


def add(commands: Commands, name: str, *, brief: str, told: str) -> argparse.ArgumentParser:
    """A command with a line for the list of commands, and what its own help teaches."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=brief, description=told, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def takes_ratings(command: argparse.ArgumentParser) -> None:
    command.add_argument("ratings", type=Path, help="exported ratings, .csv or .parquet")
    command.add_argument(
        "--map",
        dest="column_map",
        metavar="MAP",
        help="the ratings are another platform's: a column map by name, or a .toml file",
    )
    command.add_argument(
        "--alike-rows",
        choices=("refuse", "keep", "drop"),
        default="refuse",
        help="with --map, rows that repeat an earlier one in every column of the map: votes of their own (keep), "
        "or copies (drop); they are refused until you say which",
    )
    command.add_argument("--include-simulated", action="store_true", help="count simulated answers, and say so")


def takes_primary(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--primary",
        nargs=2,
        action="append",
        default=[],
        metavar="SYSTEM",
        help="a pair that was declared primary, once for each; the others are exploratory then (every pair)",
    )


def takes_rules(command: argparse.ArgumentParser) -> None:
    rules = command.add_argument_group(
        "rules for raters", "As declared before the study opened; results without who breaks one stand beside."
    )
    rules.add_argument("--min-gold-right", type=float, help="share of gold pairs right, at least")
    rules.add_argument("--min-identical-near", type=float, help="share of identical pairs near 0, at least")
    rules.add_argument("--max-same-choice", type=float, help="share of one and the same answer, at most")
    rules.add_argument("--min-median-response-ms", type=float, help="median time to answer, at least")


def rules(arguments: argparse.Namespace) -> PassRules:
    """The rules for raters that were named. Raises AnalysisError for a bound that means nothing."""
    from analysis.raters import PassRules

    return PassRules(
        min_gold_right=arguments.min_gold_right,
        min_identical_near=arguments.min_identical_near,
        max_same_choice=arguments.max_same_choice,
        min_median_response_ms=arguments.min_median_response_ms,
    )


def read(arguments: argparse.Namespace) -> Ratings:
    """The ratings that were named, checked."""
    from analysis import ratings

    return ratings.read(
        arguments.ratings,
        map=arguments.column_map,
        alike_rows=arguments.alike_rows,
        include_simulated=arguments.include_simulated,
    )


def write(text: str, output: Path | None) -> None:
    """To the file that was named, else to the screen."""
    if output is None:
        print(text, end="")
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8", newline="")
    print(output)
