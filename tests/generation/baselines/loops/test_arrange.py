from __future__ import annotations

import numpy as np
import pytest

from generation.baselines.loops.arrange import Arrangement, arrange
from generation.baselines.loops.library import ROLES


def sounding(plan: Arrangement, half: int) -> set[str]:
    return {span.role for span in plan.spans if span.start <= half < span.end}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("bpm", "duration_s"), [(124, 10.0), (60, 10.0), (172, 30.0), (84, 60.0)])
def test_roles_enter_one_after_another_and_something_always_plays(
    bpm: float, duration_s: float, seed: int
) -> None:
    plan = arrange(ROLES, bpm, duration_s, seed, fill=True)
    halves = int(np.ceil(duration_s / plan.bar_s)) * 2
    assert 1 <= len(sounding(plan, 0)) < len(ROLES)
    assert all(sounding(plan, half) for half in range(halves))
    assert set().union(*(sounding(plan, half) for half in range(halves))) == set(ROLES)
    assert max(span.end for span in plan.spans) == halves


@pytest.mark.parametrize("seed", range(12))
def test_the_last_bar_of_a_phrase_turns_and_other_bars_do_not(seed: int) -> None:
    plan = arrange(("drums", "bass", "chords"), 120, 40.0, seed, fill=True)
    filled = {half for span in plan.spans if span.fill for half in range(span.start, span.end)}
    assert 0 < plan.fade_s <= 2.5
    for bar in range(4, 19):
        whole = all(sounding(plan, 2 * bar + half) == {"drums", "bass", "chords"} for half in (0, 1))
        turns = not whole or 2 * bar in filled
        assert turns == (bar % 4 == 3)


def test_no_role_plays_twice_at_a_time() -> None:
    for seed in range(20):
        plan = arrange(ROLES, 124, 60.0, seed, fill=True)
        for half in range(64):
            playing = [span.role for span in plan.spans if span.start <= half < span.end]
            assert len(playing) == len(set(playing))


def test_a_melody_takes_every_second_phrase_off() -> None:
    plan = arrange(ROLES, 120, 64.0, 0, fill=True)
    bars = [bar for bar in range(32) if "lead" in sounding(plan, 2 * bar)]
    assert bars == [*range(8, 12), *range(16, 20), *range(24, 28)]


def test_without_other_drums_nothing_is_filled() -> None:
    assert not any(span.fill for seed in range(20) for span in arrange(ROLES, 124, 60.0, seed, fill=False).spans)


def test_one_role_or_one_bar_plays_throughout() -> None:
    (only,) = arrange(("chords",), 60, 20.0, 0, fill=False).spans
    assert (only.start, only.end) == (0, 10)
    assert sounding(arrange(ROLES, 120, 1.5, 0, fill=True), 0) == set(ROLES)


def test_seeds_differ_and_one_seed_is_always_the_same() -> None:
    plans = [arrange(ROLES, 124, 30.0, seed, fill=True) for seed in range(8)]
    assert len({plan.spans for plan in plans}) > 4
    assert plans[3] == arrange(ROLES, 124, 30.0, 3, fill=True)
