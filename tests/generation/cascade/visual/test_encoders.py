from __future__ import annotations

import numpy as np
import pytest
import torch

from generation.cascade.time_grid import TimeGrid
from generation.cascade.visual.encoders import KINDS, VisualEncoders
from generation.cascade.visual.sights import Sights

from .test_clip import SMALL as CLIP
from .test_i3d import SMALL as I3D
from .test_vit_vqgan import SMALL as VIT


def sights(seconds: int = 2, noise: int = 0) -> Sights:
    draw = np.random.default_rng(3)
    pictures = draw.integers(40, 200, (8 * seconds, 32, 32, 3)) + draw.integers(-noise, noise + 1)
    return Sights.of(pictures.astype(np.uint8), TimeGrid(), px=32, flow_px=32)


def test_each_kind_gives_one_feature_a_second_without_a_gradient() -> None:
    encoders = VisualEncoders(CLIP, I3D, VIT).eval()
    shapes = {kind: tuple(encoders.encode(kind, sights()).shape) for kind in KINDS}
    assert shapes == {"clip": (2, 8), "i3d": (2, 64), "vit": (2, 4, 4)}
    assert not any(encoders.encode(kind, sights()).requires_grad for kind in KINDS)
    assert all(encoders.of(kind).rate_hz == 1 and encoders.of(kind).kind == kind for kind in KINDS)


def test_only_the_kinds_asked_for_are_built() -> None:
    encoders = VisualEncoders(CLIP, I3D, VIT, kinds=("vit",))
    assert list(encoders) == ["vit"]
    with pytest.raises(ValueError, match="no visual encoder 'i3d'; there are vit"):
        encoders.encode("i3d", sights())
    with pytest.raises(ValueError, match="no visual encoder raft; there are clip, i3d, vit"):
        VisualEncoders(CLIP, I3D, VIT, kinds=("clip", "raft"))


def test_weights_carry_the_kind_in_their_names() -> None:
    names = VisualEncoders(CLIP, I3D, VIT).state_dict()
    assert {name.split(".")[0] for name in names} == set(KINDS)
    assert not any("text" in name for name in names)


def test_encoding_twice_is_encoding_once() -> None:
    encoders = VisualEncoders(CLIP, I3D, VIT).eval()
    for kind in KINDS:
        assert torch.equal(encoders.encode(kind, sights()), encoders.encode(kind, sights()))
