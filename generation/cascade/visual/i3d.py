"""I3D (Carreira and Zisserman 2017) over optical flow: one feature of every second's motion.

Input: flow, float16 [S, 2, flow_hz, flow_px, flow_px] within [-1, 1]. Output: float [S, dim] at 1 Hz. base is the
published network, 25 fields of 224 pixels to 1024 numbers, the average-pooled last layer; tiny is the same network
an eighth as wide, 8 fields of 32 pixels to 128 numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.visual.sights import Sights
from generation.cascade.visual.standardised import Standardised

_BATCH = 32

INCEPTIONS = {
    "mixed_3b": (64, 96, 128, 16, 32, 32),
    "mixed_3c": (128, 128, 192, 32, 96, 64),
    "mixed_4b": (192, 96, 208, 16, 48, 64),
    "mixed_4c": (160, 112, 224, 24, 64, 64),
    "mixed_4d": (128, 128, 256, 24, 64, 64),
    "mixed_4e": (112, 144, 288, 32, 64, 64),
    "mixed_4f": (256, 160, 320, 32, 128, 128),
    "mixed_5b": (256, 160, 320, 32, 128, 128),
    "mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Widths of the four paths of each block: point, cube (reduced, full), cube (reduced, full), pooled."""


@dataclass(frozen=True, slots=True)
class I3dConfig:
    """narrower: every width is divided by it."""

    narrower: int = 8
    quantum: float = 0.5

    @property
    def dim(self) -> int:
        point, _, cube, _, second, pooled = INCEPTIONS["mixed_5c"]
        return (point + cube + second + pooled) // self.narrower


I3D_FLOW = I3dConfig(narrower=1)
"""The paper's: trained on Kinetics, 1024 numbers a second."""


class I3d(nn.Module):
    """Inflated Inception-v1 up to the last block, averaged over place and time, and the scale of its features."""

    kind = "i3d"
    rate_hz = 1

    def __init__(self, config: I3dConfig) -> None:
        super().__init__()
        self.config = config
        first, second = 64 // config.narrower, 192 // config.narrower
        self.conv_1a = Unit(2, first, 7, (2, 2, 2))
        self.conv_2b = Unit(first, first, 1)
        self.conv_2c = Unit(first, second, 3)
        width = second
        for name, widths in INCEPTIONS.items():
            block = Inception(width, tuple(size // config.narrower for size in widths))
            self.add_module(name, block)
            width = block.width
        self.standardised = Standardised(config.dim, config.quantum, deviation=0.1)

    def motion(self, flow: Tensor) -> Tensor:
        """[N, 2, T, H, W] within [-1, 1] to features [N, dim], not below 0."""
        x = self.conv_1a(i3d_input(flow))
        x = same_max_pool(x, (1, 3, 3), (1, 2, 2))
        x = same_max_pool(self.conv_2c(self.conv_2b(x)), (1, 3, 3), (1, 2, 2))
        for name in INCEPTIONS:
            if name == "mixed_4b":
                x = same_max_pool(x, (3, 3, 3), (2, 2, 2))
            if name == "mixed_5b":
                x = same_max_pool(x, (2, 2, 2), (2, 2, 2))
            x = self.get_submodule(name)(x)
        # The published head averages windows of 2 x 7 x 7 and then over time, which counts the ends for less.
        window = [min(size, most) for size, most in zip(x.shape[2:], (2, 7, 7), strict=True)]
        return F.avg_pool3d(x.float(), window, stride=1).mean((2, 3, 4))

    def forward(self, flow: Tensor) -> Tensor:
        """[N, 2, T, H, W] to standardised features [N, dim]."""
        return self.standardised(torch.cat([self.motion(part) for part in torch.split(flow, _BATCH)]))  # type: ignore[no-any-return]

    def encode(self, sights: Sights) -> Tensor:
        """[S, dim], one a second, on the network's own device."""
        return self(torch.from_numpy(sights.flow()).to(self.standardised.mean.device))  # type: ignore[no-any-return]


def i3d_input(flow: Tensor) -> Tensor:
    """Flow as the published weights saw it: kept in eight bits, [-1, 1] to 0..255 and back.

    The recipe of google-deepmind/kinetics-i3d, as v-iashin/video_features has it in torch.
    """
    return 2 * (128 + 127.5 * flow.float()).round() / 255 - 1


class Unit(nn.Module):
    """Convolution, batch norm, ReLU; padded as TensorFlow's SAME, with its epsilon."""

    def __init__(self, inputs: int, width: int, kernel: int, stride: tuple[int, int, int] = (1, 1, 1)) -> None:
        super().__init__()
        self.conv = nn.Conv3d(inputs, width, kernel, stride, bias=False)
        self.norm = nn.BatchNorm3d(width, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.conv.kernel_size, self.conv.stride
        return F.relu(self.norm(self.conv(same_padded(x, kernel, stride))))


class Inception(nn.Module):
    """Four paths side by side: 1x1x1, two times 1x1x1 then 3x3x3, and 3x3x3 maximum then 1x1x1."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        point, reduced, cube, second_reduced, second_cube, pooled = widths
        self.width = point + cube + second_cube + pooled
        self.point = Unit(inputs, point, 1)
        self.cube = nn.Sequential(Unit(inputs, reduced, 1), Unit(reduced, cube, 3))
        self.second_cube = nn.Sequential(Unit(inputs, second_reduced, 1), Unit(second_reduced, second_cube, 3))
        self.pooled = Unit(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        largest = same_max_pool(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.point(x), self.cube(x), self.second_cube(x), self.pooled(largest)], 1)


def same_padded(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Zeros around [..., T, H, W] as TensorFlow's SAME puts them: ceil(size / stride) results, more at the end."""
    pads: list[int] = []
    for size, length, step in zip(x.shape[2:], kernel, stride, strict=True):
        total = max((math.ceil(size / step) - 1) * step + length - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads) if any(pads) else x


def same_max_pool(x: Tensor, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    """Maximum with zeros beyond the edge, which are never above what a ReLU leaves."""
    return F.max_pool3d(same_padded(x, kernel, stride), kernel, stride)
