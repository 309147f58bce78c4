"""Transformer blocks."""

import math

import pytest
import torch

from generation.cascade.transformer import (
    Decoder,
    Encoder,
    RelativeBias,
    RelativeKeys,
    TransformerConfig,
    relative_bucket,
)

SIZE = TransformerConfig(layers=2, dim=16, heads=2, feed_forward=24, buckets=16, furthest=40)
TICKS = torch.arange(9)


def lively(network: torch.nn.Module) -> torch.nn.Module:
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=draw))
    return network.eval()


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    return lively(Decoder(SIZE, cross=False))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(2))


def reference_bucket(difference: int, buckets: int, furthest: int) -> int:
    """Raffel et al. 2020, section 2.1, one number at a time: half of a side exact, the rest logarithmic."""
    side = buckets // 2
    later = side if difference > 0 else 0
    away = abs(difference)
    exact = side // 2
    if away < exact:
        return later + away
    far = exact + int(math.log(away / exact) / math.log(furthest / exact) * (side - exact))
    return later + min(far, side - 1)


@pytest.mark.parametrize(("buckets", "furthest"), [(32, 128), (16, 40), (128, 512)])
def test_buckets_are_those_of_the_reference_formula(buckets: int, furthest: int) -> None:
    differences = torch.arange(-700, 701)
    found = relative_bucket(differences, buckets, furthest).tolist()
    wanted = [reference_bucket(int(difference), buckets, furthest) for difference in differences]
    # A logarithm that falls on a whole number may round either way in single precision.
    assert sum(one != other for one, other in zip(found, wanted, strict=True)) <= 4
    assert all(abs(one - other) <= 1 for one, other in zip(found, wanted, strict=True))


def test_relative_keys_score_distances_as_the_formula_says() -> None:
    """Shaw et al. 2018, equation 5: the query times the key of the distance, over the root of the width."""
    relative = lively(RelativeKeys(2, 4, 3))
    query = torch.randn(2, 2, 9, 3, generator=torch.Generator().manual_seed(3))
    scores = relative(query, TICKS, TICKS)
    for row, column in [(0, 0), (3, 1), (8, 5), (8, 0), (2, 7)]:
        back = min(max(row - column, 0), 3)
        wanted = (query[1, :, row] * relative.keys[:, back]).sum(-1) / 3**0.5
        assert torch.allclose(scores[1, :, row, column], wanted, atol=1e-6)


def test_bias_depends_on_the_difference_of_ticks_alone() -> None:
    bias = lively(RelativeBias(2, 16, 40))
    near, far = bias(TICKS, TICKS), bias(TICKS + 1000, TICKS + 1000)
    assert torch.equal(near, far)
    assert near[0, 0, 0, 5] == near[0, 0, 3, 8]
    assert near[0, 0, 5, 0] != near[0, 0, 0, 5], "earlier and later are told apart"


@torch.inference_mode()
def test_a_position_sees_those_before_it_only(decoder: Decoder, x: torch.Tensor) -> None:
    other = x.clone()
    other[:, 5] += 1
    one, changed = decoder(x, TICKS), decoder(other, TICKS)
    assert torch.equal(one[:, :5], changed[:, :5])
    assert (one[:, 5:] != changed[:, 5:]).any(-1).all()


@torch.inference_mode()
def test_a_prefix_sees_itself_fully(decoder: Decoder, x: torch.Tensor) -> None:
    other = x.clone()
    other[:, 3] += 1
    one, changed = decoder(x, TICKS, prefix=4), decoder(other, TICKS, prefix=4)
    assert (one[:, 0] != changed[:, 0]).any()
    later = x.clone()
    later[:, 4] += 1
    assert torch.equal(one[:, :4], decoder(later, TICKS, prefix=4)[:, :4])


@torch.inference_mode()
def test_encoder_does_not_mind_the_order_in_which_ticks_are_given(x: torch.Tensor) -> None:
    torch.manual_seed(0)
    encoder = lively(Encoder(SIZE))
    turned = torch.randperm(9, generator=torch.Generator().manual_seed(4))
    assert torch.allclose(encoder(x, TICKS)[:, turned], encoder(x[:, turned], TICKS[turned]), atol=1e-5)


@torch.inference_mode()
def test_what_is_seen_is_found_by_its_tick(x: torch.Tensor) -> None:
    torch.manual_seed(0)
    decoder = lively(Decoder(SIZE, cross=True))
    seen = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(3))
    ticks = torch.tensor([0, 4, 8])
    turned = torch.tensor([2, 0, 1])
    one = decoder(x, TICKS, seen, ticks)
    assert torch.allclose(one, decoder(x, TICKS, seen[:, turned], ticks[turned]), atol=1e-5)
    assert not torch.allclose(one, decoder(x, TICKS, seen, ticks + 20), atol=1e-3)
