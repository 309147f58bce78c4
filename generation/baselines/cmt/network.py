"""The network that writes CMT's words, with the published checkpoint's parameter names.

Shapes: B pieces, T words, D width. A piece begins with seven prefix rows of genre, key and instruments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.baselines.cmt.attention import Layer, Past
from generation.baselines.cmt.words import SHARE, TICK, TYPE, VOCABULARY, WRITTEN

PREFIX = 7
LONGEST_TICKS = 20_000
_GENRES, _KEYS, _INSTRUMENTS = 7, 1, 6


@dataclass(frozen=True, slots=True)
class Sizes:
    """embeddings: widths of the seven written columns, as they are joined before the first layer."""

    dim: int
    layers: int
    heads: int
    hidden: int
    embeddings: tuple[int, ...]
    share: int = 256
    prefix: int = 64
    dropout: float = 0.1


PUBLISHED = Sizes(512, 12, 8, 2048, (64, 32, 64, 512, 128, 32, 64))
TINY = Sizes(128, 4, 4, 512, (32, 16, 32, 96, 48, 16, 32), share=32, prefix=16, dropout=0.05)


class Embeddings(nn.Module):
    """A table scaled by the root of its width."""

    def __init__(self, values: int, width: int) -> None:
        super().__init__()
        self.lut = nn.Embedding(values, width)
        self.scale = math.sqrt(width)

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = self.lut(x) * self.scale
        return scaled


class TickPositions(nn.Module):
    """Sinusoids of the tick a word stands at, so that all words of a tick share one place."""

    pe: Tensor

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        angle = torch.arange(LONGEST_TICKS)[:, None] * torch.exp(
            torch.arange(0, dim, 2) * (-math.log(10_000.0) / dim)
        )
        table = torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
        self.register_buffer("pe", table[None], persistent=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, tick: Tensor) -> Tensor:
        placed: Tensor = self.dropout(x + self.pe[0, tick])
        return placed


class Layers(nn.Module):
    """The transformer and its last norm."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Layer(sizes.dim, sizes.heads, sizes.hidden, sizes.dropout) for _ in range(sizes.layers)
        )
        self.norm = nn.LayerNorm(sizes.dim)

    def forward(self, x: Tensor, past: list[Past] | None = None) -> Tensor:
        for index, layer in enumerate(self.layers):
            x = layer(x, None if past is None else past[index])
        normed: Tensor = self.norm(x)
        return normed


class CMT(nn.Module):
    """Words so far to scores of the next one: its type first, then the rest given the type."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.init_emb_genre = Embeddings(_GENRES, sizes.prefix)
        self.init_emb_key = Embeddings(_KEYS, sizes.prefix)
        self.init_emb_instrument = Embeddings(_INSTRUMENTS, sizes.prefix)
        self.init_in_linear = nn.Linear(3 * sizes.prefix, sizes.dim)
        for name, values, width in zip(NAMES, VOCABULARY, sizes.embeddings, strict=False):
            self.add_module(f"encoder_emb_{name}", Embeddings(values, width))
        self.encoder_emb_time_encoding = Embeddings(VOCABULARY[SHARE], sizes.share)
        self.encoder_pos_emb = TickPositions(sizes.dim, sizes.dropout)
        self.encoder_in_linear = nn.Linear(sum(sizes.embeddings), sizes.dim)
        self.encoder_time_linear = nn.Linear(sizes.share, sizes.dim)
        self.transformer_encoder = Layers(sizes)
        self.project_concat_type = nn.Linear(sizes.dim + sizes.embeddings[TYPE], sizes.dim)
        for name, values in zip(NAMES, VOCABULARY, strict=False):
            self.add_module(f"proj_{name}", nn.Linear(sizes.dim, values))

    def begun(self, prefix: Tensor) -> Tensor:
        """Prefix rows [B, 7, 3] to [B, 7, D]."""
        tables = (self.init_emb_genre, self.init_emb_key, self.init_emb_instrument)
        rows: Tensor = self.init_in_linear(torch.cat([table(prefix[..., i]) for i, table in enumerate(tables)], 2))
        return rows

    def embedded(self, words: Tensor) -> Tensor:
        """Words [B, T, 9] to [B, T, D]."""
        columns = [self.get_submodule(f"encoder_emb_{name}")(words[..., i]) for i, name in enumerate(NAMES)]
        x = self.encoder_in_linear(torch.cat(columns, 2))
        x = x + self.encoder_time_linear(self.encoder_emb_time_encoding(words[..., SHARE]))
        placed: Tensor = self.encoder_pos_emb(x, words[..., TICK])
        return placed

    def hidden(self, prefix: Tensor, words: Tensor) -> Tensor:
        """States [B, T, D] after each word, all at once."""
        x = torch.cat([self.begun(prefix), self.embedded(words)], 1)
        states: Tensor = self.transformer_encoder(x)[:, PREFIX:]
        return states

    def start(self, prefix: Tensor) -> list[Past]:
        """What the layers remember after the prefix [B, 7, 3]."""
        sizes = self.sizes
        past = [Past.empty(len(prefix), sizes.heads, sizes.dim // sizes.heads) for _ in range(sizes.layers)]
        rows = self.begun(prefix)
        for index in range(PREFIX):
            self.transformer_encoder(rows[:, index : index + 1], past)
        return past

    def step(self, word: Tensor, past: list[Past]) -> Tensor:
        """State [B, D] after one more word [B, 9]; the same as ``hidden`` gives, at a cost that never grows."""
        state: Tensor = self.transformer_encoder(self.embedded(word[:, None]), past)[:, 0]
        return state

    def type_scores(self, state: Tensor) -> Tensor:
        scores: Tensor = self.get_submodule("proj_type")(state)
        return scores

    def other_scores(self, state: Tensor, kind: Tensor) -> dict[int, Tensor]:
        """Column to scores [..., values] of the other written columns, given the type [...] of the word."""
        known = self.get_submodule("encoder_emb_type")(kind)
        x = self.project_concat_type(torch.cat([state, known], -1))
        return {i: self.get_submodule(f"proj_{name}")(x) for i, name in enumerate(NAMES) if i != TYPE}

    def loss(self, prefix: Tensor, words: Tensor, real: Tensor) -> Tensor:
        """Sum over the seven columns of the mean cross-entropy of the next word.

        words: [B, T + 1, 9]; real: [B, T], False where the next word is padding.
        """
        state = self.hidden(prefix, words[:, :-1])
        following = words[:, 1:]
        scores = {TYPE: self.type_scores(state), **self.other_scores(state, following[..., TYPE])}
        total = torch.zeros(())
        for column, score in scores.items():
            wrong = F.cross_entropy(score.transpose(1, 2), following[..., column], reduction="none")
            total = total + (wrong * real).sum() / real.sum()
        return total


NAMES = ("barbeat", "type", "density", "pitch", "duration", "instr", "strength")
assert len(NAMES) == WRITTEN
