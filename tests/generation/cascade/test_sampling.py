"""Drawing tokens."""

import pytest
import torch

from generation.cascade.sampling import Sampling, guided, gumbel_noise, sample

CPU = torch.device("cpu")


def noise(seed: int, *shape: int) -> torch.Tensor:
    return gumbel_noise(shape, [seed], 1, CPU)[0]


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


def test_a_clip_has_the_same_noise_alone_and_in_a_batch_and_another_in_each_stage() -> None:
    batch = gumbel_noise((30, 4), [5, 9], 2, CPU)
    assert torch.equal(batch[1], gumbel_noise((30, 4), [9], 2, CPU)[0])
    assert not torch.equal(batch[1], gumbel_noise((30, 4), [9], 3, CPU)[0])


def test_guidance_pushes_away_from_the_unasked_scores() -> None:
    asked, unasked = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    scores = torch.cat([asked, unasked])
    assert torch.equal(guided(scores, 1.0), asked)
    assert torch.equal(guided(scores, 0.0), unasked)
    assert torch.equal(guided(scores, 3.0), torch.tensor([[4.0, -2.0]]))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature -1"):
        Sampling(-1, 2)
    with pytest.raises(ValueError, match="top_k 0"):
        Sampling(1.0, 0)
    with pytest.raises(ValueError, match="guidance 30"):
        Sampling(1.0, 2, guidance=30)
