"""What a rater's player did in one trial, as stretches and marks on the browser's clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studyapp.events import AUDIBLE, ReportedEvent
from studyapp.presentation import Side

SHORTEST_S = 1.0
_ENDS = ("pause", "ended", "error")


@dataclass(frozen=True, slots=True)
class Stretch:
    """One version heard from ``begin_s`` to ``end_s`` of the clock, from ``media_s`` of its video on."""

    side: Side
    begin_s: float
    end_s: float
    media_s: float
    silent: bool

    @property
    def media_end_s(self) -> float:
        return self.media_s + self.end_s - self.begin_s


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at one moment: a seek (``value``: where to, in seconds), a switch, a stall, an error, a volume."""

    kind: str
    side: Side
    at_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """A trial on the browser's clock, in seconds from when it was shown. hidden: the tab was not in front."""

    length_s: float
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]
    hidden: tuple[tuple[float, float], ...]
    volumes: tuple[tuple[float, float], ...]

    @property
    def is_empty(self) -> bool:
        return not (self.stretches or self.marks or self.hidden)


def timeline(events: Sequence[ReportedEvent]) -> Timeline:
    """In the order in which the browser counted them; one version is heard at a time."""
    drawing = _Drawing()
    for event in sorted(events, key=lambda event: event.number):
        drawing.take(event)
    return drawing.finished()


class _Drawing:
    """The events so far."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.heard: tuple[Side, float, float] | None = None  # which, since when, from which media time
        self.silent = False
        self.hidden_since: float | None = None
        self.stretches: list[Stretch] = []
        self.marks: list[Mark] = []
        self.hidden: list[tuple[float, float]] = []
        self.volumes: list[tuple[float, float]] = []

    def take(self, event: ReportedEvent) -> None:
        # A clock that runs backwards is drawn where it had been.
        self.now_s = max(self.now_s, event.clock_s)
        mine = self.heard is not None and self.heard[0] == event.side
        match event.kind:
            case "play" | "switch":
                if event.kind == "switch":
                    self._mark(event, event.media_time_s)
                self._stop()
                self.heard = (event.side, self.now_s, event.media_time_s)
            case "seek":
                self._mark(event, event.media_time_s)
                if mine:
                    self._stop()
                    self.heard = (event.side, self.now_s, event.media_time_s)
            case "hidden":
                self._stop()
                self.hidden_since = self.now_s if self.hidden_since is None else self.hidden_since
            case "visible":
                self._show()
            case "volume":
                self._turn(event)
            case "stalled":
                self._mark(event, event.media_time_s)
            case _:
                if event.kind == "error":
                    self._mark(event, event.media_time_s)
                if mine and event.kind in _ENDS:
                    self._stop()

    def finished(self) -> Timeline:
        self._stop()
        self._show()
        return Timeline(
            length_s=max(self.now_s, SHORTEST_S),
            stretches=tuple(self.stretches),
            marks=tuple(self.marks),
            hidden=tuple(self.hidden),
            volumes=tuple(self.volumes),
        )

    def _mark(self, event: ReportedEvent, value: float) -> None:
        self.marks.append(Mark(event.kind, event.side, self.now_s, value))

    def _turn(self, event: ReportedEvent) -> None:
        volume = event.value or 0.0
        self.volumes.append((self.now_s, volume))
        self._mark(event, volume)
        was_silent, silent = self.silent, volume < AUDIBLE
        if self.heard is not None and was_silent != silent:
            side, since_s, media_s = self.heard
            self._stop()
            self.heard = (side, self.now_s, media_s + self.now_s - since_s)
        self.silent = silent

    def _stop(self) -> None:
        if self.heard is None:
            return
        side, begin_s, media_s = self.heard
        if self.now_s > begin_s:
            self.stretches.append(Stretch(side, begin_s, self.now_s, media_s, self.silent))
        self.heard = None

    def _show(self) -> None:
        if self.hidden_since is not None:
            self.hidden.append((self.hidden_since, self.now_s))
        self.hidden_since = None
