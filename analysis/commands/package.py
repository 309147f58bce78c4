"""``package``: the ratings as a folder that others can use."""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.commands.common import Commands, read, takes_ratings
from analysis.commands.common import add as command

TOLD = """Write the ratings as a folder to publish: Psych-DS and Frictionless metadata, a codebook, a script that
reads them into R with their types, and an SPSS file where pyreadstat is installed (pip install "duet[spss]").

    python -m analysis package ratings.csv -o dataset --title "Pilot" --licence CC-BY-4.0

Columns beyond the contract are kept if --further names a codebook that describes them (a site's dataset brings
one: codebook.csv), and left out otherwise, which is said."""


def add(commands: Commands) -> None:
    parser = command(commands, "package", brief="write the ratings as a folder to publish", told=TOLD)
    takes_ratings(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("dataset"), help="folder (dataset)")
    parser.add_argument("--title", help="name of the dataset (the study's name)")
    parser.add_argument("--description", default="", help="a sentence on what it is")
    parser.add_argument("--licence", default="", help="an SPDX name, CC-BY-4.0 say")
    parser.add_argument("--further", type=Path, help="codebook with columns beyond the contract")


def run(arguments: argparse.Namespace) -> None:
    from analysis.package import problems, write_package
    from analysis.results import AnalysisError
    from analysis.schema import COLUMN_NAMES, read_codebook

    ratings = read(arguments)
    frame = ratings.frame
    further = read_codebook(arguments.further) if arguments.further else ()
    kept = {*COLUMN_NAMES, *(column.name for column in further)}
    dropped = [name for name in frame.columns if name not in kept]
    if dropped:
        print(f"left out, as nothing describes them: {', '.join(dropped)}")
    title = arguments.title or ratings.name
    written = write_package(
        frame.drop(columns=dropped),
        arguments.output,
        title=title,
        description=arguments.description,
        licence=arguments.licence,
        further=further,
    )
    for path in written:
        print(path)
    if wrong := problems(arguments.output):
        raise AnalysisError("the folder does not keep its own rules: " + "; ".join(wrong))
