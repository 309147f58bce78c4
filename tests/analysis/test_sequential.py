"""Evidence under continuous looking: rarely wrong where raters differ, and found where there is something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.ratings import read
from analysis.results import AnalysisError
from analysis.sequential import StoppingRule, asymptotic_interval, betting_interval, evidence
from tests.analysis.simulate import simulate


def raters(seed: int, *, net: float = 0.0, sd: float = 1.2, count: int = 60, answers: int = 20) -> np.ndarray:
    """Mean signs of raters with tastes of their own, as values in [0, 1]; 30 % ties."""
    rng = np.random.default_rng(seed)
    taste = 1 / (1 + np.exp(-(rng.normal(0, sd, count))))
    taste = np.clip(taste + net / 2 / 0.7, 0, 1)
    won = rng.random((count, answers)) < taste[:, None]
    sign = np.where(rng.random((count, answers)) < 0.3, 0, np.where(won, 1, -1))
    return (1 + sign.mean(axis=1)) / 2


@pytest.mark.parametrize("sd", [0.0, 0.7, 1.2])
def test_looking_after_every_rater_is_rarely_wrong_however_much_raters_differ(sd: float) -> None:
    wrong = [evidence(raters(seed, sd=sd), 0.5).max() >= 20 for seed in range(400)]
    assert np.mean(wrong) <= 0.05


def test_single_answers_as_units_would_be_wrong_often() -> None:
    """Why the unit is the rater: the same evidence fed with answers of raters who differ."""
    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        taste = 1 / (1 + np.exp(-rng.normal(0, 1.2, 60)))
        answers = (rng.random((60, 20)) < taste[:, None]).ravel().astype(float)
        wrong += evidence(answers, 0.5).max() >= 20
    assert wrong > 15


def test_the_sequence_holds_the_truth_at_every_look() -> None:
    held = []
    for seed in range(60):
        values = raters(seed, net=0.2, sd=0.5, count=40)
        truth = float(np.mean([raters(one, net=0.2, sd=0.5, count=400).mean() for one in range(5)]))
        low, high = betting_interval(values, 0.05)
        held.append(low <= truth <= high)
    assert np.mean(held) >= 0.95


def test_a_preference_is_found_and_sooner_when_it_is_larger() -> None:
    def first(net: float) -> float:
        reached = []
        for seed in range(40):
            over = np.flatnonzero(evidence(raters(seed, net=net, sd=0.5, count=200), 0.5) >= 20)
            reached.append(over[0] + 1 if len(over) else 200)
        return float(np.median(reached))

    assert first(0.25) < first(0.15) < 120


def test_the_sequence_narrows_and_never_leaves_what_it_ruled_out() -> None:
    values = raters(3, net=0.3, sd=0.4)
    wide, narrow = betting_interval(values[:15], 0.05), betting_interval(values, 0.05)
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


def test_the_asymptotic_sequence_waits_for_ten_raters() -> None:
    values = raters(1)
    assert asymptotic_interval(values[:9], 0.05) is None
    found = asymptotic_interval(values, 0.05)
    assert found is not None
    betting = betting_interval(values, 0.05)
    assert found[1] - found[0] < betting[1] - betting[0]


def study(**options: object) -> pd.DataFrame:
    frame = simulate(seed=4, raters=30, per_rater=12, **options)  # type: ignore[arg-type]
    begin = pd.Timestamp("2026-01-01", tz="UTC")
    return frame.assign(answered_at=[(begin + pd.Timedelta(seconds=n)).isoformat() for n in range(len(frame))])


def test_a_table_is_watched_by_pair_and_question() -> None:
    lines = read(study(effect=1.5, rater_sd=0.2)).watch()
    assert [(line.question, line.raters) for line in lines] == [("visual_relevance", 30), ("music_preference", 30)]
    for line in lines:
        assert line.needed == 40
        assert line.low <= line.net <= line.high
        assert line.low > 0
        assert line.reached_at is not None
        assert line.reached_at <= 30


def test_exchanging_the_systems_turns_the_evidence_round() -> None:
    values = raters(7, net=0.2)
    assert evidence(1 - values, 0.5) == pytest.approx(evidence(values, 0.5))
    low, high = betting_interval(values, 0.05)
    assert betting_interval(1 - values, 0.05) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_no_answers_are_refused() -> None:
    with pytest.raises(AnalysisError, match="nothing to watch"):
        read(study(simulated=True)).watch()


@pytest.mark.parametrize(
    ("raters", "reached_at", "decision"),
    [
        (8, 8, "go on"),
        (10, 8, "stop: a preference is shown"),
        (29, None, "go on"),
        (30, None, "stop: the most raters have come, no preference is shown"),
        (30, 30, "stop: a preference is shown"),
    ],
)
def test_a_declared_rule_decides_by_raters_and_evidence(
    raters: int, reached_at: int | None, decision: str
) -> None:
    rule = StoppingRule(least_raters=10, most_raters=30)
    assert rule.decision(raters=raters, reached_at=reached_at) == decision
