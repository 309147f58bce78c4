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
LETTERS = {"cmt": "System B", "v2meow": "System A", "riffusion": "System AA"}


def test_the_system_that_is_named_first_is_the_one_with_the_first_letter() -> None:
    for line in running_page.lines(FIGURES, LETTERS):
        assert (line.first, line.second) == ("System A", "System B")
        assert (line.net, line.low, line.high) == (-20.0, -50.0, 10.0)
    named = running_page.lines(FIGURES, {"cmt": "cmt", "v2meow": "v2meow"})[0]
    assert (named.first, named.net, named.low, named.high) == ("cmt", 20.0, -10.0, 50.0)


def test_what_favours_the_first_is_drawn_on_the_left() -> None:
    line = running_page.lines(FIGURES, {"cmt": "cmt", "v2meow": "v2meow"})[0]
    assert (line.x, line.width) == (25.0, 30.0)
    assert line.dot == pytest.approx(39.4)


def test_questions_come_in_their_order() -> None:
    assert [line.question for line in running_page.lines(FIGURES, LETTERS)] == [
        "Visual relevance",
        "Music preference",
    ]


def test_pairs_come_in_the_order_of_their_letters_with_their_genres_added_up() -> None:
    first, second = running_page.pairs(FIGURES, LETTERS)
    assert (first.first, first.second) == ("System A", "System B")
    assert (second.first, second.second) == ("System B", "System AA")
    assert first.whole == Progress("", 6, 1, 20)
    assert first.genres == (Progress("Rock", 4, 1, 10), Progress("Jazz", 2, 0, 10))
    assert running_page.genres(FIGURES) == (Progress("Jazz", 2, 0, 10), Progress("Rock", 9, 1, 15))


def test_a_bar_is_never_longer_than_its_frame() -> None:
    assert (Progress("", 6, 1, 20).people_percent, Progress("", 6, 1, 20).simulated_percent) == (30.0, 5.0)
    over = Progress("", 30, 10, 20)
    assert (over.people_percent, over.simulated_percent) == (100.0, 0.0)
    assert Progress("", 0, 0, 0).people_percent == 0.0


@pytest.mark.parametrize(("evidence", "words"), [(0.0123, "0.012"), (41.7, "42"), (1e300, "over 10 000")])
def test_evidence_is_told_in_few_digits(evidence: float, words: str) -> None:
    changed = replace(FIGURES, lines=(replace(LINE, evidence=evidence),))
    assert running_page.lines(changed, LETTERS)[0].evidence == words
