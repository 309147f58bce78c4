"""What a running study's figures are, and how they are kept as JSON in a Snapshot. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

VERSION = 2
"""Of what is stored: figures that an older Duet wrote are worked out anew, not misread."""
PEOPLE, SIMULATED, PILOT = "people", "simulated", "pilot"


@dataclass(frozen=True, slots=True)
class Heads:
    """Sessions of one kind of rater, by state; ``answers`` are Response rows."""

    who: str
    states: dict[str, int]
    answers: int

    @property
    def total(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Blocks:
    """Places: ``packed`` ones hold what ended sessions left, ``waves`` counts extensions."""

    free: int
    claimed: int
    retired: int
    packed: int
    packed_free: int
    waves: int
    void_waiting: int

    @property
    def total(self) -> int:
        """A retired block's trials live on in newer ones."""
        return self.free + self.claimed


@dataclass(frozen=True, slots=True)
class Cell:
    """Ratings of one pair (slugs) and genre: wanted, and given by people and by simulated raters."""

    system_1: str
    system_2: str
    genre: str
    comparisons: int
    quota: int
    people: int
    simulated: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step from consent to completion: who came so far, who is there now, who left there."""

    label: str
    reached: int
    here: int
    left: int


@dataclass(frozen=True, slots=True)
class Check:
    """How often one check failed. ``name`` is what alarms know it by, ``unit`` what is counted."""

    name: str
    label: str
    unit: str
    failed: int
    of: int

    @property
    def share(self) -> float:
        return self.failed / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """One question and pair as ``analysis.sequential`` watches it; bounds of net preference for ``system_1``."""

    question: str
    system_1: str
    system_2: str
    raters: int
    net: float
    low: float
    high: float
    evidence: float
    needed: float
    reached_at: int | None
    decision: str
    primary: bool

    @property
    def says_stop(self) -> bool:
        return self.decision.startswith("stop")


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Seconds, of so many."""

    of: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One study at one moment.

    about: whose sessions steps, checks, times, lines and arrivals are about; simulated raters' only where no
    person came. pilot: they are the pilot's. arrivals: of each of the last hours, oldest first. quiet_since: the
    last answer, or when raters were let in since. ended and left: of the last sessions that ended, all, and those
    who went of their own accord. completed_an_hour: within the last day; 0 while too few were completed to tell,
    and expected_end None. disk_free and disk_total: bytes. breaking: sessions, by key and the newest first, whose
    rater breaks a rule that the study declared, of people and of simulated raters. lines_declared: how many lines
    the stopping rule is about, answered or not.
    """

    at: datetime
    state: str
    pilot: bool
    about: str
    heads: tuple[Heads, ...]
    blocks: Blocks
    cells: tuple[Cell, ...]
    steps: tuple[Step, ...]
    ended: int
    left: int
    checks: tuple[Check, ...]
    lines: tuple[Line, ...]
    trial_s: Quartiles | None
    arrivals: tuple[int, ...]
    completed_an_hour: float
    quiet_since: datetime | None
    expected_end: datetime | None
    stimuli_failed: int
    stimuli_held: int
    disk_free: int
    disk_total: int
    breaking: dict[str, list[int]] = field(default_factory=dict)
    lines_declared: int = 0

    @property
    def quota(self) -> int:
        return sum(cell.quota for cell in self.cells)

    @property
    def people(self) -> int:
        return sum(cell.people for cell in self.cells)

    @property
    def simulated(self) -> int:
        return sum(cell.simulated for cell in self.cells)

    def of(self, who: str) -> Heads:
        return next((heads for heads in self.heads if heads.who == who), Heads(who, {}, 0))

    def to_json(self) -> dict[str, Any]:
        stored = {**asdict(self), "version": VERSION}
        for name in ("at", "quiet_since", "expected_end"):
            stored[name] = stored[name].isoformat() if stored[name] else None
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Figures | None:
        """None for what is not there, or was written by a Duet that counted otherwise."""
        if stored.get("version") != VERSION:
            return None
        values = {name: value for name, value in stored.items() if name != "version"}
        for name in ("at", "quiet_since", "expected_end"):
            values[name] = datetime.fromisoformat(values[name]) if values[name] else None
        for name, kind in _PARTS.items():
            values[name] = tuple(kind(**part) for part in values[name])
        values["blocks"] = Blocks(**values["blocks"])
        values["trial_s"] = Quartiles(**values["trial_s"]) if values["trial_s"] else None
        values["arrivals"] = tuple(values["arrivals"])
        return cls(**values)


_PARTS: Mapping[str, type[Heads] | type[Cell] | type[Step] | type[Check] | type[Line]] = {
    "heads": Heads,
    "cells": Cell,
    "steps": Step,
    "checks": Check,
    "lines": Line,
}
