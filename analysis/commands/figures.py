"""``figures``: every figure of the report as a file for print, and the numbers behind it."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from analysis.commands.common import Commands, read, rules, takes_primary, takes_ratings, takes_rules
from analysis.commands.common import add as command

TOLD = """Write every figure of the report as a file, its numbers as CSV, and its table as Markdown and LaTeX.

    python -m analysis figures ratings.csv -o figures --format svg
    python -m analysis figures ratings.csv --format none        the numbers and tables only
    python -m analysis figures ratings.csv --primary v2meow-clip cmt --min-gold-right 0.75

Give the primary pairs and the rules that the report was given, so that both tell the same. Columns of a CSV are
those that `tables`, `ranking` and `monitor` write, at full precision.

Pictures need kaleido and a Chrome or Chromium: pip install "duet[print]"; BROWSER_PATH names a browser that is not
found by itself."""


def add(commands: Commands) -> None:
    parser = command(commands, "figures", brief="write the report's figures for print", told=TOLD)
    takes_ratings(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("figures"), help="folder (figures)")
    parser.add_argument(
        "--format", choices=("svg", "pdf", "png", "none"), default="svg", help="svg, pdf, png or none"
    )
    takes_primary(parser)
    takes_rules(parser)


def run(arguments: argparse.Namespace) -> None:
    import pandas as pd

    from analysis.files import csv_text
    from analysis.printing import save

    built = read(arguments).report(rules=rules(arguments), primary=arguments.primary)
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    for figure in tqdm(built.figures, unit="figure", leave=False):
        stem = folder / figure.key
        numbers = csv_text(pd.DataFrame(figure.numbers))
        stem.with_suffix(".csv").write_text(numbers, encoding="utf-8", newline="")
        stem.with_suffix(".md").write_text(figure.table.markdown(), encoding="utf-8")
        stem.with_suffix(".tex").write_text(figure.table.latex(), encoding="utf-8")
        if arguments.format != "none":
            save(figure, stem.with_suffix(f".{arguments.format}"))
    print(f"{folder}: {len(built.figures)} figures")
