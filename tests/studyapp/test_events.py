"""Coverage of media time: what counts as played and what does not."""

from __future__ import annotations

import json

import pytest

from studyapp.events import BadEvents, Kind, Played, ReportedEvent, parse, played
from studyapp.presentation import Presented, Side

LONG = 100.0


class Tape:
    """Events in the order a browser would number them."""

    def __init__(self) -> None:
        self.events: list[ReportedEvent] = []
        self.clock_s = 0.0

    def add(
        self, side: Side, kind: Kind, media_s: float, *, after_s: float = 0.0, value: float | None = None
    ) -> Tape:
        self.clock_s += after_s
        self.events.append(ReportedEvent(len(self.events), side, kind, media_s, self.clock_s, value))
        return self

    def whole(self, side: Side, duration_s: float = 10.0) -> Tape:
        self.add(side, "play", 0.0)
        for second in range(1, int(duration_s)):
            self.add(side, "progress", float(second), after_s=1.0)
        return self.add(side, "ended", duration_s, after_s=1.0)

    def measure(
        self, *, first: Side = "left", available_s: float = LONG, shown_s: float = LONG, needed: float = 0.95
    ) -> Played:
        return played(
            self.events,
            duration_s=Presented(10.0, 10.0),
            available_s=Presented(available_s, available_s),
            shown_s=shown_s,
            first=first,
            needed=needed,
        )


def test_both_sides_played_to_the_end_count_whole() -> None:
    result = Tape().whole("left").whole("right").measure()
    assert result.shares == Presented(1.0, 1.0)
    assert result.stretches == Presented(((0.0, 10.0),), ((0.0, 10.0),))
    assert result.reaches(1.0)


def test_seeking_to_the_end_does_not_count() -> None:
    tape = Tape().add("left", "play", 0.0).add("left", "progress", 1.0, after_s=1.0)
    tape.add("left", "seek", 9.5, after_s=0.1).add("left", "ended", 10.0, after_s=0.5)
    assert tape.measure().shares.left == pytest.approx(0.15)


def test_a_jump_without_a_seek_event_does_not_count_either() -> None:
    tape = Tape().add("left", "play", 0.0).add("left", "progress", 1.0, after_s=1.0)
    tape.add("left", "ended", 10.0, after_s=1.0)
    assert tape.measure().shares.left == pytest.approx(0.1)


def test_double_speed_does_not_reach_the_end() -> None:
    tape = Tape().add("left", "play", 0.0)
    for second in range(1, 11):
        tape.add("left", "progress", float(second), after_s=0.5)
    assert tape.measure().shares.left < 0.3


def test_a_pause_however_long_is_fine() -> None:
    tape = Tape().add("left", "play", 0.0).add("left", "pause", 4.0, after_s=4.0)
    tape.add("left", "play", 4.05, after_s=600.0).add("left", "ended", 10.0, after_s=5.95)
    assert tape.measure().shares.left == pytest.approx(1.0)


def test_hearing_the_same_half_twice_is_half() -> None:
    tape = Tape()
    for _ in range(2):
        tape.add("left", "play", 0.0).add("left", "pause", 5.0, after_s=5.0).add("left", "seek", 0.0)
    assert tape.measure().shares.left == pytest.approx(0.5)


def test_time_after_the_tab_was_hidden_does_not_count() -> None:
    tape = Tape().add("left", "play", 0.0).add("left", "hidden", 3.0, after_s=3.0)
    tape.add("left", "progress", 6.0, after_s=3.0).add("left", "ended", 10.0, after_s=4.0)
    assert tape.measure().shares.left == pytest.approx(0.3)


def test_in_a_hidden_tab_nothing_counts_until_it_is_seen_again() -> None:
    tape = Tape().add("left", "hidden", 0.0).add("left", "play", 0.0).add("left", "progress", 5.0, after_s=5.0)
    assert tape.measure().shares.left == 0.0
    tape.add("left", "visible", 5.0).add("left", "play", 5.0).add("left", "ended", 10.0, after_s=5.0)
    assert tape.measure().shares.left == pytest.approx(0.5)


def test_what_plays_at_volume_nought_does_not_count() -> None:
    tape = Tape().add("left", "play", 0.0).add("left", "volume", 3.0, after_s=3.0, value=0.0)
    tape.add("left", "progress", 5.0, after_s=2.0).add("left", "volume", 7.0, after_s=2.0, value=0.4)
    assert tape.add("left", "ended", 10.0, after_s=3.0).measure().shares.left == pytest.approx(0.6)


