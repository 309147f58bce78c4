"""Numbers of things, as sentences have them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """“1 rater”, “2 raters”, “1,200 raters”; ``noun`` takes an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
