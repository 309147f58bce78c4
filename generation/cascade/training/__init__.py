"""Train a preset of the cascade from nothing: part by part, seeded, resumable, in a given number of minutes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def train(
    preset: str,
    out: Path,
    *,
    parts: Sequence[str] | None,
    seed: int,
    minutes: float | None,
    work: Path | None = None,
) -> Path:
    """Train and write ``out/<preset>.safetensors``; gives its path.

    parts: which to train now, all by default. Parts left out are taken from ``work`` (``var/training/<preset>`` by
        default), where finished and interrupted parts are kept; a finished part named here goes on from its end.
    minutes: wall time for all the parts together; each has its usual share of it.
    Raises ValueError on an unknown preset or part, FileNotFoundError when a part left out was never trained.
    """
    from generation.cascade.training.parts import train_parts

    return train_parts(
        preset, out, parts=parts, seed=seed, minutes=minutes, work=work or Path("var/training") / preset
    )
