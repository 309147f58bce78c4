"""Visual features, once a second: CLIP embeddings of a picture, and a 3-D network's reading of the optical flow.

The paper's features are CLIP ViT-L/14 and I3D-flow, both at 1 frame a second (V2Meow, Implementation Details). The
``tiny`` preset has the same two streams from networks of its own: CLIP in a small configuration through open_clip,
and a small inflated-inception network over dense inverse-search flow.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.time_grid import TimeGrid
from generation.media.decode import frames as decode_frames

Pictures = npt.NDArray[np.uint8]
Flow = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class VisualConfig:
    """Sizes of the two feature networks. Pictures are squares of ``picture_px``, flow fields of ``flow_px``.

    quantum: features are rounded to this step of their training deviation, so that small differences between two
    encodings of one video do not reach the music.
    """

    picture_px: int = 64
    flow_px: int = 32
    clip_dim: int = 128
    clip_width: int = 96
    clip_layers: int = 2
    clip_heads: int = 3
    clip_patch_px: int = 8
    text_width: int = 64
    text_layers: int = 2
    text_length: int = 48
    flow_dim: int = 64
    flow_width: int = 24
    quantum: float = 0.5


def read_pictures(video: Path, grid: TimeGrid, config: VisualConfig, duration_s: float) -> Pictures:
    """Pictures at the flow's rate, uint8 RGB [steps * flow_hz, px, px, 3]; the last one is repeated to fill up."""
    side = config.picture_px
    pictures = decode_frames(video, fps=grid.flow_hz, width=side, height=side)
    wanted = grid.visual_steps(duration_s) * grid.flow_hz
    return np.asarray(pictures[np.minimum(np.arange(wanted), len(pictures) - 1)])


def keyframes(pictures: Pictures, grid: TimeGrid) -> Pictures:
    """The picture in the middle of every second: [steps, px, px, 3]."""
    return pictures[grid.flow_hz // 2 :: grid.flow_hz]


def flow_fields(pictures: Pictures, grid: TimeGrid, config: VisualConfig) -> Flow:
    """Dense optical flow between neighbouring pictures, [steps, 2, flow_hz, flow_px, flow_px].

    In tenths of the picture's side per picture, kept within the +-20 of 224 pixels that I3D uses.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    fields = [
        search.calc(before, after, np.zeros((*before.shape, 2), np.float32)) for before, after in pairwise(grey)
    ]
    fields.append(fields[-1] if fields else np.zeros((*grey[0].shape, 2), np.float32))
    side = (config.flow_px, config.flow_px)
    small = np.stack([cv2.resize(field, side, interpolation=cv2.INTER_AREA) for field in fields])
    scaled = np.clip(small * (10 / config.picture_px), -0.9, 0.9).astype(np.float16)
    seconds = scaled.reshape(-1, grid.flow_hz, *side, 2)
    return np.ascontiguousarray(seconds.transpose(0, 4, 1, 2, 3))


def open_clip_module() -> Any:
    """open_clip, also where torchvision comes without its compiled operators.

    torchvision built for CUDA cannot load them beside a CPU torch and then stumbles over two registrations; naming
    the operators lets the rest of it, all that open_clip needs, import.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        import torchvision  # noqa: F401
    import open_clip

    return open_clip


def build_clip(config: VisualConfig) -> nn.Module:
    """An untrained open_clip model, image and text tower; the cascade itself keeps only ``.visual``."""
    model = open_clip_module().model
    vision = model.CLIPVisionCfg(
        layers=config.clip_layers,
        width=config.clip_width,
        head_width=config.clip_width // config.clip_heads,
        patch_size=config.clip_patch_px,
        image_size=config.picture_px,
    )
    text = model.CLIPTextCfg(
        context_length=config.text_length, width=config.text_width, heads=2, layers=config.text_layers
    )
    clip: nn.Module = model.CLIP(embed_dim=config.clip_dim, vision_cfg=vision, text_cfg=text)
    return clip


class Inception(nn.Module):
    """Parallel 1x1x1, 3x3x3 and pooled paths, joined: the building block of I3D (Carreira and Zisserman 2017)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.point = nn.Conv3d(inputs, width, 1)
        self.reduce = nn.Conv3d(inputs, width, 1)
        self.cube = nn.Conv3d(width, 2 * width, 3, padding=1)
        self.pooled = nn.Conv3d(inputs, width, 1)
        self.norm = nn.GroupNorm(4, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pooled(F.max_pool3d(x, 3, stride=1, padding=1))
        joined = torch.cat([self.point(x), self.cube(F.relu(self.reduce(x))), pooled], 1)
        return F.relu(self.norm(joined))


class FlowNet(nn.Module):
    """Flow of one second [B, 2, flow_hz, px, px] to one feature [B, flow_dim]."""

    def __init__(self, config: VisualConfig) -> None:
        super().__init__()
        width = config.flow_width
        self.stem = nn.Conv3d(2, width, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2))
        self.first = Inception(width, width // 2)
        self.second = Inception(2 * width, width // 2)
        self.out = nn.Linear(4 * width, config.flow_dim)

    def forward(self, flow: Tensor) -> Tensor:
        hidden = F.max_pool3d(F.relu(self.stem(flow * 5.0)), (1, 2, 2))
        hidden = F.max_pool3d(self.first(hidden), 2)
        hidden = self.second(hidden)
        statistics = torch.cat([hidden.mean((2, 3, 4)), hidden.amax((2, 3, 4))], 1)
        return self.out(statistics)  # type: ignore[no-any-return]


class VisualFeatures(nn.Module):
    """Both streams of a video, normalised and rounded: CLIP [steps, clip_dim] and flow [steps, flow_dim]."""

    clip_mean: Tensor
    clip_scale: Tensor
    flow_mean: Tensor
    flow_scale: Tensor

    def __init__(self, config: VisualConfig) -> None:
        super().__init__()
        self.config = config
        self.clip = build_clip(config).get_submodule("visual")
        self.flow = FlowNet(config)
        for stream, dim in (("clip", config.clip_dim), ("flow", config.flow_dim)):
            self.register_buffer(f"{stream}_mean", torch.zeros(dim))
            self.register_buffer(f"{stream}_scale", torch.ones(dim))

    def read_clip(self, pictures: Tensor) -> Tensor:
        """uint8 [N, px, px, 3] to unrounded unit-length embeddings [N, clip_dim]."""
        return F.normalize(self.clip(picture_input(pictures)), dim=-1)

    def forward(self, pictures: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        clip = (self.read_clip(pictures) - self.clip_mean) / self.clip_scale
        motion = (self.flow(flow.float()) - self.flow_mean) / self.flow_scale
        return self._rounded(clip), self._rounded(motion)

    def _rounded(self, features: Tensor) -> Tensor:
        return (features / self.config.quantum).round() * self.config.quantum


def picture_input(pictures: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] to float [N, 3, H, W] around zero."""
    return (pictures.float().permute(0, 3, 1, 2) - 118.0) / 70.0
