"""Strengths with resampled raters: many fits at once are each the one fit, and the spread is the sandwich's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import bradley_terry as bt
from analysis.asked import Asked
from analysis.ranking import rankings
from analysis.ratings import Ratings, read
from analysis.resampling import answers_by_rater, resample
from analysis.results import AnalysisError
from tests.analysis.simulate import renamed, row, shuffled, simulate, swapped_sides


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    return read(simulate(seed=4, raters=60, systems=("a", "b", "c", "d"), per_rater=20, effect=0.3))


def test_fits_at_once_are_the_fits_one_by_one(ratings: Ratings) -> None:
    asked = Asked.of(ratings.answers, 0)
    design, _ = asked.design()
    rng = np.random.default_rng(1)
    counts = rng.poisson(design.counts, size=(7, *design.counts.shape)).astype(float)
    together, done = bt.fit_many(design, counts, np.zeros(len(bt.fit(design).parameters)))
    assert done.all()
    for table, parameters in zip(counts, together, strict=True):
        alone = bt.fit(bt.Design(table, design.asks, design.levels))
        assert parameters == pytest.approx(alone.parameters, abs=1e-8)


def test_a_resample_is_the_fit_of_its_raters(ratings: Ratings) -> None:
    asked = Asked.of(ratings.answers, 0)
    design, outcome = asked.design()
    start = bt.fit(design).parameters
    drawn, _ = resample(design, outcome, asked.rater, start, resamples=3, seed=9)
    times = np.random.default_rng(9).multinomial(asked.raters, np.full(asked.raters, 1 / asked.raters), size=3)
    # Who is drawn is found by his answers, for they decide the order.
    place = {row.tobytes(): n for n, row in enumerate(answers_by_rater(design, outcome, asked.rater))}
    own = [
        np.bincount(outcome[asked.rater == rater], minlength=design.counts.size) for rater in range(asked.raters)
    ]
    drawn_as = np.array([place[row.tobytes()] for row in own])
    rows = np.repeat(np.arange(len(outcome)), times[1][drawn_as[asked.rater]])
    again, _ = bt.design(
        asked.system_1[rows],
        asked.system_2[rows],
        asked.side[rows],
        asked.answer[rows],
        systems=4,
        levels=asked.levels,
    )
    assert drawn[1] == pytest.approx(bt.fit(again).parameters, abs=1e-7)


def test_the_spread_over_resamples_is_that_of_the_sandwich_clustered_by_rater(ratings: Ratings) -> None:
    for one, other in zip(ratings.resampled_rankings(), rankings(ratings.answers, clips="fixed"), strict=True):
        sandwich = {strength.system: strength for strength in other.strengths}
        for strength in one.strengths:
            assert strength.value == pytest.approx(sandwich[strength.system].value, abs=1e-9)
            assert strength.se == pytest.approx(sandwich[strength.system].se, rel=0.12)
            assert strength.low < strength.value < strength.high
        assert other.left is not None
        assert one.left.se == pytest.approx(other.left.se, rel=0.12)


def test_the_same_seed_gives_the_same_intervals_and_another_does_not(ratings: Ratings) -> None:
    first = ratings.resampled_rankings(resamples=50)
    assert first == ratings.resampled_rankings(resamples=50)
    assert first != ratings.resampled_rankings(resamples=50, seed=2)


def test_resamples_without_a_finite_fit_are_counted_and_left_out() -> None:
    rows = [
        row(
            rater=f"r{r}", trial=f"{r}-{n}", genre="g", clip=f"c{n}", pair=("a", "b"), score=score, left_is_1=n < 2
        )
        for r in range(6)
        for n, score in enumerate((2, 2 if r else -2, 2, 2 if r else -2))
    ]
    # Only one rater ever prefers b: a third of the resamples go without him.
    (one,) = read(pd.DataFrame(rows)).resampled_rankings(resamples=300)
    assert 0.2 < one.unbounded / 300 < 0.5
    assert all(np.isfinite([s.low, s.high, s.se]).all() for s in one.strengths)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (simulate(seed=1, raters=1), "nobody to resample"),
        (simulate(seed=1, raters=4).assign(score=0, choice=3, score_presented=0), "every answer is a tie"),
    ],
)
def test_what_cannot_be_resampled_says_why(frame: pd.DataFrame, told: str) -> None:
    with pytest.raises(AnalysisError, match=told):
        read(frame).resampled_rankings(resamples=10)


def test_row_order_and_names_of_raters_change_nothing(ratings: Ratings) -> None:
    assert read(shuffled(ratings.frame)).resampled_rankings(resamples=200) == ratings.resampled_rankings(
        resamples=200
    )


def test_names_of_systems_change_nothing(ratings: Ratings) -> None:
    names = {"a": "w", "b": "z", "c": "b", "d": "a"}
    for one, other in zip(
        ratings.resampled_rankings(resamples=200),
        read(renamed(ratings.frame, names)).resampled_rankings(resamples=200),
        strict=True,
    ):
        strengths = tuple(replace(each, system=names[each.system]) for each in one.strengths)
        assert replace(one, strengths=strengths) == other


def test_swapped_sides_flip_what_the_left_adds(ratings: Ratings) -> None:
    for one, other in zip(
        ratings.resampled_rankings(resamples=200),
        read(swapped_sides(ratings.frame)).resampled_rankings(resamples=200),
        strict=True,
    ):
        assert one.strengths == other.strengths
        assert one.left is not None
        assert other.left == replace(one.left, value=-one.left.value, low=-one.left.high, high=-one.left.low)
