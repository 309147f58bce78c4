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
        yield _pulsing(canvas.pixels, now)


_PULSES_A_BEAT = (0.5, 1.0, 2.0)
_PULSE_DEPTH = (0.02, 0.05, 0.08)


def _pulsing(picture: Picture, now: Moment) -> Picture:
    """The camera breathes with the music: in on every half note, beat or eighth, the busier the harder."""
    phase = now.beats * _PULSES_A_BEAT[now.density] % 1.0
    zoom = 1.0 + _PULSE_DEPTH[now.density] * float(np.cos(np.pi * phase) ** 2)
    height, width = picture.shape[:2]
    still = np.array([[zoom, 0, (1 - zoom) * width / 2], [0, zoom, (1 - zoom) * height / 2]], np.float32)
    moved = cv2.warpAffine(picture, still, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.uint8)
