"""The test of older papers, by name: what it computes, and that it is not to be relied on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.ratings import read
from tests.analysis.simulate import simulate


def test_it_is_wilcoxons_test_of_the_ratings_that_prefer_something_times_the_number_of_tests() -> None:
    ratings = read(simulate(seed=3, raters=12, systems=("a", "b", "c")))
    found = ratings.signed_rank()
    assert len(found) == 6
    for one in found:
        mine = ratings.frame[
            (ratings.frame["question"] == one.question) & (ratings.frame["system_1"] == one.system_1)
        ]
        score = mine[mine["system_2"] == one.system_2]["score"].to_numpy()
        told = stats.wilcoxon(score, zero_method="wilcox", method="asymptotic")
        assert (one.n, one.zeros) == (len(score), int((score == 0).sum()))
        assert one.p == pytest.approx(told.pvalue)
        assert one.p_bonferroni == pytest.approx(min(1, 6 * told.pvalue))


def test_ties_alone_have_a_reason() -> None:
    tied = simulate(seed=3, raters=4).assign(score=0, choice=3, score_presented=0)
    assert all(one.p is None and "without a preference" in one.reason for one in read(tied).signed_rank())


@pytest.mark.calibration
def test_where_raters_and_clips_differ_it_finds_what_is_not_there() -> None:
    """No system is better in any of these studies; the report's own test is wrong in about one of twenty."""
    studies = [read(simulate(seed=seed, raters=20, per_rater=20, clips_per_genre=5)) for seed in range(40)]
    wrong = np.mean([one.p < 0.05 for study in studies for one in study.signed_rank() if one.p is not None])
    ours = np.mean([rate.test.p < 0.05 for study in studies for rate in study.win_rates().averages if rate.test])
    assert wrong > 0.15
    assert ours < 0.12
    assert "not there" in studies[0].signed_rank()[0].warning
