"""Train the three stages on the tokens of the world's clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.checkpoint import Cascade
from generation.cascade.stages import CoarseStage, FineStage, SemanticStage, VisualStreams
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.clock import Clock
from generation.cascade.training.material import mono
from generation.world.piece import Piece

_RATE = 2e-3


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the stages learn from, for a number of clips.

    clip, flow: normalised features, not rounded, [clips, S, dim]. semantic: [clips, N]. codes: [clips, L, T].
    """

    clip: Tensor
    flow: Tensor
    semantic: Tensor
    codes: Tensor

    def first(self, clips: int) -> Tokens:
        """The first clips alone."""
        return Tokens(self.clip[:clips], self.flow[:clips], self.semantic[:clips], self.codes[:clips])


@torch.inference_mode()
def tokenise(cascade: Cascade, pieces: list[Piece], raw: tuple[Tensor, Tensor]) -> Tokens:
    """Tokens of the pieces' music beside their raw visual features."""
    cascade.eval()
    visual, rate = cascade.visual, cascade.preset.grid.sample_rate_hz
    semantic, codes = [], []
    for start in range(0, len(pieces), 16):
        waves = torch.stack([torch.from_numpy(mono(piece, rate)) for piece in pieces[start : start + 16]])
        semantic.append(cascade.semantic.encode(waves).short())
        codes.append(cascade.codec.encode(waves).short())
    clip = (raw[0] - visual.clip_mean) / visual.clip_scale
    flow = (raw[1] - visual.flow_mean) / visual.flow_scale
    return Tokens(clip, flow, torch.cat(semantic), torch.cat(codes))


@dataclass(frozen=True, slots=True)
class Batch:
    """A stretch of some clips: visual streams, semantic tokens [B, N] and codes [B, L, T]."""

    streams: VisualStreams
    semantic: Tensor
    codes: Tensor


class Batches:
    """Draws stretches of whole seconds and disturbs the features as encoding would."""

    def __init__(self, tokens: Tokens, grid: TimeGrid, quantum: float, generator: torch.Generator) -> None:
        self.tokens, self.grid, self.quantum, self.generator = tokens, grid, quantum, generator

    def draw(self, batch: int, seconds: int) -> Batch:
        grid, generator = self.grid, self.generator
        longest = self.tokens.clip.shape[1]
        which = torch.randint(len(self.tokens.clip), (batch,), generator=generator)
        first = int(torch.randint(longest - seconds + 1, (1,), generator=generator))
        # A quarter of the clips show one kind of feature only, so that either system works alone.
        kind = torch.rand(batch, generator=generator)
        streams = VisualStreams(
            self._features(self.tokens.clip[which, first : first + seconds]),
            self._features(self.tokens.flow[which, first : first + seconds]),
            clip_on=kind > 0.1,
            flow_on=kind < 0.6,
        )
        semantic = slice(first * grid.semantic_hz, (first + seconds) * grid.semantic_hz)
        frames = slice(first * grid.acoustic_hz, (first + seconds) * grid.acoustic_hz)
        return Batch(
            streams, self.tokens.semantic[which, semantic].long(), self.tokens.codes[which, :, frames].long()
        )

    def _features(self, features: Tensor) -> Tensor:
        noisy = features + 0.25 * torch.randn(features.shape, generator=self.generator)
        return (noisy / self.quantum).round() * self.quantum


def disturbed(codes: Tensor, tokens: int, share: float, generator: torch.Generator) -> Tensor:
    """Replace a share of the codes by random ones, since at play the past is not perfect either."""
    wrong = torch.rand(codes.shape, generator=generator) < share
    return torch.where(wrong, torch.randint(tokens, codes.shape, generator=generator), codes)


def train_semantic(stage: SemanticStage, batches: Batches, clock: Clock) -> None:
    """Stage 1, on whole windows as in the paper."""
    for step in _training(stage, clock):
        batch = batches.draw(8, batches.grid.window_s)
        with torch.autocast("cpu", torch.bfloat16):
            before = shifted(disturbed(batch.semantic, stage.start, 0.06, clock.generator), stage.start)
            logits = stage(batch.streams, before)
        step.send_loss(F.cross_entropy(logits.float().flatten(0, 1), batch.semantic.flatten()))


def shifted(tokens: Tensor, start: int) -> Tensor:
    """[B, N] moved one step later, with ``start`` first."""
    return torch.cat([torch.full_like(tokens[:, :1], start), tokens[:, :-1]], 1)


def train_coarse(stage: CoarseStage, batches: Batches, clock: Clock, size: int) -> None:
    """Stage 2: mostly five-second stretches, which cost half the attention, every fourth time the window."""
    levels = batches.grid.coarse_levels
    for step in _training(stage, clock):
        seconds = batches.grid.window_s if clock.step % 4 == 3 else batches.grid.window_s // 2
        batch = batches.draw(40 // seconds, seconds)
        codes = batch.codes[:, :levels]
        with torch.autocast("cpu", torch.bfloat16):
            before = disturbed(codes[:, :, :-1], size, 0.06, clock.generator)
            logits = stage(batch.streams, batch.semantic, before, codes)
        step.send_loss(F.cross_entropy(logits.float().flatten(0, 2), codes.flatten()))


def train_fine(stage: FineStage, batches: Batches, clock: Clock, size: int) -> None:
    """Stage 3, on three-second chunks as in the paper."""
    levels = batches.grid.coarse_levels
    for step in _training(stage, clock):
        batch = batches.draw(8, batches.grid.fine_chunk_s)
        coarse, fine = batch.codes[:, :levels], batch.codes[:, levels:]
        with torch.autocast("cpu", torch.bfloat16):
            before = disturbed(fine[:, :, :-1], size, 0.03, clock.generator)
            logits = stage(disturbed(coarse, size, 0.02, clock.generator), before, fine)
        step.send_loss(F.cross_entropy(logits.float().flatten(0, 2), fine.flatten()))


class _Step:
    """One turn of the loop, waiting for its loss."""

    def __init__(self, stage: nn.Module, optimiser: torch.optim.Optimizer, clock: Clock) -> None:
        self.stage, self.optimiser, self.clock = stage, optimiser, clock

    def send_loss(self, loss: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.stage.parameters(), 1.0)
        self.optimiser.step()
        self.clock.note(loss.item(), self.stage, self.optimiser)


def _training(stage: nn.Module, clock: Clock) -> Iterator[_Step]:
    optimiser = torch.optim.AdamW(stage.parameters(), lr=_RATE, betas=(0.9, 0.98), weight_decay=0.02)
    clock.restore(stage, optimiser)
    stage.train()
    for share in clock.steps():
        clock.set_rate(optimiser, _RATE, share)
        yield _Step(stage, optimiser, clock)
    clock.save(stage, optimiser)
