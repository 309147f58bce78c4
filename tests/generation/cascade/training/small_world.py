"""A set of the self-made world small enough for a test: pieces of 3 seconds, pictures and flow of 16 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.shards import Block, Cutting, Info, Shards, write_block, write_index
from generation.cascade.visual.sights import Sights
from generation.world.pictures import render_frames
from generation.world.piece import plan

SECONDS, PX = 3, 16


def small_world(folder: Path, count: int, first_seed: int = 0, *, captions: bool = True) -> Shards:
    """A paired set without sound. Without ``captions`` the examples are told to come from files."""
    grid = TimeGrid()
    rows, infos = [], []
    for seed in range(first_seed, first_seed + count):
        piece = plan(seed, duration_s=SECONDS)
        pictures = np.stack(list(render_frames(piece, 64, 36, grid.flow_hz)))
        seen = Sights.of(pictures, grid, px=PX, flow_px=PX)
        rows.append((torch.from_numpy(seen.keyframes().copy()), torch.from_numpy(seen.flow())))
        infos.append(Info("world", seed=seed) if captions else Info(f"{seed}.mp4"))
    tensors = {"pictures": torch.stack([row[0] for row in rows]), "flow": torch.stack([row[1] for row in rows])}
    write_block(folder, Block("all", infos), tensors)
    cutting = Cutting("micro", grid.sample_rate_hz, SECONDS, grid.visual_hz, grid.flow_hz, PX, PX)
    write_index(folder, "paired", cutting, ["all"])
    return Shards(folder)
