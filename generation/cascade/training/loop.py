"""The one training loop: every network of the cascade is a ``Task`` and is trained by ``run``.

A run keeps ``checkpoint.pt``, ``log.jsonl`` and ``curves.png`` in its folder. Started again with the same folder
it goes on from the checkpoint, and a run that counts steps ends bit for bit as if never interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Never, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from tqdm import tqdm

from generation.cascade.training import state
from generation.cascade.training.curves import Log, draw_curves
from generation.cascade.training.ranks import (
    average_gradients,
    from_first_rank,
    joined,
    mean_over_ranks,
    rank,
    told_by_first_rank,
)
from generation.cascade.training.stopping import asked_to_stop
from generation.contracts import GenerationError

__all__ = ["Draw", "Schedule", "Stopped", "Task", "mean_over_ranks", "run"]

_LOWEST_RATE = 0.02
_BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"


class Stopped(GenerationError):
    """A run was asked to stop (SIGTERM or Ctrl-C) and has saved itself."""


class Diverged(GenerationError):
    """A loss or gradient is not finite."""


@dataclass(frozen=True)
class Draw:
    """What one step is given.

    share: of the schedule that is over, in [0, 1).
    generator: on the CPU, seeded by run, rank and step; whatever a task draws by lot comes from it.
    """

    step: int
    share: float
    generator: torch.Generator
    device: torch.device


class Task(Protocol):
    """A network and how it is taught. Whatever changes in training lives in these modules; checkpoints hold them.

    optimised: one AdamW each, by name. kept: what is shipped, followed by the average.
    """

    @property
    def optimised(self) -> Mapping[str, nn.Module]: ...

    @property
    def kept(self) -> nn.Module: ...

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Name of the optimiser and its scalar loss, in turn.

        After each, the loop clears that module's gradients, runs backward, clips and steps, and only then asks for
        the next. The body runs in bf16 autocast; leave no ``with`` block open across a ``yield``.
        """
        ...

    def evaluate(self) -> dict[str, float]:
        """Figures on held-out data. The averaged weights are in ``kept``, which is in evaluation mode."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long and how fast. Exactly one of ``minutes`` (wall time) and ``steps`` is given.

    learning_rate: peak, for all optimisers or by name; warmed up over steps, then a cosine over the schedule.
    clip_norm: longest gradient of a module. ema: share of the average kept at each step, once it is warm.
    """

    minutes: float | None = None
    steps: int | None = None
    learning_rate: Mapping[str, float] | float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    warm_up_steps: int = 100
    clip_norm: float = 1.0
    ema: float = 0.999
    bf16: bool = True
    evaluate_every_minutes: float = 5.0
    save_every_s: float = 60.0
    log_every_steps: int = 20

    def __post_init__(self) -> None:
        given = [value for value in (self.minutes, self.steps) if value is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError(
                f"a schedule has either minutes or steps, above 0; got minutes {self.minutes}, steps {self.steps}"
            )

    def rate(self, name: str, step: int, share: float) -> float:
        """The learning rate of one optimiser at a step."""
        peak = self.learning_rate if isinstance(self.learning_rate, float | int) else self.learning_rate[name]
        warm = min(1.0, (step + 1) / max(1, self.warm_up_steps))
        return peak * warm * (_LOWEST_RATE + (1 - _LOWEST_RATE) * 0.5 * (1 + math.cos(math.pi * share)))


def run(
    task: Task, schedule: Schedule, folder: Path, *, seed: int, device: str | torch.device = "cpu"
) -> dict[str, float]:
    """Train until the schedule is over; gives the last evaluation with ``steps`` and ``seconds``.

    The task's modules are on the device already (see ``ranks.joined`` for the device of a rank) and ``kept`` holds
    the averaged weights afterwards. Raises Stopped after a SIGTERM or Ctrl-C, Diverged, and GenerationError when a
    checkpoint belongs to other networks, cannot be read, or cannot be written.
    """
    with joined(device) as own_device:
        return _Run(task, schedule, folder, seed, own_device).go()


class _Run:
    def __init__(self, task: Task, schedule: Schedule, folder: Path, seed: int, device: torch.device) -> None:
        self.task, self.schedule, self.folder, self.seed, self.device = task, schedule, folder, seed, device
        self.modules = {**task.optimised, "kept": task.kept}
        self.parameters = {
            name: [p for p in module.parameters() if p.requires_grad] for name, module in task.optimised.items()
        }
        self.optimisers = {
            name: torch.optim.AdamW(
                parameters, lr=1.0, betas=schedule.betas, weight_decay=schedule.weight_decay, fused=True
            )
            for name, parameters in self.parameters.items()
        }
        self.average = {name: p.detach().clone() for name, p in task.kept.named_parameters()}
        self.generator = torch.Generator()
        self.step, self.spent_s = 0, 0.0
        self._restore()
        from_first_rank([t for module in self.modules.values() for t in state.tensors(module).values()])
        from_first_rank(list(self.average.values()))
        self.log = Log(folder / "log.jsonl", self.step) if rank() == 0 else None

    def go(self) -> dict[str, float]:
        began = time.monotonic() - self.spent_s
        saved_s = evaluated_s = self.spent_s
        for module in self.modules.values():
            module.train()
        with asked_to_stop() as asked, self._bar() as bar:
            while True:
                self.spent_s = time.monotonic() - began
                # The first rank's clock decides for all of them.
                share, stop, spent_s = told_by_first_rank([self._share(), asked(), self.spent_s], self.device)
                if stop or share >= 1:
                    break
                if spent_s - evaluated_s >= 60 * self.schedule.evaluate_every_minutes:
                    evaluated_s = spent_s
                    self._evaluate()
                losses = self._one_step(share)
                if self.log is not None:
                    self.log.note(self.step, self.spent_s, losses, every=self.schedule.log_every_steps)
                    bar.set_postfix_str(f" step {self.step} {self.log.shown}", refresh=False)
                    bar.update(max(0, min(round(100 * self._share()), 100) - bar.n))
                if spent_s - saved_s >= self.schedule.save_every_s:
                    saved_s = spent_s
                    self._save()
        self._save()
        if stop:
            raise Stopped(f"{self.folder.name}: stopped and saved at step {self.step}; run it again to go on")
        figures = self._evaluate()
        state.overwrite(self.task.kept, self.average)
        self.task.kept.eval()
        return {**figures, "steps": float(self.step), "seconds": round(self.spent_s, 1)}

    def _share(self) -> float:
        if self.schedule.steps is not None:
            return self.step / self.schedule.steps
        assert self.schedule.minutes is not None
        return self.spent_s / (60 * self.schedule.minutes)

    def _one_step(self, share: float) -> dict[str, float]:
        # Seeded anew at each step, so that no generator's state has to be saved, on any number of ranks. Dropout
        # draws from the global one.
        drawn = int(np.random.SeedSequence([self.seed, rank(), self.step]).generate_state(1, np.uint64)[0])
        self.generator.manual_seed(drawn)
        torch.manual_seed(drawn)
        losses: dict[str, float] = {}
        turns = self.task.losses(Draw(self.step, share, self.generator, self.device))
        while True:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.bf16):
                turn = next(turns, None)
            if turn is None:
                break
            name, loss = turn
            self._descend(name, loss, share)
            losses[name] = float(loss.detach())
        self.step += 1
        self._follow()
        return losses

    def _descend(self, name: str, loss: Tensor, share: float) -> None:
        optimiser, parameters = self.optimisers[name], self.parameters[name]
        for group in optimiser.param_groups:
            group["lr"] = self.schedule.rate(name, self.step, share)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(parameters)
        norm = nn.utils.clip_grad_norm_(parameters, self.schedule.clip_norm)
        if not (math.isfinite(float(loss.detach())) and math.isfinite(float(norm))):
            raise Diverged(
                f"{self.folder.name}: at step {self.step} the loss of {name!r} is {float(loss.detach())} and its "
                f"gradient {float(norm)}; the last checkpoint is kept: lower the learning rate and run it again"
            )
        optimiser.step()

    def _follow(self) -> None:
        """Exponential moving average; its first steps count more, or short runs would keep their random start."""
        decay = min(self.schedule.ema, self.step / (self.step + 9))
        with torch.no_grad():
            get_ema_multi_avg_fn(decay)(  # type: ignore[no-untyped-call]
                list(self.average.values()), [p.detach() for p in self.task.kept.parameters()], self.step
            )

    def _evaluate(self) -> dict[str, float]:
        """On the first rank alone; the others wait at their next message."""
        if self.log is None:
            return {}
        own = {name: p.detach().clone() for name, p in self.task.kept.named_parameters()}
        state.overwrite(self.task.kept, self.average)
        self.task.kept.eval()
        with torch.no_grad():
            figures = self.task.evaluate()
        state.overwrite(self.task.kept, own)
        self.task.kept.train()
        self.log.evaluation(self.step, self.spent_s, figures)
        draw_curves(self.log.path, self.folder / "curves.png")
        return figures

    def _save(self) -> None:
        if rank() == 0:
            state.save(
                self.folder / "checkpoint.pt",
                {
                    "modules": {name: state.tensors(module) for name, module in self.modules.items()},
                    "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
                    "average": self.average,
                    "step": self.step,
                    "spent_s": self.spent_s,
                },
            )

    def _restore(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        saved = state.load(path, self.modules, self.device)
        for name, module in self.modules.items():
            state.overwrite(module, saved["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(saved["optimisers"][name])
        self.average = saved["average"]
        self.step, self.spent_s = saved["step"], saved["spent_s"]

    def _bar(self) -> tqdm[Never]:
        return tqdm(
            total=100,
            initial=min(100, round(100 * self._share())),
            desc=self.folder.name,
            bar_format=_BAR,
            disable=rank() != 0,
        )
