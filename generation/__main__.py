"""``python -m generation``: list systems, let one score a video, train the cascade, make demo material."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from generation.commands import comparing, judging, material, rendering, training
from generation.contracts import GenerationError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Gives the exit status: 0 done, 1 refused with one sentence, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (GenerationError, OSError) as error:
        print(f"{options.name}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generation", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)
    for kind in (rendering, comparing, material, training, judging):
        kind.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
