"""The swap check from a command line: ``python -m generation.baselines.loops.judging [FOLDER]``."""

from __future__ import annotations

import sys

import torch

from generation.baselines.loops.judging.swap import play_all, swap_check
from generation.baselines.loops.retrieval import build
from generation.metrics.following import Beside

DURATION_S = 10.0


def main(library: str) -> None:
    """Print both figures for a library; "" is the shipped one."""
    torch.set_num_threads(1)
    kinds, heard = play_all(build("default", {"library": library}, "cpu"), DURATION_S)
    swap = swap_check(kinds, heard)
    print(f"{swap.prompts} prompts of {len(set(kinds))} kinds, {DURATION_S:.0f} s each")
    print(f"nearest to its own kind: {_line(swap.share)}")
    print(f"tagger's probability of its kind's tags: {_line(swap.probability)}")


def _line(beside: Beside) -> str:
    difference = beside.difference
    return (
        f"own {beside.own:.3f}, swapped {beside.other:.3f}, difference {difference.value:.3f} "
        f"[{difference.low:.3f}, {difference.high:.3f}]"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
