"""One training run on several processes, as ``torchrun`` starts them: one a GPU, or one a CPU share.

Without torchrun every function here does nothing and there is one rank.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

LONGEST_WAIT = timedelta(hours=1)
"""Other ranks wait while the first one evaluates and writes."""


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def ranks() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def joined(device: str | torch.device) -> Iterator[torch.device]:
    """Join the other processes of a torchrun, if there are any; gives the device of this rank.

    The outermost call joins and leaves; calls inside it find the group there. Raises RuntimeError when the others
    do not come.
    """
    chosen = torch.device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield chosen
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    if distributed.is_initialized():
        yield chosen
        return
    # Optimisers import this module, whose functions have the group of that moment as a default. A group that is
    # held like this is never destroyed, and Gloo's threads abort a Python that ends before them.
    importlib.import_module("torch.distributed.nn.functional")
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
    try:
        yield chosen
        # All leave together: who is done first would pull its connections from under the others.
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


@contextmanager
def first_rank_first() -> Iterator[None]:
    """The first rank goes through the block alone and the others after it, to find what it has made."""
    if rank() > 0:
        distributed.barrier()
    yield
    if rank() == 0 and ranks() > 1:
        distributed.barrier()


def mean_over_ranks(value: Tensor) -> Tensor:
    """The mean of a tensor over all ranks, for running buffers that every rank has to hold alike. No gradient."""
    if ranks() == 1:
        return value
    total = value.detach().clone().contiguous()
    distributed.all_reduce(total)
    return total / ranks()


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the ranks, in one message.

    A parameter that took no part on this rank counts as zero when it took part on another one. What took part on
    none stays without a gradient, so that the optimiser lets it be.
    """
    if ranks() == 1:
        return
    present = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
    gradients = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
    flat = torch.cat([present, *gradients])
    distributed.all_reduce(flat)
    flat /= ranks()
    present, *means = torch.split(flat, [len(parameters), *(p.numel() for p in parameters)])
    for parameter, mean, there in zip(parameters, means, present.tolist(), strict=True):
        parameter.grad = mean.view_as(parameter) if there else None


def from_first_rank(tensors: Sequence[Tensor]) -> None:
    """Overwrite tensors by those of the first rank."""
    if ranks() > 1:
        for tensor in tensors:
            distributed.broadcast(tensor.detach(), 0)


def told_by_first_rank(numbers: Sequence[float], device: torch.device) -> list[float]:
    """What the first rank says, so that all of them go on or stop together."""
    if ranks() == 1:
        return list(numbers)
    told = torch.tensor(numbers, dtype=torch.float64, device=device)
    distributed.broadcast(told, 0)
    return [float(number) for number in told.tolist()]
