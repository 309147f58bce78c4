"""What the cascade asks of a codec."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class AudioCodec(nn.Module, ABC):
    """Waveform [B, samples] to codes [B, levels, frames] and back; ``samples`` a multiple of the hop."""

    hop: int

    @property
    @abstractmethod
    def codebooks(self) -> Tensor:
        """The vectors that codes stand for, [levels, size, dim]; those of a level share a space."""

    @abstractmethod
    def encode(self, wave: Tensor) -> Tensor:
        """[B, samples] to codes [B, levels, frames]. ValueError when the length is no multiple of the hop."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """Codes [B, any number of first levels, frames] to [B, frames * hop]."""
