"""The sizes of Riffusion's pictures. Nothing here imports torch.

The numbers are those of the published model's spectrogram parameters (riffusion/riffusion, December 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil


@dataclass(frozen=True)
class SpectrogramParameters:
    """What a column, a row and a grey level of the picture stand for; every size in samples derives from it.

    power: a pixel is dark by (magnitude / loudest) ** power. width_multiple: three halvings of latents eight
    pixels wide must come out even. phase_hop and phase_padded_ms: phases are sought at 21 kHz, where all that
    sounds has room, on every other bin: a sixth of the time for nearly the same error.
    """

    sample_rate_hz: int = 44_100
    hop_ms: int = 10
    window_ms: int = 100
    padded_ms: int = 400
    mels: int = 512
    lowest_hz: float = 0.0
    highest_hz: float = 10_000.0
    power: float = 0.25
    iterations: int = 32
    momentum: float = 0.99
    width_multiple: int = 64
    phase_hop: int = 210
    phase_padded_ms: int = 200

    @cached_property
    def hop(self) -> int:
        """Samples from one column to the next, 441."""
        return self._samples(self.hop_ms)

    @cached_property
    def window(self) -> int:
        """Samples of the Hann window, 4 410."""
        return self._samples(self.window_ms)

    @cached_property
    def fft(self) -> int:
        """Samples of the zero-padded transform, 17 640: bins 2.5 Hz apart, so that no low mel band is empty."""
        return self._samples(self.padded_ms)

    @cached_property
    def bins(self) -> int:
        """Bins of the transform from 0 Hz to half the sample rate, 8 821."""
        return self.fft // 2 + 1

    @cached_property
    def phase_rate_hz(self) -> int:
        """The sample rate at which phases are sought, 21 000."""
        return self.phase_hop * 1000 // self.hop_ms

    def columns(self, duration_s: float) -> int:
        """Width in pixels of the picture that holds this many seconds: 1 024 for ten."""
        frames = 1 + ceil(round(duration_s * self.sample_rate_hz) / self.hop)
        return self.width_multiple * ceil(frames / self.width_multiple)

    def _samples(self, milliseconds: int) -> int:
        return self.sample_rate_hz * milliseconds // 1000


PUBLISHED = SpectrogramParameters()
