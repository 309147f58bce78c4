from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from generation.cascade.training.shards import FULL_SCALE, Block, Info, Shards, write_block, write_index
from generation.contracts import GenerationError
from generation.metrics.clips import First, clips_of
from generation.world.facts import facts
from tests.generation.metrics.conftest import CLIPS
from tests.generation.metrics.sounds import RATE, clicks


def _set_of_files(folder: Path, held_out: Shards, genre: str) -> Shards:
    """Eight clips of nobody's world: clicks at 120 a minute, and a picture that slides by itself."""
    wave = torch.from_numpy(clicks(120)[: 4 * RATE] * FULL_SCALE).short().expand(CLIPS, -1)
    flow = torch.zeros(CLIPS, 4, 2, 8, 32, 32, dtype=torch.float16)
    flow[:, :, 0] = torch.arange(CLIPS).view(-1, 1, 1, 1, 1) * 0.03
    flow[:, :, 1] = torch.arange(CLIPS).view(-1, 1, 1, 1, 1) * 0.04
    pictures = torch.zeros(CLIPS, 4, 64, 64, 3, dtype=torch.uint8)
    block = Block("00000", [Info(f"{index}.mp4", genre=genre) for index in range(CLIPS)])
    write_block(folder, block, {"wave": wave, "pictures": pictures, "flow": flow})
    write_index(folder, "paired", replace(held_out.cutting), ["00000"])
    return Shards(folder)


def test_pieces_of_the_world_are_known_as_they_were_planned(held_out: Shards) -> None:
    first = First(held_out, CLIPS)
    clips = clips_of(first, first.waves())
    for index, clip in enumerate(clips):
        piece = held_out.piece(index)
        assert piece is not None
        known = facts(piece)
        assert (clip.genre, clip.tempo_bpm, clip.tonic) == (known.genre, known.tempo_bpm, known.tonic)
    assert len({clip.motion for clip in clips}) == CLIPS


def test_of_other_clips_tempo_is_heard_and_the_key_is_unknown(held_out: Shards, tmp_path: Path) -> None:
    first = First(_set_of_files(tmp_path, held_out, "Rock"), CLIPS)
    clips = clips_of(first, first.waves())
    assert [clip.motion for clip in clips] == pytest.approx([0.05 * index for index in range(CLIPS)], abs=1e-3)
    assert clips[0].tempo_bpm == pytest.approx(120, rel=0.03)
    assert clips[0].tonic is None


def test_clip_without_a_genre_is_named(held_out: Shards, tmp_path: Path) -> None:
    first = First(_set_of_files(tmp_path, held_out, ""), CLIPS)
    with pytest.raises(GenerationError, match=r"0\.mp4 .* has no genre"):
        clips_of(first, first.waves())
