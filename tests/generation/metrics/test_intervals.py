import numpy as np
import pytest
from scipy.stats import spearmanr

from generation.metrics.intervals import (
    bootstrap,
    correlation_difference,
    derangements,
    mean_difference,
    rank_correlation,
)

DRAW = np.random.default_rng(0)


@pytest.mark.parametrize("count", [2, 3, 10, 101])
def test_a_shuffle_leaves_nobody_in_place(count: int) -> None:
    for seed in range(20):
        orders = derangements(count, seed, 5)
        assert (np.sort(orders) == np.arange(count)).all()
        assert (orders != np.arange(count)).all()
    assert (derangements(count, 3) == derangements(count, 3)).all()


def test_one_clip_cannot_be_shuffled() -> None:
    with pytest.raises(ValueError, match="two"):
        derangements(1, 0)


def test_rank_correlation_is_spearmans_with_ties() -> None:
    first, second = DRAW.integers(0, 6, 50).astype(float), DRAW.standard_normal(50)
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, np.ones(50)) == 0


def test_interval_of_a_mean_is_that_of_theory() -> None:
    values = DRAW.standard_normal(400)
    found = bootstrap(lambda clips: float(values[clips].mean()), len(values), 0)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.015)
    assert found.high == pytest.approx(values.mean() + half, abs=0.015)


def test_an_effect_is_told_from_none() -> None:
    own, other = DRAW.standard_normal(100), DRAW.standard_normal(100)
    following = own + DRAW.standard_normal(100)
    others = np.stack([other, DRAW.permutation(other)])
    found = correlation_difference(following, own, others, 0)
    assert found.above_zero
    chance = (rank_correlation(following, others[0]) + rank_correlation(following, others[1])) / 2
    assert found.value == pytest.approx(rank_correlation(following, own) - chance)
    assert not correlation_difference(DRAW.standard_normal(100), own, others, 0).above_zero
    assert mean_difference(np.ones(50), np.zeros(50), 0).above_zero
    assert not mean_difference(own, own, 0).above_zero
