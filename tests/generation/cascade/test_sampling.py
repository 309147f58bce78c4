"""Drawing tokens."""

import pytest
import torch

from generation.cascade.sampling import gumbel_noise, sample

CPU = torch.device("cpu")


def noise(seed: int, *shape: int) -> torch.Tensor:
    return gumbel_noise(shape, torch.Generator().manual_seed(seed), CPU)


def test_same_seed_draws_the_same_and_others_differ() -> None:
    logits = torch.zeros(200, 10)
    assert torch.equal(sample(logits, noise(1, 200, 10), 1.0, 10), sample(logits, noise(1, 200, 10), 1.0, 10))
    assert not torch.equal(sample(logits, noise(1, 200, 10), 1.0, 10), sample(logits, noise(2, 200, 10), 1.0, 10))


def test_draws_follow_the_softmax_at_a_temperature() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    drawn = sample(logits.expand(40_000, 4), noise(0, 40_000, 4), 0.7, 4)
    shares = torch.bincount(drawn, minlength=4) / 40_000
    assert torch.allclose(shares, (logits / 0.7).softmax(0), atol=0.01)


def test_top_k_leaves_the_rest_out_and_zero_takes_the_likeliest() -> None:
    logits = torch.randn(500, 20, generator=torch.Generator().manual_seed(3))
    drawn = sample(logits, noise(0, 500, 20), 5.0, 3)
    assert bool((drawn[:, None] == logits.topk(3).indices).any(1).all())
    assert torch.equal(sample(logits, noise(0, 500, 20), 0.0, 20), logits.argmax(1))


def test_nearly_equal_logits_draw_nearly_the_same_tokens() -> None:
    logits = torch.randn(1000, 50, generator=torch.Generator().manual_seed(5))
    moved = logits + 0.02 * torch.randn(1000, 50, generator=torch.Generator().manual_seed(6))
    same = sample(logits, noise(0, 1000, 50), 1.0, 50) == sample(moved, noise(0, 1000, 50), 1.0, 50)
    assert float(same.float().mean()) > 0.95


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature -1"):
        sample(torch.zeros(1, 2), noise(0, 1, 2), -1, 2)
    with pytest.raises(ValueError, match="top_k 0"):
        sample(torch.zeros(1, 2), noise(0, 1, 2), 1.0, 0)
