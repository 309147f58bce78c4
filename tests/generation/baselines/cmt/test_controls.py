"""From pictures to what the music is asked for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from generation.baselines.cmt.controls import (
    FLOW_STEPS,
    LEAST,
    WEIGHT_STEPS,
    controls,
    free,
    steps_below,
    ticks_in,
    watch,
)
from generation.baselines.cmt.motion import DIRECTIONS, HEIGHT, Motion, motion, width_of
from generation.baselines.cmt.visual_beats import USUAL_BPM, impact_envelope, tempo_bpm, visual_beats

RATE_HZ = 25.0


def texture(width: int = 240, height: int = 120) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(0, 255, (height, width)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), dtype=np.uint8)


def panned(shifts: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """A texture moved to the right by so many pixels in all, a picture each [T, 120, 240]."""
    picture = texture()
    return np.stack([np.roll(picture, round(shift), axis=1) for shift in shifts])


def stopping(period_s: float, seconds: float = 8.0) -> Motion:
    """Motion to the right that stops dead once a period."""
    frames = round(seconds * RATE_HZ)
    phase = np.arange(frames) / RATE_HZ % period_s / period_s
    directogram = np.zeros((DIRECTIONS, frames))
    directogram[10:14] = 100 * phase
    return Motion(
        RATE_HZ, seconds, np.arange(1, frames, 4) / RATE_HZ, np.ones(len(range(1, frames, 4))), directogram
    )


def test_speed_is_the_mean_size_of_the_flow() -> None:
    """Two pixels sideways, none down: a mean of 1 over both components, less what the edges lose."""
    slow, fast = (motion(panned(shift * np.arange(12)), RATE_HZ).speed.mean() for shift in (1.0, 2.0))
    assert 0.75 < fast < 1.05
    assert fast / slow == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("rate_hz", [24.0, 25.0, 10.0])
def test_pictures_held_for_two_frames_have_the_mean_speed_of_plain_ones(rate_hz: float, phase: int) -> None:
    """Animation on twos: whichever pairs are looked at closely, half of all do not move."""
    moves = 2.0 * np.arange(50)
    held = np.repeat(moves[:26:2], 2)[phase : phase + 24]
    plain, twos = motion(panned(moves[:24]), rate_hz).speed, motion(panned(held), rate_hz).speed
    assert twos.mean() == pytest.approx(plain.mean(), rel=0.15)


def test_directions_of_a_pan_to_the_right_lie_around_angle_zero() -> None:
    seen = motion(panned(4.0 * np.arange(6)), RATE_HZ)
    rightwards = seen.directogram[DIRECTIONS // 2 - 3 : DIRECTIONS // 2 + 3, 1:].sum()
    assert rightwards > 0.8 * seen.directogram[:, 1:].sum()
    assert (seen.directogram[:, 0] == 0).all()


def test_the_envelope_peaks_where_motion_stops() -> None:
    seen = stopping(0.6)
    envelope = impact_envelope(seen.directogram, RATE_HZ)
    beats = [beat.time_s for beat in visual_beats(envelope, RATE_HZ)]
    stops = np.arange(1, 14) * 0.6
    assert len(beats) >= 10
    assert np.abs(np.array(beats)[:, None] - stops).min(1).max() <= 1.5 / RATE_HZ


@pytest.mark.parametrize(("period_s", "bpm"), [(0.4, 150.0), (0.6, 100.0), (0.48, 125.0)])
def test_the_tempo_is_that_of_the_stops(period_s: float, bpm: float) -> None:
    found = tempo_bpm(impact_envelope(stopping(period_s).directogram, RATE_HZ), RATE_HZ)
    assert found == pytest.approx(bpm, rel=0.06)


def test_beats_are_in_order_and_neither_too_close_nor_too_far_apart() -> None:
    draw = np.random.default_rng(2)
    envelope = draw.random(300) * (draw.random(300) < 0.2)
    times = [beat.time_s for beat in visual_beats(envelope, RATE_HZ)]
    gaps = np.diff(times)
    assert len(times) > 5
    assert (gaps >= 0.25).all()
    assert (gaps <= 3.75).all()


def test_faster_bars_are_given_more_onsets() -> None:
    seen = stopping(0.5, 8.0)
    quicker = Motion(
        seen.rate_hz, seen.duration_s, seen.speed_s, np.linspace(0.0, 3.0, len(seen.speed)), seen.directogram
    )
    densities = controls(quicker).densities
    assert list(densities) == sorted(densities)
    assert densities[0] < 9 < densities[-1]


def test_thresholds_count_what_is_reached() -> None:
    assert [steps_below(value, FLOW_STEPS) for value in (0.0, 0.0082, 0.2, 99.0)] == [0, 1, 8, 16]
    assert [steps_below(value, WEIGHT_STEPS) for value in (0.0, 0.2289, 1.0)] == [1, 2, 10]


def test_a_still_picture_is_given_calm_at_the_usual_tempo() -> None:
    seen = motion(np.repeat(texture()[None], 60, axis=0), RATE_HZ)
    asked = controls(seen)
    assert asked.tempo_bpm == USUAL_BPM
    assert set(asked.densities) == {LEAST}
    assert asked.beats == ()


def test_constant_motion_has_density_and_no_beats() -> None:
    asked = controls(motion(panned(2.0 * np.arange(75)), RATE_HZ))
    assert set(asked.densities) == {10}
    assert asked.beats == ()


def test_a_cut_at_every_frame_is_survived() -> None:
    draw = np.random.default_rng(1)
    pictures = draw.integers(0, 255, (75, 120, 240)).astype(np.uint8)
    asked = controls(motion(pictures, RATE_HZ))
    assert all(LEAST <= density <= 16 for density in asked.densities)
    assert all(0 <= tick < asked.ticks for tick, _ in asked.beats)


def test_a_clip_of_a_second_has_one_bar_at_least() -> None:
    asked = controls(motion(panned(2.0 * np.arange(25)), RATE_HZ))
    assert len(asked.densities) == 1
    assert ticks_in(1.0, 120.0) == 8


def test_without_control_no_bar_is_told_anything() -> None:
    assert free(10.0).beats == ()
    assert len(free(10.0).densities) == 5


def test_a_video_file_is_watched_from_end_to_end(tmp_path: Path) -> None:
    from generation.baselines.cmt.motion import look

    path = tmp_path / "clip.mp4"
    write_pan(path)
    seen = look(path, 1.0)
    assert seen.duration_s == pytest.approx(1.0)
    assert seen.directogram.shape == (DIRECTIONS, 25)
    assert watch(path, 1.0).densities == controls(seen).densities


@pytest.mark.parametrize(
    ("shape", "width"), [((640, 360), 640), ((360, 640), 202), ((1280, 320), 1440), ((1281, 320), 1440)]
)
def test_pictures_keep_their_shape_up_to_four_times_as_wide_as_high(shape: tuple[int, int], width: int) -> None:
    assert width_of(*shape) == width


def test_a_ticker_is_looked_at_squeezed_and_in_time(tmp_path: Path) -> None:
    assert width_of(1280, 16) == 4 * HEIGHT
    path = tmp_path / "ticker.mp4"
    write_pan(path, scaled_to="1280:16")
    assert watch(path, 1.0).densities


def write_pan(path: Path, scaled_to: str = "240:120") -> None:
    """A second of a pan at 25 frames a second."""
    import ffmpeg

    from generation.media.binaries import ffmpeg_path

    process = ffmpeg.run_async(
        ffmpeg.output(
            ffmpeg.input("pipe:0", format="rawvideo", pix_fmt="gray", s="240x120", framerate=25).video,
            str(path), vf=f"scale={scaled_to}", vcodec="libx264", crf=10, pix_fmt="yuv420p", loglevel="error",
        ),
        cmd=ffmpeg_path(), pipe_stdin=True,
    )  # fmt: skip
    process.communicate(panned(2.0 * np.arange(25)).tobytes())
    assert process.returncode == 0
