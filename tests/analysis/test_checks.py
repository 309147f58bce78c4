"""What a notebook may ask for: a slip is refused in words, and nothing is estimated from it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import analysis as da
from analysis.checks import named_pairs
from tests.analysis.simulate import simulate


@pytest.fixture(scope="module")
def ratings() -> da.Ratings:
    return da.read(simulate(seed=4, systems=("a", "b", "c"), raters=12, per_rater=10))


@pytest.mark.parametrize(
    ("primary", "told"),
    [
        (("a", "b"), "'a' is no pair"),
        ("ab", "'ab' is no pair"),
        (["ab"], "'ab' is no pair"),
        ([("a", "b", "c")], "is no pair"),
        ([("a", 1)], "is no pair"),
        ([("a", "bb")], "no system is called 'bb'; there are: a, b, c"),
    ],
)
def test_a_primary_pair_that_is_none_is_refused_by_rates_and_report(
    ratings: da.Ratings, primary: Any, told: str
) -> None:
    with pytest.raises(da.AnalysisError, match=told):
        ratings.win_rates(primary=primary)
    with pytest.raises(da.AnalysisError, match=told):
        ratings.report(primary=primary)


def test_pairs_are_taken_as_lists_too_and_in_either_order(ratings: da.Ratings) -> None:
    assert named_pairs([["b", "a"]]) == [("b", "a")]
    assert len(ratings.win_rates(primary=[("b", "a")]).primary) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"level": 95}, "the level is a chance between 0 and 1, not 95"),
        ({"ties": "leftout"}, "ties is one of 'denominator', 'split', 'left out', not 'leftout'"),
        ({"clips": "Fixed"}, "clips is one of 'random', 'fixed', not 'Fixed'"),
    ],
)
def test_choices_that_there_are_not_are_refused(ratings: da.Ratings, options: dict[str, Any], told: str) -> None:
    with pytest.raises(da.AnalysisError, match=told):
        ratings.win_rates(**options)


@pytest.mark.parametrize(
    "asked",
    [
        "rankings",
        "agreement",
        "cumulative_logit",
        "genre_strengths",
        "resampled_rankings",
        "paper_table_1",
        "paper_table_4",
    ],
)
def test_every_estimate_refuses_a_level_that_is_no_chance(ratings: da.Ratings, asked: str) -> None:
    with pytest.raises(da.AnalysisError, match="the level is a chance between 0 and 1, not 95"):
        getattr(ratings, asked)(level=95)


@pytest.mark.parametrize("options", [{"ties": "left out"}, {"clips": "fixed"}, {"by": "dataset"}])
def test_other_choices_are_not_set_beside_results_of_another_kind(
    ratings: da.Ratings, options: dict[str, Any]
) -> None:
    with pytest.raises(da.AnalysisError, match="set beside results by genre, with random clips"):
        ratings.sensitivity(rates=ratings.win_rates(**options))


def test_what_the_methods_take_and_raise_is_at_hand() -> None:
    assert {"AnalysisError", "PassRules", "Ratings", "StoppingRule", "read"} <= set(dir(da))
    assert da.PassRules(min_gold_right=0.75).declared
    assert da.StoppingRule(alpha=0.1).alpha == 0.1
    assert issubclass(da.AnalysisError, ValueError)


def test_listing_the_package_loads_nothing() -> None:
    code = "import sys, analysis; dir(analysis); sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_frame_says_at_which_level_its_bounds_hold(ratings: da.Ratings) -> None:
    rates = ratings.win_rates(level=0.9)
    assert set(rates.to_frame()["level"]) == {0.9}
    assert set(rates.systems_to_frame()["level"]) == {0.9}
