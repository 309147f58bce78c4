"""A training run's time, learning rate, checkpoints and progress bar.

Runs are planned in minutes, not steps, so that one command gives a result on a slow machine too; the learning rate
follows the share of the time that has passed. A run that was interrupted goes on from its last checkpoint.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import torch
from torch import nn
from tqdm import tqdm

SAVE_EVERY_S = 60.0


class Clock:
    """Drives one part's training loop. ``path`` is the part's checkpoint.

    most_steps: stop after this many steps if the time has not run out before; the share then counts steps.
    """

    def __init__(self, name: str, minutes: float, path: Path, seed: int, most_steps: int | None = None) -> None:
        self.name = name
        self.seconds = 60.0 * minutes
        self.path = path
        self.generator = torch.Generator().manual_seed(seed)
        self.most_steps = most_steps
        self.step = 0
        self.spent_s = 0.0
        self._average = 0.0
        self._saved_s = 0.0
        self._bar: tqdm[Never] | None = None

    def restore(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Go on from the checkpoint, when there is one."""
        if not self.path.exists():
            return
        saved = torch.load(self.path, weights_only=True)
        model.load_state_dict(saved["model"])
        for name, value in saved["buffers"].items():
            model.get_buffer(name).copy_(value)
        optimiser.load_state_dict(saved["optimiser"])
        self.generator.set_state(saved["generator"])
        self.step, self.spent_s = saved["step"], saved["spent_s"]
        self._saved_s = self.spent_s

    def steps(self) -> Iterator[float]:
        """Yields the share of the time spent, in [0, 1), until the time is over."""
        began = time.monotonic() - self.spent_s
        shape = "{desc} {percentage:3.0f}%|{bar}| {elapsed} of {remaining} left{postfix}"
        with tqdm(total=round(self.seconds), initial=round(self.spent_s), desc=self.name, bar_format=shape) as bar:
            self._bar = bar
            while (share := self._share()) < 1:
                yield share
                self.spent_s = time.monotonic() - began
                bar.update(min(round(self.spent_s), round(self.seconds)) - bar.n)

    def _share(self) -> float:
        by_time = self.spent_s / self.seconds
        return by_time if self.most_steps is None else max(by_time, self.step / self.most_steps)

    def set_rate(self, optimiser: torch.optim.Optimizer, peak: float, share: float) -> None:
        """Short warm-up by steps, then a cosine down to a fiftieth over the time."""
        warm = min(1.0, (self.step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))

    def note(self, loss: float, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Count a step, show the running loss, save now and then."""
        self.step += 1
        blend = max(0.02, 1 / self.step)
        self._average += blend * (loss - self._average)
        if self._bar is not None and self.step % 20 == 0:
            self._bar.set_postfix_str(f" step {self.step} loss {self._average:.3f}", refresh=False)
        if self.spent_s - self._saved_s > SAVE_EVERY_S:
            self.save(model, optimiser)

    def save(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Write the checkpoint at one stroke, so that a killed run leaves the one before."""
        self._saved_s = self.spent_s
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = set(model.state_dict())
        fresh = self.path.with_suffix(".new")
        torch.save(
            {
                "model": model.state_dict(),
                "buffers": {name: value for name, value in model.named_buffers() if name not in kept},
                "optimiser": optimiser.state_dict(),
                "generator": self.generator.get_state(),
                "step": self.step,
                "spent_s": self.spent_s,
            },
            fresh,
        )
        os.replace(fresh, self.path)
