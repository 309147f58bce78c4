"""DAC at 16 kHz (Kumar et al. 2023) as the published stand-in for SoundStream: the same clocks, 12 levels of 1024.

Its network is ``DacModel`` of transformers. That library's default configuration claims 16 kHz too but has other
strides and 9 levels, so every number is given here.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.acoustic.audio_codec import AudioCodec
from generation.cascade.published.libraries import transformers
from generation.cascade.published.strict import Release, Source, load_published

if TYPE_CHECKING:
    from generation.cascade.acoustic.codec import AcousticConfig

STRIDES = (2, 4, 5, 8)
CODE_WIDTH = 8
"""DAC looks codes up in eight numbers a vector, and projects these to its latent afterwards."""

DAC_RELEASE = Release(
    name="DAC at 16 kHz of descript/dac_16khz",
    marker="quantizer.quantizers.0.codebook.weight",
    source=lambda name: Source((name.removeprefix("model."),)),
)


def load_dac(path: Path, codec: DacCodec) -> None:
    """Fill it from descript/dac_16khz. Raises GenerationError, see ``load_published``."""
    load_published(path, codec, (DAC_RELEASE,))


class DacCodec(AudioCodec):
    """Waveform [B, samples] to codes [B, levels, frames] and back; looks ahead, as DAC does."""

    def __init__(self, config: AcousticConfig, *, width: int = 64, decoder_width: int = 1536) -> None:
        super().__init__()
        if prod(STRIDES) != config.hop or config.latent_dim != CODE_WIDTH:
            raise ValueError(
                f"DAC has a hop of {prod(STRIDES)} samples and {CODE_WIDTH} numbers a code; the preset asks for "
                f"{config.hop} and {config.latent_dim}"
            )
        self.hop = config.hop
        library = transformers()
        self.model: nn.Module = library.DacModel(
            library.DacConfig(
                encoder_hidden_size=width,
                downsampling_ratios=list(STRIDES),
                decoder_hidden_size=decoder_width,
                n_codebooks=config.levels,
                codebook_size=config.codebook_size,
                codebook_dim=CODE_WIDTH,
                sampling_rate=16_000,
            )
        )

    @property
    def codebooks(self) -> Tensor:
        levels = self.model.get_submodule("quantizer.quantizers").children()
        return torch.stack([level.get_parameter("codebook.weight") for level in levels])

    def encode(self, wave: Tensor) -> Tensor:
        if wave.shape[-1] % self.hop:
            raise ValueError(f"{wave.shape[-1]} samples are not a multiple of the hop {self.hop}; pad them")
        codes: Tensor = self.model.encode(wave[:, None]).audio_codes  # type: ignore[operator]
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        levels = self.model.get_submodule("quantizer.quantizers").children()
        latent = sum(
            level.get_submodule("out_proj")(level.get_submodule("codebook")(codes[:, index]).transpose(1, 2))
            for index, level in zip(range(codes.shape[1]), levels, strict=False)
        )
        wave: Tensor = self.model.decode(latent).audio_values  # type: ignore[operator]
        wanted = codes.shape[2] * self.hop
        return F.pad(wave.reshape(len(codes), -1), (0, max(0, wanted - wave.shape[-1])))[:, :wanted]
