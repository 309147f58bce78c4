"""Which device the networks run on. Only workers ask: asking imports torch."""

from __future__ import annotations

import gc
from functools import cache
from pathlib import Path

from django.conf import settings

from studyapp.errors import DuetError

DEVICES = ("auto", "cpu", "cuda")


def wanted() -> str:
    """The setting DUET_DEVICE. Raises DuetError naming the options."""
    chosen: str = settings.GENERATION_DEVICE
    if chosen not in DEVICES:
        raise DuetError(f"DUET_DEVICE={chosen!r} is no device; use one of {', '.join(DEVICES)}.")
    return chosen


def may_have_cuda() -> bool:
    """Whether this machine could have a CUDA device, found out without torch."""
    if wanted() != "auto":
        return wanted() == "cuda"
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


@cache
def device() -> str:
    """ "cuda" or "cpu", as asked for or as found; threads are limited on the way.

    Raises DuetError when CUDA is asked for and absent.
    """
    import torch

    # Two torch threads on a busy two-core machine wait for each other most of the time.
    torch.set_num_threads(settings.GENERATION_THREADS)
    if wanted() == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if wanted() == "cuda":
        raise DuetError(
            "DUET_DEVICE=cuda, but torch finds no CUDA device; install its driver or use DUET_DEVICE=cpu."
        )
    return "cpu"


def description(kind: str) -> str:
    """The device's name as it is stored beside a render."""
    if kind != "cuda":
        return kind
    import torch

    return f"cuda: {torch.cuda.get_device_name()}"


def release() -> None:
    """Give back the accelerator memory that nothing uses any more."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
