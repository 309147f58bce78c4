"""What a loop of the shipped library is before it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from generation.baselines.loops.make.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Sketch:
    """One loop: what it does in its family, how long it is, and how it is played onto a canvas.

    pitched: whether it has notes, and with them the family's key.
    """

    name: str
    role: str
    bars: int
    tags: tuple[str, ...]
    write: Callable[[Canvas], None]
    pitched: bool = True


@dataclass(frozen=True, slots=True)
class Family:
    """Loops that fit one another: one tempo, one key, one progression of chords.

    swing, swing_steps: as Canvas has them. tags: of every loop, beside its own.
    """

    name: str
    bpm: int
    key: str
    tags: tuple[str, ...]
    sketches: tuple[Sketch, ...]
    swing: float = 0.5
    swing_steps: int = 2
