"""Play events to coverage: how much of each version was really played. Pure.

A browser tells when it played what. It is believed only as far as its own clock allows (media time cannot run more
than 5 % ahead of the clock, so a jump to the end or double speed counts for nothing) and as far as the server's
clock allows (nothing can have been played for longer than it has been there to play). Only the version that is
heard counts: not the one that runs along muted, nothing at volume 0, and nothing in a hidden tab.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from reprlib import repr as short
from typing import Literal, cast, get_args

from studyapp.presentation import SIDES, Presented, Side

Kind = Literal[
    "play",
    "pause",
    "seek",
    "ended",
    "progress",
    "error",
    "hidden",
    "visible",
    # In free replay both run, one of them muted: from here on this side is the one that is heard.
    "switch",
    "stalled",
    "volume",
]

# Media over clock time that still counts as rate 1.0: timers round, and fast playback is 1.25 or more.
MAX_RATE = 1.05
# Grain of currentTime and of two clocks read one after the other.
TOLERANCE_S = 0.25
# Seconds between two stretches that are one: pausing and going on loses a frame or two.
JOIN_S = 0.1
# Below this volume nothing is heard. The version that runs along unheard has a hundredth of a per cent.
AUDIBLE = 0.02
# The browser's clock only runs forwards; two tabs of one trial differ by what a slow connection takes.
CLOCK_BACK_S = 2.0
MAX_EVENTS_PER_REQUEST = 500
_MAX_NUMBER = 2**31 - 1
_MAX_SECONDS = 1e7


class BadEvents(ValueError):
    """The list of events is not one that our page sends."""


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """What a player did. ``clock_s`` is the browser's monotonic clock, seconds since the trial was first shown."""

    number: int
    side: Side
    kind: Kind
    media_time_s: float
    clock_s: float
    value: float | None = None  # the volume, 0 to 1, of a volume event


@dataclass(frozen=True, slots=True)
class Played:
    """Stretches of media time played on each side, in seconds, and the share of the whole that they are.

    ``claimed`` is the share by the browser's clock alone, before the server's own clock had its say.
    ``backwards``: how many events were passed over because the browser's clock ran backwards.
    """

    stretches: Presented[tuple[tuple[float, float], ...]]
    shares: Presented[float]
    claimed: Presented[float]
    backwards: int

    def reaches(self, needed: float) -> bool:
        return min(self.shares) >= needed - 1e-9


