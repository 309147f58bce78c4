"""Every rate and length of the cascade, derived in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """The clocks of one preset.

    The paper's rates: pictures at 1 frame a second, semantic tokens at 25 Hz, acoustic tokens at 50 Hz for 16 kHz
    sound (V2Meow, Implementation Details; AudioLM for the token rates), 10-s crops in stages 1 and 2, 3-s in 3.
    flow_hz: rate of the grey pictures whose optical flow feeds the 3-D network, itself read once a second.
    """

    sample_rate_hz: int = 16_000
    visual_hz: int = 1
    flow_hz: int = 8
    semantic_hz: int = 25
    acoustic_hz: int = 50
    coarse_levels: int = 4
    fine_levels: int = 4
    window_s: int = 10
    fine_chunk_s: int = 3

    @property
    def hop(self) -> int:
        """Samples of sound for one acoustic frame."""
        return self.sample_rate_hz // self.acoustic_hz

    @property
    def levels(self) -> int:
        return self.coarse_levels + self.fine_levels

    @property
    def acoustic_per_semantic(self) -> int:
        return self.acoustic_hz // self.semantic_hz

    @property
    def fine_chunk_frames(self) -> int:
        return self.fine_chunk_s * self.acoustic_hz

    def samples(self, duration_s: float) -> int:
        return round(duration_s * self.sample_rate_hz)

    def visual_steps(self, duration_s: float) -> int:
        """One picture for every second begun."""
        return max(1, math.ceil(duration_s * self.visual_hz - 0.05))

    def semantic_steps(self, duration_s: float) -> int:
        """Enough tokens to cover the whole duration."""
        return math.ceil(self.samples(duration_s) / (self.hop * self.acoustic_per_semantic))

    def acoustic_frames(self, duration_s: float) -> int:
        """A whole number of semantic steps, so never fewer than the duration needs."""
        return self.semantic_steps(duration_s) * self.acoustic_per_semantic
