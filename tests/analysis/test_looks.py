"""The quick way to the evidence of a running study gives what the plain one gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from analysis import sequential
from analysis.looks import ALL_UNTIL, Seen, looks_at, watch_line
from analysis.sequential import StoppingRule

LINE = ("visual_relevance", "a", "b")


def raters(count: int, mean: float, *, answers: int = 4, seed: int = 1) -> sequential.Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.binomial(2 * answers, mean, count) / (2 * answers))


@pytest.mark.parametrize(("count", "mean"), [(1, 0.5), (7, 0.9), (60, 0.5), (200, 0.62), (300, 0.02)])
def test_while_every_rater_is_a_look_nothing_differs(count: int, mean: float) -> None:
    values = raters(count, mean)
    seen = Seen(values)
    assert np.exp(seen.log_evidence(0.5)) == pytest.approx(sequential.evidence(values, 0.5))
    assert seen.interval(0.05) == pytest.approx(sequential.betting_interval(values, 0.05))


def test_raters_who_change_their_minds_leave_the_same_stretch_or_none() -> None:
    turned = np.concatenate([np.ones(60), np.zeros(60)])
    assert Seen(turned).interval(0.05) == pytest.approx(sequential.betting_interval(turned, 0.05))
    half_way = np.concatenate([np.ones(40), np.full(400, 0.6)])
    assert Seen(half_way).interval(0.05) == pytest.approx(sequential.betting_interval(half_way, 0.05))


def test_later_looks_are_fewer_and_always_the_same() -> None:
    assert list(looks_at(3)) == [1, 2, 3]
    many, more = looks_at(25_000), looks_at(50_000)
    assert len(many) < 2_500
    assert set(many) <= set(more)
    assert many[-1] > 24_900
    assert list(looks_at(ALL_UNTIL + 3)[-2:]) == [ALL_UNTIL, ALL_UNTIL + 2]


def test_what_was_reached_stays_reached_and_bounds_never_widen_as_raters_come() -> None:
    values = raters(700, 0.54)
    process = sequential.evidence(values, 0.5)
    # An odd number of raters with whom it is higher than ever before, and lower again with the next one.
    peak = next(
        count
        for count in range(ALL_UNTIL + 1, 690, 2)
        if process[count - 1] > max(process[: count - 1].max(), process[count])
    )
    rule = StoppingRule(alpha=float(1 / process[peak - 1]) * 1.0001)
    first = ALL_UNTIL - 10
    course = [watch_line(LINE, values[:count], lines=1, rule=rule) for count in range(first, 700)]
    before = peak - first
    assert {line.reached_at for line in course[:before]} == {None}
    assert {line.reached_at for line in course[before:]} == {peak}
    assert {line.decision for line in course[before:]} == {"stop: a preference is shown"}
    for earlier, later in pairwise(course):
        assert later.low >= earlier.low
        assert later.high <= earlier.high


def test_bounds_that_ruled_out_every_mean_stay_where_they_were_last() -> None:
    turned = np.concatenate([np.ones(60), np.zeros(60)])
    bounds = [Seen(turned[:count]).interval(0.05) for count in range(1, 121)]
    assert bounds[-1] == bounds[-30]
    for (low, high), (later_low, later_high) in pairwise(bounds):
        assert low <= later_low < later_high <= high


def test_evidence_is_looked_up_after_every_rater_however_many() -> None:
    values = raters(5_000, 0.5)
    assert Seen(values).log_evidence_throughout(0.5) == pytest.approx(np.log(sequential.evidence(values, 0.5)))


def test_fewer_looks_never_narrow_the_bounds() -> None:
    values = raters(700, 0.57)
    low, high = Seen(values).interval(0.05)
    with np.errstate(over="ignore"):  # evidence beyond every float counts as ruled out there
        every_low, every_high = sequential.betting_interval(values, 0.05)
    assert low <= every_low
    assert high >= every_high
    assert high - low == pytest.approx(every_high - every_low, abs=0.006)


def test_a_line_says_what_the_declared_rule_says() -> None:
    values = raters(400, 0.7)
    found = watch_line(LINE, values, lines=4, rule=StoppingRule(alpha=0.05, least_raters=100))
    process = sequential.evidence(values, 0.5)
    assert found.needed == 80
    assert found.reached_at == int(np.flatnonzero(process >= 80)[0]) + 1
    assert found.decision == "stop: a preference is shown"
    assert found.low <= found.net <= found.high
    patient = watch_line(LINE, values, lines=4, rule=StoppingRule(alpha=0.05, least_raters=401))
    assert patient.decision == "go on"


def test_evidence_beyond_every_float_stays_a_number() -> None:
    found = watch_line(LINE, np.ones(5_000), lines=1, rule=StoppingRule())
    assert np.isfinite(found.evidence)
    assert found.reached_at is not None
