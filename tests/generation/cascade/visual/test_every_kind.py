"""What the three visual encoders have in common."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from generation.cascade.time_grid import TimeGrid
from generation.cascade.visual.clip import Clip
from generation.cascade.visual.i3d import I3d
from generation.cascade.visual.sights import Sights
from generation.cascade.visual.vit_vqgan import VitVqgan

from .test_clip import SMALL as CLIP
from .test_i3d import SMALL as I3D
from .test_vit_vqgan import SMALL as VIT

SHAPES = {"clip": (2, 8), "i3d": (2, 64), "vit": (2, 4, 4)}


@pytest.fixture(params=SHAPES)
def encoder(request: pytest.FixtureRequest) -> Clip | I3d | VitVqgan:
    built: dict[str, nn.Module] = {"clip": Clip(CLIP), "i3d": I3d(I3D), "vit": VitVqgan(VIT)}
    chosen = built[request.param].eval()
    assert isinstance(chosen, Clip | I3d | VitVqgan)
    assert chosen.kind == request.param
    return chosen


@torch.no_grad()
def encoded(encoder: Clip | I3d | VitVqgan) -> Tensor:
    pictures = np.random.default_rng(3).integers(40, 200, (16, 32, 32, 3)).astype(np.uint8)
    return encoder.encode(Sights.of(pictures, TimeGrid(), px=32, flow_px=32))


def test_one_feature_comes_for_every_second(encoder: Clip | I3d | VitVqgan) -> None:
    assert encoder.rate_hz == 1
    assert tuple(encoded(encoder).shape) == SHAPES[encoder.kind]


def test_encoding_twice_is_encoding_once(encoder: Clip | I3d | VitVqgan) -> None:
    assert torch.equal(encoded(encoder), encoded(encoder))
