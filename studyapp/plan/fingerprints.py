"""Short digests of single values, by which a form notices that somebody else changed one meanwhile. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

_LENGTH = 16


def as_json(value: Any) -> Any:
    """A field's value as JSON holds it: decimals and dates as text, everything else as it is."""
    return str(value) if isinstance(value, Decimal | date) else value


def fingerprint(value: Any) -> str:
    """16 hexadecimal digits, the same ones for equal values."""
    if isinstance(value, str):
        # A browser sends text areas with other line ends than it got, and forms strip.
        value = value.replace("\r\n", "\n").strip()
    text = json.dumps(as_json(value), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def fingerprints(values: Mapping[str, Any]) -> dict[str, str]:
    """One for each name."""
    return {name: fingerprint(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What somebody else changed while a form was open: ``theirs`` alone, and what ``both`` changed, otherwise."""

    theirs: tuple[str, ...]
    both: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.theirs or self.both)


def meanwhile(*, loaded: Mapping[str, str], mine: Mapping[str, str], now: Mapping[str, str]) -> Meanwhile:
    """Compare three states of the same fields: as the form got them, as it sends them, as they are stored.

    A field that the form sent nothing usable for is missing in ``mine`` and counts as changed there.
    """
    moved = [name for name, value in now.items() if loaded.get(name) != value and mine.get(name) != value]
    theirs = tuple(name for name in moved if mine.get(name) == loaded.get(name))
    return Meanwhile(theirs, tuple(name for name in moved if name not in theirs))


def written(prints: Mapping[str, str]) -> str:
    """As a hidden field carries them."""
    return json.dumps(dict(prints), sort_keys=True, separators=(",", ":"))


def read(text: str) -> dict[str, str]:
    """What ``written`` wrote. Raises ValueError for anything else."""
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"{text[:40]!r} is no list of fingerprints")
    return found
