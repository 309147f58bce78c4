"""SoundStream's body: its clock, its depth, and what a causal one may look at."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from generation.cascade.acoustic.seanet import PaddedConv, SeanetConfig, SeanetDecoder, SeanetEncoder

HOP, DIM = 320, 6


def small(*, causal: bool) -> tuple[SeanetEncoder, SeanetDecoder]:
    torch.manual_seed(0)
    config = SeanetConfig(channels=2, causal=causal)
    return SeanetEncoder(config, DIM), SeanetDecoder(config, DIM)


@pytest.mark.parametrize("causal", [True, False])
def test_frames_are_samples_over_320(causal: bool) -> None:
    encoder, decoder = small(causal=causal)
    for frames in (1, 7):
        latents = encoder(torch.randn(2, frames * HOP))
        assert latents.shape == (2, frames, DIM)
        assert decoder(latents).shape == (2, frames * HOP)


@torch.inference_mode()
def test_causal_body_does_not_look_ahead_and_the_other_one_does() -> None:
    wave = torch.randn(1, 20 * HOP, generator=torch.Generator().manual_seed(1))
    later = wave.clone()
    later[:, 10 * HOP :] += 1.0
    for causal in (True, False):
        encoder, decoder = small(causal=causal)
        before, after = encoder(wave), encoder(later)
        assert torch.equal(before[:, :10], after[:, :10]) == causal
        assert not torch.allclose(before[:, 10:], after[:, 10:])
        changed = before.clone()
        changed[:, 10:] += 1.0
        same = torch.allclose(decoder(before)[:, : 10 * HOP], decoder(changed)[:, : 10 * HOP], atol=1e-6)
        assert same == causal


def test_every_convolution_is_weight_normed_and_channels_double() -> None:
    encoder, decoder = small(causal=True)
    widths = [m.conv.out_channels for m in encoder.layers if isinstance(m, PaddedConv)]
    assert widths == [2, 4, 8, 16, 32, DIM]
    for body in (encoder, decoder):
        convolutions = [m for m in body.modules() if isinstance(m, nn.Conv1d | nn.ConvTranspose1d)]
        assert len(convolutions) == 2 + 4 * (3 * 2 + 1)
        assert all(hasattr(m, "parametrizations") for m in convolutions)
