"""What came of one try at a step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """``points`` right answers ``of`` so many; None of both where a step asks and does not judge."""

    points: int | None
    of: int | None
    passed: bool


ASKED = Score(None, None, passed=True)
"""Of a step that only asks."""
