"""A trial's timeline in the units of the page's drawing. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from studyapp.presentation import LETTERS, SIDES
from studyapp.watching.replaying import Mark, Timeline

WIDTH = 1000
_TOPS = dict(zip(SIDES, (8, 48), strict=True))
"""Where each side's row begins; a row is 32 high."""


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch in the picture's units, with what it tells when pointed at."""

    x: float
    width: float
    y: int
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Sign:
    """A mark in the picture's units."""

    x: float
    y: int
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A timeline as the page draws it, ``WIDTH`` units wide."""

    boxes: tuple[Box, ...]
    signs: tuple[Sign, ...]
    ticks: tuple[Tick, ...]
    loudness: str  # points of a line: volume over time, 0 at the bottom


def picture(drawn: Timeline) -> Picture:
    """The same in the units of the page's drawing."""
    scale = WIDTH / drawn.length_s
    boxes = [
        Box(
            round(one.begin_s * scale, 2),
            round(max((one.end_s - one.begin_s) * scale, 1), 2),
            _TOPS[one.side],
            "silent" if one.silent else f"heard-{one.side}",
            f"{LETTERS[one.side]} played from {one.media_s:.1f} to {one.media_end_s:.1f} s"
            + (", volume at 0" if one.silent else ""),
        )
        for one in drawn.stretches
    ]
    boxes += [
        Box(
            round(begin * scale, 2),
            round(max((end - begin) * scale, 1), 2),
            0,
            "away",
            f"Tab hidden, {end - begin:.1f} s",
        )
        for begin, end in drawn.hidden
    ]
    signs = [
        Sign(round(one.at_s * scale, 2), _TOPS[one.side], one.kind, _told(one))
        for one in drawn.marks
        if one.kind != "volume"
    ]
    return Picture(tuple(boxes), tuple(signs), tuple(_ticks(drawn.length_s, scale)), _line(drawn, scale))


def _told(mark: Mark) -> str:
    side = LETTERS[mark.side]
    match mark.kind:
        case "seek":
            return f"{side}: moved to {mark.value:.1f} s"
        case "switch":
            return f"Switched to {side} at {mark.value:.1f} s"
        case "stalled":
            return f"{side} stopped coming at {mark.value:.1f} s"
        case _:
            return f"{side} could not be played at {mark.value:.1f} s"


def _ticks(length_s: float, scale: float) -> list[Tick]:
    step = next((step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if length_s / step <= 10), 3600)
    return [Tick(round(at * scale, 2), _clock(at)) for at in range(0, int(length_s) + 1, step)]


def _clock(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02d}"


def _line(drawn: Timeline, scale: float) -> str:
    """Steps from one volume to the next, between y 88 (loudest) and y 108 (silent); nothing without a volume."""
    points: list[str] = []
    last = None
    for at_s, volume in drawn.volumes:
        y = round(108 - 20 * volume, 1)
        points += [f"{at_s * scale:.1f},{last}"] if last is not None else []
        points.append(f"{at_s * scale:.1f},{y}")
        last = y
    return " ".join([*points, f"{WIDTH},{last}"]) if points else ""
