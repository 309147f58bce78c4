"""The picture of a piece, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from generation.world.canvas import Canvas, Moment, Picture, moment
from generation.world.piece import FRAME_HZ, Piece
from generation.world.scenes import SCENES


def render_frames(piece: Piece, width: int, height: int, fps: float) -> Iterator[Picture]:
    """Draw a piece: uint8 RGB pictures [height, width, 3], as many as fit its duration at ``fps``."""
    for index in range(round(piece.duration_s * fps)):
        time_s = index / fps
        section = [s for s in piece.sections if s.start_frame <= time_s * FRAME_HZ + 1e-6][-1]
        canvas = Canvas(width, height)
        now = moment(piece, section, time_s)
        SCENES[section.scene](canvas, now)
        yield _filmed(canvas.pixels, now)


_ORBIT = (0.004, 0.028, 0.056)
"""Radius of the camera's circle in heights of the picture, by density; the zoom keeps its edges out of sight."""
_PULSE_DEPTH = (0.01, 0.025, 0.04)


def _filmed(picture: Picture, now: Moment) -> Picture:
    """The picture through a camera that circles once in two beats and breathes in on each, the busier the wider.

    So the mean optical flow follows the rate of the notes in every scene, and evenly enough to be seen eight times
    a second: a circle is always as fast as its radius and the tempo say.
    """
    height, width = picture.shape[:2]
    zoom = 1.0 + 2 * _ORBIT[now.density] + _PULSE_DEPTH[now.density] * float(np.cos(np.pi * now.beats) ** 2)
    turn, radius = np.pi * now.beats, _ORBIT[now.density] * height
    across = (1 - zoom) * width / 2 + radius * np.cos(turn)
    down = (1 - zoom) * height / 2 + radius * np.sin(turn)
    camera = np.array([[zoom, 0, across], [0, zoom, down]], np.float32)
    moved = cv2.warpAffine(picture, camera, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.uint8)
