"""The three stages: pictures to semantic tokens, those to coarse acoustic tokens, those to fine ones.

Shapes: B clips, S seconds of pictures, N semantic steps, T acoustic frames, L levels, K codes, D width, P steps of
a prompt. A prompt is what an earlier window has already written; a stage goes on from it and gives it back first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from generation.cascade.adaptors import StreamAdaptor, StreamConfig, Streams
from generation.cascade.decoding import Decoding
from generation.cascade.frames import CodeEmbedding, FrameHead
from generation.cascade.sampling import Sampling, guided, sample
from generation.cascade.time_grid import TimeGrid
from generation.cascade.transformer import Decoder, Encoder, TransformerConfig


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the stages write: semantic tokens, and codec codes with the width of their vectors."""

    semantic: int
    codes: int
    code_width: int


class SemanticStage(nn.Module):
    """Stage 1: an encoder over pictures and control, a decoder over semantic tokens."""

    def __init__(
        self,
        grid: TimeGrid,
        vocabulary: Vocabulary,
        streams: StreamConfig,
        encoder: TransformerConfig,
        decoder: TransformerConfig,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.start = vocabulary.semantic
        self.adaptor = StreamAdaptor(streams, encoder.dim, controlled=True)
        self.encoder = Encoder(encoder)
        self.embedding = nn.Embedding(vocabulary.semantic + 1, decoder.dim)
        self.decoder = Decoder(decoder, cross=True)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.score_bias = nn.Parameter(torch.zeros(vocabulary.semantic))

    def look(self, streams: Streams) -> tuple[Tensor, Tensor]:
        """Encoder states [B, n, D] and the semantic steps they belong to [n]."""
        tokens, ticks = self.adaptor(streams, self.grid.semantic_hz)
        return self.encoder(tokens, ticks), ticks

    def forward(self, streams: Streams, before: Tensor) -> Tensor:
        """The token before each step, [B, N] with ``start`` first, to logits [B, N, K]."""
        seen, ticks = self.look(streams)
        own = torch.arange(before.shape[1], device=before.device)
        return self._scores(self.decoder(self.embedding(before), own, seen, ticks))

    def draw(self, streams: Streams, noise: Tensor, sampling: Sampling, prompt: Tensor | None = None) -> Tensor:
        """Noise [B, N, K] and a prompt [B, P] to tokens [B, N], the prompt first."""
        batch, steps, _ = noise.shape
        seen, ticks = self.look(streams)
        pushed = sampling.guidance != 1 and streams.control is not None
        if pushed:
            unasked, _ = self.look(Streams(streams.features))
            seen = torch.cat([seen, unasked])
        decoding = self.decoder.start(len(seen), steps, seen=seen, seen_ticks=ticks, weights=sampling.weights)
        drawn = [] if prompt is None else list(prompt.unbind(1))
        given = torch.full((batch,), self.start, device=noise.device)
        if prompt is not None and len(drawn):
            before = torch.cat([given[:, None], prompt[:, :-1]], 1)
            decoding.extend(
                self._twice(self.embedding(before), pushed), torch.arange(len(drawn), device=noise.device)
            )
            given = drawn[-1]
        for step in range(len(drawn), steps):
            scores = self._scores(decoding.step(self._twice(self.embedding(given), pushed), step)).float()
            scores = guided(scores, sampling.guidance) if pushed else scores
            given = sample(scores, noise[:, step], sampling.temperature, sampling.top_k)
            drawn.append(given)
        return torch.stack(drawn, 1)

    @staticmethod
    def _twice(x: Tensor, pushed: bool) -> Tensor:
        return torch.cat([x, x]) if pushed else x

    def _scores(self, state: Tensor) -> Tensor:
        """Likeness to the tokens' own embeddings, which saves a second table."""
        scale = 2 / state.shape[-1] ** 0.5
        scores: Tensor = state @ self.embedding.weight[: self.start].T * scale + self.score_bias
        return scores


class CoarseStage(nn.Module):
    """Stage 2 with the video: an encoder over pictures and semantic tokens, a decoder over the coarse levels.

    Without semantic tokens it is the paper's ablation that writes acoustic tokens straight from the video.
    """

    def __init__(
        self,
        grid: TimeGrid,
        vocabulary: Vocabulary,
        streams: StreamConfig,
        encoder: TransformerConfig,
        decoder: TransformerConfig,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.adaptor = StreamAdaptor(streams, encoder.dim, controlled=False)
        self.semantic = nn.Embedding(vocabulary.semantic, encoder.dim)
        self.encoder = Encoder(encoder)
        self.codes = CodeEmbedding(grid.coarse_levels, vocabulary.codes, vocabulary.code_width, decoder.dim)
        self.start = nn.Parameter(torch.zeros(decoder.dim))
        self.decoder = Decoder(decoder, cross=True)
        self.head = FrameHead(self.codes, decoder.dim, tied=False)

    def look(self, streams: Streams, semantic: Tensor | None) -> tuple[Tensor, Tensor]:
        """Encoder states of pictures and tokens [B, n (+ N), D], and their acoustic frames."""
        tokens, ticks = self.adaptor(streams, self.grid.acoustic_hz)
        if semantic is not None:
            tokens = torch.cat([tokens, self.semantic(semantic)], 1)
            ticks = torch.cat([ticks, _semantic_ticks(semantic, self.grid)])
        return self.encoder(tokens, ticks), ticks

    def forward(self, streams: Streams, semantic: Tensor | None, before: Tensor, codes: Tensor) -> Tensor:
        """Codes of all frames but the last [B, L, T - 1] and true codes [B, L, T] to logits [B, L, T, K]."""
        seen, ticks = self.look(streams, semantic)
        given = _shifted(self.codes, self.start, before)
        state = self.decoder(given, torch.arange(given.shape[1], device=given.device), seen, ticks)
        return self.head(self.codes, state, codes)  # type: ignore[no-any-return]

    def draw(
        self,
        streams: Streams,
        semantic: Tensor | None,
        noise: Tensor,
        sampling: Sampling,
        prompt: Tensor | None = None,
    ) -> Tensor:
        """Noise [B, T, L, K] and a prompt [B, L, P] to codes [B, L, T], the prompt first."""
        seen, ticks = self.look(streams, semantic)
        decoding = self.decoder.start(
            len(noise), noise.shape[1], seen=seen, seen_ticks=ticks, weights=sampling.weights
        )
        return _draw_frames(decoding, self.codes, self.head, self.start, noise, sampling, prompt)


class AudioCoarseStage(nn.Module):
    """Stage 2 without the video: one decoder reads the semantic tokens and goes on with the coarse levels.

    It needs no pictures, so it can be trained on audio alone (V2Meow, Stage 2, first strategy; AudioLM).
    """

    def __init__(self, grid: TimeGrid, vocabulary: Vocabulary, decoder: TransformerConfig) -> None:
        super().__init__()
        self.grid = grid
        self.semantic = nn.Embedding(vocabulary.semantic, decoder.dim)
        self.codes = CodeEmbedding(grid.coarse_levels, vocabulary.codes, vocabulary.code_width, decoder.dim)
        self.start = nn.Parameter(torch.zeros(decoder.dim))
        self.decoder = Decoder(decoder, cross=False)
        self.head = FrameHead(self.codes, decoder.dim, tied=False)

    def forward(self, semantic: Tensor, before: Tensor, codes: Tensor) -> Tensor:
        """Semantic [B, N], codes but the last [B, L, T - 1], true codes [B, L, T] to logits [B, L, T, K]."""
        known = self.semantic(semantic)
        given = _shifted(self.codes, self.start, before)
        ticks = torch.cat(
            [_semantic_ticks(semantic, self.grid), torch.arange(given.shape[1], device=given.device)]
        )
        state = self.decoder(torch.cat([known, given], 1), ticks, prefix=known.shape[1])[:, known.shape[1] :]
        return self.head(self.codes, state, codes)  # type: ignore[no-any-return]

    def draw(self, semantic: Tensor, noise: Tensor, sampling: Sampling, prompt: Tensor | None = None) -> Tensor:
        """Semantic [B, N], noise [B, T, L, K] and a prompt [B, L, P] to codes [B, L, T], the prompt first."""
        known = self.semantic(semantic)
        decoding = self.decoder.start(len(noise), known.shape[1] + noise.shape[1], weights=sampling.weights)
        decoding.extend(known, _semantic_ticks(semantic, self.grid), prefix=True)
        return _draw_frames(decoding, self.codes, self.head, self.start, noise, sampling, prompt)


class FineStage(nn.Module):
    """Stage 3: a decoder reads the coarse frames of a chunk of a few seconds and goes on with the fine levels."""

    def __init__(self, grid: TimeGrid, vocabulary: Vocabulary, decoder: TransformerConfig) -> None:
        super().__init__()
        self.coarse = CodeEmbedding(grid.coarse_levels, vocabulary.codes, vocabulary.code_width, decoder.dim)
        self.codes = CodeEmbedding(grid.fine_levels, vocabulary.codes, vocabulary.code_width, decoder.dim)
        self.start = nn.Parameter(torch.zeros(decoder.dim))
        self.prefix = nn.Parameter(torch.zeros(decoder.dim))
        self.decoder = Decoder(decoder, cross=False)
        self.head = FrameHead(self.codes, decoder.dim, tied=True)

    def forward(self, coarse: Tensor, before: Tensor, codes: Tensor) -> Tensor:
        """Coarse [B, Lc, T], fine but the last [B, Lf, T - 1] and true fine [B, Lf, T] to logits [B, Lf, T, K]."""
        known = self.coarse(coarse)
        # A fine frame knows the coarse one of its own moment at once, and those around it through the prefix.
        given = known + _shifted(self.codes, self.start, before)
        ticks = torch.arange(known.shape[1], device=known.device)
        state = self.decoder(torch.cat([known + self.prefix, given], 1), ticks.repeat(2), prefix=known.shape[1])
        return self.head(self.codes, state[:, known.shape[1] :], codes)  # type: ignore[no-any-return]

    def draw(self, coarse: Tensor, noise: Tensor, sampling: Sampling) -> Tensor:
        """Coarse codes [B, Lc, T] and noise [B, T, Lf, K] to fine codes [B, Lf, T]."""
        known = self.coarse(coarse)
        frames = known.shape[1]
        decoding = self.decoder.start(len(noise), 2 * frames, weights=sampling.weights)
        decoding.extend(known + self.prefix, torch.arange(frames, device=known.device), prefix=True)
        return _draw_frames(
            decoding, self.codes, self.head, self.start, noise, sampling, None, lambda frame: known[:, frame]
        )


def _semantic_ticks(semantic: Tensor, grid: TimeGrid) -> Tensor:
    """The acoustic frame at which each semantic token begins: [N]."""
    return torch.arange(semantic.shape[1], device=semantic.device) * grid.acoustic_per_semantic


def _shifted(codes: CodeEmbedding, start: Tensor, before: Tensor) -> Tensor:
    """Codes [B, L, T - 1] to what a decoder is given, [B, T, D]: the start, then each frame one step later."""
    return torch.cat([start.to(codes.project.dtype).expand(before.shape[0], 1, -1), codes(before)], 1)


def _draw_frames(
    decoding: Decoding,
    codes: CodeEmbedding,
    head: FrameHead,
    start: Tensor,
    noise: Tensor,
    sampling: Sampling,
    prompt: Tensor | None,
    beside: Callable[[int], Tensor] | None = None,
) -> Tensor:
    """One frame after another: noise [B, T, L, K] and a prompt [B, L, P] to codes [B, L, T].

    beside: what a frame is given on top of the frame before it, by its number.
    """
    batch, frames = noise.shape[:2]
    drawn = [] if prompt is None else list(prompt.unbind(2))
    given = start.expand(batch, -1)
    if prompt is not None and drawn:
        decoding.extend(_shifted(codes, start, prompt[:, :, :-1]), torch.arange(len(drawn), device=noise.device))
        given = codes(prompt[:, :, -1:])[:, 0]
    for frame in range(len(drawn), frames):
        known = given if beside is None else given + beside(frame)
        state = decoding.step(known, frame)
        drawn.append(head.draw(codes, state, noise[:, frame], sampling))
        given = codes(drawn[-1][:, :, None])[:, 0]
    return torch.stack(drawn, 2)
