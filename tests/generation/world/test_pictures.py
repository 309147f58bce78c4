"""The pictures of the world, and the demo's files."""

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import spearmanr

from generation.media.probe import probe
from generation.world import GENRES, Piece, plan, render_frames, write_demo
from generation.world.music import events


def still(piece: Piece, scene: str, time_share: float = 0.0) -> np.ndarray:
    """One small picture of a scene."""
    shown = replace(piece, sections=(replace(piece.sections[0], scene=scene, frames=500),), duration_s=1.0)
    frames = list(render_frames(shown, 160, 90, 8))
    return frames[int(time_share * (len(frames) - 1))]


SCENES = [(genre, scene) for genre in GENRES for scene in genre.scenes]


@pytest.mark.parametrize(("genre", "scene"), SCENES, ids=[scene for _, scene in SCENES])
def test_every_scene_draws_something_that_moves(genre, scene) -> None:  # type: ignore[no-untyped-def]
    piece = plan(11, genre=genre, brightness=2)
    first, later = still(piece, scene), still(piece, scene, 0.7)
    assert first.shape == (90, 160, 3)
    assert first.dtype == np.uint8
    assert first.std() > 15
    assert np.abs(first.astype(int) - later).mean() > 0.8


def test_brightness_and_hue_are_visible() -> None:
    genre = GENRES[2]
    dark, bright = (still(plan(2, genre=genre, hue=4, brightness=b), "sunset").mean() for b in (0, 2))
    assert dark < 0.75 * bright
    red, blue = (still(plan(2, genre=genre, hue=h, brightness=1), "sunset").mean((0, 1)) for h in (0, 4))
    assert red[0] > red[2]
    assert blue[2] > blue[0]


def optical_flow(piece: Piece) -> float:
    """Mean length of the optical flow in a square cut-out, pixels a picture at 8 pictures a second."""
    pictures = [cv2.cvtColor(frame[:, 25:89], cv2.COLOR_RGB2GRAY) for frame in render_frames(piece, 114, 64, 8)]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return float(np.mean([np.linalg.norm(flow.calc(a, b, None), axis=2).mean() for a, b in pairwise(pictures)]))


def test_motion_follows_the_rate_of_the_notes() -> None:
    pieces = [plan(600 + seed, genre=GENRES[seed % 4], duration_s=4.0) for seed in range(24)]
    rates = [len({event.start for event in events(piece)}) / piece.duration_s for piece in pieces]
    assert spearmanr([optical_flow(piece) for piece in pieces], rates).statistic > 0.7


def test_pictures_are_the_same_for_the_same_piece() -> None:
    first = list(render_frames(replace(plan(9), duration_s=0.5), 160, 90, 8))
    second = list(render_frames(replace(plan(9), duration_s=0.5), 160, 90, 8))
    assert len(first) == 4
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_demo_writes_playable_clips_once(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    steps: list[float] = []
    manifest = write_demo(folder, clips=2, seed=3, progress=lambda share, _: steps.append(share))
    rows = list(csv.DictReader(manifest.read_text().splitlines()))
    assert [row["genre"] for row in rows] == ["Electronic music", "Hip hop music"]
    assert len({row["clip_id"] for row in rows}) == 2
    assert all(row["licence"] and row["caption"] for row in rows)
    assert steps[-1] == 1.0
    for row in rows:
        info = probe(folder / row["file"])
        assert info.duration_s == pytest.approx(10.0, abs=0.05)
        assert info.has_video
        assert info.has_audio
        assert info.video_codec == "h264"
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}
    write_demo(folder, clips=2, seed=3)
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")} == before
    assert not [path for path in folder.iterdir() if path.suffix not in {".mp4", ".csv"}]
