"""``tables``: preferences per genre and system pair, and the paper's tables, as CSV, Markdown and LaTeX."""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.commands.common import Commands, read, takes_primary, takes_ratings, write
from analysis.commands.common import add as command

TOLD = """Write results as tables:

  win_rates.csv         a row per question, genre and pair, and the averages over genres: win_1, tie, win_2, net
  system_win_rates.csv  a row per question, genre and system over all its opponents
  paper_table_1.*       the subjective columns of V2Meow's Table 1, by dataset
  paper_table_4.*       V2Meow's Table 4, averaged over genres

    python -m analysis tables ratings.csv -o tables
    python -m analysis tables ratings.csv --ties "left out"        as the paper's tables are printed
    python -m analysis tables ratings.csv --by scene               another tag of the clips in place of genre
    python -m analysis tables ratings.csv --by clip --clips fixed  every clip by itself, by result

Every row names its method and its convention for ties. The paper's tables leave ties out, as they are printed."""


def add(commands: Commands) -> None:
    parser = command(commands, "tables", brief="write preferences per genre and system pair", told=TOLD)
    takes_ratings(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("tables"), help="folder (tables)")
    parser.add_argument(
        "--ties",
        choices=("denominator", "split", "left out"),
        default="denominator",
        help="what becomes of “no preference”: kept in the denominator (default), half a win for either, or left "
        "out with its answers, as in the printed tables of V2Meow",
    )
    parser.add_argument("--by", default="genre", help="the column that groups clips (genre), or clip")
    parser.add_argument(
        "--clips",
        choices=("random", "fixed"),
        default="random",
        help="random: results are about clips like these (default); fixed: about these alone",
    )
    takes_primary(parser)
    parser.add_argument(
        "--romano-wolf", action="store_true", help="correct primary averages in steps too, in a column of its own"
    )


def run(arguments: argparse.Namespace) -> None:
    from analysis import frames, paper
    from analysis.files import csv_text
    from analysis.results import AnalysisError

    ratings = read(arguments)
    folder: Path = arguments.output
    rates = ratings.win_rates(
        by=arguments.by, ties=arguments.ties, clips=arguments.clips, primary=arguments.primary
    )
    table = frames.pair_frame(rates)
    if arguments.romano_wolf:
        if (arguments.ties, arguments.clips, arguments.by) != ("denominator", "random", "genre"):
            raise AnalysisError(
                "--romano-wolf corrects the primary family: leave --ties, --clips and --by as they are"
            )
        table = frames.with_romano_wolf(table, ratings.romano_wolf(rates))
    write(csv_text(table), folder / "win_rates.csv")
    write(csv_text(frames.system_frame(rates)), folder / "system_win_rates.csv")
    for name, won in (("paper_table_1", ratings.paper_table_1()), ("paper_table_4", ratings.paper_table_4())):
        write(csv_text(frames.paper_frame(won)), folder / f"{name}.csv")
        printed = paper.printed(won)
        write(printed.markdown(), folder / f"{name}.md")
        write(printed.latex(), folder / f"{name}.tex")
