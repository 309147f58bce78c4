"""Estimates per genre drawn towards their pair's average: by how much, and that it helps."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.ratings import read
from analysis.shrinkage import reml, towards_mean
from tests.analysis.simulate import simulate

GENRES = tuple("abcdefgh")


def test_reml_of_a_balanced_layout_is_the_anova_estimate() -> None:
    """With equal sampling variances V, τ² is the variance between groups minus V."""
    values = np.array([0.1, 0.4, -0.2, 0.6, 0.3])
    assert reml(values, np.full(5, 0.02)) == pytest.approx(values.var(ddof=1) - 0.02, rel=1e-4)


def test_groups_that_differ_by_chance_only_keep_what_morris_leaves_them() -> None:
    """With τ² = 0 each keeps 2/(G − 1) of its distance, for τ² is an estimate."""
    values = np.array([0.10, 0.12, 0.08, 0.11])
    assert reml(values, np.full(4, 0.5)) == 0.0
    drawn, errors = towards_mean(values, np.full(4, 0.5))
    assert drawn == pytest.approx(values.mean() + 2 / 3 * (values - values.mean()))
    assert (errors < np.sqrt(0.5)).all()


def test_the_less_certain_is_drawn_further() -> None:
    values, variances = np.array([0.5, 0.5, -0.5, -0.5, 0.0]), np.array([0.01, 0.3, 0.01, 0.3, 0.1])
    drawn, _ = towards_mean(values, variances)
    assert 0 < drawn[1] < drawn[0] < 0.5
    assert -0.5 < drawn[2] < drawn[3] < 0


def test_shrunken_estimates_are_nearer_to_the_truth_and_their_intervals_hold_it() -> None:
    rng = np.random.default_rng(4)
    raw = shrunken = held = 0.0
    for _ in range(400):
        truth = rng.normal(0.1, 0.15, 9)
        variances = rng.uniform(0.01, 0.08, 9)
        seen = truth + rng.normal(0, np.sqrt(variances))
        drawn, errors = towards_mean(seen, variances)
        raw += ((seen - truth) ** 2).sum()
        shrunken += ((drawn - truth) ** 2).sum()
        held += (np.abs(drawn - truth) < 1.96 * errors).mean()
    assert shrunken < 0.7 * raw
    assert 0.93 <= held / 400 <= 0.985


def test_every_genre_has_one_beside_its_own_estimate_and_the_average_has_none() -> None:
    rates = read(simulate(seed=3, raters=30, genres=GENRES, effect=0.5)).win_rates()
    assert all(cell.shrunken is not None for cell in rates.cells)
    assert all(rate.shrunken is None for rate in rates.averages)
    for cell in rates.cells:
        assert cell.shrunken is not None
        assert "shrunken" in cell.shrunken.method
        assert cell.shrunken.low is not None
        assert cell.shrunken.high is not None
        assert cell.shrunken.low <= cell.shrunken.value <= cell.shrunken.high


def test_two_genres_are_too_few_to_say_how_genres_differ() -> None:
    rates = read(simulate(seed=3, genres=("a", "b"))).win_rates()
    assert all(cell.shrunken is None for cell in rates.cells)
