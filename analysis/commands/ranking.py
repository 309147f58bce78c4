"""``ranking``: how strong each system is over all its opponents."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.common import Commands, read, takes_ratings, write
from analysis.commands.common import add as command

if TYPE_CHECKING:
    from analysis.asked import Covariance
    from analysis.variance import Clips

TOLD = """Print the strength of each system over all its opponents as CSV: Bradley–Terry with ties, degrees of
preference and an effect of the side, with ranks that hold simultaneously.

    python -m analysis ranking ratings.csv
    python -m analysis ranking ratings.csv --fits             every pair's shares beside the model's
    python -m analysis ranking ratings.csv --by-genre         strengths in each genre, drawn towards the average
    python -m analysis ranking ratings.csv --resamples 1000   intervals from resampling raters

Published models mostly know no side, and take every answer for that of another rater: --no-side and --independent
give their figures back. Errors are too small then wherever a rater answers more than once."""


def add(commands: Commands) -> None:
    parser = command(commands, "ranking", brief="print the strength of each system, as CSV", told=TOLD)
    takes_ratings(parser)
    parser.add_argument("-o", "--output", type=Path, help="write to this file instead")
    parser.add_argument("--clips", choices=("random", "fixed"), help="as in tables (random)")
    parser.add_argument(
        "--no-side", dest="side", action="store_false", help="a model without the effect of standing on the left"
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--fits", action="store_true", help="how well the model tells every pair's shares")
    other.add_argument("--by-genre", action="store_true", help="strengths in each genre")
    other.add_argument("--resamples", type=int, help="bootstrap of raters, that many times")
    other.add_argument(
        "--independent", action="store_true", help="errors of independent answers: raters and clips are ignored"
    )


def run(arguments: argparse.Namespace) -> None:
    from analysis import frames
    from analysis.files import csv_text
    from analysis.results import AnalysisError

    if arguments.clips and (arguments.by_genre or arguments.independent or arguments.resamples is not None):
        raise AnalysisError(
            "--by-genre takes clips as a sample, --resamples takes them as fixed and --independent ignores them: "
            "leave --clips away there"
        )
    clips: Clips = "fixed" if arguments.clips == "fixed" else "random"
    side, ratings = arguments.side, read(arguments)
    if arguments.fits:
        frame = frames.fit_frame(ratings.rankings(clips=clips, side=side))
    elif arguments.by_genre:
        frame = frames.genre_strength_frame(ratings.genre_strengths(side=side))
    elif arguments.resamples is not None:
        frame = frames.resampled_frame(ratings.resampled_rankings(resamples=arguments.resamples, side=side))
    else:
        covariance: Covariance = "independent" if arguments.independent else "clustered"
        frame = frames.ranking_frame(ratings.rankings(clips=clips, side=side, covariance=covariance))
    write(csv_text(frame), arguments.output)
