"""A video decoded once, for every encoder that looks at it.

Pictures are squares at ``grid.flow_hz``. CLIP and ViT-VQGAN see one of them a second, I3D the optical flow between
them. Rates and shapes for S seconds begun, with the sides of a preset (tiny 64 and 32, base 256 and 224):

    pictures      uint8 [S * flow_hz, px, px, 3]
    keyframes()   uint8 [S, px, px, 3]
    flow()        float16 [S, 2, flow_hz, flow_px, flow_px]
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from generation.cascade.time_grid import TimeGrid
from generation.media.decode import squares

Pictures = npt.NDArray[np.uint8]
Flow = npt.NDArray[np.float16]

_FURTHEST = 20 / 256
"""Motion per picture that counts as 1, in sides: I3D keeps flow within +-20 pixels of a short side of 256."""
_SEEN = 224 / 256
"""Share of the side whose flow is kept, around the centre, as I3D crops it."""


class Sights:
    """The pictures of one clip, and their flow once somebody asks for it.

    pictures: uint8 RGB [S * flow_hz, px, px, 3].
    """

    def __init__(self, pictures: Pictures, flow_hz: int, flow_px: int) -> None:
        self.pictures, self.flow_hz, self.flow_px = pictures, flow_hz, flow_px
        self._flow: Flow | None = None

    @classmethod
    def of(
        cls, pictures: Pictures, grid: TimeGrid, *, px: int, flow_px: int, duration_s: float | None = None
    ) -> Sights:
        """From uint8 pictures [T, H, W, 3] of any size at ``grid.flow_hz``.

        They are cut to their central square and scaled to ``px``; the last one is repeated to fill up
        ``duration_s``, which is all of them unless given.
        """
        wanted_s = len(pictures) / grid.flow_hz if duration_s is None else duration_s
        wanted = grid.visual_steps(wanted_s) * grid.flow_hz
        small = np.stack([_square(picture, px) for picture in pictures[:wanted]])
        return cls(small[np.minimum(np.arange(wanted), len(small) - 1)], grid.flow_hz, flow_px)

    def keyframes(self) -> Pictures:
        """The picture in the middle of every second: [S, px, px, 3]."""
        return self.pictures[self.flow_hz // 2 :: self.flow_hz]

    def flow(self) -> Flow:
        """How every picture moves to the next, x before y: [S, 2, flow_hz, flow_px, flow_px] within [-1, 1].

        1 is I3D's 20 pixels of 256. The last picture is given the motion of the one before it.
        """
        if self._flow is None:
            fields = _fields(self.pictures, self.flow_px)
            seconds = fields.reshape(-1, self.flow_hz, *fields.shape[1:])
            self._flow = np.ascontiguousarray(seconds.transpose(0, 4, 1, 2, 3))
        return self._flow


def read_sights(video: Path, grid: TimeGrid, *, px: int, flow_px: int, duration_s: float) -> Sights:
    """The first ``duration_s`` of a video; its last picture is repeated where it ends sooner.

    Raises MediaError and its kinds.
    """
    wanted_s = grid.visual_steps(duration_s) / grid.visual_hz
    pictures = squares(video, fps=grid.flow_hz, side=px, duration_s=wanted_s)
    return Sights.of(pictures, grid, px=px, flow_px=flow_px, duration_s=duration_s)


def _square(picture: Pictures, px: int) -> Pictures:
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = picture[top : top + side, left : left + side]
    if side == px:
        return cut
    scaled = cv2.resize(cut, (px, px), interpolation=cv2.INTER_AREA if side > px else cv2.INTER_LINEAR)
    return np.asarray(scaled, dtype=np.uint8)


def _fields(pictures: Pictures, flow_px: int) -> Flow:
    """Dense inverse-search flow [T, flow_px, flow_px, 2] in units of ``_FURTHEST``."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    px = grey[0].shape[0]
    margin = round(px * (1 - _SEEN) / 2)
    small = []
    for before, after in pairwise(grey):
        field = search.calc(before, after, np.zeros((px, px, 2), np.float32))
        cut = field[margin : px - margin, margin : px - margin]
        small.append(cv2.resize(cut, (flow_px, flow_px), interpolation=cv2.INTER_AREA))
    small.append(small[-1] if small else np.zeros((flow_px, flow_px, 2), np.float32))
    scaled = np.clip(np.stack(small) / (_FURTHEST * px), -1, 1)
    return np.asarray(scaled, dtype=np.float16)
