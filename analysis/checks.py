"""What a caller may ask for: a slip is refused with what there is, before anything is estimated from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from analysis.results import AnalysisError


def check_level(level: float) -> None:
    """Raises AnalysisError for a level of intervals and tests that is no chance, such as 95."""
    if not 0 < level < 1:
        raise AnalysisError(f"the level is a chance between 0 and 1, not {level:g}")


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raises AnalysisError for a value that is none of the choices."""
    known = tuple(choices)
    if value not in known:
        raise AnalysisError(f"{name} is one of {', '.join(map(repr, known))}, not {value!r}")


def named_pairs(primary: Collection[Any]) -> list[tuple[str, str]]:
    """Pairs of two system names each. Raises AnalysisError for a bare pair, and for what is no pair."""
    found = []
    for pair in [primary] if isinstance(primary, str) else primary:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(name, str) for name in pair):
            raise AnalysisError(
                f"primary is a list of pairs of two system names, such as [('a', 'b')], and {pair!r} is no pair"
            )
        first, second = pair
        found.append((first, second))
    return found
