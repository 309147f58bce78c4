"""Weights from raters' own checks: what they hold against whom, and that taste is not among it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.consistency import BY_CHANCE, PRIOR, attention, attention_weights, pass_rates
from analysis.raters import RaterFigures
from analysis.ratings import Ratings, read
from analysis.sensitivity import weighted_net
from tests.analysis.simulate import row, simulate

SURE = dict.fromkeys(BY_CHANCE, 0.95)


def figures(**known: float) -> RaterFigures:
    nothing = dict.fromkeys(RaterFigures.__slots__) | {"rater_id": "r", "tests": 10, "longest_run": 1, "sided": 0}
    return RaterFigures(**{**nothing, "gold": 0, "identical": 0, "repeats": 0, **known})  # type: ignore[arg-type]


def test_bayes_rule_by_hand() -> None:
    """Two of three gold pairs: .9 · .95² · .05 against .1 · .4² · .6."""
    attending, guessing = 0.9 * 0.95**2 * 0.05, 0.1 * 0.4**2 * 0.6
    assert attention(figures(gold=3, gold_right=2 / 3), SURE) == pytest.approx(attending / (attending + guessing))


def test_who_was_never_checked_keeps_the_prior_and_checks_move_it_either_way() -> None:
    assert attention(figures(), SURE) == pytest.approx(PRIOR)
    assert attention(figures(gold=4, gold_right=1.0, repeats=2, repeat_near=1.0), SURE) > 0.99
    assert attention(figures(gold=4, gold_right=0.25), SURE) < 0.1
    assert attention(figures(identical=2, identical_near=0.0, repeats=2, repeat_near=0.0), SURE) < 0.05


def test_a_check_that_honest_raters_pass_hardly_more_often_than_chance_weighs_hardly_anything() -> None:
    """Honest answers to identical pairs and repeats vary: in a noisy world they pass two of three."""
    rng = np.random.default_rng(4)
    noisy = [
        figures(
            identical=2, identical_near=rng.binomial(4, 0.64) / 4, repeats=2, repeat_near=rng.binomial(4, 0.59) / 4
        )
        for _ in range(60)
    ]
    rates = pass_rates(noisy)
    assert BY_CHANCE["identical_near"] <= rates["identical_near"] < 0.75
    weights = attention_weights(noisy, ["r"] * 60)
    assert weights is not None
    assert np.mean([attention(one, rates) for one in noisy]) > 0.85
    assert min(attention(one, rates) for one in noisy) > 0.5


def test_pass_rates_of_the_attending_are_found_among_the_careless() -> None:
    rng = np.random.default_rng(5)
    mixed = [figures(gold=6, gold_right=rng.binomial(6, 0.9 if n % 5 else 0.4) / 6) for n in range(200)]
    assert pass_rates(mixed)["gold_right"] == pytest.approx(0.9, abs=0.04)


def study(careless: set[str], minority: set[str] = frozenset()) -> Ratings:  # type: ignore[assignment]
    """Forty raters with three gold pairs each; the careless answer everything at random."""
    rng = np.random.default_rng(5)
    frame = simulate(seed=6, raters=40, per_rater=20, effect=1.0, rater_sd=0.3)
    gold = pd.DataFrame(
        [
            row(
                rater=rater,
                trial=f"{rater}-g{n}",
                genre="Pop",
                clip=f"gold{n}",
                pair=("foil", "truth"),
                score=-2,
                kind="gold",
            )
            | {"expected": "truth"}
            for rater in sorted(set(frame["rater_id"]))
            for n in range(3)
        ]
    )
    whole = pd.concat([frame, gold], ignore_index=True)
    at_random = whole["rater_id"].isin(careless)
    turned = whole["rater_id"].isin(minority) & (whole["kind"] == "test")
    score = whole["score"].where(~at_random, rng.integers(-2, 3, len(whole))).where(~turned, -whole["score"])
    left_is_1 = whole["system_left"] == whole["system_1"]
    presented = score.where(left_is_1, -score)
    return read(whole.assign(score=score, score_presented=presented, choice=3 - presented))


def test_careless_raters_weigh_little_and_a_minority_with_a_taste_of_its_own_weighs_as_everybody() -> None:
    careless, minority = {f"r{n:03d}" for n in range(12)}, {"r020", "r021", "r022"}
    ratings = study(careless, minority)
    weights = attention_weights(ratings.rater_figures, ratings.answers.raters)
    assert weights is not None
    of = dict(zip(ratings.answers.raters, weights, strict=True))
    assert np.mean([of[rater] for rater in careless]) < 0.4
    assert len({of[rater] for rater in of if rater not in careless}) == 1
    assert min(of[rater] for rater in minority) > 0.99


def test_weights_bring_the_estimate_nearer_to_what_attentive_raters_say() -> None:
    careless = {f"r{n:03d}" for n in range(16)}
    ratings, truth = study(careless), study(set())
    weights = attention_weights(ratings.rater_figures, ratings.answers.raters)
    assert weights is not None
    for rate, true in zip(ratings.win_rates().averages, truth.win_rates().averages, strict=True):
        weighted = weighted_net(ratings.answers, rate, weights)
        assert abs(weighted.value - true.net.value) < 0.5 * abs(rate.net.value - true.net.value)


def test_equal_weights_are_no_weights() -> None:
    ratings = read(simulate(seed=2, raters=20, systems=("a", "b", "c")))
    for rate in ratings.win_rates().averages:
        same = weighted_net(ratings.answers, rate, np.full(20, 0.37))
        for one, other in ((same.value, rate.net.value), (same.low, rate.net.low), (same.high, rate.net.high)):
            assert one == pytest.approx(other, abs=1e-12)


def test_a_study_without_checks_has_no_weighted_result() -> None:
    ratings = read(simulate(seed=2, raters=10))
    assert attention_weights(ratings.rater_figures, ratings.answers.raters) is None
    assert all(line.weighted is None for line in ratings.sensitivity().lines)


def test_the_three_ways_stand_side_by_side_with_how_many_weigh_little() -> None:
    found = study({f"r{n:03d}" for n in range(12)}).sensitivity()
    assert all(line.weighted is not None and line.weighted.value > line.all.value for line in found.lines)
    name, count = found.flow[-1]
    assert name == "weighted below one half by their own checks"
    assert 6 <= count <= 12
