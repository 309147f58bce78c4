"""``codebook``: what each column of the ratings means."""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.commands.common import Commands, write
from analysis.commands.common import add as command

TOLD = """Print what each column of the contract means and may hold, as CSV. A site's dataset brings a codebook of
its own, which also has the columns beyond the contract."""


def add(commands: Commands) -> None:
    parser = command(commands, "codebook", brief="print what each column of the ratings means, as CSV", told=TOLD)
    parser.add_argument("-o", "--output", type=Path, help="write to this file instead")


def run(arguments: argparse.Namespace) -> None:
    from analysis.files import csv_text
    from analysis.schema import codebook

    write(csv_text(codebook()), arguments.output)
