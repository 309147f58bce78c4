"""A rater's events as stretches and marks on one clock."""

from __future__ import annotations

from typing import Any

import pytest

from studyapp.events import ReportedEvent
from studyapp.watching.replay_drawing import WIDTH, picture
from studyapp.watching.replaying import Stretch, timeline


def events(*told: Any) -> list[ReportedEvent]:
    return [ReportedEvent(number, *one) for number, one in enumerate(told)]


def test_one_version_after_the_other() -> None:
    drawn = timeline(
        events(
            ("left", "play", 0.0, 1.0),
            ("left", "progress", 2.0, 3.0),
            ("left", "ended", 5.0, 6.0),
            ("right", "play", 0.0, 8.0),
            ("right", "pause", 2.0, 10.0),
        )
    )
    assert drawn.length_s == 10.0
    assert drawn.stretches == (Stretch("left", 1.0, 6.0, 0.0, False), Stretch("right", 8.0, 10.0, 0.0, False))
    assert drawn.stretches[0].media_end_s == 5.0
    assert drawn.marks == ()


def test_a_switch_and_a_seek_begin_a_stretch_anew_and_are_marked() -> None:
    drawn = timeline(
        events(
            ("left", "play", 0.0, 0.0),
            ("right", "switch", 2.0, 2.0),
            ("right", "seek", 7.0, 4.0),
            ("right", "ended", 8.0, 5.0),
        )
    )
    assert [(one.side, one.begin_s, one.end_s, one.media_s) for one in drawn.stretches] == [
        ("left", 0.0, 2.0, 0.0),
        ("right", 2.0, 4.0, 2.0),
        ("right", 4.0, 5.0, 7.0),
    ]
    assert [(one.kind, one.side, one.at_s, one.value) for one in drawn.marks] == [
        ("switch", "right", 2.0, 2.0),
        ("seek", "right", 4.0, 7.0),
    ]


def test_a_hidden_tab_ends_what_is_heard() -> None:
    drawn = timeline(
        events(
            ("left", "play", 0.0, 0.0),
            ("left", "hidden", 2.0, 2.0),
            ("left", "visible", 2.0, 9.0),
            ("left", "play", 2.0, 10.0),
            ("left", "hidden", 3.0, 11.0),
        )
    )
    assert [(one.begin_s, one.end_s) for one in drawn.stretches] == [(0.0, 2.0), (10.0, 11.0)]
    assert drawn.hidden == ((2.0, 9.0), (11.0, 11.0))


def test_what_plays_at_volume_nought_is_silent_from_there_on() -> None:
    drawn = timeline(
        events(
            ("left", "volume", 0.0, 0.0, 0.8),
            ("left", "play", 0.0, 0.0),
            ("left", "volume", 1.0, 1.0, 0.0),
            ("left", "volume", 3.0, 3.0, 0.5),
            ("left", "ended", 4.0, 4.0),
        )
    )
    assert [(one.begin_s, one.end_s, one.media_s, one.silent) for one in drawn.stretches] == [
        (0.0, 1.0, 0.0, False),
        (1.0, 3.0, 1.0, True),
        (3.0, 4.0, 3.0, False),
    ]
    assert drawn.volumes == ((0.0, 0.8), (1.0, 0.0), (3.0, 0.5))


def test_events_count_in_the_order_of_their_numbers_and_a_clock_never_runs_back() -> None:
    told = events(("left", "play", 0.0, 5.0), ("left", "pause", 1.0, 3.0))
    assert timeline(told[::-1]).stretches == ()
    assert timeline(told).length_s == 5.0


def test_nothing_told_is_an_empty_timeline() -> None:
    assert timeline([]).is_empty
    assert timeline([]).length_s > 0


def test_the_picture_is_to_scale() -> None:
    drawn = timeline(
        events(
            ("right", "play", 0.0, 10.0),
            ("right", "stalled", 5.0, 15.0),
            ("right", "volume", 5.0, 15.0, 1.0),
            ("right", "ended", 10.0, 20.0),
            ("left", "error", 0.0, 40.0),
        )
    )
    shown = picture(drawn)
    (box,) = shown.boxes
    assert (box.x, box.width, box.kind) == (WIDTH / 4, WIDTH / 4, "heard-right")
    assert box.title == "B played from 0.0 to 10.0 s"
    assert [(sign.kind, sign.x) for sign in shown.signs] == [("stalled", 375.0), ("error", 1000.0)]
    assert [tick.label for tick in shown.ticks] == [
        "0 s",
        "5 s",
        "10 s",
        "15 s",
        "20 s",
        "25 s",
        "30 s",
        "35 s",
        "40 s",
    ]
    assert shown.loudness == "375.0,88.0 1000,88.0"


@pytest.mark.parametrize(("length_s", "ticks"), [(1.0, 2), (61.0, 7), (900.0, 8), (90_000.0, 26)])
def test_ticks_stay_few_however_long_it_took(length_s: float, ticks: int) -> None:
    drawn = timeline(events(("left", "play", 0.0, 0.0), ("left", "pause", 1.0, length_s)))
    assert len(picture(drawn).ticks) == ticks
