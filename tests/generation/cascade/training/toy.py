"""A task of a few numbers with everything a real one has: two optimisers, dropout, noise, a running buffer.

Run as a program it trains in a process of its own, which a test can kill or start twice under torchrun:
``python -m tests.generation.cascade.training.toy FOLDER STEPS [PAUSE_S]``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from generation.cascade.training import ranks
from generation.cascade.training.loop import Draw, Schedule, mean_over_ranks, run


class Network(nn.Module):
    mean: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, width), nn.Dropout(0.2), nn.Tanh(), nn.Linear(width, 1))
        self.register_buffer("mean", torch.zeros(3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x - self.mean)
        return result


class Toy:
    def __init__(self, *, width: int = 8, pause_s: float = 0.0) -> None:
        torch.manual_seed(3)
        self.network, self.critic = Network(width), nn.Linear(1, 1)
        self.optimised: Mapping[str, nn.Module] = {"network": self.network, "critic": self.critic}
        self.kept: nn.Module = self.network
        self.pause_s = pause_s

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        time.sleep(self.pause_s)
        x = torch.rand((16, 3), generator=draw.generator)
        with torch.no_grad():
            self.network.mean.lerp_(x.mean(0), 0.1)
        made = self.network(x)
        yield "network", (made - x.sum(1, keepdim=True)).square().mean() + self.critic(made).mean()
        yield "critic", (self.critic(made.detach()) - 1).square().mean()

    def evaluate(self) -> dict[str, float]:
        return {"at half": float(self.network(torch.full((1, 3), 0.5)))}


class Halves:
    """One fixed batch of eight, of which every rank sees its share."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.network = nn.Linear(3, 2)
        self.optimised: Mapping[str, nn.Module] = {"network": self.network}
        self.kept: nn.Module = self.network
        self.batch = torch.rand((8, 3), generator=torch.Generator().manual_seed(5))

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        share = self.batch.chunk(ranks.ranks())[ranks.rank()] * (1 + draw.step)
        # One output takes no part on the second rank, as when ranks draw different features.
        outputs = self.network(share)[:, : 2 - ranks.rank()]
        yield "network", outputs.square().mean(0)[:1].sum()
        yield "network", (self.network(share) - mean_over_ranks(share.mean())).square().mean()

    def evaluate(self) -> dict[str, float]:
        return {}


def threads() -> list[str]:
    """Names of this process's threads, those without a Python frame too."""
    return [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]


def main() -> None:
    torch.set_num_threads(1)
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    if sys.argv[3:] == ["halves"]:
        run(Halves(), Schedule(steps=steps, bf16=False, warm_up_steps=1), folder, seed=0)
        # Those of a group that was not destroyed abort a Python that ends before them, now and then.
        if left := [name for name in threads() if "gloo" in name]:
            sys.exit(f"the group is gone and these threads run: {', '.join(left)}")
    else:
        pause_s = float(sys.argv[3]) if sys.argv[3:] else 0.0
        run(Toy(pause_s=pause_s), Schedule(steps=steps, save_every_s=0.2), folder, seed=0)


if __name__ == "__main__":
    main()