def test_a_version_started_in_silence_counts_from_where_it_is_turned_up() -> None:
    tape = Tape().add("left", "volume", 0.0, value=0.01).add("left", "play", 0.0)
    tape.add("left", "volume", 8.0, after_s=8.0, value=1.0).add("left", "ended", 10.0, after_s=2.0)
    assert tape.measure().shares.left == pytest.approx(0.2)


def test_after_a_switch_only_the_version_that_is_heard_counts() -> None:
    tape = Tape().whole("left").add("left", "play", 0.0).add("right", "switch", 4.0, after_s=4.0)
    # Left runs along muted, whatever it says.
    tape.add("left", "progress", 6.0, after_s=2.0).add("right", "progress", 6.0)
    tape.add("left", "switch", 7.0, after_s=1.0).add("right", "progress", 9.0, after_s=2.0)
    assert tape.measure().stretches.right == ((4.0, 6.0),)


def test_a_stall_costs_nothing_that_was_heard() -> None:
    tape = Tape().add("left", "play", 0.0).add("left", "stalled", 4.0, after_s=4.0)
    assert tape.add("left", "ended", 10.0, after_s=36.0).measure().shares.left == pytest.approx(1.0)


def test_events_whose_clock_runs_backwards_are_passed_over_and_counted() -> None:
    tape = Tape().whole("left")
    tape.add("right", "play", 0.0, after_s=-10.0).add("right", "ended", 10.0)
    result = tape.measure()
    assert (result.shares.right, result.backwards) == (0.0, 2)


def test_what_was_claimed_is_kept_beside_what_is_believed() -> None:
    result = Tape().whole("left").whole("right").measure(available_s=4.0)
    assert result.claimed == Presented(1.0, 1.0)
    assert not result.reaches(0.95)


def test_the_second_side_counts_only_after_the_first_was_played() -> None:
    early = Tape().whole("right").whole("left").measure(first="left")
    assert early.shares == Presented(1.0, 0.0)
    assert Tape().whole("right").whole("left").whole("right").measure(first="left").reaches(0.95)


def test_starting_one_side_stops_the_other() -> None:
    tape = Tape().add("left", "play", 0.0).add("right", "play", 0.0, after_s=1.0)
    tape.add("left", "ended", 10.0, after_s=9.0)
    assert tape.measure().shares.left == 0.0


def test_nothing_can_have_been_played_for_longer_than_it_was_there() -> None:
    tape = Tape().whole("left").whole("right")
    assert tape.measure(available_s=4.0).shares.left == pytest.approx((1.05 * 4 + 0.25) / 10)
    assert tape.measure(available_s=0.0).shares == Presented(0.0, 0.0)
    both = tape.measure(shown_s=12.0)
    assert both.shares.left == 1.0
    assert both.shares.right < 0.4


def test_order_of_arrival_does_not_matter_only_the_number() -> None:
    tape = Tape().whole("left").whole("right")
    tape.events.reverse()
    assert tape.measure().reaches(1.0)


def test_events_of_our_page_are_read() -> None:
    raw = json.loads('[[0, "left", "play", 0, 0.5], [1, "left", "ended", 9.98, 10.5]]')
    assert parse(raw)[1] == ReportedEvent(1, "left", "ended", 9.98, 10.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "a list of at most"),
        ("[[0]]", r"is not \[number, side"),
        ('[[true, "left", "play", 0, 0]]', "event number True"),
        ('[[-1, "left", "play", 0, 0]]', "event number -1"),
        ('[[0, "up", "play", 0, 0]]', "left, right"),
        ('[[0, "left", "dance", 0, 0]]', "not one of play"),
        ('[[0, "left", ["play"], 0, 0]]', "not one of play"),
        ('[[0, "left", "play", NaN, 0]]', "media time nan"),
        ('[[0, "left", "play", 0, 1e300]]', "clock 1e"),
        ('[[0, "left", "play", "0", 0]]', "media time '0'"),
        ('[[0, "left", "volume", 0, 0]]', "sixth part"),
        ('[[0, "left", "play", 0, 0, 1]]', "sixth part"),
        ('[[0, "left", "volume", 0, 0, 2]]', "from 0 to 1"),
        ('[[0, "left", "volume", 0, 0, NaN]]', "from 0 to 1"),
    ],
)
def test_what_is_no_list_of_events_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadEvents, match=message):
        parse(json.loads(text))
