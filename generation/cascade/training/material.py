"""The paired music and pictures that everything is trained on, made by ``generation.world``.

Training seeds, held-out seeds and the demo's own seeds never meet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from generation.cascade.time_grid import TimeGrid
from generation.cascade.visual import Flow, Pictures, VisualConfig, flow_fields, keyframes
from generation.world.music import render_music
from generation.world.pictures import render_frames
from generation.world.piece import Piece, plan

TRAINING_SEEDS = 1_000_000
HELD_OUT_SEEDS = 9_000_000

RENDER_WIDTH, RENDER_HEIGHT = 256, 144
"""Size at which training pictures are drawn: enough for thin lines to keep their weight after scaling down."""


@dataclass(frozen=True, slots=True)
class Sights:
    """What the visual networks see of a number of clips.

    pictures: uint8 [clips, steps, px, px, 3]. flow: float16 [clips, steps, 2, flow_hz, px, px].
    """

    pictures: Pictures
    flow: Flow


def training_pieces(count: int, first: int = 0) -> list[Piece]:
    return [plan(TRAINING_SEEDS + first + index) for index in range(count)]


def held_out_pieces(count: int) -> list[Piece]:
    return [plan(HELD_OUT_SEEDS + index) for index in range(count)]


def mono(piece: Piece, sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """The piece's music as float32 [samples]."""
    wave, _ = render_music(piece, sample_rate_hz)
    return np.asarray(wave.mean(0), dtype=np.float32)


def see(piece: Piece, grid: TimeGrid, config: VisualConfig) -> tuple[Pictures, Flow]:
    """Pictures and flow of one piece, as ``visual.read_pictures`` would find them in its video."""
    side = (config.picture_px, config.picture_px)
    frames = render_frames(piece, RENDER_WIDTH, RENDER_HEIGHT, grid.flow_hz)
    small = [cv2.resize(frame, side, interpolation=cv2.INTER_AREA) for frame in frames]
    pictures = np.stack(small).astype(np.uint8, copy=False)
    return keyframes(pictures, grid), flow_fields(pictures, grid, config)


def see_all(pieces: list[Piece], grid: TimeGrid, config: VisualConfig, store: Path) -> Sights:
    """Sights of many pieces, kept in ``store`` in blocks so that an interrupted run goes on where it was."""
    cv2.setNumThreads(1)
    store.mkdir(parents=True, exist_ok=True)
    size = 100
    blocks = []
    for start in tqdm(range(0, len(pieces), size), desc="pictures of training clips"):
        path = store / f"{pieces[start].seed}-{min(size, len(pieces) - start)}.npz"
        if not path.exists():
            seen = [see(piece, grid, config) for piece in pieces[start : start + size]]
            fresh = path.with_suffix(".new.npz")
            np.savez(fresh, pictures=np.stack([p for p, _ in seen]), flow=np.stack([f for _, f in seen]))
            os.replace(fresh, path)
        with np.load(path) as block:
            blocks.append((block["pictures"], block["flow"]))
    return Sights(np.concatenate([p for p, _ in blocks]), np.concatenate([f for _, f in blocks]))