def decoded(text: str | bytes) -> object:
    """JSON that a stranger sent. Raises BadEvents when it is none, or nested too deep to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadEvents(f"not JSON that can be read: {error}") from None


def parse(raw: object) -> list[ReportedEvent]:
    """Events from decoded JSON: a list of [number, side, kind, media_time_s, clock_s], a volume's value after it.

    Raises BadEvents.
    """
    if not isinstance(raw, list) or len(raw) > MAX_EVENTS_PER_REQUEST:
        raise BadEvents(f"events must be a list of at most {MAX_EVENTS_PER_REQUEST}")
    return [_parse_one(item) for item in raw]


def _parse_one(item: object) -> ReportedEvent:
    if not isinstance(item, list) or len(item) not in (5, 6):
        raise BadEvents(f"event {short(item)} is not [number, side, kind, media_time_s, clock_s]")
    number, side, kind, media_time_s, clock_s = item[:5]
    volume = item[5] if len(item) == 6 else None
    if type(number) is not int or not 0 <= number <= _MAX_NUMBER:
        raise BadEvents(f"event number {short(number)} is not a whole number from 0 to {_MAX_NUMBER}")
    if side not in SIDES:
        raise BadEvents(f"side {short(side)} is not one of {', '.join(SIDES)}")
    if kind not in get_args(Kind):
        raise BadEvents(f"kind {short(kind)} is not one of {', '.join(get_args(Kind))}")
    for name, value in (("media time", media_time_s), ("clock", clock_s)):
        if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= _MAX_SECONDS:
            raise BadEvents(f"{name} {short(value)} is not a number of seconds from 0 to {_MAX_SECONDS:.0f}")
    if (kind == "volume") != (volume is not None):
        raise BadEvents(f"event {short(item)}: a volume event has a sixth part, its value, and no other has")
    if volume is not None and (type(volume) not in (int, float) or not 0 <= volume <= 1):
        raise BadEvents(f"volume {short(volume)} is not a number from 0 to 1")
    heard = None if volume is None else float(volume)
    return ReportedEvent(number, side, cast(Kind, kind), float(media_time_s), float(clock_s), heard)


def played(
    events: Iterable[ReportedEvent],
    *,
    duration_s: Presented[float],
    available_s: Presented[float],
    shown_s: float,
    first: Side,
    needed: float,
) -> Played:
    """What counts as played.

    available_s: server seconds since each side could be played; shown_s: since the trial was shown (both sides
    together fit into it, for only one plays at a time). What is played of the second side counts from the moment
    that ``first`` has reached the share ``needed``.
    """
    second: Side = "right" if first == "left" else "left"
    sides = {side: _Side(getattr(duration_s, side)) for side in SIDES}
    visible, latest_s, backwards = True, 0.0, 0
    for event in sorted(events, key=lambda event: event.number):
        if event.clock_s < latest_s - CLOCK_BACK_S:
            backwards += 1
            continue
        latest_s = max(latest_s, event.clock_s)
        side, other = sides[event.side], sides[second if event.side == first else first]
        if event.kind == "visible":
            visible = True
            continue
        if event.kind in ("play", "switch"):
            other.stop()
        counts = event.side == first or sides[first].share >= needed - 1e-9
        side.take(event, counts=counts, visible=visible)
        if event.kind == "hidden":
            visible = False
            other.stop()
    claimed = Presented(*(sides[side].share for side in SIDES))
    seconds = {
        side: min(sides[side].covered_s, MAX_RATE * getattr(available_s, side) + TOLERANCE_S)
        if getattr(available_s, side) > 0
        else 0.0
        for side in SIDES
    }
    seconds[second] = min(seconds[second], max(0.0, MAX_RATE * shown_s + 2 * TOLERANCE_S - seconds[first]))
    shares = [
        min(1.0, max(0.0, seconds[side] / duration)) if (duration := sides[side].duration_s) > 0 else 0.0
        for side in SIDES
    ]
    return Played(
        stretches=Presented(*(tuple(sides[side].stretches) for side in SIDES)),
        shares=Presented(*shares),
        claimed=claimed,
        backwards=backwards,
    )


class _Side:
    """One player, followed event by event."""

    def __init__(self, duration_s: float) -> None:
        self.duration_s = duration_s
        self.stretches: list[tuple[float, float]] = []
        self._run: tuple[float, float] | None = None  # where this unbroken run began: media time, clock
        self._at = 0.0  # media time up to which the run is credited
        self._silent = False  # at volume 0

    @property
    def covered_s(self) -> float:
        return sum(end - start for start, end in self.stretches)

    @property
    def share(self) -> float:
        return self.covered_s / self.duration_s if self.duration_s > 0 else 0.0

    def stop(self) -> None:
        self._run = None

    def take(self, event: ReportedEvent, *, counts: bool, visible: bool) -> None:
        media = min(event.media_time_s, self.duration_s)
        if event.kind == "ended" and self.duration_s - media <= TOLERANCE_S:
            media = self.duration_s
        if event.kind == "volume":
            self._turn(media, event, counts=counts)
        elif event.kind in ("play", "switch"):
            if visible:
                self._begin(media, event.clock_s)
        elif self._run is not None:
            self._go_on(media, event, counts=counts)
            if event.kind in ("pause", "ended", "hidden", "error"):
                self.stop()

    def _turn(self, media: float, event: ReportedEvent, *, counts: bool) -> None:
        """The volume changed: what was heard until now counts; after silence a new run begins where it ended."""
        was_silent, self._silent = self._silent, (event.value or 0.0) < AUDIBLE
        if self._run is None:
            return
        if was_silent:
            self._begin(media, event.clock_s)
        else:
            self._go_on(media, event, counts=counts)

    def _go_on(self, media: float, event: ReportedEvent, *, counts: bool) -> None:
        assert self._run is not None
        began_media, began_clock = self._run
        allowed = MAX_RATE * max(0.0, event.clock_s - began_clock) + TOLERANCE_S
        if event.kind == "seek" or media < self._at or media - began_media > allowed:
            self._begin(media, event.clock_s)
        elif counts and (not self._silent or event.kind == "volume"):
            self.stretches = _joined([*self.stretches, (self._at, media)])
            self._at = media
        else:
            self._begin(media, event.clock_s)

    def _begin(self, media: float, clock_s: float) -> None:
        self._run = (media, clock_s)
        self._at = media


def _joined(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1] + JOIN_S:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif end > start:
            joined.append((start, end))
    return joined
