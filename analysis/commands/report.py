"""``report``: one self-contained HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from analysis.commands.common import Commands, read, rules, takes_primary, takes_ratings, takes_rules, write
from analysis.commands.common import add as command

if TYPE_CHECKING:
    from analysis.ratings import Ratings
    from analysis.report import Progress, Report

TOLD = """Write one self-contained HTML page: what was found, figures with their numbers, methods to paste.

    python -m analysis report ratings.csv -o report.html
    python -m analysis report ratings.csv --min-gold-right 0.75 --margin 0.1
    python -m analysis report ratings.csv --primary v2meow-clip cmt --primary v2meow-mert cmt
    python -m analysis report ratings.csv --deviation "Two clips were replaced before the first rater came."

The page needs no network. Printed from a browser it makes a PDF. Rules for raters are those that were declared
before the study opened: the primary results take everybody, and results without who breaks one stand beside."""


def add(commands: Commands) -> None:
    parser = command(commands, "report", brief="write one self-contained HTML page", told=TOLD)
    takes_ratings(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="the page (report.html)")
    parser.add_argument("--title", help="heading of the page (the study's name)")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.1,
        help="net preference that was declared too small to matter, for equivalence (0.1)",
    )
    parser.add_argument(
        "--deviation", action="append", default=[], metavar="TEXT", help="what was done otherwise than planned"
    )
    parser.add_argument(
        "--systems", type=Path, metavar="CSV", help="what the systems are: the systems.csv of a dataset"
    )
    takes_primary(parser)
    takes_rules(parser)


def run(arguments: argparse.Namespace) -> None:
    from analysis import page, report

    with tqdm(
        total=report.STEPS + 2, bar_format="{desc:24.24}|{bar}| {elapsed}", leave=False, disable=None
    ) as bar:

        def progress(doing: str) -> None:
            bar.set_description_str(doing)
            bar.update()

        progress("reading")
        built = _built(arguments, read(arguments), progress)
        progress("writing the page")
        html = page.html(built)
    write(html, arguments.output)


def _built(arguments: argparse.Namespace, ratings: Ratings, progress: Progress) -> Report:
    from analysis.system_cards import read_cards

    return ratings.report(
        title=arguments.title or ratings.name,
        rules=rules(arguments),
        margin=arguments.margin,
        deviations=arguments.deviation,
        systems=read_cards(arguments.systems) if arguments.systems else (),
        primary=arguments.primary,
        progress=progress,
    )
