"""The clips that an evaluation stands on: their own music, what moves on screen, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from generation.cascade.training.shards import Shards
from generation.contracts import GenerationError
from generation.metrics.onsets import tempo_bpm
from generation.world.facts import facts

FEWEST = 8
"""Clips below which neither a correlation nor an interval says anything."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What is known of one clip beside its sound. ``tempo_bpm`` is measured from its own music where nobody says.

    motion: mean magnitude of the optical flow, 1 being I3D's 20 of 256 pixels a picture. tonic, mode: None where
    the key is unknown.
    """

    genre: str
    motion: float
    tempo_bpm: float | None
    tonic: int | None = None
    mode: str | None = None


class First:
    """The first ``count`` examples of a set, as the stages' scores ask for them (``training.stages.Features``)."""

    def __init__(self, shards: Shards, count: int) -> None:
        self.shards, self.count = shards, count

    def __len__(self) -> int:
        return self.count

    def take(self, name: str, indices: Sequence[int]) -> Tensor:
        return self.shards.take(name, indices)

    def waves(self) -> list[npt.NDArray[np.float32]]:
        """The clips' own music, float32 [samples] each."""
        return [self.shards.waves([index])[0].numpy() for index in range(self.count)]


def clips_of(first: First, waves: Sequence[npt.NDArray[np.float32]]) -> list[Clip]:
    """What is known of the clips of a paired set.

    Raises GenerationError when the set has no pictures, too few clips, or a clip without a genre.
    """
    shards = first.shards
    if shards.kind == "audio":
        raise GenerationError(f"{shards.folder} holds music alone; an evaluation needs videos with their music")
    if len(first) < FEWEST:
        raise GenerationError(f"{len(first)} clips are too few to evaluate on; give at least {FEWEST}")
    return [_clip(shards, index, wave) for index, wave in enumerate(waves)]


def _clip(shards: Shards, index: int, wave: npt.NDArray[np.float32]) -> Clip:
    flow = shards.take("flow", [index])[0].float()  # [S, 2, flow_hz, px, px]
    motion = float(torch.linalg.vector_norm(flow, dim=1).mean())
    piece = shards.piece(index)
    if piece is not None:
        known = facts(piece)
        return Clip(known.genre, motion, known.tempo_bpm, known.tonic, known.mode)
    info = shards.info(index)
    if not info.genre:
        raise GenerationError(f"{info.source} in {shards.folder} has no genre; write it into the manifest")
    return Clip(info.genre, motion, tempo_bpm(wave, shards.cutting.sample_rate_hz))
