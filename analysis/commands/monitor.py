"""``monitor``: what a running study shows so far."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.commands.common import Commands, read, takes_primary, takes_ratings, write
from analysis.commands.common import add as command

TOLD = """Print what a running study shows so far, as CSV: confidence sequences and evidence by rater, which may
be looked at as often as one likes. There is no p value here: one that is looked at while raters come is none.

    python -m analysis monitor ratings.csv
    python -m analysis monitor ratings.csv -o now.csv --page now.html
    python -m analysis monitor ratings.csv --alpha 0.05 --most-raters 120
    python -m analysis monitor ratings.csv --primary cmt v2meow-clip --primary cmt v2meow-mert
    python -m analysis monitor ratings.csv --lines 6     three pairs were planned, and two questions

A rater counts once finished: after --quiet-minutes without an answer before the newest answer of the table, or,
with --ended, in any case. Values that still change would make false alarms while a crowd is under way at once.

Say what was planned, by --lines or --primary: alpha is shared by all lines that are watched, and a decision stands
when other pairs come in. Without either, all pairs that the systems of the table can form are counted.
`decision` applies the rule that was declared: stop for a pair once its evidence reaches what is needed, or once
the most raters have come. What is found holds for these clips; generalise with the report, at the end."""


def add(commands: Commands) -> None:
    parser = command(commands, "monitor", brief="print what a running study shows so far, as CSV", told=TOLD)
    takes_ratings(parser)
    parser.add_argument("-o", "--output", type=Path, help="write to this file instead")
    parser.add_argument("--page", type=Path, help="write an HTML page with a picture to this file too")
    takes_primary(parser)
    parser.add_argument(
        "--lines",
        type=int,
        help="lines that were planned, each a question of a pair (as --primary has)",
    )
    parser.add_argument(
        "--alpha", type=float, default=0.05, help="chance of a false alarm over all looks and lines (0.05)"
    )
    parser.add_argument("--least-raters", type=int, default=0, help="do not stop before so many raters (0)")
    parser.add_argument(
        "--quiet-minutes", type=float, default=60, help="a rater has finished after so long without an answer (60)"
    )
    parser.add_argument("--ended", action="store_true", help="nobody answers any more: every rater has finished")
    parser.add_argument("--most-raters", type=int, help="stop at so many raters, whatever was found")


def run(arguments: argparse.Namespace) -> None:
    from dataclasses import asdict

    import pandas as pd

    from analysis.files import csv_text
    from analysis.sequential import StoppingRule

    rule = StoppingRule(
        alpha=arguments.alpha,
        least_raters=arguments.least_raters,
        most_raters=arguments.most_raters,
        primary=arguments.primary,
        lines=arguments.lines,
        quiet_minutes=arguments.quiet_minutes,
    )
    ratings = read(arguments)
    lines = ratings.watch(rule, ended=arguments.ended)
    print(ratings.watched_family(rule).told, file=sys.stderr)
    write(csv_text(pd.DataFrame([asdict(line) for line in lines])), arguments.output)
    if arguments.page:
        from analysis import page, report

        write(page.html(report.live(ratings, rule, title=ratings.name, ended=arguments.ended)), arguments.page)
