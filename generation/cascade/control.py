"""The joint embedding of music and text that lets a prompt steer stage 1.

MuLan (Huang et al. 2022) in the paper: two towers, trained so that a piece of music and what is said of it meet in
one place. ``tiny`` has a small pair of its own, trained on the self-made world and what is said of its pieces.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.spectra import Bands
from generation.cascade.time_grid import TimeGrid


@dataclass(frozen=True, slots=True)
class JointConfig:
    """Sizes of both towers. ``text_bytes``: how much of a text is read at once."""

    dim: int = 64
    width: int = 128
    layers: int = 2
    heads: int = 4
    feed_forward: int = 256
    mels: int = 64
    text_bytes: int = 256


class JointEmbedding(nn.Module, ABC):
    """Music and text to one space of unit vectors [B, dim]."""

    @abstractmethod
    def embed_audio(self, wave: Tensor) -> Tensor:
        """[B, samples] at the grid's rate, of any length: windows of the grid's length, averaged."""

    @abstractmethod
    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Texts of any length and script. Raises ValueError on an empty one."""


class ByteJointEmbedding(JointEmbedding):
    """The small pair of towers; text is read as UTF-8 bytes, so any script can be asked in.

    What was never said in training means little to it: it knows the world's words.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, grid: TimeGrid, config: JointConfig) -> None:
        super().__init__()
        self.grid, self.config = grid, config
        self.bands = Bands(grid.sample_rate_hz, grid.hop * grid.acoustic_per_semantic, mels=config.mels)
        self.register_buffer("mean", torch.zeros(self.bands.dim))
        self.register_buffer("scale", torch.ones(self.bands.dim))
        # Four steps of 25 Hz become one: what is said of music changes slowly.
        self.audio_in = nn.Conv1d(self.bands.dim, config.width, 8, stride=4)
        self.audio_place = nn.Parameter(torch.zeros(grid.window_s * grid.semantic_hz // 4 + 1, config.width))
        self.audio = _tower(config)
        self.audio_out = nn.Linear(config.width, config.dim)
        self.text_in = nn.Embedding(257, config.width, padding_idx=256)
        self.text_place = nn.Parameter(torch.zeros(config.text_bytes, config.width))
        self.text = _tower(config)
        self.text_out = nn.Linear(config.width, config.dim)

    def embed_audio(self, wave: Tensor) -> Tensor:
        window = self.grid.samples(self.grid.window_s)
        parts = [part for part in torch.split(wave, window, dim=1) if part.shape[1] >= window // 4]
        embedded = [
            self.hear(self.bands(part)) for part in parts or [F.pad(wave, (0, window // 4 - wave.shape[1]))]
        ]
        return F.normalize(torch.stack(embedded).mean(0), dim=-1)

    def hear(self, bands: Tensor) -> Tensor:
        """Log bands [B, T, bands] of at most one window at 25 Hz to unit vectors [B, dim]."""
        x = self.audio_in(((bands - self.mean) / self.scale).transpose(1, 2)).transpose(1, 2)
        x = self.audio(x + self.audio_place[: x.shape[1]])
        return F.normalize(self.audio_out(x.mean(1)).float(), dim=-1)

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        if not all(text.strip() for text in texts):
            raise ValueError("an empty text says nothing about music; leave it out")
        return F.normalize(torch.stack([self._whole(text) for text in texts]), dim=-1)

    def read(self, codes: Tensor) -> Tensor:
        """Bytes [B, text_bytes], 256 where a text has ended, to unit vectors [B, dim]."""
        ended = codes == 256
        x = self.text(self.text_in(codes) + self.text_place[: codes.shape[1]], src_key_padding_mask=ended)
        kept = (~ended).unsqueeze(-1).to(x.dtype)
        return F.normalize(self.text_out((x * kept).sum(1) / kept.sum(1)).float(), dim=-1)

    def _whole(self, text: str) -> Tensor:
        codes = [text_bytes(part, self.config.text_bytes) for part in stretches(text, self.config.text_bytes)]
        return self.read(torch.stack(codes).to(self.mean.device)).mean(0)


def stretches(text: str, length: int) -> list[str]:
    """A text in parts of at most ``length`` UTF-8 bytes, cut between words, or within one where it is longer."""
    parts: list[str] = []
    now = ""
    for word in text.lower().split():
        for piece in _pieces(word, length):
            longer = f"{now} {piece}" if now else piece
            if len(longer.encode()) > length:
                parts.append(now)
                longer = piece
            now = longer
    return [*parts, now]


def _pieces(word: str, length: int) -> list[str]:
    """A word in parts that fit, never within a character."""
    parts, now = [], ""
    for character in word:
        if len((now + character).encode()) > length:
            parts.append(now)
            now = ""
        now += character
    return [*parts, now]


def text_bytes(text: str, length: int) -> Tensor:
    """A text of at most ``length`` bytes, filled up with 256: int64 [length]."""
    code = list(text.encode())
    return torch.tensor(code + [256] * (length - len(code)))


def _tower(config: JointConfig) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        config.width,
        config.heads,
        config.feed_forward,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    return nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
