"""Figures as the live page shows them: systems as they are called there, lines as parts of a drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studyapp.questions import Question
from studyapp.watching.figures import Cell, Figures, Line


@dataclass(frozen=True, slots=True)
class Progress:
    """Ratings against what is wanted, by people and by simulated raters; a name and parts of 100."""

    name: str
    people: int
    simulated: int
    quota: int

    @property
    def people_percent(self) -> float:
        return min(100.0, 100 * self.people / self.quota) if self.quota else 0.0

    @property
    def simulated_percent(self) -> float:
        room = 100.0 - self.people_percent
        return min(room, 100 * self.simulated / self.quota) if self.quota else 0.0


@dataclass(frozen=True, slots=True)
class PairProgress:
    """One pair: all of it, and by genre."""

    first: str
    second: str
    whole: Progress
    genres: tuple[Progress, ...]


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """One pair under one question. Percentages are of net preference, + for ``first``.

    The drawing is 100 wide with no preference in its middle; what favours ``first`` is on the left, as in reports.
    """

    question: str
    first: str
    second: str
    raters: int
    net: float
    low: float
    high: float
    evidence: str
    needed: str
    reached_at: int | None
    decision: str
    says_stop: bool
    primary: bool

    @property
    def x(self) -> float:
        return 50 - self.high / 2

    @property
    def width(self) -> float:
        return max((self.high - self.low) / 2, 0.5)

    @property
    def dot(self) -> float:
        return 50 - self.net / 2 - 0.6


def pairs(figures: Figures, called: Mapping[str, str]) -> tuple[PairProgress, ...]:
    """In the order of what they are called, which says nothing of what they are."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in figures.cells:
        found.setdefault(_in_order(called[cell.system_1], called[cell.system_2]), []).append(cell)
    return tuple(
        PairProgress(*names, _together("", cells), tuple(_together(cell.genre, [cell]) for cell in cells))
        for names, cells in sorted(found.items(), key=lambda item: _key(*item[0]))
    )


def genres(figures: Figures) -> tuple[Progress, ...]:
    """All pairs together, by genre."""
    found: dict[str, list[Cell]] = {}
    for cell in figures.cells:
        found.setdefault(cell.genre, []).append(cell)
    return tuple(_together(genre, cells) for genre, cells in sorted(found.items()))


def lines(figures: Figures, called: Mapping[str, str]) -> tuple[WatchedLine, ...]:
    """By question and then as the pairs are ordered."""
    made = [_line(line, called) for line in figures.lines]
    labels = [str(question.label) for question in Question]
    return tuple(sorted(made, key=lambda one: (labels.index(one.question), _key(one.first, one.second))))


def slugs(figures: Figures) -> set[str]:
    """Every system that the figures name."""
    named = [(one.system_1, one.system_2) for one in figures.cells]
    named += [(one.system_1, one.system_2) for one in figures.lines]
    return {slug for pair in named for slug in pair}


def _line(line: Line, called: Mapping[str, str]) -> WatchedLine:
    first, second = called[line.system_1], called[line.system_2]
    net, low, high = 100 * line.net, 100 * line.low, 100 * line.high
    # Which system is the older one must not show in which is named first.
    if _in_order(first, second) != (first, second):
        first, second, net, low, high = second, first, -net, -high, -low
    return WatchedLine(
        question=str(Question(line.question).label),
        first=first,
        second=second,
        raters=line.raters,
        net=net,
        low=low,
        high=high,
        evidence=_short(line.evidence),
        needed=_short(line.needed),
        reached_at=line.reached_at,
        decision=line.decision,
        says_stop=line.says_stop,
        primary=line.primary,
    )


def _short(evidence: float) -> str:
    return f"{evidence:.2g}" if evidence < 10 else f"{evidence:.0f}" if evidence < 10_000 else "over 10 000"


def _together(name: str, cells: Iterable[Cell]) -> Progress:
    cells = list(cells)
    return Progress(
        name,
        sum(one.people for one in cells),
        sum(one.simulated for one in cells),
        sum(one.quota for one in cells),
    )


def _in_order(first: str, second: str) -> tuple[str, str]:
    return (first, second) if _key(first) <= _key(second) else (second, first)


def _key(*names: str) -> tuple[tuple[int, str], ...]:
    """System Z comes before System AA."""
    return tuple((len(name), name) for name in names)
