"""From a silent video to a waveform: the two systems of the paper that Duet has so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade import limits
from generation.cascade.checkpoint import Cascade, load_cascade
from generation.cascade.presets import preset as find_preset
from generation.cascade.sampling import gumbel_noise
from generation.cascade.stages import VisualStreams
from generation.cascade.visual import flow_fields, keyframes, read_pictures
from generation.contracts import ClipFacts, GenerationError, OutOfMemory, Progress, Request, Settings, Soundtrack
from generation.media.errors import MediaError

PEAK = 0.9
"""Loudest sample that is handed on; only louder music is turned down."""


def build_clip(preset: str, settings: Settings, device: str) -> V2Meow:
    """V2Meow that looks at CLIP features only."""
    return _build(preset, settings, device, with_flow=False)


def build_clip_i3d(preset: str, settings: Settings, device: str) -> V2Meow:
    """V2Meow that looks at CLIP and optical-flow features."""
    return _build(preset, settings, device, with_flow=True)


def _build(preset: str, settings: Settings, device: str, *, with_flow: bool) -> V2Meow:
    # One thread: on a shared machine two threads wait for each other and are several times slower.
    torch.set_num_threads(1)
    with _memory_errors():
        return V2Meow(
            load_cascade(find_preset(preset), device), settings, torch.device(device), with_flow=with_flow
        )


class V2Meow:
    """A System (see ``generation.contracts``) over a loaded cascade."""

    def __init__(self, cascade: Cascade, settings: Settings, device: torch.device, *, with_flow: bool) -> None:
        self.cascade = cascade
        self.device = device
        self.with_flow = with_flow
        self.temperatures = tuple(
            float(settings[f"temperature_{stage}"]) for stage in ("semantic", "coarse", "fine")
        )

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """Mono 16 kHz, exactly ``request.duration_s`` long.

        Raises GenerationError on a clip the system refuses or cannot read, OutOfMemory when the device is full.
        """
        refused = limits.refusal(ClipFacts(request.clip_id, request.duration_s, frozenset()), {})
        if refused is not None:
            raise GenerationError(refused)
        with torch.inference_mode(), _memory_errors():
            progress(0.0, "looking at the video")
            streams = self._look(request.video, request.duration_s)
            codes = self._codes(streams, request.duration_s, request.seed, progress)
            progress(0.95, "decoding sound")
            wave = self.cascade.codec.decode(codes)[0]
        grid = self.cascade.preset.grid
        samples = wave[: grid.samples(request.duration_s)].float().cpu().numpy()
        loudest = float(np.abs(samples).max(initial=0.0))
        if not np.isfinite(loudest):
            raise GenerationError(
                "the codec gave values that are not numbers; the weights are damaged, restore them"
            )
        level = min(1.0, PEAK / loudest) if loudest > 0 else 1.0
        progress(1.0, "done")
        return Soundtrack(np.ascontiguousarray(samples[None] * np.float32(level)), grid.sample_rate_hz)

    def _look(self, video: Path, duration_s: float) -> VisualStreams:
        preset = self.cascade.preset
        try:
            pictures = read_pictures(video, preset.grid, preset.visual, duration_s)
        except MediaError as error:
            raise GenerationError(f"the video cannot be looked at: {error}") from error
        flow = flow_fields(pictures, preset.grid, preset.visual)
        clip, motion = self.cascade.visual(
            torch.from_numpy(np.ascontiguousarray(keyframes(pictures, preset.grid))).to(self.device),
            torch.from_numpy(flow).to(self.device),
        )
        return VisualStreams(clip[None], motion[None] if self.with_flow else None)

    def _codes(self, streams: VisualStreams, duration_s: float, seed: int, progress: Progress) -> Tensor:
        """All acoustic codes [1, levels, frames] of one clip."""
        preset = self.cascade.preset
        grid, size = preset.grid, preset.acoustic.codebook_size
        generator = torch.Generator().manual_seed(seed)
        steps, frames = grid.semantic_steps(duration_s), grid.acoustic_frames(duration_s)
        semantic_heat, coarse_heat, fine_heat = self.temperatures
        progress(0.1, "stage 1: semantic tokens")
        noise = gumbel_noise((1, steps, preset.semantic.tokens), generator, self.device)
        semantic = self.cascade.stage1.draw(streams, noise, semantic_heat, preset.top_k[0])
        progress(0.25, "stage 2: coarse acoustic tokens")
        noise = gumbel_noise((1, frames, grid.coarse_levels, size), generator, self.device)
        coarse = self.cascade.stage2.draw(streams, semantic, noise, coarse_heat, preset.top_k[1])
        progress(0.7, "stage 3: fine acoustic tokens")
        chunks = into_chunks(coarse, grid.fine_chunk_frames)
        noise = gumbel_noise((len(chunks), chunks.shape[2], grid.fine_levels, size), generator, self.device)
        fine = self.cascade.stage3.draw(chunks, noise, fine_heat, preset.top_k[2])
        return torch.cat([coarse, from_chunks(fine, frames)], 1)


def into_chunks(codes: Tensor, frames: int) -> Tensor:
    """[1, L, T] to [ceil(T / frames), L, frames]; the last chunk repeats its last frame to fill up."""
    padded = F.pad(codes.float(), (0, -codes.shape[2] % frames), mode="replicate").long()
    return padded[0].unfold(1, frames, frames).transpose(0, 1)


def from_chunks(chunks: Tensor, frames: int) -> Tensor:
    """The inverse: [chunks, L, n] to [1, L, frames]."""
    return chunks.transpose(0, 1).flatten(1)[None, :, :frames]


@contextmanager
def _memory_errors() -> Iterator[None]:
    """A full device, as the contract names it."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"the device ran out of memory: {error}") from error
