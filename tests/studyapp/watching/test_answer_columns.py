"""Answers as columns: units, order and shares, without a database."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from analysis.looks import Seen
from analysis.sequential import StoppingRule
from studyapp.watching.answer_columns import _ROW, Answers, Compared

TEST, REPEAT = 0, 1
PAIR = {1: Compared("a", "b", "Rock"), 2: Compared("a", "b", "Jazz")}


def answers(rows: Iterable[tuple[int, int, int, bool, int, int]]) -> Answers:
    """Each row: session, comparison, kind, left_is_1, choice, milliseconds; to the first question."""
    made = [
        (pk, session, comparison, kind, left_is_1, 0, choice, response_ms)
        for pk, (session, comparison, kind, left_is_1, choice, response_ms) in enumerate(rows, start=1)
    ]
    return Answers(np.array(made, dtype=_ROW))


def test_a_line_takes_raters_who_ended_in_the_order_in_which_they_did() -> None:
    # 15 prefer a, then 45 are divided; numbered the other way round.
    values = np.array([1.0] * 15 + [0.0, 1.0, 0.0] * 15)
    told = [(60 - rater, 1, TEST, True, 1 if value else 5, 900) for rater, value in enumerate(values)]
    ended = list(range(60, 0, -1))
    (line,) = answers(told).watched(PAIR, StoppingRule(), ended)
    low, high = Seen(values).interval(0.05)
    assert (line.low, line.high) == pytest.approx((2 * low - 1, 2 * high - 1))
    assert line.reached_at is not None
    # In the order of their ends, whenever they answered; and it is another course.
    (later,) = answers(told).watched(PAIR, StoppingRule(), [*ended[15:], *ended[:15]])
    low, high = Seen(np.roll(values, -15)).interval(0.05)
    assert (later.low, later.high) == pytest.approx((2 * low - 1, 2 * high - 1))
    assert (later.low, later.high) != (line.low, line.high)
    # Who is under way counts for nothing, and what they answer meanwhile changes nothing.
    (sooner,) = answers(told).watched(PAIR, StoppingRule(), ended[:40])
    again = [(60 - rater, 2, TEST, True, 5, 900) for rater in range(40, 60)]
    assert answers([*told, *again]).watched(PAIR, StoppingRule(), ended[:40]) == [sooner]
    assert sooner.raters == 40
    assert answers(told).watched(PAIR, StoppingRule(), []) == []


def test_a_raters_value_is_the_mean_of_their_signs_whatever_the_side() -> None:
    told = [(1, 1, TEST, True, 1, 900), (1, 2, TEST, False, 1, 900), (2, 1, TEST, False, 5, 900)]
    (line,) = answers(told).watched(PAIR, StoppingRule(), [1, 2])
    # The first is even; the second read b on the left and preferred the right.
    assert (line.raters, line.net) == (2, 0.5)


def test_repeats_and_checks_are_not_estimated_from() -> None:
    assert answers([(1, 1, REPEAT, True, 1, 900)]).watched(PAIR, StoppingRule(), [1]) == []
    assert answers([(1, 1, REPEAT, True, 1, 900), (1, 1, TEST, True, 1, 900)]).ratings() == {1: 1}


def test_quick_and_uniform_raters_are_judged_from_five_trials_on() -> None:
    quick = [(1, 1, TEST, True, 1, 100 * number) for number in range(10)]
    slow = [(2, 1, TEST, True, 1 + number % 4, 1000 + number) for number in range(11)]
    few = [(3, 1, TEST, True, 1, 1) for _ in range(4)]
    found = answers([*quick, *slow, *few])
    assert found.raters_fast(450) == (0, 2)  # the quick one's median is 450
    assert found.raters_fast(451) == (1, 2)
    assert found.raters_fast(1006) == (2, 2)
    assert found.raters_alike(0.9) == (1, 2)
    assert found.raters_alike(0.2) == (2, 2)
