"""Step-down correction: between the raw p value and Holm's, and right as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.ratings import Ratings, read
from analysis.results import AnalysisError
from analysis.step_down import _correlation, _turned, stepped
from tests.analysis.simulate import renamed, shuffled, simulate


def study(seed: int = 3, **options: object) -> Ratings:
    return read(simulate(seed=seed, raters=40, systems=("a", "b", "c", "d"), per_rater=30, **options))  # type: ignore[arg-type]


def test_by_hand_the_largest_of_those_not_yet_passed_decides() -> None:
    drawn = np.array([[1.0, 3.2], [2.2, 0.1], [0.3, 0.4], [3.5, 0.2]])
    # 3.0 against the larger of both: two of four; then 2.0 against the second alone: one, raised to the step
    # before.
    assert stepped(np.array([3.0, 2.0]), drawn) == pytest.approx([3 / 5, 3 / 5])
    assert stepped(np.array([3.4, 0.3]), drawn) == pytest.approx([2 / 5, 3 / 5])


@pytest.mark.parametrize(("shared", "options"), [("clips", {"clip_sd": 2.0}), ("raters", {"rater_sd": 2.0})])
def test_results_that_share_clips_or_raters_alone_are_correlated_by_them(
    shared: str, options: dict[str, float]
) -> None:
    """The two questions ask about one leaning here; they have no rater, or no clip, in common."""
    frame = simulate(
        seed=5, raters=60, per_rater=20, clips_per_genre=10, **{"rater_sd": 0.1, "clip_sd": 0.1, **options}
    )  # type: ignore[arg-type]
    column = "rater_id" if shared == "clips" else "clip_id"
    half = frame[column].isin(sorted(frame[column].unique())[::2])
    ratings = read(frame[half == (frame["question"] == "visual_relevance")])
    correlation = _correlation(ratings.answers, list(ratings.win_rates().averages))
    assert correlation.shape == (2, 2)
    assert correlation[0, 1] > 0.5


def test_one_result_keeps_its_own_p_value() -> None:
    ratings = read(simulate(seed=4, raters=30, effect=0.4))
    one = Ratings(ratings.frame[ratings.frame["question"] == "visual_relevance"])
    (rate,) = one.win_rates().averages
    (adjusted,) = one.romano_wolf().values()
    assert rate.test is not None
    assert adjusted == pytest.approx(rate.test.p, abs=4 * np.sqrt(rate.test.p / 20_000))


def test_it_asks_for_less_than_holm_and_for_more_than_no_correction() -> None:
    ratings = study(effect=0.3)
    rates = ratings.win_rates()
    found = ratings.romano_wolf(rates)
    for rate in rates.averages:
        assert rate.test is not None
        adjusted = found[rate.question, rate.system_1, rate.system_2]
        assert rate.test.p - 0.01 <= adjusted <= rate.test.p_adjusted + 0.01
    order = sorted(rates.averages, key=lambda rate: rate.test.p if rate.test else 1)
    steps = [found[rate.question, rate.system_1, rate.system_2] for rate in order]
    assert steps == sorted(steps)


def test_row_order_and_names_of_raters_change_nothing_and_the_seed_decides_the_rest() -> None:
    ratings = study()
    first = ratings.romano_wolf()
    assert read(shuffled(ratings.frame)).romano_wolf() == first
    assert ratings.romano_wolf() == first
    assert ratings.romano_wolf(seed=2) != first


def test_names_of_systems_change_nothing() -> None:
    ratings = study(effect=0.2)
    names = {"a": "w", "b": "z", "c": "b", "d": "a"}
    found = read(renamed(ratings.frame, names)).romano_wolf()
    for (question, one, other), p in ratings.romano_wolf().items():
        assert 0.001 < p < 1
        assert found[question, *sorted((names[one], names[other]))] == p


def test_a_net_preference_of_nothing_is_turned_with_what_it_moves_with() -> None:
    correlation = np.array(
        [[1.0, -0.4, 0.0, -0.2], [-0.4, 1.0, 0.0, 0.3], [0.0, 0.0, 1.0, 0.0], [-0.2, 0.3, 0.0, 1.0]]
    )
    found = _turned(correlation, np.array([1.0, -1.0, 0.0, 0.0]))
    for flip in ([1, 1, -1, 1], [1, 1, 1, -1], [-1, 1, -1, -1]):
        signs = np.array([1.0, -1.0, 0.0, 0.0]) * flip
        assert (_turned(correlation * np.outer(flip, flip), signs) == found).all()


@pytest.mark.parametrize("other", [{"clips": "fixed"}, {"ties": "left out"}, {"by": "clip", "clips": "fixed"}])
def test_another_family_is_refused(other: dict[str, str]) -> None:
    ratings = study()
    with pytest.raises(AnalysisError, match="is for the primary family"):
        ratings.romano_wolf(ratings.win_rates(**other))  # type: ignore[arg-type]


def test_results_without_a_test_have_nothing_to_correct_and_those_without_spread_move_with_no_other() -> None:
    one = simulate(seed=1, raters=4)
    assert read(one[one["rater_id"] == one["rater_id"].iloc[0]]).romano_wolf() == {}
    alike = read(one.assign(score=0, choice=3, score_presented=0))
    assert set(alike.romano_wolf().values()) == {1.0}


@pytest.mark.calibration
def test_a_family_without_effects_raises_an_alarm_in_one_of_twenty_studies() -> None:
    alarms = [min(study(seed=seed).romano_wolf().values()) < 0.05 for seed in range(400)]
    assert stats.binomtest(sum(alarms), 400, 0.05).pvalue > 0.001
