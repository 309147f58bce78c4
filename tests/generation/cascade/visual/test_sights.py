"""Sights: the central square at a steady rate, and the motion between pictures in I3D's units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.cascade.time_grid import TimeGrid
from generation.cascade.visual.sights import Pictures, Sights, read_sights
from generation.media.errors import MediaError
from tests.generation.media.conftest import ffmpeg

GRID = TimeGrid()
PX, FLOW_PX = 64, 32


def of(pictures: Pictures, duration_s: float | None = None) -> Sights:
    return Sights.of(pictures, GRID, px=PX, flow_px=FLOW_PX, duration_s=duration_s)


def drifting(pixels_a_picture: float, count: int = 16) -> Pictures:
    """A smooth texture that moves to the right, uint8 [count, 64, 64, 3]."""
    down, across = np.mgrid[0:PX, 0:PX].astype(np.float64)
    frames = []
    for index in range(count):
        moved = across - pixels_a_picture * index
        frames.append(127 + 60 * np.sin(moved / 3) * np.cos(down / 4) + 60 * np.sin((moved + down) / 7))
    return np.repeat(np.stack(frames)[..., None], 3, axis=-1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(30, 50), (50, 30), (1, 40), (200, 64), (64, 64)])
def test_only_the_central_square_is_seen(height: int, width: int) -> None:
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture = np.zeros((8, height, width, 3), np.uint8)
    picture[:, top : top + side, left : left + side] = 200
    seen = of(picture)
    assert seen.pictures.shape == (8, PX, PX, 3)
    assert np.all(seen.pictures == 200)


def test_last_picture_fills_up_the_seconds_asked_for() -> None:
    pictures = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 64, 64, 3), np.uint8)
    seen = of(pictures, duration_s=1.4)
    assert seen.pictures[:, 0, 0, 0].tolist() == [0, 1] + 14 * [2]


def test_pictures_beyond_the_duration_are_left_out() -> None:
    pictures = np.arange(40, dtype=np.uint8)[:, None, None, None] * np.ones((1, 64, 64, 3), np.uint8)
    assert len(of(pictures, duration_s=2.0).pictures) == 16


def test_keyframe_is_the_middle_of_every_second() -> None:
    pictures = np.arange(24, dtype=np.uint8)[:, None, None, None] * np.ones((1, 64, 64, 3), np.uint8)
    assert of(pictures).keyframes()[:, 0, 0, 0].tolist() == [4, 12, 20]


@pytest.mark.parametrize("speed", [0.5, 1.5, -1.0])
def test_flow_is_motion_in_twentieths_of_a_picture_of_256(speed: float) -> None:
    flow = of(drifting(speed)).flow().astype(np.float64)
    assert flow.shape == (2, 2, GRID.flow_hz, FLOW_PX, FLOW_PX)
    expected = speed * (256 / PX) / 20
    assert np.median(flow[:, 0]) == pytest.approx(expected, rel=0.1)
    assert abs(np.median(flow[:, 1])) < 0.02


def test_flow_is_kept_within_one_and_computed_once() -> None:
    seen = of(np.random.default_rng(0).integers(0, 255, (16, 64, 64, 3), dtype=np.uint8))
    flow = seen.flow()
    assert flow.dtype == np.float16
    assert np.abs(flow).max() <= 1
    assert seen.flow() is flow


def test_flow_ends_as_it_went_before() -> None:
    flow = of(drifting(1.0)).flow()
    assert np.array_equal(flow[-1, :, -1], flow[-1, :, -2])


@pytest.mark.parametrize("level", [0, 128])
def test_nothing_moves_in_a_still_picture(level: int) -> None:
    assert not of(np.full((1, 64, 64, 3), level, np.uint8), duration_s=2).flow().any()


@pytest.mark.parametrize("size", ["64x112", "112x64", "97x61", "16x640", "2x200"])
def test_video_of_any_shape_is_read_as_squares(tmp_path: Path, size: str) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=2", "-c:v", "ffv1", "-pix_fmt", "yuv444p", path)
    seen = read_sights(path, GRID, px=PX, flow_px=FLOW_PX, duration_s=2)
    assert seen.pictures.shape == (16, PX, PX, 3)
    assert np.isfinite(seen.flow()).all()


def test_square_of_a_video_is_its_centre(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    bars = "color=red:s=128x64:r=25:d=1,drawbox=x=32:y=0:w=64:h=64:color=lime:t=fill"
    ffmpeg("-f", "lavfi", "-i", bars, "-c:v", "ffv1", "-pix_fmt", "yuv444p", path)
    pictures = read_sights(path, GRID, px=PX, flow_px=FLOW_PX, duration_s=1).pictures
    inside = pictures[:, 4:-4, 4:-4]  # colours are stored at half the size and bleed over the edge
    assert inside[..., 0].max() < 20
    assert inside[..., 1].min() > 235


def test_pixels_that_are_not_square_are_shown_as_meant(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    # Stored 64 x 64 and shown 128 x 64: the central square is the stored picture's middle half.
    bars = "color=red:s=64x64:r=25:d=1,drawbox=x=16:y=0:w=32:h=64:color=lime:t=fill,setsar=2"
    ffmpeg("-f", "lavfi", "-i", bars, "-c:v", "ffv1", "-pix_fmt", "yuv444p", path)
    pictures = read_sights(path, GRID, px=PX, flow_px=FLOW_PX, duration_s=1).pictures
    assert pictures[:, 4:-4, 4:-4, 1].min() > 235


def test_very_short_and_black_video_gives_one_still_second(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=0.4", "-c:v", "ffv1", path)
    seen = read_sights(path, GRID, px=PX, flow_px=FLOW_PX, duration_s=0.4)
    assert (seen.keyframes().shape, seen.flow().shape) == ((1, PX, PX, 3), (1, 2, 8, FLOW_PX, FLOW_PX))
    assert not seen.flow().any()


def test_video_shorter_than_asked_stands_still_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=1", "-c:v", "ffv1", path)
    seen = read_sights(path, GRID, px=PX, flow_px=FLOW_PX, duration_s=3)
    assert len(seen.pictures) == 24
    assert not seen.flow()[-1].any()


def test_missing_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"no\.mp4"):
        read_sights(tmp_path / "no.mp4", GRID, px=PX, flow_px=FLOW_PX, duration_s=1)
