"""Side to system and back: the one place where what was presented becomes what was meant. Pure.

``left`` (the rater's A) and ``right`` (B) are as presented; ``1`` and ``2`` are the comparison's canonical order.
"""

from __future__ import annotations

from typing import Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
LETTERS: dict[Side, str] = {"left": "A", "right": "B"}


class Presented(NamedTuple, Generic[T]):
    left: T
    right: T


def presented(first: T, second: T, *, left_is_1: bool) -> Presented[T]:
    """Put a canonical pair onto its sides."""
    return Presented(first, second) if left_is_1 else Presented(second, first)


def presented_score(choice: int) -> int:
    """1…5 as read from A to B, to +2…−2 where + favours the left side."""
    if not 1 <= choice <= 5:
        raise ValueError(f"choice {choice} is not between 1 and 5")
    return 3 - choice


def canonical_score(choice: int, *, left_is_1: bool) -> int:
    """1…5 as read from A to B, to −2…+2 where + favours the canonical first system."""
    score = presented_score(choice)
    return score if left_is_1 else -score
