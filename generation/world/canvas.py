"""Drawing for the world's pictures: soft-edged shapes in coordinates that do not depend on the picture's size."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from generation.world.piece import HUES, Piece, Section

Colour = tuple[float, float, float]
Picture = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]

_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """What a scene needs to know of one instant.

    beats: beats since the piece began; everything that moves is a function of it, so that speed follows tempo.
    pulse: 1 on a beat, falling towards 0 before the next. accent: the same for the first beat of a bar.
    random: a generator that starts the same for every frame of a section.
    """

    beats: float
    pulse: float
    accent: float
    density: int
    palette: Palette
    random: np.random.Generator


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours around the piece's hue, darker or brighter with its register."""

    degrees: float
    brightness: int

    def __call__(self, value: float, saturation: float = 0.8, turn: float = 0.0) -> Colour:
        """An RGB colour, 0 to 255. ``turn`` in degrees away from the main hue."""
        lift = (0.5, 0.76, 1.0)[self.brightness]
        mild = (1.0, 0.92, 0.78)[self.brightness]
        hue = ((self.degrees + turn) % 360) / 360
        red, green, blue = colorsys.hsv_to_rgb(hue, min(1.0, saturation * mild), min(1.0, max(0.0, value * lift)))
        return 255 * red, 255 * green, 255 * blue


def moment(piece: Piece, section: Section, time_s: float) -> Moment:
    """The instant ``time_s`` of a piece, inside ``section``."""
    beats = time_s / piece.beat_s
    return Moment(
        beats=beats,
        pulse=float(np.exp(-4.0 * (beats % 1.0))),
        accent=float(np.exp(-2.5 * (beats % 4.0))),
        density=section.density,
        palette=Palette(HUES[piece.hue].degrees, piece.brightness),
        random=np.random.default_rng(section.layout),
    )


