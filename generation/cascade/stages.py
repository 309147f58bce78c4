"""The three stages: pictures to semantic tokens, those to coarse acoustic tokens, those to fine ones.

Shapes: B clips, S seconds of pictures, N semantic steps, T acoustic frames, L levels, K codes, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.sampling import sample
from generation.cascade.time_grid import TimeGrid
from generation.cascade.transformer import Decoder, Encoder, RMSNorm, TransformerConfig


@dataclass(frozen=True, slots=True)
class VisualStreams:
    """Features of both kinds, [B, S, dim]. ``None`` where a system does not look at a kind.

    clip_on, flow_on: bool [B], to leave a kind out of single clips while training.
    """

    clip: Tensor | None
    flow: Tensor | None
    clip_on: Tensor | None = None
    flow_on: Tensor | None = None


class VisualAdaptor(nn.Module):
    """Both kinds of features to one sequence [B, S, D]; what is left out is replaced by a learned stand-in."""

    def __init__(self, clip_dim: int, flow_dim: int, dim: int) -> None:
        super().__init__()
        self.clip = nn.Linear(clip_dim, dim)
        self.flow = nn.Linear(flow_dim, dim)
        self.no_clip = nn.Parameter(torch.zeros(dim))
        self.no_flow = nn.Parameter(torch.zeros(dim))

    def forward(self, streams: VisualStreams) -> Tensor:
        known = streams.clip if streams.clip is not None else streams.flow
        if known is None:
            raise ValueError("no visual feature given; give clip, flow or both")
        clip = self._one(self.clip, self.no_clip, streams.clip, streams.clip_on, known)
        return clip + self._one(self.flow, self.no_flow, streams.flow, streams.flow_on, known)

    @staticmethod
    def _one(
        project: nn.Module, absent: Tensor, features: Tensor | None, on: Tensor | None, known: Tensor
    ) -> Tensor:
        if features is None:
            return absent.expand(*known.shape[:2], -1)
        projected: Tensor = project(features)
        return projected if on is None else torch.where(on[:, None, None], projected, absent.to(projected.dtype))


class CodeEmbedding(nn.Module):
    """Acoustic codes as their codec vectors, projected: codes that sound alike start out alike."""

    books: Tensor

    def __init__(self, codebooks: Tensor, dim: int) -> None:
        super().__init__()
        levels, _, width = codebooks.shape
        self.register_buffer("books", torch.zeros_like(codebooks), persistent=False)
        self.project = nn.Parameter(torch.randn(levels, width, dim) / width**0.5)
        self.use(codebooks)

    def use(self, codebooks: Tensor) -> None:
        """Take over the codec's vectors, each level brought to unit deviation."""
        self.books.copy_(codebooks / codebooks.std((1, 2), keepdim=True).clamp(min=1e-6))

    def level(self, level: int, codes: Tensor) -> Tensor:
        """Codes [...] of one level to [..., D]."""
        return self.books[level][codes] @ self.project[level]

    def forward(self, codes: Tensor) -> Tensor:
        """Codes [B, L, T] to the sum over levels [B, T, D]."""
        return torch.stack([self.level(level, codes[:, level]) for level in range(codes.shape[1])]).sum(0)


class FrameHead(nn.Module):
    """Scores the levels of one frame in order, each knowing the levels before it.

    AudioLM writes all levels into one long sequence. Handing the frame's state through this small head keeps the
    same factorisation, every code given all codes before it, in a sequence as long as there are frames.
    """

    def __init__(self, embedding: CodeEmbedding, dim: int, tied: bool) -> None:
        super().__init__()
        levels, size, width = embedding.books.shape
        self.mix = nn.ModuleList(nn.Linear(dim, dim) for _ in range(levels))
        self.norm = RMSNorm(dim)
        self.score = nn.ModuleList(nn.Linear(dim, width if tied else size) for _ in range(levels))
        self.bias = nn.Parameter(torch.zeros(levels, size))
        self.tied = tied

    def level(self, embedding: CodeEmbedding, level: int, state: Tensor) -> Tensor:
        """State with the lower levels added, [..., D], to logits [..., K]."""
        scores: Tensor = self.score[level](F.gelu(self.mix[level](self.norm(state))))
        if self.tied:
            scores = scores @ embedding.books[level].T.to(scores.dtype)
        return scores + self.bias[level]

    def forward(self, embedding: CodeEmbedding, state: Tensor, codes: Tensor) -> Tensor:
        """States [B, T, D] and the true codes [B, L, T] to logits [B, L, T, K]."""
        logits = []
        for level in range(codes.shape[1]):
            logits.append(self.level(embedding, level, state))
            state = state + embedding.level(level, codes[:, level])
        return torch.stack(logits, 1)

    def draw(
        self, embedding: CodeEmbedding, state: Tensor, noise: Tensor, temperature: float, top_k: int
    ) -> Tensor:
        """States [B, D] and noise [B, L, K] to drawn codes [B, L]."""
        codes = []
        for level in range(noise.shape[1]):
            code = sample(self.level(embedding, level, state).float(), noise[:, level], temperature, top_k)
            codes.append(code)
            state = state + embedding.level(level, code)
        return torch.stack(codes, 1)


