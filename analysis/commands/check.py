"""``check``: is this table fit to be analysed, and what is in it?"""

from __future__ import annotations

import argparse

from analysis.commands.common import Commands, read, takes_ratings
from analysis.commands.common import add as command

TOLD = """Read a table of ratings and say what is wrong with it, by row, column and value, or what is in it.

    python -m analysis check ratings.csv
    python -m analysis check votes.csv --map votes.toml     ratings of another platform

Ends with 0 where the table keeps the contract and with 2 where it does not. The digest that is printed is the one
in every report: two tables with the same digest hold the same ratings, in whatever order and file format."""


def add(commands: Commands) -> None:
    takes_ratings(command(commands, "check", brief="say whether a table of ratings can be analysed", told=TOLD))


def run(arguments: argparse.Namespace) -> None:
    from analysis.answers import included
    from analysis.counts import counts_table
    from analysis.schema import digest

    ratings = read(arguments)
    used = included(ratings.frame, include_simulated=ratings.include_simulated)
    print(f"{arguments.ratings}: {len(ratings.frame):,} rows keep the contract")
    for row in counts_table(ratings.frame, used, None).rows:
        print(f"  {row.cells[0]:<44} {row.cells[1]:>12}")
    print(f"  digest {digest(ratings.frame)}")
