"""What was presented becomes what was meant."""

from __future__ import annotations

import pytest

from studyapp.presentation import canonical_score, presented, presented_score


@pytest.mark.parametrize(("choice", "score"), [(1, 2), (2, 1), (3, 0), (4, -1), (5, -2)])
def test_a_choice_for_a_favours_the_left(choice: int, score: int) -> None:
    assert presented_score(choice) == score


@pytest.mark.parametrize("choice", range(1, 6))
def test_swapping_sides_and_mirroring_the_answer_means_the_same(choice: int) -> None:
    assert canonical_score(choice, left_is_1=True) == canonical_score(6 - choice, left_is_1=False)


def test_sides_follow_the_flag() -> None:
    assert presented("one", "two", left_is_1=True) == ("one", "two")
    assert presented("one", "two", left_is_1=False) == ("two", "one")


@pytest.mark.parametrize("choice", [0, 6])
def test_a_choice_off_the_scale_is_refused(choice: int) -> None:
    with pytest.raises(ValueError, match=f"choice {choice} is not between 1 and 5"):
        presented_score(choice)
