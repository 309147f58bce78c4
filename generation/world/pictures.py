"""The picture of a piece, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator

from generation.world.canvas import Canvas, Picture, moment
from generation.world.piece import FRAME_HZ, Piece
from generation.world.scenes import SCENES


def render_frames(piece: Piece, width: int, height: int, fps: float) -> Iterator[Picture]:
    """Draw a piece: uint8 RGB pictures [height, width, 3], as many as fit its duration at ``fps``."""
    for index in range(round(piece.duration_s * fps)):
        time_s = index / fps
        section = [s for s in piece.sections if s.start_frame <= time_s * FRAME_HZ + 1e-6][-1]
        canvas = Canvas(width, height)
        SCENES[section.scene](canvas, moment(piece, section, time_s))
        yield canvas.pixels
