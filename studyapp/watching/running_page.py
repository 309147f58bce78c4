"""Figures as the live page shows them: pairs as they are called there, lines as parts of a drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studyapp.questions import Question
from studyapp.watching.figures import Cell, Figures, Line

Called = Mapping[tuple[str, str], str]
"""Pairs of slugs, in the order to show them in, to what they are called."""


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

    pair: str
    whole: Progress
    genres: tuple[Progress, ...]


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """One pair under one question. Percentages are of net preference, + for ``first``.

    The drawing is 100 wide with no preference in its middle; what favours ``first`` is on the left, as in reports.
    Where names are not shown, ``first`` and ``second`` are empty and + is for whichever is ahead.
    """

    question: str
    pair: str
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


def pairs(figures: Figures, called: Called) -> tuple[PairProgress, ...]:
    """In the order of ``called``."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in figures.cells:
        found.setdefault((cell.system_1, cell.system_2), []).append(cell)
    return tuple(
        PairProgress(label, _together("", cells), tuple(_together(cell.genre, [cell]) for cell in cells))
        for pair, label in called.items()
        if (cells := found.get(pair))
    )


def genres(figures: Figures) -> tuple[Progress, ...]:
    """All pairs together, by genre."""
    found: dict[str, list[Cell]] = {}
    for cell in figures.cells:
        found.setdefault(cell.genre, []).append(cell)
    return tuple(_together(genre, cells) for genre, cells in sorted(found.items()))


def lines(figures: Figures, called: Called, *, shown: bool) -> tuple[WatchedLine, ...]:
    """By question and then in the order of ``called``; without directions where names are not shown."""
    made = [_line(line, called, shown=shown) for line in figures.lines]
    labels = [str(question.label) for question in Question]
    order = list(called.values())
    return tuple(sorted(made, key=lambda one: (labels.index(one.question), order.index(one.pair))))


def compared(figures: Figures) -> set[tuple[str, str]]:
    """Every pair that the figures tell of."""
    told: tuple[Cell | Line, ...] = (*figures.cells, *figures.lines)
    return {(one.system_1, one.system_2) for one in told}


def _line(line: Line, called: Called, *, shown: bool) -> WatchedLine:
    net, low, high = 100 * line.net, 100 * line.low, 100 * line.high
    # By a level score the bounds may still lean.
    if not shown and (net, low + high) < (0, 0):
        net, low, high = -net, -high, -low
    return WatchedLine(
        question=str(Question(line.question).label),
        pair=called[line.system_1, line.system_2],
        first=line.system_1 if shown else "",
        second=line.system_2 if shown else "",
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
