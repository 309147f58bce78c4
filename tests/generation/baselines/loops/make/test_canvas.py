from __future__ import annotations

import numpy as np
import pytest

from generation.baselines.loops.make.canvas import RATE_HZ, Canvas
from generation.baselines.loops.make.score import line


def level(canvas: Canvas, start_s: float, end_s: float) -> float:
    part = canvas.sound[:, round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
    return float(np.sqrt(np.square(part).mean()))


def test_a_loop_is_exactly_its_bars_long() -> None:
    assert Canvas(120, 2, 0).sound.shape == (2, 4 * RATE_HZ)
    assert Canvas(131, 1, 0).samples == round(240 / 131 * RATE_HZ)


def test_what_rings_past_the_end_is_heard_at_the_beginning() -> None:
    canvas = Canvas(120, 1, 0)
    canvas.add(np.ones(RATE_HZ), 1.5)
    assert canvas.sound[0, : RATE_HZ // 2] == pytest.approx(1.0)
    assert not canvas.sound[0, RATE_HZ : RATE_HZ + 100].any()
    # Longer than the loop: every lap is heard.
    canvas.add(np.ones(4 * RATE_HZ), 0.0)
    assert canvas.sound[0, RATE_HZ] == pytest.approx(2.0)


def test_panning_keeps_the_power() -> None:
    for pan in (-1.0, -0.3, 0.0, 0.8):
        canvas = Canvas(120, 1, 0)
        canvas.add(np.ones(10), 0.5, pan=pan)
        assert float(np.square(canvas.sound).sum()) == pytest.approx(20)


def test_swing_delays_the_second_half_and_nothing_else() -> None:
    straight, swung = Canvas(60, 1, 0), Canvas(60, 1, 0, swing=2 / 3)
    assert [straight.time_s(step) for step in range(5)] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert [swung.time_s(step) for step in range(5)] == pytest.approx([0, 1 / 3, 0.5, 0.5 + 1 / 3, 1.0])
    eighths = Canvas(60, 1, 0, swing=2 / 3, swing_steps=4)
    assert [eighths.time_s(step) for step in (0, 2, 4)] == pytest.approx([0, 2 / 3, 1.0])


def test_effects_go_round_the_seam() -> None:
    for effect in (lambda canvas: canvas.reverb(1.5, 0.5), lambda canvas: canvas.echo(4, 0.5, 0.5)):
        canvas = Canvas(120, 1, 0)
        canvas.add(np.hanning(2000), 1.9)
        effect(canvas)
        assert level(canvas, 0.0, 1.0) > 1e-4
        early = Canvas(120, 1, 0)
        early.add(np.hanning(2000), 0.4)
        effect(early)
        assert np.abs(np.roll(early.sound, round(1.5 * RATE_HZ), 1) - canvas.sound).max() < 1e-9


def test_pumping_ducks_at_the_hit_and_lets_go() -> None:
    canvas = Canvas(120, 1, 0)
    canvas.sound[:] = 1.0
    canvas.pump(0.8)
    assert canvas.sound[0, 100] == pytest.approx(0.2, abs=0.02)
    assert canvas.sound[0, round(0.45 * RATE_HZ)] == 1.0


def test_notes_are_played_where_the_score_has_them() -> None:
    canvas = Canvas(120, 1, 0)
    canvas.play(lambda hz, seconds, velocity, draw: np.ones(round(seconds * RATE_HZ)), line("r:8 A4:4 r:4"))
    assert level(canvas, 0.0, 0.98) == 0.0
    assert level(canvas, 1.02, 1.45) > 0.5
    assert level(canvas, 1.52, 2.0) == 0.0
