"""What a folder or manifest names: entries to be tried, and lines that cannot be, grouped by what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

# What differs from line to line in one reason: quoted values, names of files, numbers.
_PARTICULAR = re.compile(r"“[^”]*”|\S+\.\w{2,4}\b|\b\d+(?:[.,:]\d+)*\b")
SHOWN_OF_EACH = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One clip to be made; what is said of it is empty where nothing is said.

    where: how a message points at it, a file's name or a manifest's line. genre_rule: the rule that made the genre
    of labels or a name; empty where the genre was given. segment_s: the listed segment's length, where the file
    may hold that segment alone instead of the whole video: then start_s counts only if the file is longer than it.
    """

    where: str
    file: Path
    clip_id: str
    genre: str = ""
    genre_rule: str = ""
    labels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    caption: str = ""
    licence: str = ""
    source_url: str = ""
    start_s: float = 0.0
    segment_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One file or line that was not taken: what is wrong with it and what to do."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RefusalGroup:
    """Everything that was refused for one reason; first are a few to look at."""

    reason: str
    count: int
    first: tuple[Refusal, ...]

    @property
    def further(self) -> int:
        return self.count - len(self.first)


@dataclass(slots=True)
class Listing:
    """Everything a folder or manifest names, sorted into what can be tried and what cannot.

    shape: what it was read as. ignored: names in a folder that do not look like media at all, columns that say
    nothing to Duet.
    """

    shape: str = ""
    entries: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


class BadLine(Exception):
    """A manifest line that cannot be used; the message says what to do."""


def grouped(refusals: Iterable[Refusal]) -> list[RefusalGroup]:
    """The refusals by reason, the most frequent first; values, names and numbers do not make another reason."""
    groups: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        groups.setdefault(_PARTICULAR.sub("…", refusal.reason), []).append(refusal)
    found = [
        RefusalGroup(
            reason if len(members) > 1 else members[0].reason, len(members), tuple(members[:SHOWN_OF_EACH])
        )
        for reason, members in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)
