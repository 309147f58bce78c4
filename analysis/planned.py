"""What a plan is made of: the facts it starts from, and comparisons, trials and blocks as planned. Stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["left", "right"]
Kind = Literal["test", "repeat", "gold", "identical", "training"]


class DesignError(ValueError):
    """The design asked for cannot be made; the message says which number to change."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What sampling needs to know of a clip: which systems can score it."""

    clip_id: str
    genre: str
    systems: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class PlannedComparison:
    """Two systems on one clip; ``system_1`` and ``system_2`` keep the order of their pair (canonical).

    expected: the system of a gold pair that is known to be the better one; a system beside itself is an identical
    pair. Both check the rater and are never estimated from; nor is what is for practice.
    """

    clip_id: str
    genre: str
    system_1: str
    system_2: str
    expected: str = ""
    practice: bool = False

    @property
    def kind(self) -> Kind:
        """What a trial of it is for: training, gold, identical, or a test."""
        if self.practice:
            return "training"
        if self.system_1 == self.system_2:
            return "identical"
        return "gold" if self.expected else "test"

    @property
    def pair(self) -> tuple[str, str]:
        return (self.system_1, self.system_2)


@dataclass(frozen=True, slots=True)
class CellShortfall:
    """A cell with fewer clips than wanted; it gives all it has."""

    pair: tuple[str, str]
    genre: str
    wanted: int
    found: int


@dataclass(frozen=True, slots=True)
class Sample:
    comparisons: tuple[PlannedComparison, ...]
    shortfalls: tuple[CellShortfall, ...]


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One presentation. ``comparison`` indexes ``Design.comparisons``.

    ``repeats`` is the position (from 1, in the same block) of the trial this one repeats, else None.
    """

    comparison: int
    left_is_1: bool
    played_first: Side
    kind: Kind = "test"
    repeats: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedBlock:
    """The ordered trials of one session; a trial's position is its index + 1."""

    trials: tuple[PlannedTrial, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """The whole plan. ``notes`` says which rule had to be relaxed, and why."""

    seed: int
    comparisons: tuple[PlannedComparison, ...]
    blocks: tuple[PlannedBlock, ...]
    shortfalls: tuple[CellShortfall, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnansweredTrial:
    """A test trial that an expired session left; ``comparison_key`` is the caller's identity of the comparison."""

    comparison_key: str | int
    clip_id: str
    genre: str
    pair: tuple[str, str]
    left_is_1: bool
    played_first: Side


@dataclass(frozen=True, slots=True)
class TrialCounts:
    """What a configuration asks of raters. One block is one session; ``ratings`` are the test trials."""

    comparisons: int
    ratings: int
    repeats: int
    checks: int
    training: int
    trials: int
    blocks: int
    shortest_block: int
    longest_block: int


@dataclass(frozen=True, slots=True)
class Checks:
    """Comparisons that check the rater, and how many of a kind each block gets; drawn from level over blocks."""

    gold: tuple[PlannedComparison, ...] = ()
    identical: tuple[PlannedComparison, ...] = ()
    gold_per_block: int = 0
    identical_per_block: int = 0

    @property
    def per_block(self) -> int:
        return self.gold_per_block + self.identical_per_block
