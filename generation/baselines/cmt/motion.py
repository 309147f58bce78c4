"""What CMT sees of a video: how fast it moves, and in which directions from frame to frame.

Pictures are 360 lines high, as the published script asks for. Farneback's optical flow on them takes 40 ms a pair
on one core, so every pair is looked at on a quarter of the pixels, and a few pairs a second at full size say what
speed at full size that stands for. Those few are the fastest of their moment: in a film whose pictures are held
for two frames every other pair does not move at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from generation.media.decode import greys
from generation.media.probe import require_video

Values = npt.NDArray[np.float64]

HEIGHT = 360
WIDEST = 4 * HEIGHT
"""Wider pictures are looked at squeezed: a ticker of 1280x16 would be 28 800 pixels wide."""

FASTEST_HZ = 30.0
"""Videos with more frames a second are looked at with this many."""
SPEED_HZ = 6.0
DIRECTIONS = 128
_BORDER = 0.05
_SPEED_FLOW = (0.5, 3, 15, 3, 5, 1.2, 0)
"""Farneback's scale, levels, window, iterations, neighbours, sigma and flags for the speed (CMT's own)."""


@dataclass(frozen=True, slots=True)
class Motion:
    """rate_hz: pictures a second. speed: mean |flow| of each pair in pixels of 360 lines, at ``speed_s`` [T - 1].

    directogram: summed flow by direction and frame [DIRECTIONS, T]; the first frame has moved from nowhere.
    """

    rate_hz: float
    duration_s: float
    speed_s: Values
    speed: Values
    directogram: Values


def look(video: Path, duration_s: float) -> Motion:
    """The motion of the first ``duration_s`` of a video. Raises MediaError and its kinds."""
    info = require_video(video)
    rate_hz = min(info.frame_rate, FASTEST_HZ)
    width = width_of(info.width, info.height)
    pictures = greys(video, fps=rate_hz, width=width, height=HEIGHT, duration_s=duration_s)
    return motion(pictures, rate_hz)


def width_of(width: int, height: int) -> int:
    """How wide pictures of this shape are looked at, HEIGHT high."""
    return min(2 * round(HEIGHT * width / height / 2), WIDEST)


def motion(pictures: npt.NDArray[np.uint8], rate_hz: float) -> Motion:
    """The motion between grey pictures, uint8 [T, 360, W]."""
    small = [_halved(picture) for picture in pictures]
    directogram = np.zeros((DIRECTIONS, len(pictures)))
    slight = np.zeros(len(pictures))
    for index in range(1, len(pictures)):
        directogram[:, index], slight[index] = _directions(small[index - 1], small[index])
    every = max(1, round(rate_hz / SPEED_HZ))
    fastest = [start + int(slight[start : start + every].argmax()) for start in range(1, len(pictures), every)]
    whole = sum(_speed(pictures[index - 1], pictures[index]) for index in fastest)
    part = float(slight[fastest].sum())
    return Motion(
        rate_hz=rate_hz,
        duration_s=len(pictures) / rate_hz,
        speed_s=np.arange(1, len(pictures)) / rate_hz,
        speed=slight[1:] * (whole / part if part > 0 else 0.0),
        directogram=directogram,
    )


def _speed(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> float:
    flow = cv2.calcOpticalFlowFarneback(before, after, np.zeros((*before.shape, 2), np.float32), *_SPEED_FLOW)
    return float(np.abs(flow).mean())


def _directions(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> tuple[Values, float]:
    """Flow directions weighted by magnitude, without the border (Davis & Agrawala 2018); the mean |flow|."""
    height, width = before.shape
    levels = int(np.log2(min(height, width))) - 4
    flow = cv2.calcOpticalFlowFarneback(
        before, after, np.zeros((height, width, 2), np.float32), 0.5, levels, 15, 3, 5, 1.25, 0
    )
    top, left = round(_BORDER * height), round(_BORDER * width)
    across, down = np.moveaxis(flow[top : height - top, left : width - left], 2, 0)
    bins, _ = np.histogram(np.arctan2(down, across), DIRECTIONS, (-np.pi, np.pi), weights=np.hypot(across, down))
    return np.asarray(bins, dtype=np.float64), float(np.abs(flow).mean())


def _halved(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = picture.shape
    half = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8)
