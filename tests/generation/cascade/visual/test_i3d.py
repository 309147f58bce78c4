from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.time_grid import TimeGrid
from generation.cascade.visual.i3d import (
    I3D_FLOW,
    INCEPTIONS,
    I3d,
    I3dConfig,
    Unit,
    i3d_input,
    same_max_pool,
    same_padded,
)
from generation.cascade.visual.sights import Sights

SMALL = I3dConfig(narrower=16)


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize(("kernel", "stride"), [(7, 2), (3, 2), (3, 1), (2, 2), (1, 1), (1, 2)])
def test_same_padding_gives_as_many_results_as_steps_begun(size: int, kernel: int, stride: int) -> None:
    padded = same_padded(torch.ones(1, 1, size, 4, 4), (kernel, 1, 1), (stride, 1, 1))
    results = F.max_pool3d(padded, (kernel, 1, 1), (stride, 1, 1)).shape[2]
    assert results == math.ceil(size / stride)


def test_same_padding_puts_the_odd_zero_at_the_end() -> None:
    # TensorFlow: 5 zeros for a kernel of 7 in steps of 2 over 8, two before and three behind.
    padded = same_padded(torch.ones(1, 1, 8, 1, 1), (7, 1, 1), (2, 1, 1))
    assert padded.flatten().tolist() == [0, 0] + 8 * [1] + [0, 0, 0]


def test_same_padding_keeps_the_axes_apart() -> None:
    padded = same_padded(torch.ones(1, 1, 3, 4, 5), (3, 2, 1), (1, 1, 1))
    assert padded.shape[2:] == (5, 5, 5)
    assert padded[0, 0, :, 0, 0].tolist() == [0, 1, 1, 1, 0]
    assert padded[0, 0, 1, :, 0].tolist() == [1, 1, 1, 1, 0]


def test_maximum_with_zeros_at_the_edge_is_that_without_them() -> None:
    x = torch.rand(2, 3, 5, 6, 7)
    assert torch.equal(same_max_pool(x, (3, 3, 3), (1, 1, 1)), F.max_pool3d(x, 3, 1, padding=1))


def test_published_size_goes_through_the_published_shapes() -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        network = I3d(I3D_FLOW).eval()
        for name in ("conv_1a", "conv_2c", *INCEPTIONS):
            module = network.get_submodule(name)
            module.register_forward_hook(lambda _m, _i, out, name=name: shapes.update({name: tuple(out.shape)}))
        feature = network.motion(torch.zeros(1, 2, 25, 224, 224))
    assert feature.shape == (1, 1024)
    assert shapes["conv_1a"] == (1, 64, 13, 112, 112)
    assert shapes["conv_2c"] == (1, 192, 13, 56, 56)
    assert shapes["mixed_3c"] == (1, 480, 13, 28, 28)
    assert shapes["mixed_4f"] == (1, 832, 7, 14, 14)
    assert shapes["mixed_5c"] == (1, 1024, 4, 7, 7)


def test_published_size_has_12_million_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in I3d(I3D_FLOW).parameters()) == pytest.approx(12.3e6, rel=0.01)


def test_unit_is_convolution_norm_and_relu() -> None:
    unit = Unit(2, 4, 3).eval()
    x = torch.randn(1, 2, 4, 5, 6)
    plain = F.relu(F.conv3d(x, unit.conv.weight, padding=1) / math.sqrt(1 + 1e-3))
    assert torch.allclose(unit(x), plain, atol=1e-6)


def test_flow_is_kept_in_eight_bits_as_published() -> None:
    # video_features: clamp to +-20 pixels, 128 + 255 / 40 * flow, round, 2 * flow / 255 - 1.
    pixels = torch.tensor([-20.0, -7.3, 0.0, 0.05, 11.0, 20.0])
    expected = 2 * (128 + 255 / 40 * pixels).round() / 255 - 1
    assert torch.allclose(i3d_input(pixels / 20), expected, atol=1e-6)


def moving(seconds: int, flow: float) -> Tensor:
    return torch.full((seconds, 2, 8, 32, 32), flow, dtype=torch.float16)


def test_motion_is_told_from_rest() -> None:
    torch.manual_seed(0)
    network = I3d(SMALL).eval()
    rest, motion = network.motion(moving(1, 0.0)), network.motion(moving(1, 0.5))
    assert rest.shape == (1, 64)
    assert rest.isfinite().all()
    assert (motion - rest).norm() > 0.5 * rest.norm()


def test_seconds_are_read_one_by_one() -> None:
    network = I3d(SMALL).eval()
    flow = torch.rand(40, 2, 8, 32, 32) - 0.5
    assert torch.allclose(network(flow)[37], network(flow[37:38])[0], atol=1e-5)


def test_i3d_gives_one_feature_a_second() -> None:
    seen = Sights.of(np.zeros((12, 20, 30, 3), np.uint8), TimeGrid(), px=32, flow_px=16)
    feature = I3d(SMALL).eval().encode(seen)
    assert feature.shape == (2, 64)
    assert torch.equal(feature[0], feature[1])


def test_tiny_network_is_small_and_gives_128_numbers() -> None:
    assert I3dConfig().dim == 128
    assert sum(p.numel() for p in I3d(I3dConfig()).parameters()) < 400_000