class Canvas:
    """A picture whose height is 1, with the origin in the middle, x to the right and y down."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.right = width / height / 2
        self.pixels: Picture = np.zeros((height, width, 3), dtype=np.uint8)

    def sky(self, top: Colour, bottom: Colour, horizon: float = 0.5) -> None:
        """A vertical gradient from the top edge to ``horizon``; below it the bottom colour goes on."""
        rows = np.clip((np.linspace(-0.5, 0.5, self.height) + 0.5) / (horizon + 0.5), 0, 1)[:, None]
        column = np.asarray(top) * (1 - rows) + np.asarray(bottom) * rows
        self.pixels[:] = column.astype(np.uint8)[:, None, :]

    def polygon(self, points: Points | Sequence[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon with smooth edges; ``points`` as [n, 2]."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def outline(self, points: Points, colour: Colour, thickness: float, closed: bool = True) -> None:
        cv2.polylines(
            self.pixels, [self._fixed(points)], closed, colour, self._pixels(thickness), cv2.LINE_AA, _SHIFT
        )

    def line(self, start: Sequence[float], end: Sequence[float], colour: Colour, thickness: float) -> None:
        self.outline(np.array([start, end], dtype=np.float64), colour, thickness, closed=False)

    def disc(self, centre: Sequence[float], radius: float, colour: Colour) -> None:
        x, y = self._fixed([(centre[0], centre[1])])[0, 0]
        scale = self.height * (1 << _SHIFT)
        cv2.circle(
            self.pixels, (int(x), int(y)), max(1, round(radius * scale)), colour, cv2.FILLED, cv2.LINE_AA, _SHIFT
        )

    def add_light(self, light: Canvas, strength: float) -> None:
        """Add another canvas of the same size as light."""
        cv2.addWeighted(self.pixels, 1.0, light.pixels, strength, 0.0, dst=self.pixels)

    def glow(self, strength: float) -> None:
        """Let bright places shine on their surroundings."""
        small = cv2.resize(
            self.pixels, (max(2, self.width // 8), max(2, self.height // 8)), interpolation=cv2.INTER_AREA
        )
        soft = cv2.GaussianBlur(small, (0, 0), max(0.6, self.height / 120))
        wide = cv2.resize(soft, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        cv2.addWeighted(self.pixels, 1.0, wide, strength, 0.0, dst=self.pixels)

    def vignette(self) -> None:
        """Darken the corners."""
        cv2.multiply(self.pixels, _vignette(self.width, self.height), dst=self.pixels, scale=1 / 255)

    def _fixed(self, points: Points | Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
        where = (np.asarray(points, dtype=np.float64) + np.array([self.right, 0.5])) * self.height * (1 << _SHIFT)
        fixed: npt.NDArray[np.int32] = np.clip(where, -(1 << 18), 1 << 18).astype(np.int32).reshape(-1, 1, 2)
        return fixed

    def _pixels(self, thickness: float) -> int:
        return max(1, round(thickness * self.height))


@lru_cache(maxsize=4)
def _vignette(width: int, height: int) -> Picture:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    shade = 255 * np.clip(1.12 - 0.34 * (x**2 + y**2), 0.35, 1)
    return np.repeat(shade[:, :, None], 3, axis=2).astype(np.uint8)


def ring(centre: tuple[float, float], radius: float, corners: int, turn: float = 0.0) -> Points:
    """The corners of a regular polygon, [corners, 2]; ``turn`` in radians."""
    angle = turn + np.arange(corners) * (2 * np.pi / corners)
    return np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], 1)


def ridge(canvas: Canvas, level: float, height: float, shift: float, rough: float) -> Points:
    """A hilly outline from edge to edge, closed along the bottom; ``shift`` moves it sideways."""
    x = np.linspace(-canvas.right - 0.02, canvas.right + 0.02, 48)
    at = (x + shift) * rough
    y = level - height * (0.5 + 0.3 * np.sin(at) + 0.2 * np.sin(2.7 * at + 1.3) + 0.12 * np.sin(6.1 * at + 0.4))
    line = np.stack([x, y], 1)
    return np.concatenate([line, [[canvas.right + 0.02, 0.52], [-canvas.right - 0.02, 0.52]]])


def dancer(
    canvas: Canvas, foot: tuple[float, float], size: float, beats: float, style: int, colour: Colour
) -> None:
    """A figure made of limbs that steps, bends and throws its arms in time. ``size`` is its height."""
    half = np.sin(np.pi * beats)
    whole = np.sin(2 * np.pi * beats)
    dip = 0.05 * (1 - np.cos(2 * np.pi * beats)) / 2
    lean = 0.07 * half
    x, y = foot
    hip = np.array([x + size * 0.06 * half, y - size * (0.46 - dip)])
    neck = hip + size * np.array([lean, -0.30])
    head = neck + size * np.array([0.4 * lean, -0.10])
    thick = 0.07 * size
    for side in (-1, 1):
        lift = max(0.0, side * half) * 0.10 * (1 + style % 2)
        ankle = np.array([x + side * size * (0.12 + 0.04 * half * side), y - size * lift])
        knee = (hip + ankle) / 2 + size * np.array([side * (0.05 + 1.4 * dip + lift * 0.6), -lift * 0.5])
        _limb(canvas, (hip, knee, ankle), colour, thick * 1.15)
        shoulder = neck + size * np.array([side * 0.09, 0.02])
        swing = (side * half + 0.4 * whole, abs(half) * 2 - 0.6, 0.8 + 0.9 * side * whole)[style % 3]
        elbow = shoulder + size * 0.17 * np.array([side * np.cos(0.9 * swing), 0.35 - np.sin(1.1 * swing)])
        hand = elbow + size * 0.17 * np.array([side * np.cos(1.7 * swing + 0.3), -np.sin(1.7 * swing + 0.5)])
        _limb(canvas, (shoulder, elbow, hand), colour, thick * 0.85)
        _limb(canvas, (hip + size * np.array([side * 0.045, 0]), shoulder), colour, thick * 1.2)
    _limb(canvas, (hip, neck), colour, thick * 2.2)
    canvas.disc((head[0], head[1]), 0.075 * size, colour)


def _limb(canvas: Canvas, joints: tuple[Points, ...], colour: Colour, thick: float) -> None:
    canvas.outline(np.array(joints), colour, thick, closed=False)
