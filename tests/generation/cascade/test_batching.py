"""How many sequences fit, from given numbers."""

import pytest
import torch

from generation.cascade.batching import SHARE, batch_that_fits, free_bytes, packed_bytes, sequence_bytes
from generation.cascade.decoding import Decoding
from generation.cascade.transformer import Decoder, TransformerConfig
from generation.contracts import OutOfMemory

PAPER = TransformerConfig(layers=12, dim=1024, heads=16, feed_forward=4096)
GIB = 2**30


def test_keys_and_values_of_a_real_session_are_counted() -> None:
    config = TransformerConfig(layers=2, dim=32, heads=4, feed_forward=48, buckets=16, furthest=20)
    decoder = Decoder(config, cross=True).eval().requires_grad_(False)
    session = Decoding(decoder, 3, 7, seen=torch.randn(3, 5, 32), seen_ticks=torch.arange(5))
    assert session.looked is not None
    counted = sequence_bytes(config, steps=7, states=5, prefix=0, weights="float32", device="cpu")
    assert session.kept.nbytes + session.looked.nbytes == 3 * counted


def test_packed_weights_of_the_paper_are_those_that_a_step_reads() -> None:
    # 12 layers of (3 + 1 + 1 + 1) squares and two of four: 14 times 1024 * 1024 numbers.
    assert packed_bytes(PAPER, "float32", cross=True) == 12 * 14 * 1024**2 * 4
    assert packed_bytes(PAPER, "int8", cross=False) == 12 * 12 * 1024**2


def test_the_batch_fills_the_memory_and_one_more_would_not_fit() -> None:
    free = 80 * GIB
    batch = batch_that_fits(PAPER, free, steps=500, states=260, prefix=250)
    each = sequence_bytes(PAPER, steps=500, states=260, prefix=250, weights="bfloat16", device="cuda")
    weights = packed_bytes(PAPER, "bfloat16", cross=True)
    assert weights + batch * each <= free * SHARE < weights + (batch + 1) * each
    assert 500 < batch < 2000


@pytest.mark.parametrize("longer", [{"steps": 1000}, {"states": 1000}, {"prefix": 1000}])
def test_longer_sequences_fit_in_smaller_batches(longer: dict[str, int]) -> None:
    sizes = {"steps": 500, "states": 100, "prefix": 100}
    assert batch_that_fits(PAPER, 40 * GIB, **(sizes | longer)) < batch_that_fits(PAPER, 40 * GIB, **sizes)


def test_too_little_memory_is_refused_with_what_is_needed() -> None:
    with pytest.raises(OutOfMemory, match="1000000 bytes are free, and one sequence of 500 positions needs"):
        batch_that_fits(PAPER, 1_000_000, steps=500)


def test_the_machine_has_free_memory() -> None:
    assert free_bytes(torch.device("cpu")) > 2**20
