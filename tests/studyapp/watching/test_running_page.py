"""What the live page makes of the figures: order, sides and shares."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from studyapp.watching import running_page
from studyapp.watching.figures import Blocks, Cell, Figures, Line
from studyapp.watching.running_page import Progress

LINE = Line("visual_relevance", "cmt", "v2meow", 12, 0.2, -0.1, 0.5, 3.0, 40.0, None, "go on", True)
FIGURES = Figures(
    at=datetime(2026, 1, 1, tzinfo=UTC),
    state="open",
    pilot=False,
    about="people",
    heads=(),
    blocks=Blocks(1, 1, 0, 0, 0, 0, 0),
    cells=(
        Cell("cmt", "v2meow", "Rock", 2, 10, 4, 1),
        Cell("cmt", "v2meow", "Jazz", 2, 10, 2, 0),
        Cell("cmt", "riffusion", "Rock", 1, 5, 5, 0),
    ),
    steps=(),
    ended=0,
    left=0,
    checks=(),
    lines=(LINE, replace(LINE, question="music_preference")),
    trial_s=None,
    arrivals=(),
    completed_an_hour=0.0,
    quiet_since=None,
    expected_end=None,
    stimuli_failed=0,
    stimuli_held=0,
    disk_free=1,
    disk_total=2,
)
NUMBERS = {("cmt", "riffusion"): "Pair 1", ("cmt", "v2meow"): "Pair 2"}


@pytest.mark.parametrize(
    ("net", "low", "high", "shown"),
    [
        (0.2, -0.1, 0.5, (20.0, -10.0, 50.0)),
        (-0.2, -0.5, 0.1, (20.0, -10.0, 50.0)),
        (0.0, -0.4, 0.3, (0.0, -30.0, 40.0)),
    ],
)
def test_without_names_a_line_tells_how_far_one_is_ahead_and_not_which(
    net: float, low: float, high: float, shown: tuple[float, float, float]
) -> None:
    figures = replace(FIGURES, lines=(replace(LINE, net=net, low=low, high=high),))
    line = running_page.lines(figures, NUMBERS, shown=False)[0]
    assert (line.pair, line.first, line.second) == ("Pair 2", "", "")
    assert (line.net, line.low, line.high) == shown
    named = running_page.lines(figures, NUMBERS, shown=True)[0]
    assert (named.first, named.second) == ("cmt", "v2meow")
    assert (named.net, named.low, named.high) == (100 * net, 100 * low, 100 * high)


def test_what_favours_the_first_is_drawn_on_the_left() -> None:
    line = running_page.lines(FIGURES, NUMBERS, shown=True)[0]
    assert (line.x, line.width) == (25.0, 30.0)
    assert line.dot == pytest.approx(39.4)


def test_questions_come_in_their_order() -> None:
    assert [line.question for line in running_page.lines(FIGURES, NUMBERS, shown=False)] == [
        "Visual relevance",
        "Music preference",
    ]


def test_pairs_come_in_the_order_of_their_numbers_with_their_genres_added_up() -> None:
    first, second = running_page.pairs(FIGURES, NUMBERS)
    assert (first.pair, second.pair) == ("Pair 1", "Pair 2")
    assert second.whole == Progress("", 6, 1, 20)
    assert second.genres == (Progress("Rock", 4, 1, 10), Progress("Jazz", 2, 0, 10))
    assert running_page.genres(FIGURES) == (Progress("Jazz", 2, 0, 10), Progress("Rock", 9, 1, 15))


def test_a_bar_is_never_longer_than_its_frame() -> None:
    assert (Progress("", 6, 1, 20).people_percent, Progress("", 6, 1, 20).simulated_percent) == (30.0, 5.0)
    over = Progress("", 30, 10, 20)
    assert (over.people_percent, over.simulated_percent) == (100.0, 0.0)
    assert Progress("", 0, 0, 0).people_percent == 0.0


@pytest.mark.parametrize(("evidence", "words"), [(0.0123, "0.012"), (41.7, "42"), (1e300, "over 10 000")])
def test_evidence_is_told_in_few_digits(evidence: float, words: str) -> None:
    changed = replace(FIGURES, lines=(replace(LINE, evidence=evidence),))
    assert running_page.lines(changed, NUMBERS, shown=False)[0].evidence == words
