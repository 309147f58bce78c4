"""The codec with either body."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from generation.cascade.acoustic.codec import DAC_16KHZ, SOUNDSTREAM, AcousticConfig, Codec, build_codec
from generation.cascade.acoustic.seanet import SeanetConfig
from generation.cascade.acoustic.spectral import SpectralConfig
from generation.cascade.presets import preset
from generation.cascade.time_grid import TimeGrid

SPECTRAL = AcousticConfig(
    levels=3,
    codebook_size=7,
    latent_dim=4,
    spectral=SpectralConfig(encoder_dim=8, encoder_layers=1, decoder_dim=8, decoder_layers=1),
)
SEANET = replace(SPECTRAL, body="seanet", seanet=SeanetConfig(channels=2))


def codec_of(config: AcousticConfig) -> Codec:
    torch.manual_seed(0)
    codec = build_codec(config)
    assert isinstance(codec, Codec)
    codec.quantizer.codebooks.normal_()
    return codec.eval()


@pytest.mark.parametrize("config", [SPECTRAL, SEANET], ids=["spectral", "seanet"])
@torch.inference_mode()
def test_codes_are_a_frame_each_320_samples_and_turn_into_as_many_samples(config: AcousticConfig) -> None:
    codec = codec_of(config)
    codes = codec.encode(torch.randn(2, 320 * 11))
    assert codes.shape == (2, 3, 11)
    assert codes.dtype == torch.int64
    assert codec.decode(codes).shape == (2, 320 * 11)
    assert codec.decode(codes[:, :1]).shape == (2, 320 * 11)
    assert codec.codebooks.shape == (3, 7, 4)


@pytest.mark.parametrize("config", [SPECTRAL, SEANET], ids=["spectral", "seanet"])
def test_lengths_between_frames_are_refused(config: AcousticConfig) -> None:
    with pytest.raises(ValueError, match="1000 samples are not a multiple of the hop 320"):
        codec_of(config).encode(torch.randn(1, 1000))


def test_strides_that_miss_the_hop_are_refused() -> None:
    with pytest.raises(ValueError, match=r"strides \(2, 4, 8, 8\) give a hop of 512, not 320"):
        replace(SEANET, seanet=SeanetConfig(strides=(2, 4, 8, 8)))


@torch.inference_mode()
def test_loudness_of_other_examples_does_not_change_the_codes() -> None:
    codec = codec_of(SPECTRAL)
    waves = torch.randn(2, 320 * 6, generator=torch.Generator().manual_seed(2))
    together = codec.encode(waves)
    waves[1] *= 10
    assert torch.equal(codec.encode(waves)[0], together[0])


def test_paper_geometry_is_12_levels_of_1024_at_50_hz() -> None:
    grid = TimeGrid(fine_levels=8)
    for config in (SOUNDSTREAM, DAC_16KHZ):
        assert (config.levels, config.codebook_size, config.hop) == (grid.coarse_levels + 8, 1024, grid.hop)


def test_tiny_codec_fits_its_share_of_the_shipped_weights() -> None:
    codec = build_codec(preset("tiny").acoustic)
    numbers = sum(value.numel() for value in codec.state_dict().values())
    assert 2 * numbers < 8_000_000
