"""What the baselines cost: ``make bench`` prints it.

One thread; seconds of the processor, with what ffmpeg and other children took. CMT's writing is timed for clips of
10, 30 and 60 s beside the published way of doing it, which runs the whole prefix again for every word; that one is
timed for a few words at each length and multiplied.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from generation.baselines.cmt.compose import compose
from generation.baselines.cmt.controls import Controls
from generation.baselines.cmt.network import CMT
from generation.baselines.cmt.system import build
from generation.baselines.cmt.words import TICKS, Words, prefix
from generation.contracts import Request
from generation.media.master import make_master
from generation.metrics.systems import Contender, play
from generation.world import plan
from generation.world.demo import write_clip

LENGTHS_S = (10, 30, 60)
TEMPO = 120.0
AT_ONCE = 6
SYSTEMS = (("loop-retrieval", "default"), ("cmt", "tiny"), ("riffusion", "tiny"))
ALLOWED_S = {"loop-retrieval": 2.0, "cmt": 10.0, "riffusion": 30.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=2, help="ten-second clips that each system scores (2)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lengths(build("tiny", {"genre": "pop", "control": "on", "font": ""}, "cpu").network)
    clips(options.clips)


def lengths(network: CMT) -> None:
    print("\nCMT: writing words, one core")
    print(f"{'clip':>6} {'words':>6} {'ours':>8} {'a word':>9} {'prefix again':>13} {'ratio':>7}")
    for seconds in LENGTHS_S:
        bars = round(seconds * TEMPO / 240)
        asked = Controls(TEMPO, bars * TICKS, (9,) * bars, tuple((tick, 4) for tick in range(0, bars * TICKS, 8)))
        began = time.process_time()
        words = compose(network, asked, genre=5, seed=1)
        ours = time.process_time() - began
        theirs = again(network, words)
        row = (
            f"{seconds:>4} s {len(words):>6} {ours:>6.2f} s {1000 * ours / len(words):>6.2f} ms {theirs:>11.1f} s"
        )
        print(f"{row} {theirs / ours:>6.1f}×")


@torch.inference_mode()
def again(network: CMT, words: Words) -> float:
    """Seconds that the same words take when each needs the whole prefix: a few timed, the rest between them."""
    start, whole = torch.from_numpy(prefix(5))[None], torch.from_numpy(words)[None]
    spent = []
    for index in range(1, AT_ONCE + 1):
        length = len(words) * index // AT_ONCE
        began = time.process_time()
        network.hidden(start, whole[:, :length])
        spent.append(time.process_time() - began)
    return sum(spent) / AT_ONCE * len(words)


def clips(count: int) -> None:
    print("\nWhole systems, ten-second clips, one core; the first clip brings the loading with it")
    print(f"{'system':<16} {'first':>8} {'later':>8} {'wanted':>8} {'peak':>9}")
    with tempfile.TemporaryDirectory(prefix="duet-bench-") as room:
        requests = []
        for index in range(count):
            piece = plan(500 + index)
            write_clip(piece, Path(room) / f"{index}.mp4")
            master = make_master(
                Path(room) / f"{index}.mp4", Path(room) / f"m{index}.mp4", start_s=0.0, duration_s=10.0
            )
            requests.append(Request(f"clip{index}", master.path, master.duration_s, index, piece.caption))
        for key, preset in SYSTEMS:
            played = play(Contender(key, preset), requests, lambda share, doing: None)
            first, *later = [one.seconds for one in played]
            mean = sum(later) / len(later) if later else first
            name, wanted = Contender(key, preset).name, ALLOWED_S[key]
            print(f"{name:<16} {first:>6.1f} s {mean:>6.1f} s {wanted:>6.0f} s {played[-1].peak_mib:>5.0f} MiB")


if __name__ == "__main__":
    main()
