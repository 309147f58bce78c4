"""The codec's geometry and its residual quantiser."""

import pytest
import torch

from generation.cascade.acoustic import AcousticConfig, Codec, ResidualQuantizer
from generation.cascade.training.codec import quantise_while_training, si_sdr_db

CONFIG = AcousticConfig(
    hop=320,
    levels=3,
    codebook_size=7,
    latent_dim=4,
    encoder_dim=8,
    encoder_layers=1,
    decoder_dim=8,
    decoder_layers=1,
)


def test_residual_codes_match_brute_force() -> None:
    generator = torch.Generator().manual_seed(1)
    quantizer = ResidualQuantizer(3, 7, 4)
    quantizer.codebooks.copy_(torch.randn(3, 7, 4, generator=generator))
    latents = torch.randn(2, 5, 4, generator=generator)
    codes = quantizer.encode(latents)
    for batch in range(2):
        for frame in range(5):
            left = latents[batch, frame].clone()
            for level in range(3):
                distances = [float((left - code).square().sum()) for code in quantizer.codebooks[level]]
                assert int(codes[batch, level, frame]) == distances.index(min(distances))
                left = left - quantizer.codebooks[level][distances.index(min(distances))]
            decoded = quantizer.decode(codes)[batch, frame]
            assert torch.allclose(decoded, latents[batch, frame] - left, atol=1e-5)


def test_codec_keeps_length_and_refuses_odd_lengths() -> None:
    codec = Codec(CONFIG)
    codes = codec.encode(torch.randn(2, 320 * 11))
    assert codes.shape == (2, 3, 11)
    assert codec.decode(codes).shape == (2, 320 * 11)
    with pytest.raises(ValueError, match="multiple of the hop 320"):
        codec.encode(torch.randn(1, 1000))


def test_inverse_transform_restores_a_spectrum_it_is_given() -> None:
    """With a head that passes the true spectra through, analysis and synthesis are each other's inverse."""
    codec = Codec(CONFIG)
    wave = torch.randn(1, 320 * 8)
    size, hop = CONFIG.decoder_fft, CONFIG.hop
    padded = torch.nn.functional.pad(wave, ((size - hop) // 2,) * 2)
    spectrum = torch.fft.rfft(padded.unfold(1, size, hop))
    packed = torch.cat([spectrum.abs().clamp(min=1e-9).log(), spectrum.angle()], -1)
    codec.from_latent = torch.nn.Identity()
    codec.decoder = torch.nn.Sequential()
    codec.norm_out = torch.nn.Identity()  # type: ignore[assignment]
    codec.spectrum_out = torch.nn.Identity()  # type: ignore[assignment]
    assert torch.allclose(codec.synthesise(packed)[:, 160:-160], wave[:, 160:-160], atol=1e-4)


def test_codebooks_learn_to_code_what_they_are_shown() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(7, 4, generator=generator) * 3
    quantizer = ResidualQuantizer(2, 16, 4)
    for _ in range(120):
        picked = torch.randint(7, (8, 16), generator=generator)
        latents = centres[picked] + 0.05 * torch.randn(8, 16, 4, generator=generator)
        quantise_while_training(quantizer, latents, generator)
    left = (quantizer.decode(quantizer.encode(latents)) - latents).square().mean()
    assert float(left) < 0.01 * float(latents.var())


def test_si_sdr_of_known_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    wave = torch.randn(1, 100_000, generator=generator)
    noise = torch.randn(1, 100_000, generator=generator)
    assert si_sdr_db(3 * (wave + 0.1 * noise), wave) == pytest.approx(20, abs=0.1)
