"""The codec: waveform to codes and back.

SoundStream (Zeghidour et al. 2021) gives the geometry: 16 kHz, one frame per 320 samples, a stack of residual
codebooks. What lies around the quantiser is SoundStream's own body or a spectral one; both are trained alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Literal

from torch import Tensor, nn

from generation.cascade.acoustic.audio_codec import AudioCodec
from generation.cascade.acoustic.dac import DacCodec
from generation.cascade.acoustic.quantizer import ResidualQuantizer
from generation.cascade.acoustic.seanet import SeanetConfig, SeanetDecoder, SeanetEncoder
from generation.cascade.acoustic.spectral import SpectralConfig, SpectralDecoder, SpectralEncoder


@dataclass(frozen=True, slots=True)
class AcousticConfig:
    """levels and codebook_size: shape of the codes. hop: samples a frame. latent_dim: width of a code's vector.

    body: what lies around the quantiser. ``spectral`` and ``seanet`` size the one that is used.
    """

    levels: int
    hop: int = 320
    codebook_size: int = 512
    latent_dim: int = 64
    body: Literal["spectral", "seanet", "dac"] = "spectral"
    spectral: SpectralConfig = field(default_factory=SpectralConfig)
    seanet: SeanetConfig = field(default_factory=SeanetConfig)

    def __post_init__(self) -> None:
        if self.body == "seanet" and prod(self.seanet.strides) != self.hop:
            raise ValueError(
                f"strides {self.seanet.strides} give a hop of {prod(self.seanet.strides)}, not {self.hop}"
            )


SOUNDSTREAM = AcousticConfig(levels=12, codebook_size=1024, latent_dim=128, body="seanet")
"""The paper's: 12 levels of 1024 at 50 Hz, 6 kbit/s."""

DAC_16KHZ = AcousticConfig(levels=12, codebook_size=1024, latent_dim=8, body="dac")
"""The same geometry with weights that are published."""


class Codec(AudioCodec):
    """A codec of our own, trained by ``training.codec``."""

    def __init__(self, config: AcousticConfig) -> None:
        super().__init__()
        self.config, self.hop = config, config.hop
        self.encoder: nn.Module
        self.decoder: nn.Module
        if config.body == "seanet":
            self.encoder = SeanetEncoder(config.seanet, config.latent_dim)
            self.decoder = SeanetDecoder(config.seanet, config.latent_dim)
        else:
            self.encoder = SpectralEncoder(config.spectral, config.hop, config.latent_dim)
            self.decoder = SpectralDecoder(config.spectral, config.hop, config.latent_dim)
        self.quantizer = ResidualQuantizer(config.levels, config.codebook_size, config.latent_dim)

    @property
    def codebooks(self) -> Tensor:
        return self.quantizer.codebooks

    def encode(self, wave: Tensor) -> Tensor:
        if wave.shape[-1] % self.hop:
            raise ValueError(f"{wave.shape[-1]} samples are not a multiple of the hop {self.hop}; pad them")
        return self.quantizer.encode(self.encoder(wave))

    def decode(self, codes: Tensor) -> Tensor:
        return self.decoder(self.quantizer.decode(codes))  # type: ignore[no-any-return]


def build_codec(config: AcousticConfig) -> AudioCodec:
    """The codec of a preset, untrained."""
    return DacCodec(config) if config.body == "dac" else Codec(config)
