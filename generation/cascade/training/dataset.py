"""Make a training set: cut files, or play and draw pieces of the self-made world, into shards.

A shard's name carries a digest of what it is made of, so that a run that was killed goes on after its last whole
shard, and a shard made of other files or by other sources is never taken for it.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.shards import (
    FORMAT,
    FULL_SCALE,
    Block,
    Cutting,
    Info,
    Kind,
    LeftOut,
    Shards,
    read_block,
    write_block,
    write_index,
)
from generation.cascade.training.sources import (
    Purpose,
    Segment,
    count_files,
    digest_of,
    segments,
    world_digest,
    world_seeds,
)
from generation.cascade.visual.sights import Sights, read_sights
from generation.contracts import GenerationError
from generation.media.decode import audio
from generation.media.errors import MediaError, NoAudio
from generation.media.master import extract_audio, make_master
from generation.world.music import render_music
from generation.world.pictures import render_frames
from generation.world.piece import plan

if TYPE_CHECKING:
    from generation.cascade.presets import Preset

SEGMENT_S = 15.0
EXAMPLES_A_BLOCK = 32

_RENDER_WIDTH, _RENDER_HEIGHT = 256, 144
"""Size at which the world's pictures are drawn: enough for thin lines to keep their weight after scaling down."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One shard to be made, as it is sent to a worker: files' segments, or seeds of the world."""

    name: str
    folder: Path
    kind: Kind
    grid: TimeGrid
    cutting: Cutting
    parts: tuple[Segment, ...] = ()
    seeds: tuple[int, ...] = ()


def cutting_of(preset: Preset, segment_s: float = SEGMENT_S) -> Cutting:
    grid = preset.grid
    return Cutting(
        preset=preset.name,
        sample_rate_hz=grid.sample_rate_hz,
        segment_s=segment_s,
        visual_hz=grid.visual_hz,
        flow_hz=grid.flow_hz,
        picture_px=preset.picture_px,
        flow_px=preset.flow_px,
    )


def make_world_set(
    out: Path,
    preset: Preset,
    count: int,
    *,
    purpose: Purpose = "training",
    kind: Kind = "paired",
    segment_s: float = SEGMENT_S,
    workers: int = 1,
) -> Shards:
    """Shards of the self-made world's pieces, one example a piece. See ``_finish`` for what is raised."""
    cutting, source = cutting_of(preset, segment_s), world_digest()
    seeds = world_seeds(count, purpose)
    work = [
        _Work(
            _block_name(first, cutting, kind, source, tuple(part)),
            out,
            kind,
            preset.grid,
            cutting,
            seeds=tuple(part),
        )
        for first in range(0, count, EXAMPLES_A_BLOCK)
        for part in [seeds[first : first + EXAMPLES_A_BLOCK]]
    ]
    return _finish(out, kind, cutting, work, [], workers)


def make_set(
    folder: Path,
    out: Path,
    preset: Preset,
    *,
    kind: Kind = "paired",
    segment_s: float = SEGMENT_S,
    workers: int = 1,
) -> Shards:
    """Shards of a folder's files, cut into segments. See ``_finish`` for what is raised.

    Files that cannot be read, are too short or silent are left out by name with the reason (``Shards.left_out``).
    """
    cutting = cutting_of(preset, segment_s)
    found: list[Segment] = []
    left_out: list[LeftOut] = []
    for each in tqdm(segments(folder, kind, segment_s), total=count_files(folder), desc="looking at files"):
        if isinstance(each, LeftOut):
            left_out.append(each)
        else:
            found += each
    work = []
    for first in range(0, len(found), EXAMPLES_A_BLOCK):
        parts = found[first : first + EXAMPLES_A_BLOCK]
        name = _block_name(first, cutting, kind, digest_of(parts))
        work.append(_Work(name, out, kind, preset.grid, cutting, parts=tuple(parts)))
    return _finish(out, kind, cutting, work, left_out, workers)


def _finish(
    out: Path, kind: Kind, cutting: Cutting, work: list[_Work], left_out: list[LeftOut], workers: int
) -> Shards:
    """Make what is missing, write the index, open the set.

    Raises GenerationError when nothing at all could be used, or the disk takes no more.
    """
    missing = [each for each in work if read_block(out, each.name) is None]
    made = sum(len(each.parts or each.seeds) for each in work if each not in missing)
    total = sum(len(each.parts or each.seeds) for each in work)
    with tqdm(total=total, initial=made, desc=f"examples of {out.name}", unit="example") as bar:
        for size in _all_made(missing, workers):
            bar.update(size)
    blocks = [each.name for each in work]
    if left_out:
        unusable = Block(f"left-out-{hashlib.sha256(repr(left_out).encode()).hexdigest()[:12]}", [], left_out)
        write_block(out, unusable, {})
        blocks.append(unusable.name)
    write_index(out, kind, cutting, blocks)
    shards = Shards(out)
    if len(shards) == 0:
        reasons = "; ".join(f"{left.source}: {left.reason}" for left in shards.left_out[:3])
        raise GenerationError(f"nothing could be used of {len(shards.left_out)} sources ({reasons})")
    return shards


