"""The small networks: shapes, what they depend on, and that they may be run wide."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from generation.baselines.riffusion.network import Painter, TinyConfig, UNet

SMALL = TinyConfig(encoder=8, decoder=8, refiner=2, widths=(8, 8, 16, 16), condition=16)


@pytest.fixture(scope="module")
def unet() -> UNet:
    """Random weights everywhere, the zeros of the start included."""
    torch.manual_seed(0)
    made = UNet(SMALL)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


@pytest.fixture
def noisy() -> Tensor:
    return torch.randn(2, 8, 64, 16, generator=torch.Generator().manual_seed(1))


def test_the_codec_makes_pictures_eight_times_smaller_and_back() -> None:
    codec = Painter(SMALL).codec.eval()
    latents = codec.encode(torch.zeros(1, 1, 512, 128))
    assert latents.shape == (1, 8, 64, 16)
    assert codec.decode(latents).shape == (1, 1, 512, 128)


def test_latents_have_unit_variance_in_training() -> None:
    codec = Painter(SMALL).codec.train()
    latents = codec.encode(torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(latents.var((0, 2, 3), unbiased=False), torch.ones(8), rtol=0.01, atol=0.0)


@pytest.mark.parametrize("width", [8, 16, 40])
def test_the_picture_may_have_any_width_in_whole_eighths(unet: UNet, width: int) -> None:
    assert unet(torch.zeros(1, 8, 64, width), torch.ones(1), torch.zeros(1, 384)).shape == (1, 8, 64, width)


def test_time_and_text_change_what_is_found(unet: UNet, noisy: Tensor) -> None:
    text = torch.nn.functional.normalize(torch.randn(1, 384, generator=torch.Generator().manual_seed(2))).expand(
        2, -1
    )
    plain = unet(noisy, torch.full((2,), 0.5), text)
    assert not torch.allclose(plain, unet(noisy, torch.full((2,), 0.6), text), atol=1e-3)
    assert not torch.allclose(plain, unet(noisy, torch.full((2,), 0.5), -text), atol=1e-3)


def test_pictures_of_a_batch_do_not_touch(unet: UNet, noisy: Tensor) -> None:
    time, text = torch.tensor([0.2, 0.8]), torch.zeros(2, 384)
    together = unet(noisy, time, text)
    alone = torch.cat([unet(noisy[i : i + 1], time[i : i + 1], text[:1]) for i in range(2)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_rows_know_their_pitch(unet: UNet) -> None:
    velocity = unet(torch.zeros(1, 8, 64, 64), torch.full((1,), 0.5), torch.zeros(1, 384))
    inner = velocity[0, :, 20:44, 32]
    assert not torch.allclose(inner[:, :12], inner[:, 12:], atol=1e-3)
