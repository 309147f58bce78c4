"""Evidence under continuous looking: rarely wrong where raters differ, and found where there is something."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from analysis.ratings import read
from analysis.results import AnalysisError
from analysis.sequential import StoppingRule, Watched, asymptotic_interval, betting_interval, evidence, watch
from tests.analysis.simulate import row, simulate


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
    lines = read(study(effect=1.5, rater_sd=0.2)).watch(ended=True)
    assert [(line.question, line.raters) for line in lines] == [("visual_relevance", 30), ("music_preference", 30)]
    for line in lines:
        assert line.needed == 40
        assert line.low <= line.net <= line.high
        assert line.low > 0
        assert line.reached_at is not None
        assert line.reached_at <= 30


def agreeing(pairs: dict[tuple[str, str], int], *, question: str = "visual_relevance") -> pd.DataFrame:
    """So many raters of each pair, pair after pair, who all prefer its first system."""
    begin = pd.Timestamp("2026-01-01", tz="UTC")
    named = [pair for pair, count in pairs.items() for _ in range(count)]
    rows = [
        row(rater=f"r{n:02d}", trial=f"t{n}", genre="Pop", clip="c", pair=pair, score=1, question=question)
        | {"answered_at": (begin + pd.Timedelta(seconds=n)).isoformat()}
        for n, pair in enumerate(named)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    "rule", [StoppingRule(lines=3), StoppingRule(primary=[("a", "b"), ("c", "a"), ("b", "c")])]
)
def test_a_stop_once_reached_stays_when_other_pairs_get_their_first_answers(rule: StoppingRule) -> None:
    (alone,) = read(agreeing({("a", "b"): 14})).watch(rule, ended=True)
    assert (alone.needed, alone.decision) == (60, "stop: a preference is shown")
    first, *others = read(agreeing({("a", "b"): 14, ("a", "c"): 1, ("b", "c"): 1})).watch(rule, ended=True)
    assert first == alone
    assert [one.decision for one in others] == ["go on", "go on"]


def test_without_a_declared_family_every_pair_that_the_systems_can_form_is_counted() -> None:
    two = read(agreeing({("a", "b"): 14, ("a", "c"): 1}))
    three = read(agreeing({("a", "b"): 14, ("a", "c"): 1, ("b", "c"): 1}))
    assert {one.needed for one in two.watch(ended=True)} == {one.needed for one in three.watch(ended=True)} == {60}
    told = two.watched_family().told
    assert told.startswith(
        "Alpha is shared by 3 lines: 3 pairs that the 3 systems of the table can form and 1 question"
    )


def test_a_pair_outside_the_declared_family_counts_for_nothing_and_decides_nothing() -> None:
    rule = StoppingRule(primary=[("c", "a")], most_raters=16)
    ratings = read(agreeing({("a", "b"): 15, ("a", "c"): 15}))
    other, declared = ratings.watch(rule, ended=True)
    assert (declared.needed, declared.primary, declared.decision) == (20, True, "stop: a preference is shown")
    assert (other.needed, other.primary, other.reached_at) == (20, False, None)
    assert other.evidence > other.needed
    assert other.decision == "go on; exploratory, so its evidence decides nothing"
    assert ratings.watched_family(rule).told == (
        "Alpha is shared by 1 line: the 1 pair declared primary and 1 question."
    )
    (other, _) = read(agreeing({("a", "b"): 16, ("a", "c"): 15})).watch(rule, ended=True)
    assert other.decision.startswith("stop: the most raters have come; exploratory")


def test_declared_pairs_that_nobody_has_judged_are_counted_and_told() -> None:
    ratings = read(agreeing({("a", "b"): 14}))
    rule = StoppingRule(primary=[("a", "b"), ("a", "later")])
    assert ratings.watch(rule, ended=True)[0].needed == 40
    assert ratings.watched_family(rule).told.endswith("judged by nobody yet: a against later.")


def test_fewer_lines_than_are_watched_or_declared_primary_are_refused() -> None:
    ratings = read(agreeing({("a", "b"): 2, ("a", "c"): 1}))
    with pytest.raises(AnalysisError, match="2 lines are watched, and alpha was declared to be shared by 1"):
        ratings.watch(StoppingRule(lines=1), ended=True)
    assert len(ratings.watch(StoppingRule(lines=1, primary=[("a", "b")]), ended=True)) == 2
    with pytest.raises(AnalysisError, match="lines are at least 2, not 1"):
        StoppingRule(lines=1, primary=[("a", "b"), ("a", "c")])
    with pytest.raises(AnalysisError, match="lines are at least 1, not 0"):
        StoppingRule(lines=0)
    with pytest.raises(AnalysisError, match="'a' is no pair"):
        StoppingRule(primary=("a", "b"))  # type: ignore[arg-type]


def test_exchanging_the_systems_turns_the_evidence_round() -> None:
    values = raters(7, net=0.2)
    assert evidence(1 - values, 0.5) == pytest.approx(evidence(values, 0.5))
    low, high = betting_interval(values, 0.05)
    assert betting_interval(1 - values, 0.05) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def crowd(
    seed: int, *, raters: int = 60, answers: int = 20, sd: float = 1.2, minutes: float = 1.0
) -> pd.DataFrame:
    """Raters who are all under way at once, an answer each in every round, with tastes around no preference."""
    rng = np.random.default_rng(seed)
    taste = np.tile(1 / (1 + np.exp(-rng.normal(0, sd, raters))), answers)
    count = raters * answers
    score = np.where(rng.random(count) < 0.3, 0, np.where(rng.random(count) < taste, 1, -1))
    begin = pd.Timestamp("2026-01-01", tz="UTC")
    at = begin + pd.to_timedelta(np.arange(count) * 60 / raters, unit="s")
    one = row(rater="r", trial="t", genre="Pop", clip="c", pair=("a", "b"), score=0, question="visual_relevance")
    frame = read(pd.DataFrame([one | {"answered_at": begin.isoformat()}])).frame
    frame = frame.loc[[0] * count].reset_index(drop=True)
    names = np.array([f"r{number:02d}" for number in range(raters)])
    return frame.assign(rater_id=np.tile(names, answers), score=score, answered_at=at)


def looked_at(frame: pd.DataFrame, every: int, rule: StoppingRule) -> list[Watched]:
    """The one line of a table that grows, at every look from when somebody has finished; the last of everybody."""
    found: list[Watched] = []
    for count in range(every, len(frame) + 1, every):
        with suppress(AnalysisError):  # nobody has finished
            found += watch(frame.iloc[:count], rule)
    return [*found, *watch(frame, rule, ended=True)]


def leaving(frame: pd.DataFrame) -> pd.DataFrame:
    """Each rater leaves a round after the one before, so that the crowd thins out; some come back in the end."""
    number = frame["rater_id"].str[1:].astype(int).to_numpy()
    turn = np.arange(len(frame)) // frame["rater_id"].nunique()
    back = (number % 5 == 0) & (turn == turn.max())
    return frame[(turn <= 2 + number // 3) | back].reset_index(drop=True)


def test_a_crowd_under_way_at_once_raises_no_more_false_alarms() -> None:
    rule = StoppingRule(quiet_minutes=3)
    wrong = 0
    for seed in range(40):
        course = looked_at(leaving(crowd(seed)), 60, rule)
        assert len(course) > 5
        wrong += any(one.decision.startswith("stop") for one in course)
    assert wrong <= 2


def test_counting_those_under_way_would_be_wrong_often() -> None:
    """Why raters count once they have finished: the same evidence of what each has answered so far."""
    wrong = 0
    for seed in range(40):
        score = crowd(seed)["score"].to_numpy().reshape(20, 60)
        sums = score.cumsum(axis=0)
        looks = [
            # In the order of the last answers: first those who have not answered in this round yet.
            np.roll(
                np.where(np.arange(60) < upto, sums[turn], sums[turn - 1]) / (turn + (np.arange(60) < upto)), -upto
            )
            for turn in range(1, 20)
            for upto in range(6, 61, 6)
        ]
        wrong += any(evidence((1 + means) / 2, 0.5).max() >= 20 for means in looks)
    assert wrong > 6


def test_nothing_is_taken_back_and_no_bound_widens_while_others_are_under_way() -> None:
    # With so much alpha that decisions are many.
    rule = StoppingRule(alpha=0.6, quiet_minutes=3)
    stopped = 0
    for seed in range(12):
        course = looked_at(leaving(crowd(seed, sd=3.0)), 45, rule)
        reached = [one.reached_at for one in course]
        first = next((place for place, at in enumerate(reached) if at is not None), len(reached))
        assert len(set(reached[first:])) <= 1
        stopped += first < len(reached)
        for earlier, later in pairwise(course):
            assert earlier.low <= later.low
            assert later.high <= earlier.high
            assert earlier.raters <= later.raters
    assert stopped > 3


def test_what_comes_after_a_silence_counts_for_nothing() -> None:
    begin = pd.Timestamp("2026-01-01", tz="UTC")

    def at(minute: int, rater: str, score: int) -> dict[str, object]:
        one = row(rater=rater, trial=f"{rater}{minute}", genre="Pop", clip="c", pair=("a", "b"), score=score)
        return one | {"answered_at": (begin + pd.Timedelta(minutes=minute)).isoformat()}

    rows = [at(0, "x", 1), at(50, "x", 1), at(55, "y", -1), at(111, "z", 1)]
    (line,) = read(pd.DataFrame(rows)).watch()
    assert (line.raters, line.under_way, line.net) == (1, 2, 1.0)
    # x comes back an hour later, of another mind; and y has been silent for long enough by then.
    (later,) = read(pd.DataFrame([*rows, at(130, "x", -1)])).watch()
    assert (later.raters, later.under_way, later.net) == (2, 1, 0.0)
    (last,) = read(pd.DataFrame([*rows, at(130, "x", -1)])).watch(ended=True)
    assert (last.raters, last.under_way) == (3, 0)
    assert last.net == pytest.approx(1 / 3)


def test_nobody_who_has_finished_is_told_with_the_way_out() -> None:
    with pytest.raises(
        AnalysisError, match=r"30 raters under way and none has finished; .* 60 minutes .* --ended"
    ):
        read(study()).watch()
    with pytest.raises(AnalysisError, match="quiet_minutes are more than 0, not 0"):
        StoppingRule(quiet_minutes=0)


def test_raters_who_finished_at_one_moment_are_looked_at_together_whatever_their_names() -> None:
    rows = [
        row(rater=f"r{n:02d}", trial=f"t{n}", genre="Pop", clip="c", pair=("a", "b"), score=-1 if n < 15 else 1)
        | {"answered_at": "2026-01-01T00:00:00Z"}
        for n in range(30)
    ]
    frame = pd.DataFrame(rows)
    (line,) = read(frame).watch(ended=True)
    # Looked at one after another, fifteen of one mind would have stopped it.
    assert (line.raters, line.net, line.reached_at) == (30, 0.0, None)
    (turned,) = read(frame.assign(rater_id=[f"r{99 - n}" for n in range(30)])).watch(ended=True)
    assert turned == line


def test_several_studies_are_watched_one_at_a_time() -> None:
    one = agreeing({("a", "b"): 3})
    both = pd.concat([one, one.assign(study="other", trial_id=one["trial_id"] + "x")])
    with pytest.raises(AnalysisError, match="holds 2 studies"):
        read(both).watch(ended=True)


def test_no_answers_are_refused() -> None:
    with pytest.raises(AnalysisError, match="nothing to watch"):
        read(study(simulated=True)).watch(ended=True)


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
