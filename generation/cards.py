"""What is to be known of a system before it is chosen, and beside its name in a report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How a system stands to the model it is named after."""

    PUBLISHED = "published model"
    REPRODUCTION = "reproduction"
    STAND_IN = "tiny stand-in"
    CONTROL = "control"
    OUTSIDE = "outside system"


@dataclass(frozen=True, slots=True)
class Card:
    """sees: "video", "text", "video and text" or "neither". sample_rate_hz: None where it varies.

    citation: where the method is published, or empty for what needs no source. note: what one might get wrong.
    name: what its makers call it, where only the settings tell.
    """

    sees: str
    standing: Standing
    sample_rate_hz: int | None
    code_licence: str
    weights_licence: str
    citation: str = ""
    note: str = ""
    name: str = ""

    @property
    def sample_rate(self) -> str:
        """In words, with its unit."""
        return "as delivered" if self.sample_rate_hz is None else f"{self.sample_rate_hz / 1000:g} kHz"
