"""``python -m generation.baselines.cmt.training.train``: trains ``cmt-tiny`` from nothing on the self-made band.

One CPU core and half an hour are enough. The result carries how it was made in its metadata.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from generation.baselines.cmt.network import CMT, TINY
from generation.baselines.cmt.training.band import compose
from generation.baselines.cmt.words import BAR, BEAT, GENRES, encode, prefix

WORDS = 384
BATCH = 8
HELD_OUT = 1_000_000
"""Seeds from here on are never trained on."""
_PEAK, _WARM_UP, _CLIP, _AVERAGE = 1.5e-3, 200, 1.0, 0.999
_LONGEST_BARS = 40
_UNNAMED = 0.15


def example(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """One window: prefix [7, 3], words [WORDS + 1, 9] and where the next word is real [WORDS]."""
    draw = np.random.default_rng([seed, 7])
    bars = int(draw.integers(3, _LONGEST_BARS + 1))
    genre, notes = compose(seed, bars)
    words = encode(notes, bars)
    starts = np.flatnonzero(words[:, BEAT] == BAR)
    start = 0 if draw.random() < 0.5 else int(draw.choice(starts))
    window = words[start : start + WORDS + 1]
    padded = np.zeros((WORDS + 1, words.shape[1]), dtype=np.int64)
    padded[: len(window)] = window
    named = 0 if draw.random() < _UNNAMED else GENRES.index(genre)
    real = np.arange(1, WORDS + 1) < len(window)
    return torch.from_numpy(prefix(named)), torch.from_numpy(padded), torch.from_numpy(real)


def batches(first: int, size: int) -> Iterator[list[Tensor]]:
    """Batches of prefix, words and real without end, each seed once."""
    while True:
        examples = [example(seed) for seed in range(first, first + size)]
        yield [torch.stack(part) for part in zip(*examples, strict=True)]
        first += size


def train(out: Path, minutes: float, steps: int, seed: int = 0) -> None:
    """Train for so many steps or minutes, whichever is over first, and write the averaged weights to ``out``."""
    torch.manual_seed(seed)
    network = CMT(TINY)
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK, betas=(0.9, 0.98), weight_decay=0.01)
    source = batches(seed * 100_000_000 + 2 * HELD_OUT, BATCH)
    held_out = next(batches(HELD_OUT, 32))
    began = time.monotonic()
    done = 0
    with tqdm(total=steps, unit="step") as bar:
        for step in range(steps):
            gone = max(step / steps, (time.monotonic() - began) / (60 * minutes))
            if gone >= 1:
                break
            rate = _PEAK * min(1.0, (step + 1) / _WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * gone)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = network.loss(*next(source))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            optimiser.step()
            _follow(average, network, min(_AVERAGE, (step + 1) / (step + 10)))
            bar.update()
            done += 1
            if step % 100 == 99:
                bar.set_postfix(loss=loss.item(), held_out=_loss(average, held_out))
            if step % 500 == 499:
                _write(out, average, step + 1, seed, held_out)
    _write(out, average, done, seed, held_out)


def _follow(average: CMT, network: CMT, kept: float) -> None:
    for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
        slow.data.lerp_(fast.data, 1 - kept)


@torch.inference_mode()
def _loss(network: CMT, batch: list[Tensor]) -> float:
    return float(network.loss(*batch))


def _write(out: Path, network: CMT, steps: int, seed: int, held_out: list[Tensor]) -> None:
    state = {name: value.half() for name, value in network.state_dict().items()}
    made = {
        "steps": steps,
        "seed": seed,
        "held_out_loss": round(_loss(network, held_out), 4),
        "music": "composed by generation/baselines/cmt/training/band.py; no recording, no corpus",
        "licence": "Apache-2.0",
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, out, metadata={"made": json.dumps(made)})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m generation.baselines.cmt.training.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=6000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(options.out, options.minutes, options.steps)


if __name__ == "__main__":
    main()
