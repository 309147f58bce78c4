"""CLAP (Wu et al. 2023) in the place of MuLan, whose weights are not public: one space for music and text.

laion/larger_clap_music: HTSAT-base for sound at 48 kHz, RoBERTa-base for text, 512-d. Both methods are those of
``JointEmbedding``. The words' table lies in the weights beside the networks, so that a part is one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.control import JointEmbedding
from generation.cascade.published.libraries import tokenizers, transformers
from generation.cascade.published.strict import Release, Source, load_published
from generation.cascade.spectra import resample, slaney_filters
from generation.cascade.time_grid import TimeGrid
from generation.contracts import GenerationError

_HZ, _WINDOW, _HOP, _MELS, _SECONDS = 48_000, 1024, 480, 64, 10
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 14_000.0
_LOWEST_POWER = 1e-10


@dataclass(frozen=True, slots=True)
class ClapConfig:
    """laion/larger_clap_music's sizes. words_room: bytes kept for the published ``tokenizer.json``."""

    dim: int = 512
    sound_dim: int = 1024
    patch_dim: int = 128
    depths: tuple[int, ...] = (2, 2, 12, 2)
    sound_heads: tuple[int, ...] = (4, 8, 16, 32)
    text_dim: int = 768
    text_layers: int = 12
    text_heads: int = 12
    text_feed_forward: int = 3072
    vocabulary: int = 50_265
    text_tokens: int = 512
    words_room: int = 2_500_000


class Clap(JointEmbedding):
    """CLAP through ``transformers``. Raises GenerationError when that is not installed."""

    words: Tensor
    mel: Tensor

    def __init__(self, grid: TimeGrid, config: ClapConfig) -> None:
        super().__init__()
        self.grid, self.config = grid, config
        library = transformers()
        self.network: Any = library.ClapModel(
            library.ClapConfig(
                projection_dim=config.dim,
                audio_config={
                    "hidden_size": config.sound_dim,
                    "patch_embeds_hidden_size": config.patch_dim,
                    "depths": config.depths,
                    "num_attention_heads": config.sound_heads,
                    "projection_dim": config.dim,
                },
                text_config={
                    "hidden_size": config.text_dim,
                    "num_hidden_layers": config.text_layers,
                    "num_attention_heads": config.text_heads,
                    "intermediate_size": config.text_feed_forward,
                    "vocab_size": config.vocabulary,
                    # RoBERTa counts its places from 2.
                    "max_position_embeddings": config.text_tokens + 2,
                    "projection_dim": config.dim,
                },
            )
        )
        self.register_buffer("words", torch.full((config.words_room,), ord(" "), dtype=torch.uint8))
        self.register_buffer("mel", clap_filters(), persistent=False)

    def embed_audio(self, wave: Tensor) -> Tensor:
        """As CLAP was taught: windows of ten seconds, shorter ones repeated whole and filled with silence."""
        heard = resample(wave[:, : wave.shape[1] // 2 * 2], self.grid.sample_rate_hz, _HZ)
        window = _SECONDS * _HZ
        parts = [part for part in torch.split(heard, window, 1) if part.shape[1] >= window // 4] or [heard]
        embedded = [self._hear(_repeated(part, window)) for part in parts]
        return F.normalize(torch.stack(embedded).mean(0), dim=-1)

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        if not all(text.strip() for text in texts):
            raise ValueError("an empty text says nothing about music; leave it out")
        table = self._table()
        return F.normalize(torch.cat([self._read(table.encode(text).ids) for text in texts]), dim=-1)

    def take_words(self, path: Path) -> None:
        """Keep the published ``tokenizer.json``. Raises GenerationError when it is longer than there is room."""
        written = path.read_bytes()
        if len(written) > self.config.words_room:
            raise GenerationError(
                f"{path} has {len(written)} bytes, and there is room for {self.config.words_room}; "
                "give the tokenizer.json that was published with the weights"
            )
        filled = written.ljust(self.config.words_room)
        self.words.copy_(torch.frombuffer(bytearray(filled), dtype=torch.uint8))

    def _table(self) -> Any:
        written = bytes(self.words.cpu().numpy()).strip()
        if not written:
            raise GenerationError("CLAP has no table of words; install its tokenizer.json with its weights")
        table = tokenizers().Tokenizer.from_str(written.decode())
        table.no_truncation()
        table.no_padding()
        return table

    def _hear(self, wave: Tensor) -> Tensor:
        """Exactly ten seconds at 48 kHz, [B, samples], to unit vectors."""
        bands = log_mel(wave, self.mel).unsqueeze(1)
        longer = torch.zeros(len(wave), 1, dtype=torch.bool, device=wave.device)
        embedded: Tensor = self.network.get_audio_features(input_features=bands, is_longer=longer).pooler_output
        return embedded

    def _read(self, codes: list[int]) -> Tensor:
        """The marks of begin and end and what is between, in stretches that fit, averaged: [1, dim]."""
        begin, *between, end = codes
        room = self.config.text_tokens - 2
        stretches = [between[start : start + room] for start in range(0, max(1, len(between)), room)]
        read = [
            self.network.get_text_features(
                input_ids=torch.tensor([[begin, *stretch, end]], device=self.words.device)
            ).pooler_output
            for stretch in stretches
        ]
        return torch.stack(read).mean(0)


def load_clap(path: Path, clap: Clap) -> None:
    """Fill CLAP from laion/larger_clap_music; its ``tokenizer.json`` lies beside the weights.

    Raises GenerationError when the table of words is not there, and see ``load_published``.
    """
    table = path.parent / "tokenizer.json"
    if not table.is_file():
        raise GenerationError(f"{table} is missing; put it beside {path.name}, it was published with it")
    load_published(path, clap, (CLAP_RELEASE,))
    clap.take_words(table)


CLAP_RELEASE = Release(
    name="CLAP of laion/larger_clap_music",
    marker="audio_model.audio_encoder.patch_embed.proj.weight",
    source=lambda name: Source((name.removeprefix("network."),)),
    # Counters and tables that the networks work out themselves; which of them a file has depends on its age.
    ignored=("*.position_ids", "*.token_type_ids", "*.relative_position_index", "*.num_batches_tracked"),
    own=("words", "*.position_ids", "*.token_type_ids", "*.relative_position_index", "*.num_batches_tracked"),
)


def log_mel(wave: Tensor, filters: Tensor) -> Tensor:
    """[B, samples] at 48 kHz to decibels [B, samples // 480 + 1, 64] of power, mirrored at both ends."""
    window = torch.hann_window(_WINDOW, device=wave.device, dtype=torch.float64)
    padded = F.pad(wave.double()[:, None], (_WINDOW // 2, _WINDOW // 2), mode="reflect")[:, 0]
    power: Tensor = torch.fft.rfft(padded.unfold(1, _WINDOW, _HOP) * window).abs().square()
    return 10 * (power @ filters).clamp(min=_LOWEST_POWER).log10().float()


def clap_filters() -> Tensor:
    """[513, 64] from 50 Hz to 14 kHz."""
    return slaney_filters(_WINDOW // 2 + 1, _MELS, _HZ, low_hz=_LOWEST_HZ, high_hz=_HIGHEST_HZ)


def _repeated(wave: Tensor, length: int) -> Tensor:
    """A sound played as often as it fits into ``length``, then silence."""
    again = wave.repeat(1, length // wave.shape[1])
    return F.pad(again, (0, length - again.shape[1]))