def _all_made(work: list[_Work], workers: int) -> Iterator[int]:
    """Make shards; gives the size of each when it is finished."""
    if workers == 1:
        yield from map(_make, work)
        return
    # A forked child of a process that has used threads may hang; a spawned one starts clean.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: list[Future[int]] = [pool.submit(_make, each) for each in work]
        for each in waiting:
            yield each.result()


def _make(work: _Work) -> int:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    block = Block(work.name)
    rows: list[dict[str, Tensor]] = []
    for seed in work.seeds:
        rows.append(_of_piece(seed, work))
        block.examples.append(_about_piece(seed, work.cutting))
    for part in work.parts:
        try:
            rows.append(_of_segment(part, work))
        except MediaError as error:
            block.left_out.append(LeftOut(f"{part.path.name} from {part.start_s:g} s", str(error)))
            continue
        block.examples.append(Info(part.path.name, part.start_s, part.genre, part.caption))
    tensors = {name: torch.stack([row[name] for row in rows]) for name in rows[0]} if rows else {}
    write_block(work.folder, block, tensors)
    return len(work.parts or work.seeds)


def _of_piece(seed: int, work: _Work) -> dict[str, Tensor]:
    piece = plan(seed, duration_s=work.cutting.segment_s)
    wave, _ = render_music(piece, work.cutting.sample_rate_hz)
    row = {"wave": _stored(wave.mean(0), work.cutting)}
    if work.kind == "paired":
        frames = render_frames(piece, _RENDER_WIDTH, _RENDER_HEIGHT, work.grid.flow_hz)
        cutting = work.cutting
        pictures = np.stack(list(frames))
        row |= _seen(Sights.of(pictures, work.grid, px=cutting.picture_px, flow_px=cutting.flow_px))
    return row


def _about_piece(seed: int, cutting: Cutting) -> Info:
    piece = plan(seed, duration_s=cutting.segment_s)
    return Info("world", genre=piece.genre.name, caption=piece.caption, seed=seed)


def _of_segment(part: Segment, work: _Work) -> dict[str, Tensor]:
    """Through the same silent master that systems are given at play, and the sound in step with it."""
    cutting = work.cutting
    with tempfile.TemporaryDirectory(prefix="duet-segment-") as room:
        if work.kind == "audio":
            return {"wave": _heard(part, cutting)}
        sound = extract_audio(
            part.path, Path(room) / "sound.wav", start_s=part.start_s, duration_s=cutting.segment_s
        )
        if sound is None:
            raise NoAudio(f"{part.path.name} is silent there")
        wave = audio(sound, sample_rate_hz=cutting.sample_rate_hz, channels=1)[0]
        master = make_master(
            part.path, Path(room) / "master.mp4", start_s=part.start_s, duration_s=cutting.segment_s
        )
        seen = read_sights(
            master.path,
            work.grid,
            px=cutting.picture_px,
            flow_px=cutting.flow_px,
            duration_s=cutting.segment_s,
        )
        return {"wave": _stored(wave, cutting), **_seen(seen)}


def _heard(part: Segment, cutting: Cutting) -> Tensor:
    rate = cutting.sample_rate_hz
    wave = audio(part.path, sample_rate_hz=rate, channels=1, start_s=part.start_s, duration_s=cutting.segment_s)[0]
    if not wave.any():
        raise NoAudio(f"{part.path.name} is silent there")
    return _stored(wave, cutting)


def _seen(sights: Sights) -> dict[str, Tensor]:
    return {"pictures": torch.from_numpy(sights.keyframes().copy()), "flow": torch.from_numpy(sights.flow())}


def _stored(wave: npt.NDArray[np.float32], cutting: Cutting) -> Tensor:
    """float [samples] to int16 of a segment's length; a little too short is filled up with silence."""
    samples = round(cutting.segment_s * cutting.sample_rate_hz)
    whole = np.pad(wave[:samples], (0, max(0, samples - len(wave))))
    return torch.from_numpy(np.round(whole.clip(-1, 1) * FULL_SCALE).astype(np.int16))


def _block_name(first: int, cutting: Cutting, kind: Kind, *made_of: object) -> str:
    digest = hashlib.sha256(repr((FORMAT, cutting, kind, made_of)).encode()).hexdigest()
    return f"{first // EXAMPLES_A_BLOCK:05d}-{digest[:12]}"
