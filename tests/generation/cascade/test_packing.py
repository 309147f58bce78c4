"""Packed weights give the products of the layers they were packed from."""

import pytest
import torch
from torch.nn import functional as F

from generation.cascade.packing import HUGE_PAGE, LARGE, in_huge_pages, packed
from generation.cascade.sampling import Weights

SMALL, WIDE = (24, 40), (1024, 1100)
"""Outputs and inputs below and above the size from which on layouts differ."""


@torch.inference_mode()
@pytest.mark.parametrize("rows", [1, 3, 8])
@pytest.mark.parametrize("shape", [SMALL, WIDE], ids=["small", "large"])
@pytest.mark.parametrize("biased", [False, True], ids=["plain", "biased"])
@pytest.mark.parametrize(("weights", "away"), [("float32", 1e-4), ("bfloat16", 0.02), ("int8", 0.02)])
def test_product_is_that_of_the_layer(
    weights: Weights, away: float, biased: bool, shape: tuple[int, int], rows: int
) -> None:
    draw = torch.Generator().manual_seed(0)
    weight, x = torch.randn(shape, generator=draw), torch.randn(rows, shape[1], generator=draw)
    bias = torch.randn(shape[0], generator=draw) if biased else None
    found = packed(weight, bias, weights, single=rows == 1)(x)
    wanted = F.linear(x, weight, bias)
    assert found.dtype == x.dtype
    assert float((found - wanted).abs().max()) <= away * float(wanted.abs().max())


def test_eight_bits_keep_outputs_of_very_different_size_alike_exact() -> None:
    weight = torch.randn(16, 32, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 3, 16)[:, None]
    x = torch.ones(1, 32)
    away = (packed(weight, None, "int8", single=True)(x) - x @ weight.T).abs() / weight.abs().amax(1)
    assert float(away.max()) < 0.2


def test_numbers_in_huge_pages_are_the_same_numbers_and_begin_with_a_page() -> None:
    numbers = torch.arange(LARGE + 5, dtype=torch.float32)
    moved = in_huge_pages(numbers)
    assert torch.equal(moved, numbers)
    assert moved.data_ptr() % HUGE_PAGE == 0
    assert in_huge_pages(numbers[:10]).data_ptr() == numbers.data_ptr(), "little things stay where they are"


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="no weights 'int4'; there are float32, bfloat16 and int8"):
        packed(torch.zeros(2, 2), None, "int4", single=True)  # type: ignore[arg-type]
