"""How many threads a process computes with: torch's, and those of numpy's BLAS, which decoding uses too."""

from __future__ import annotations


def use_threads(count: int) -> None:
    """Let this process compute with ``count`` threads; 1 is best wherever other work shares the machine.

    On a busy machine two threads wait for each other most of the time (docs/performance.md).
    """
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(count)
    threadpool_limits(count, user_api="blas")
