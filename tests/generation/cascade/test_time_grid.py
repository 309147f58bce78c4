"""Rates and lengths."""

import pytest

from generation.cascade.time_grid import TimeGrid

GRID = TimeGrid()


def test_papers_rates() -> None:
    assert GRID.hop == 320
    assert (GRID.visual_steps(10), GRID.semantic_steps(10), GRID.acoustic_frames(10)) == (10, 250, 500)
    assert GRID.fine_chunk_frames == 150


@pytest.mark.parametrize("duration_s", [1.0, 2.997, 9.96, 10.0, 10.01, 10.48])
def test_tokens_always_cover_the_duration(duration_s: float) -> None:
    frames = GRID.acoustic_frames(duration_s)
    assert frames * GRID.hop >= GRID.samples(duration_s)
    assert frames * GRID.hop - GRID.samples(duration_s) < 2 * GRID.hop
    assert frames == GRID.acoustic_per_semantic * GRID.semantic_steps(duration_s)
    assert abs(GRID.visual_steps(duration_s) - duration_s) < 1