class SemanticStage(nn.Module):
    """Stage 1: an encoder over pictures, a decoder over semantic tokens.

    Beside T5's relative positions the decoder knows how long ago the music began, a departure from the paper: it
    lets a small network keep a beat that it has only just started.
    """

    def __init__(
        self,
        grid: TimeGrid,
        tokens: int,
        visual: tuple[int, int],
        encoder: TransformerConfig,
        decoder: TransformerConfig,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.adaptor = VisualAdaptor(*visual, encoder.dim)
        self.encoder = Encoder(encoder)
        self.embedding = nn.Embedding(tokens + 1, decoder.dim)
        self.decoder = Decoder(decoder, cross=True)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.score_bias = nn.Parameter(torch.zeros(tokens))
        self.start = tokens
        self.since_start = nn.Parameter(torch.zeros(grid.semantic_hz * (grid.window_s + 1), decoder.dim))

    def look(self, streams: VisualStreams) -> tuple[Tensor, Tensor]:
        """Encoder states [B, S, D] and the semantic steps they belong to [S]."""
        pictures = self.adaptor(streams)
        ticks = visual_ticks(pictures.shape[1], self.grid.semantic_hz, pictures.device)
        return self.encoder(pictures, ticks), ticks

    def forward(self, streams: VisualStreams, before: Tensor) -> Tensor:
        """The token before each step, [B, N] with ``start`` first, to logits [B, N, K]."""
        seen, ticks = self.look(streams)
        given = self.embedding(before) + self.since_start[: before.shape[1]]
        return self._scores(self.decoder(given, seen, ticks))

    def draw(self, streams: VisualStreams, noise: Tensor, temperature: float, top_k: int) -> Tensor:
        """Noise [B, N, K] to tokens [B, N], one after another."""
        seen, ticks = self.look(streams)
        batch, steps, _ = noise.shape
        cache = self.decoder.new_cache(batch, steps, seen)
        token = torch.full((batch,), self.start, device=noise.device)
        drawn = []
        for step in range(steps):
            given = self.embedding(token) + self.since_start[step]
            state = self.decoder.step(given[:, None], cache, ticks)[:, 0]
            token = sample(self._scores(state).float(), noise[:, step], temperature, top_k)
            drawn.append(token)
        return torch.stack(drawn, 1)

    def _scores(self, state: Tensor) -> Tensor:
        """Likeness to the tokens' own embeddings, which saves a second table."""
        scale = 2 / state.shape[-1] ** 0.5
        scores: Tensor = state @ self.embedding.weight[: self.start].T * scale + self.score_bias
        return scores


class CoarseStage(nn.Module):
    """Stage 2: an encoder over pictures and semantic tokens, a decoder over the coarse levels, frame by frame."""

    def __init__(
        self,
        grid: TimeGrid,
        tokens: int,
        visual: tuple[int, int],
        codebooks: Tensor,
        encoder: TransformerConfig,
        decoder: TransformerConfig,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.adaptor = VisualAdaptor(*visual, encoder.dim)
        self.semantic = nn.Embedding(tokens, encoder.dim)
        self.encoder = Encoder(encoder)
        self.codes = CodeEmbedding(codebooks, decoder.dim)
        self.start = nn.Parameter(torch.zeros(decoder.dim))
        self.decoder = Decoder(decoder, cross=True)
        self.head = FrameHead(self.codes, decoder.dim, tied=False)

    def look(self, streams: VisualStreams, semantic: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder states of pictures and tokens together, [B, S + N, D], and their acoustic frames [S + N]."""
        pictures = self.adaptor(streams)
        rate = self.grid.acoustic_hz
        ticks = torch.cat(
            [
                visual_ticks(pictures.shape[1], rate, pictures.device),
                torch.arange(semantic.shape[1], device=semantic.device) * self.grid.acoustic_per_semantic,
            ]
        )
        return self.encoder(torch.cat([pictures, self.semantic(semantic)], 1), ticks), ticks

    def forward(self, streams: VisualStreams, semantic: Tensor, before: Tensor, codes: Tensor) -> Tensor:
        """Codes of all frames but the last [B, L, T - 1] and true codes [B, L, T] to logits [B, L, T, K]."""
        seen, ticks = self.look(streams, semantic)
        state = self.decoder(self._inputs(before), seen, ticks)
        return self.head(self.codes, state, codes)  # type: ignore[no-any-return]

    def draw(
        self, streams: VisualStreams, semantic: Tensor, noise: Tensor, temperature: float, top_k: int
    ) -> Tensor:
        """Noise [B, T, L, K] to codes [B, L, T]."""
        seen, ticks = self.look(streams, semantic)
        batch, frames = noise.shape[:2]
        cache = self.decoder.new_cache(batch, frames, seen)
        given = self.start.expand(batch, -1)
        drawn = []
        for frame in range(frames):
            state = self.decoder.step(given[:, None], cache, ticks)[:, 0]
            codes = self.head.draw(self.codes, state, noise[:, frame], temperature, top_k)
            drawn.append(codes)
            given = self.codes(codes[:, :, None])[:, 0]
        return torch.stack(drawn, 2)

    def _inputs(self, before: Tensor) -> Tensor:
        start = self.start.expand(before.shape[0], 1, -1)
        return torch.cat([start, self.codes(before)], 1)


class FineStage(nn.Module):
    """Stage 3: a decoder that adds the fine levels to the coarse ones, within chunks of a few seconds."""

    def __init__(self, codebooks: Tensor, coarse_levels: int, decoder: TransformerConfig) -> None:
        super().__init__()
        self.coarse = CodeEmbedding(codebooks[:coarse_levels], decoder.dim)
        self.around = nn.Conv1d(decoder.dim, decoder.dim, 3, padding=1)
        self.codes = CodeEmbedding(codebooks[coarse_levels:], decoder.dim)
        self.start = nn.Parameter(torch.zeros(decoder.dim))
        self.decoder = Decoder(decoder, cross=False)
        self.head = FrameHead(self.codes, decoder.dim, tied=True)

    def forward(self, coarse: Tensor, before: Tensor, codes: Tensor) -> Tensor:
        """Coarse [B, Lc, T], fine but the last [B, Lf, T - 1] and true fine [B, Lf, T] to logits [B, Lf, T, K]."""
        start = self.start.expand(len(coarse), 1, -1)
        given = self._coarse(coarse) + torch.cat([start, self.codes(before)], 1)
        return self.head(self.codes, self.decoder(given), codes)  # type: ignore[no-any-return]

    def draw(self, coarse: Tensor, noise: Tensor, temperature: float, top_k: int) -> Tensor:
        """Coarse codes [B, Lc, T] and noise [B, T, Lf, K] to fine codes [B, Lf, T]."""
        known = self._coarse(coarse)
        batch, frames = noise.shape[:2]
        cache = self.decoder.new_cache(batch, frames)
        past = self.start.expand(batch, -1)
        drawn = []
        for frame in range(frames):
            state = self.decoder.step((known[:, frame] + past)[:, None], cache)[:, 0]
            codes = self.head.draw(self.codes, state, noise[:, frame], temperature, top_k)
            drawn.append(codes)
            past = self.codes(codes[:, :, None])[:, 0]
        return torch.stack(drawn, 2)

    def _coarse(self, coarse: Tensor) -> Tensor:
        embedded = self.coarse(coarse)
        known: Tensor = embedded + self.around(embedded.transpose(1, 2)).transpose(1, 2)
        return known


def visual_ticks(seconds: int, rate_hz: int, device: torch.device) -> Tensor:
    """The middle of every second, counted in steps of ``rate_hz``."""
    return torch.arange(seconds, device=device) * rate_hz + rate_hz // 2
