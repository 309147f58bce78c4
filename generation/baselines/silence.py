"""Digital silence: the lowest anchor there is, and a check whether playback and raters work at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generation.contracts import ClipFacts, Progress, Request, Settings, Soundtrack

RATE_HZ = 48_000


@dataclass(frozen=True, slots=True)
class Silence:
    """Plays nothing, whatever the clip and the seed."""

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48 kHz stereo of zeros, ``request.duration_s`` long."""
        progress(0.0, "writing silence")
        return Soundtrack(np.zeros((2, round(request.duration_s * RATE_HZ)), dtype=np.float32), RATE_HZ)


def build(preset: str, settings: Settings, device: str) -> Silence:
    """The one silence there is."""
    return Silence()


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses nothing."""
    return None
