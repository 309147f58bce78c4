"""The spectral body: frames and samples fit, and its transforms undo each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from generation.cascade.acoustic.spectral import SpectralConfig, SpectralDecoder, SpectralEncoder

HOP, DIM = 320, 4
CONFIG = SpectralConfig(encoder_dim=8, encoder_layers=1, decoder_dim=8, decoder_layers=1)


def test_a_frame_is_a_hop() -> None:
    encoder, decoder = SpectralEncoder(CONFIG, HOP, DIM), SpectralDecoder(CONFIG, HOP, DIM)
    latents = encoder(torch.randn(2, 11 * HOP))
    assert latents.shape == (2, 11, DIM)
    assert decoder(latents).shape == (2, 11 * HOP)


def test_decoder_gives_the_wave_whose_spectra_it_is_handed() -> None:
    """With layers that pass spectra through, analysis without a window and synthesis undo each other."""
    decoder = SpectralDecoder(CONFIG, HOP, DIM)
    for name in ("latent_in", "blocks", "norm", "spectrum_out"):
        setattr(decoder, name, nn.Identity())
    wave = torch.randn(1, 8 * HOP, generator=torch.Generator().manual_seed(0))
    size = CONFIG.decoder_fft
    spectrum = torch.fft.rfft(F.pad(wave, ((size - HOP) // 2,) * 2).unfold(1, size, HOP))
    packed = torch.cat([spectrum.abs().clamp(min=1e-9).log(), spectrum.angle()], -1)
    inner = slice(HOP // 2, -HOP // 2)
    assert torch.allclose(decoder(packed)[:, inner], wave[:, inner], atol=1e-4)


@torch.inference_mode()
def test_encoder_hears_what_is_quiet() -> None:
    # Compressed spectra: a partial 40 dB down moves the latents by a tenth, not by a hundredth, of a loud one.
    torch.manual_seed(0)
    encoder = SpectralEncoder(SpectralConfig(encoder_dim=32, encoder_layers=0), HOP, 16).eval()
    time = torch.arange(20 * HOP) / 16_000
    silence = encoder(torch.zeros(1, 20 * HOP))
    moved = [float((encoder(level * torch.sin(2764.6 * time)[None]) - silence).norm()) for level in (0.5, 0.005)]
    assert moved[1] / moved[0] == pytest.approx(0.1, rel=0.5)
