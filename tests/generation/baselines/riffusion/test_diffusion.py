"""The schedule and the sampler against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from generation.baselines.riffusion.diffusion import amounts, loss, sample


def told(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_picture_and_noise_share_the_variance() -> None:
    picture, noise = amounts(torch.tensor([0.0, 0.3, 1.0]))
    torch.testing.assert_close(picture.square() + noise.square(), torch.ones(3))
    torch.testing.assert_close(torch.stack([picture[0], noise[2]]), torch.ones(2))


def test_the_true_velocity_has_no_loss() -> None:
    """For pictures that are all one picture, the best velocity is known."""
    known = torch.randn(1, 2, 4, 4, generator=told(0))

    def velocity(noisy: Tensor, time: Tensor, text: Tensor) -> Tensor:
        picture, noise = (amount[:, None, None, None] for amount in amounts(time))
        return (picture * noisy - known) / noise.clamp(min=1e-3)

    assert float(loss(velocity, known.expand(16, -1, -1, -1), torch.zeros(16, 3), told(1))) < 1e-3
    assert (
        float(loss(lambda noisy, time, text: 0 * noisy, known.expand(16, -1, -1, -1), torch.zeros(16, 3), told(1)))
        > 0.3
    )


@pytest.mark.parametrize("steps", [1, 5, 30])
def test_sampling_ends_at_the_only_picture(steps: int) -> None:
    known = torch.randn(1, 2, 4, 4, generator=told(0))

    def velocity(noisy: Tensor, time: Tensor, text: Tensor) -> Tensor:
        picture, noise = (amount[:, None, None, None] for amount in amounts(time))
        return (picture * noisy - known) / noise

    found = sample(velocity, torch.ones(1, 3), (2, 4, 4), steps=steps, guidance=1.0, generator=told(1))
    torch.testing.assert_close(found, known, rtol=1e-4, atol=1e-4)


def test_samples_of_a_gaussian_are_gaussian() -> None:
    """Latents N(2, 0.5^2): the best velocity is linear in what is seen."""

    def velocity(noisy: Tensor, time: Tensor, text: Tensor) -> Tensor:
        picture, noise = (amount[:, None, None, None] for amount in amounts(time))
        spread = (0.5 * picture).square() + noise.square()
        clean = 2 + 0.25 * picture / spread * (noisy - 2 * picture)
        dirt = noise / spread * (noisy - 2 * picture)
        return picture * dirt - noise * clean

    found = sample(velocity, torch.ones(1, 3), (4, 32, 32), steps=50, guidance=1.0, generator=told(1))
    assert float(found.mean()) == pytest.approx(2.0, abs=0.05)
    assert float(found.std()) == pytest.approx(0.5, abs=0.05)


def test_guidance_goes_on_from_no_text_through_the_text() -> None:
    seen: list[Tensor] = []

    def velocity(noisy: Tensor, time: Tensor, text: Tensor) -> Tensor:
        seen.append(text)
        return text.sum(1)[:, None, None, None].expand_as(noisy)

    def first(guidance: float) -> float:
        found = sample(velocity, torch.ones(1, 3), (1, 2, 2), steps=1, guidance=guidance, generator=told(1))
        return float(found[0, 0, 0, 0])

    # One step from pure noise ends at minus the velocity.
    assert [first(guidance) for guidance in (0.0, 1.0, 7.0)] == pytest.approx([0.0, -3.0, -21.0], abs=1e-4)
    assert seen[0].tolist() == [[1, 1, 1], [0, 0, 0]]


def test_one_seed_gives_one_picture() -> None:
    def paint(seed: int) -> Tensor:
        return sample(
            lambda noisy, time, text: 0.1 * noisy,
            torch.ones(1, 3), (1, 2, 2), steps=3, guidance=1.0, generator=told(seed),
        )  # fmt: skip

    assert torch.equal(paint(1), paint(1))
    assert not torch.equal(paint(1), paint(2))
