"""Critics give finite losses, and hinge and feature matching mean what they should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from generation.cascade.acoustic.discriminators import (
    CriticConfig,
    Critics,
    critics_loss,
    fooling_loss,
)

CONFIG = CriticConfig(windows=(256, 128), channels=4, falling=(0, 1), wave_channels=4)


def waves(seed: int) -> Tensor:
    return 0.1 * torch.randn(2, 3200, generator=torch.Generator().manual_seed(seed))


def verdict(score: float, layer: float) -> tuple[Tensor, list[Tensor]]:
    return torch.full((2, 3), score), [torch.full((2, 4), layer)]


def test_there_is_a_verdict_for_every_window_and_rate() -> None:
    verdicts = Critics(CONFIG)(waves(0))
    assert len(verdicts) == 4
    assert [score.dim() for score, _ in verdicts] == [4, 4, 3, 3]
    assert [len(layers) for _, layers in verdicts] == [5, 5, 5, 5]


def test_losses_and_their_gradients_are_finite_even_for_silence() -> None:
    torch.manual_seed(0)
    critics = Critics(CONFIG)
    for real in (waves(0), torch.zeros(2, 3200)):
        made = waves(1).requires_grad_()
        loss = critics_loss(critics(real), critics(made)) + fooling_loss(critics(real), critics(made), 2.0)
        loss.backward()
        assert torch.isfinite(loss)
        assert made.grad is not None
        assert torch.isfinite(made.grad).all()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in critics.parameters())


def test_hinge_rests_where_the_critics_are_sure_and_right() -> None:
    assert float(critics_loss([verdict(1.5, 0)], [verdict(-2.0, 0)])) == 0
    assert float(critics_loss([verdict(0.0, 0)], [verdict(0.0, 0)])) == 2
    assert float(critics_loss([verdict(-1.0, 0)], [verdict(3.0, 0)])) == 6


def test_fooling_wants_high_scores_and_like_layers() -> None:
    assert float(fooling_loss([verdict(0, 2.0)], [verdict(0.5, 2.0)], 10.0)) == -0.5
    # Layers off by one, where the real ones are two strong, are half off.
    assert float(fooling_loss([verdict(0, 2.0)], [verdict(0.5, 3.0)], 10.0)) == pytest.approx(-0.5 + 5.0)


def test_real_layers_are_a_target_and_are_not_pulled_towards_what_is_made() -> None:
    layer = torch.ones(2, 4, requires_grad=True)
    own = torch.zeros(2, 4, requires_grad=True)
    fooling_loss([(torch.zeros(1), [layer])], [(torch.zeros(1), [own])], 1.0).backward()
    assert layer.grad is None
    assert own.grad is not None


def test_critics_learn_to_tell_two_sounds_apart() -> None:
    torch.manual_seed(0)
    critics = Critics(CONFIG)
    tone = 0.1 * torch.sin(torch.arange(3200) * 0.2).expand(2, -1)
    optimiser = torch.optim.AdamW(critics.parameters(), 2e-3)
    losses = []
    for step in range(30):
        loss = critics_loss(critics(tone), critics(waves(step)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
