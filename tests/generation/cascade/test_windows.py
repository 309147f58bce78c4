"""Windows of long clips."""

import pytest

from generation.cascade.time_grid import TimeGrid
from generation.cascade.windows import windows

GRID = TimeGrid()


@pytest.mark.parametrize("duration_s", [1.0, 3.3, 9.99, 10.0, 10.04])
def test_clip_of_one_window_is_written_in_one(duration_s: float) -> None:
    (only,) = windows(duration_s, GRID)
    total = GRID.acoustic_frames(duration_s)
    assert (only.first_s, only.prompt_s) == (0, 0)
    assert only.steps(GRID.acoustic_hz, total) == slice(0, total)


@pytest.mark.parametrize("duration_s", [10.2, 12.0, 15.0, 17.5, 23.04, 45.0, 60.0])
@pytest.mark.parametrize("rate_hz", [25, 50])
def test_windows_cover_every_step_once(duration_s: float, rate_hz: int) -> None:
    total = GRID.semantic_steps(duration_s) * rate_hz // GRID.semantic_hz
    written = 0
    for window in windows(duration_s, GRID):
        steps, prompt = window.steps(rate_hz, total), window.prompt(rate_hz)
        assert prompt.start == steps.start
        assert prompt.stop == (written or steps.start), "a window goes on exactly where the last one ended"
        assert prompt.stop < steps.stop
        written = steps.stop
    assert written == total


def test_prompt_is_half_a_window() -> None:
    later = windows(60.0, GRID)[1:]
    assert {window.prompt_s for window in later} == {5}
    assert all(window.last_s - window.first_s <= GRID.window_s for window in later)
