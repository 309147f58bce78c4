"""From what a variant sees of some clips to all their acoustic codes: the stages in order, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.adaptors import Streams
from generation.cascade.cascade import Cascade
from generation.cascade.sampling import Sampling, gumbel_noise
from generation.cascade.windows import Window, windows
from generation.contracts import Progress
from generation.variants import Variant


@dataclass(frozen=True, slots=True)
class StageSampling:
    """How each stage draws."""

    semantic: Sampling
    coarse: Sampling
    fine: Sampling


def write_codes(
    cascade: Cascade,
    variant: Variant,
    streams: Streams,
    duration_s: float,
    seeds: Sequence[int],
    sampling: StageSampling,
    progress: Progress = lambda share, words: None,
) -> Tensor:
    """All codec codes [B, levels, frames] of B clips of one duration, one seed a clip.

    ``streams`` are the features of every second begun. The same clip and seed give the same codes alone and in any
    batch, as far as the device's arithmetic allows.
    """
    semantic = None
    if variant.second_stage != "direct":
        semantic = write_semantic(cascade, streams, duration_s, seeds, sampling.semantic, progress)
    coarse = write_coarse(cascade, variant, streams, semantic, duration_s, seeds, sampling.coarse, progress)
    progress(0.75, "stage 3: fine acoustic tokens")
    fine = write_fine(cascade, coarse, seeds, sampling.fine)
    return torch.cat([coarse, fine], 1)


def write_semantic(
    cascade: Cascade,
    streams: Streams,
    duration_s: float,
    seeds: Sequence[int],
    sampling: Sampling,
    progress: Progress = lambda share, words: None,
) -> Tensor:
    """Stage 1: semantic tokens [B, N]."""
    grid, device = cascade.preset.grid, cascade.device
    total = grid.semantic_steps(duration_s)
    noise = gumbel_noise((total, cascade.preset.vocabulary.semantic), seeds, 1, device)
    written = noise.new_zeros((len(seeds), 0), dtype=torch.long)
    for window in windows(duration_s, grid):
        progress(0.10 + 0.15 * window.first_s / duration_s, "stage 1: semantic tokens")
        tokens = cascade.stage1.draw(
            seen_in(window, streams),
            noise[:, window.steps(grid.semantic_hz, total)],
            sampling,
            written[:, window.prompt(grid.semantic_hz)],
        )
        written = torch.cat([written[:, : window.first_s * grid.semantic_hz], tokens], 1)
    return written


def write_coarse(
    cascade: Cascade,
    variant: Variant,
    streams: Streams,
    semantic: Tensor | None,
    duration_s: float,
    seeds: Sequence[int],
    sampling: Sampling,
    progress: Progress = lambda share, words: None,
) -> Tensor:
    """Stage 2, in the variant's way: coarse codes [B, coarse_levels, T]."""
    grid = cascade.preset.grid
    total, steps = grid.acoustic_frames(duration_s), grid.semantic_steps(duration_s)
    noise = gumbel_noise((total, grid.coarse_levels, cascade.preset.vocabulary.codes), seeds, 2, cascade.device)
    written = noise.new_zeros((len(seeds), grid.coarse_levels, 0), dtype=torch.long)
    for window in windows(duration_s, grid):
        progress(0.25 + 0.5 * window.first_s / duration_s, "stage 2: coarse acoustic tokens")
        own = noise[:, window.steps(grid.acoustic_hz, total)]
        tokens = None if semantic is None else semantic[:, window.steps(grid.semantic_hz, steps)]
        prompt = written[:, :, window.prompt(grid.acoustic_hz)]
        if variant.second_stage == "audio":
            assert tokens is not None
            codes = cascade.stage2_audio.draw(tokens, own, sampling, prompt)
        else:
            codes = cascade.stage2.draw(seen_in(window, streams), tokens, own, sampling, prompt)
        written = torch.cat([written[:, :, : window.first_s * grid.acoustic_hz], codes], 2)
    return written


def write_fine(cascade: Cascade, coarse: Tensor, seeds: Sequence[int], sampling: Sampling) -> Tensor:
    """Stage 3: fine codes [B, fine_levels, T] for coarse ones [B, coarse_levels, T], all chunks at once."""
    grid = cascade.preset.grid
    batch, _, frames = coarse.shape
    chunks = into_chunks(coarse, grid.fine_chunk_frames)
    padded = chunks.shape[0] // batch * grid.fine_chunk_frames
    noise = gumbel_noise((padded, grid.fine_levels, cascade.preset.vocabulary.codes), seeds, 3, cascade.device)
    own = noise.reshape(chunks.shape[0], grid.fine_chunk_frames, *noise.shape[2:])
    return from_chunks(cascade.stage3.draw(chunks, own, sampling), batch, frames)


def seen_in(window: Window, streams: Streams) -> Streams:
    """What is seen within a window."""
    return streams.seconds(window.first_s, window.last_s)


def into_chunks(codes: Tensor, frames: int) -> Tensor:
    """[B, L, T] to [B * ceil(T / frames), L, frames]; the last chunk repeats its last frame to fill up."""
    padded = F.pad(codes.float(), (0, -codes.shape[2] % frames), mode="replicate").long()
    batch, levels, _ = padded.shape
    return padded.view(batch, levels, -1, frames).transpose(1, 2).reshape(-1, levels, frames)


def from_chunks(chunks: Tensor, batch: int, frames: int) -> Tensor:
    """The inverse: [B * chunks, L, n] to [B, L, frames]."""
    levels, length = chunks.shape[1:]
    joined = chunks.view(batch, -1, levels, length).transpose(1, 2).reshape(batch, levels, -1)
    return joined[:, :, :frames]
