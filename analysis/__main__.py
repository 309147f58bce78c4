"""``python -m analysis``: from an exported table of ratings to a report or to tables, with no database."""

from __future__ import annotations

import argparse
import sys

from analysis.commands import check, codebook, figures, monitor, package, power, ranking, report, tables

COMMANDS = {
    "check": check,
    "report": report,
    "tables": tables,
    "figures": figures,
    "ranking": ranking,
    "monitor": monitor,
    "power": power,
    "package": package,
    "codebook": codebook,
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for command in COMMANDS.values():
        command.add(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from analysis.files import SchemaError
    from analysis.results import AnalysisError

    try:
        COMMANDS[arguments.command].run(arguments)
    except (SchemaError, AnalysisError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
