"""Simulated preferences mean what they say."""

from __future__ import annotations

from collections import Counter

import pytest

from studyapp.preferences import Preferences
from studyapp.questions import Question

RELEVANCE, LIKING = Question.VISUAL_RELEVANCE, Question.MUSIC_PREFERENCE


def answers(preferences: Preferences, *, left: str = "good", right: str = "bad", n: int = 400) -> list[int]:
    return [
        preferences.choose(
            rater=n, trial=f"t{n}", clip_id=f"c{n}", system_left=left, system_right=right, question=RELEVANCE
        )
        for n in range(n)
    ]


def test_without_an_effect_both_sides_win_alike_and_every_point_is_used() -> None:
    counts = Counter(answers(Preferences(), n=2000))
    assert set(counts) == {1, 2, 3, 4, 5}
    # 2000 draws: the difference of two shares of about 0.36 has a standard error of 0.019.
    assert abs((counts[1] + counts[2] - counts[4] - counts[5]) / 2000) < 0.06


def test_the_stronger_system_wins_on_either_side() -> None:
    preferences = Preferences(strengths={"good": 2.0})
    left, right = answers(preferences), answers(preferences, left="bad", right="good")
    assert sum(choice < 3 for choice in left) > 0.7 * len(left)
    assert sum(choice > 3 for choice in right) > 0.7 * len(right)


def test_a_strength_can_belong_to_one_question_only() -> None:
    preferences = Preferences(per_question={("good", LIKING): 50.0})
    asked = {"rater": 1, "trial": "t", "clip_id": "c", "system_left": "good", "system_right": "bad"}
    assert preferences.choose(**asked, question=LIKING) == 1
    choices = Counter(answers(preferences))
    assert abs(choices[1] + choices[2] - choices[4] - choices[5]) < 80


def test_the_same_question_gets_the_same_answer_and_another_seed_another() -> None:
    assert answers(Preferences(seed=3)) == answers(Preferences(seed=3))
    assert answers(Preferences(seed=3)) != answers(Preferences(seed=4))


def test_answers_on_one_clip_hang_together() -> None:
    def share_of_majority(clip_sd: float) -> float:
        preferences = Preferences(clip_sd=clip_sd, rater_sd=0.0)
        total = 0.0
        for clip in range(40):
            wins = [
                preferences.choose(
                    rater=rater,
                    trial=f"{clip}/{rater}",
                    clip_id=str(clip),
                    system_left="one",
                    system_right="two",
                    question=RELEVANCE,
                )
                < 3
                for rater in range(40)
            ]
            total += abs(sum(wins) / 40 - 0.4)
        return total / 40

    assert share_of_majority(3.0) > 2 * share_of_majority(0.0)


@pytest.mark.parametrize("wrong", [{"rater_sd": -1.0}, {"weak": 2.0, "strong": 1.0}])
def test_impossible_numbers_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Preferences(**wrong)  # type: ignore[arg-type]
