"""Planning: simulated studies are tested as real ones are, and promise what real ones keep."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import costs
from analysis.__main__ import main
from analysis.assumptions import PRESETS, Assumptions, clip_spread, from_pilot
from analysis.costs import Prices, cost, ways
from analysis.power import StudyPlan, _width, batched_moments, deal, power, simulate
from analysis.power import _shown as shown_by_power
from analysis.ratings import read
from analysis.results import AnalysisError
from analysis.schema import QUESTIONS
from analysis.variance import Layout, dense, two_way_moments
from tests.analysis.simulate import row as rating
from tests.analysis.simulate import simulate as simulated_table

# Rater SD .5, clip SD .7, tie band ± .5 logits: net preference .16 goes with a fifth of ties.
REFERENCE = Assumptions(net=0.16, tie=0.2, rater_sd=0.5, clip_sd=0.7, dropout=0, careless=0)


@pytest.mark.parametrize("kept", [1.0, 0.5, 0.15])
def test_studies_at_once_have_the_moments_of_studies_one_by_one(kept: float) -> None:
    """Unequal genres, one of them with a single clip, and answers taken out at random."""
    rng = np.random.default_rng(3)
    clip = rng.integers(0, 9, 80)
    genre = np.array([0, 0, 0, 0, 1, 1, 1, 2, 3])[clip]
    rater = rng.integers(0, 12, 80)
    values = rng.choice((-1.0, 0.0, 1.0), (6, 80))
    keep = rng.random((6, 80)) < kept
    means, variances, df = batched_moments(values, keep, rater, clip, genre)
    for study in range(6):
        rows = np.flatnonzero(keep[study])
        nest = dense(genre[rows])
        strata = int(nest.max()) + 1
        layout = Layout(dense(rater[rows]), dense(clip[rows]), nest, nest, np.full(strata, 1 / strata))
        alone = two_way_moments(values[study, rows], layout)
        assert means[study] == pytest.approx(alone.mean, abs=1e-12)
        assert variances[study] == pytest.approx(alone.variance, abs=1e-12)
        assert df[study] == pytest.approx(alone.df, rel=1e-9)


EVERY_PAIR = StudyPlan(systems=3, genres=3, clips=4, ratings=4, trials=12)
ONE_AGAINST_ALL = replace(EVERY_PAIR, systems=4, compared=((0, 1), (0, 2), (0, 3)))
DECLARED = replace(EVERY_PAIR, systems=4, compared=((0, 1), (0, 2), (1, 3), (2, 3)), primary=((0, 2), (1, 3)))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("plan", [EVERY_PAIR, ONE_AGAINST_ALL, DECLARED])
def test_a_simulated_study_has_the_win_rates_of_its_answers(plan: StudyPlan, seed: int) -> None:
    """With raters who leave: net preference, standard error, df, decision after Holm and width."""
    assumed = Assumptions(net=0.4, tie=0.25, dropout=0.3, careless=0.2)
    dealt = deal(plan, assumed, seed=seed)
    (signs, _), *_ = simulate(plan, assumed, dealt, studies=1, seed=seed)
    pairs = [(f"s{one}", f"s{other}") for one, other in plan.edges]
    primary = [pairs[plan.edges.index(edge)] for edge in plan.primary]
    table = pd.DataFrame(
        rating(
            rater=f"r{dealt.rater[n]:03d}",
            trial=f"t{n}",
            position=n + 1,
            genre=f"g{dealt.genre[n]}",
            clip=f"c{dealt.clip[n]}",
            question=question,
            pair=pairs[dealt.pair[n]],
            score=int(signs[0, place, n]),
        )
        for n in range(len(dealt.rater))
        for place, question in enumerate(QUESTIONS)
    )
    rates = read(table).win_rates(primary=primary).averages
    counted = np.ones((1, dealt.raters), dtype=np.bool_)
    shown = shown_by_power(signs, dealt, counted, plan, assumed.net, 0.95)
    assert len(rates) == 2 * plan.pairs
    assert shown.shape == (1, 2, len(plan.family))
    for rate in rates:
        assert rate.test is not None
        place, pair = QUESTIONS.index(rate.question), pairs.index((rate.system_1, rate.system_2))
        rows = np.flatnonzero(dealt.pair == pair)
        columns = (dealt.rater[rows], dealt.clip[rows], dealt.genre[rows])
        mean, variance, df = batched_moments(
            signs[:, place, rows], np.ones((1, len(rows)), dtype=np.bool_), *columns
        )
        assert mean[0] == pytest.approx(rate.net.value, abs=1e-12)
        assert np.sqrt(variance[0]) == pytest.approx(rate.test.se, abs=1e-12)
        assert df[0] == pytest.approx(rate.test.df, abs=1e-12 * rate.test.df)
        edge = plan.edges[pair]
        assert rate.primary == (edge in plan.family)
        if rate.primary:
            right = edge[0] != 0 or rate.net.value > 0
            assert shown[0, place, plan.family.index(edge)] == (rate.test.p_adjusted < 0.05 and right)
    wide = [
        rate.net.high - rate.net.low
        for rate in rates
        if rate.primary and rate.net.high is not None and rate.net.low is not None
    ]
    assert _width(signs, dealt, plan, 0.95)[0] == pytest.approx(np.mean(wide), abs=1e-12)


def test_holm_runs_over_the_primary_pairs_alone() -> None:
    plan = StudyPlan(systems=4, genres=2, clips=10, ratings=5, trials=20)
    assumed = replace(REFERENCE, net=0.3)
    dealt = deal(plan, assumed, seed=1)
    (signs, _), *_ = simulate(plan, assumed, dealt, studies=200, seed=1)
    counted = np.ones((200, dealt.raters), dtype=np.bool_)
    shown = shown_by_power(signs, dealt, counted, plan, assumed.net, 0.95)
    declared = replace(plan, primary=((0, 1),))
    alone = shown_by_power(signs, dealt, counted, declared, assumed.net, 0.95)
    assert (alone[:, :, 0] >= shown[:, :, 0]).all()
    assert alone.sum() > shown[:, :, 0].sum()


def test_figures_are_of_the_primary_pairs() -> None:
    plan = StudyPlan(systems=4, genres=2, clips=10, ratings=5, trials=20)
    declared = power(replace(plan, primary=((0, 1), (2, 3))), replace(REFERENCE, net=0.4), studies=300)
    assert declared.false_alarms is not None
    assert declared.false_alarms <= 0.08
    star = power(replace(plan, compared=((0, 1), (0, 2), (0, 3))), replace(REFERENCE, net=0.4), studies=300)
    assert star.false_alarms is None
    # Both questions about one pair rather than about three.
    assert declared.together > star.together


def test_only_compared_pairs_are_dealt_and_paid_for() -> None:
    star = StudyPlan(
        systems=6, genres=1, clips=4, ratings=3, trials=10, compared=tuple((0, n) for n in range(1, 6))
    )
    assert (star.pairs, star.comparisons, star.answers) == (5, 20, 60)
    dealt = deal(star, replace(REFERENCE, dropout=0), seed=1)
    assert np.bincount(dealt.pair).tolist() == [12] * 5
    free = Prices(per_hour=0, per_version=1)
    assert cost(star, REFERENCE, free).money == 6 * 4


def test_no_interval_is_wider_than_all_there_is() -> None:
    tiny = power(StudyPlan(genres=1, clips=4, ratings=2, trials=4), PRESETS["typical"], studies=100)
    assert 1 < tiny.width <= 2


def test_all_pairs_together_are_shown_less_often_than_one() -> None:
    plan = StudyPlan(systems=3, genres=3, clips=8, ratings=6, trials=18)
    found = power(plan, PRESETS["clear"], studies=300)
    assert 0 < found.together < found.power


def test_checks_cost_time_of_every_rater_who_comes() -> None:
    plan = StudyPlan(genres=1, clips=10, ratings=6, trials=10)
    assumed = replace(REFERENCE, dropout=0.5)
    plain, checked = (cost(replace(plan, checks=n), assumed, Prices(seconds_per_trial=60)) for n in (0, 3))
    # Six blocks and three who follow, three minutes each.
    assert checked.hours - plain.hours == pytest.approx(9 * 3 / 60)
    assert checked.minutes_each - plain.minutes_each == pytest.approx(3)


def test_the_spread_of_clips_is_that_of_clips_heard_by_endlessly_many() -> None:
    rng = np.random.default_rng(5)
    effect, band = REFERENCE.latent()
    clips = rng.normal(0, 0.7, (400, 1))
    latent = effect + clips + rng.normal(0, 0.5, (400, 20_000)) + rng.logistic(size=(400, 20_000))
    means = (np.sign(latent) * (np.abs(latent) > band)).mean(axis=1)
    assert clip_spread(REFERENCE) == pytest.approx(means.std(), rel=0.12)


def test_the_blocks_are_those_of_the_design_and_who_leaves_is_followed_by_another() -> None:
    plan = StudyPlan(systems=3, genres=2, clips=3, ratings=4, trials=9)
    whole = deal(plan, replace(REFERENCE, dropout=0), seed=2)
    assert whole.raters == plan.blocks == 8
    assert len(whole.rater) == plan.answers == 72
    comparisons = whole.clip * plan.pairs + whole.pair
    assert (np.bincount(comparisons) == 4).all()
    left = deal(plan, replace(REFERENCE, dropout=0.5), seed=2)
    assert left.raters == 12
    assert sorted(left.clip * plan.pairs + left.pair) == sorted(comparisons)


def test_simulated_answers_have_the_net_preference_and_ties_that_were_assumed() -> None:
    assumed = Assumptions(net=0.2, tie=0.3, rater_sd=0.8, clip_sd=0.6, dropout=0, careless=0)
    plan = StudyPlan(genres=2, clips=10, ratings=5, trials=10)
    (signs, careless), *_ = simulate(plan, assumed, deal(plan, assumed, seed=1), studies=3000, seed=1)
    assert not careless.any()
    # Four standard errors of means over 3,000 studies.
    assert signs.mean() == pytest.approx(0.2, abs=0.012)
    assert (signs == 0).mean() == pytest.approx(0.3, abs=0.006)


@pytest.mark.parametrize(
    ("raters", "clips", "ratings", "trials", "wanted"),
    [(10, 10, 10, 10, 0.17), (20, 20, 5, 5, 0.29), (30, 50, 5, 8, 0.57), (30, 20, 30, 20, 0.49)],
)
def test_power_is_what_was_measured_elsewhere(
    raters: int, clips: int, ratings: int, trials: int, wanted: float
) -> None:
    """Figures of an independent simulation of the same designs (1,500 runs, docs/statistics.md), one question."""
    plan = StudyPlan(genres=1, clips=clips, ratings=ratings, trials=trials, questions=1)
    assert plan.blocks == pytest.approx(raters, abs=2)
    found = power(plan, REFERENCE, studies=1500)
    assert found.power == pytest.approx(wanted, abs=0.04)
    assert found.low < found.power < found.high


def test_without_a_preference_power_is_the_rate_of_false_alarms() -> None:
    plan = StudyPlan(genres=1, clips=20, ratings=5, trials=5, questions=1)
    assert 0.03 <= power(plan, replace(REFERENCE, net=0.0), studies=2000).power <= 0.07


def test_careless_raters_cost_power_and_leaving_them_out_gives_it_back() -> None:
    plan = StudyPlan(genres=2, clips=15, ratings=6, trials=15)
    clean = power(plan, replace(REFERENCE, net=0.3), studies=600)
    soiled = power(plan, replace(REFERENCE, net=0.3, careless=0.3), studies=600)
    assert clean.kept == clean.power
    assert soiled.power < soiled.kept - 0.05 < clean.power


def test_the_same_seed_gives_the_same_power_and_pairs_that_do_not_differ_are_rarely_said_to() -> None:
    plan = StudyPlan(systems=3, genres=3, clips=6, ratings=4, trials=18)
    first = power(plan, PRESETS["clear"], studies=300)
    assert first == power(plan, PRESETS["clear"], studies=300)
    assert first != power(plan, PRESETS["clear"], studies=300, seed=2)
    assert first.false_alarms is not None
    assert first.false_alarms <= 0.07


def test_a_pilot_gives_back_the_spread_that_it_was_drawn_with() -> None:
    table = simulated_table(
        seed=2, raters=150, per_rater=60, clips_per_genre=30, effect=0.4, rater_sd=0.9, clip_sd=0.4
    )
    found = from_pilot(read(table).answers)
    assert found.rater_sd == pytest.approx(0.9, abs=0.15)
    assert found.clip_sd == pytest.approx(0.4, abs=0.15)
    assert found.source.startswith(
        "pilot: 9000 answers to visual_relevance of 150 raters on 120 clips; rater SD within 0."
    )
    few = from_pilot(read(simulated_table(seed=2, raters=5, per_rater=10)).answers, net=0.1, dropout=0.2)
    assert (few.net, few.dropout) == (0.1, 0.2)
    assert "with care" in few.source


def test_a_pilot_lends_the_question_that_is_named_or_its_first() -> None:
    table = simulated_table(seed=2, raters=12, per_rater=10)
    both = read(table).answers
    other = from_pilot(both, question="music_preference")
    assert other.source.startswith("pilot: 120 answers to music_preference of 12 raters")
    alone = read(table[table["question"] == "music_preference"]).answers
    assert from_pilot(alone) == other != from_pilot(both)
    with pytest.raises(
        AnalysisError, match="nobody answered question 'visual_relevance' in the pilot; there is: mu"
    ):
        from_pilot(alone, question="visual_relevance")


def test_a_pilot_never_lends_its_clearest_pair() -> None:
    table = simulated_table(seed=4, raters=10, per_rater=20, systems=("a", "b", "c", "d"))
    assert from_pilot(read(table).answers).net == PRESETS["typical"].net


def test_a_plan_costs_what_its_hours_and_versions_do() -> None:
    plan = StudyPlan(systems=2, genres=1, clips=10, ratings=6, trials=10)
    prices = Prices(per_hour=12, fee=0.5, seconds_per_trial=60, minutes_before=5, per_version=2)
    price = cost(plan, replace(REFERENCE, dropout=0), prices)
    # Six raters of ten minutes and five before them; twenty versions.
    assert price.hours == pytest.approx(6 * 15 / 60)
    assert price.minutes_each == 15
    assert price.money == pytest.approx(1.5 * 12 * 1.5 + 40)


def test_clips_reach_what_ratings_of_few_clips_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "MOST_ANSWERS", 3000)
    plan = StudyPlan(genres=1, clips=6, ratings=6, trials=6)
    found = {way.name: way for way in ways(plan, replace(REFERENCE, net=0.3), Prices(), studies=150)}
    clips, raters = found["more clips"], found["more raters"]
    assert clips.found is not None
    assert clips.cost is not None
    assert clips.found.power >= 0.8
    assert clips.found.plan.clips > 6
    assert raters.cost is None
    assert "6 clips differ among themselves" in raters.reason
    assert "at most 6 comparisons, none of them twice" in found["more of each rater"].reason
    prices = [way.cost.money for way in found.values() if way.cost]
    assert prices == sorted(prices)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: StudyPlan(systems=1), "systems is at least 2"),
        (lambda: StudyPlan(ratings=0), "ratings is at least 1"),
        (lambda: StudyPlan(checks=-1), "checks is 0 or more"),
        (lambda: StudyPlan(compared=((0, 0),)), "compared: 0-0 is a system beside itself; name two systems"),
        (lambda: StudyPlan(compared=((0, 2),)), "compared: 0-2 is no pair of 2 systems; number them from 0 to 1"),
        (lambda: StudyPlan(primary=((-1, 0),)), "primary: -1-0 is no pair of 2 systems"),
        (lambda: StudyPlan(compared=((1, 0),)), "name each pair once, lower numbers first, and sort them"),
        (lambda: StudyPlan(compared=((0, 1), (0, 1))), "name each pair once"),
        (lambda: StudyPlan(systems=3, compared=((0, 2), (0, 1))), "and sort them"),
        (lambda: StudyPlan(systems=3, compared=((0, 1),)), "system 2 is in no compared pair; compare it"),
        (lambda: replace(ONE_AGAINST_ALL, primary=((1, 2),)), "the primary pair 1-2 is not compared; compare it"),
        (
            lambda: StudyPlan(systems=3, primary=((1, 2),)),
            "system 0, .* is in no primary pair; number the systems",
        ),
        (lambda: power(StudyPlan(genres=1, clips=4, trials=20), REFERENCE), "set trials per block to 4 or less"),
        (lambda: Assumptions(net=0.8, tie=0.3), "leaves no room beside 30% of ties"),
        (lambda: Assumptions(careless=1.0), "a share from 0 to below 1"),
        (lambda: Assumptions(clip_sd=-1), "0 or more"),
        (lambda: Prices(per_hour=-1), "per_hour is 0 or more"),
        (lambda: ways(StudyPlan(), REFERENCE, Prices(), target=1.5), "between 0 and 1"),
        (lambda: ways(StudyPlan(), replace(REFERENCE, net=0.0), Prices()), "no preference to find"),
    ],
)
def test_impossible_plans_say_what_is_possible(wrong, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AnalysisError, match=told):
        wrong()


def test_the_command_tells_power_costs_and_ways(capsys: pytest.CaptureFixture[str], tmp_path) -> None:  # type: ignore[no-untyped-def]
    plan = ["--genres", "1", "--clips", "12", "--ratings", "8", "--trials", "12", "--net", "0.4"]
    assert main(["power", *plan, "--studies", "100", "--target", "0.5", "-o", str(tmp_path / "p.csv")]) == 0
    told = capsys.readouterr().out
    assert "Plan: 2 systems, every pair, 1 genres" in told
    assert "Power: " in told
    assert "Ways to 50%, cheapest first:" in told
    assert (
        (tmp_path / "p.csv")
        .read_text()
        .startswith("systems,genres,clips,ratings,trials,questions,checks,compared,primary,net,tie")
    )
    assert main(["power", "--preset", "hopeful"]) == 2
    assert "there is no preset 'hopeful'; there are: typical, close" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told", "compared", "primary"),
    [
        (["--systems", "3"], "3 systems, every pair,", "0-1,0-2,1-2", "0-1,0-2,1-2"),
        (["--systems", "3", "--one-against-all"], "3 systems, one against all,", "0-1,0-2", "0-1,0-2"),
        (["--pairs", "3-1,0-1,2-0"], "4 systems, 3 pairs,", "0-1,0-2,1-3", "0-1,0-2,1-3"),
        (
            ["--systems", "3", "--one-against-all", "--primary", "2-0"],
            "3 systems, one against all (1 declared primary),",
            "0-1,0-2",
            "0-2",
        ),
    ],
)
def test_the_command_compares_the_pairs_that_it_is_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, given: list[str], told: str, compared: str, primary: str
) -> None:
    file = tmp_path / "power.csv"
    assert main(["power", *given, "--trials", "10", "--studies", "20", "-o", str(file)]) == 0
    assert told in capsys.readouterr().out
    row = pd.read_csv(file).iloc[0]
    assert (row["compared"], row["primary"]) == (compared, primary)


@pytest.mark.parametrize("pairs", ["0:1", "0-1,", "a-b", "0-1-2"])
def test_the_command_refuses_what_is_no_pair(capsys: pytest.CaptureFixture[str], pairs: str) -> None:
    with pytest.raises(SystemExit):
        main(["power", "--pairs", pairs])
    assert "is no pair of system numbers, such as 0-1,0-2" in capsys.readouterr().err


@pytest.mark.calibration
@pytest.mark.parametrize("net", [0.1, 0.2])
def test_studies_keep_what_the_planner_promises(net: float) -> None:
    """400 studies of another simulator, dealt at random, through the whole analysis: within Monte Carlo error."""
    assumed = Assumptions(net=net, tie=0.2, rater_sd=0.5, clip_sd=0.7, dropout=0, careless=0)
    plan = StudyPlan(genres=4, clips=10, ratings=5, trials=10)
    promised = power(plan, assumed, studies=4000)
    effect, band = assumed.latent()
    shown = []
    for seed in range(400):
        table = simulated_table(
            seed=seed,
            raters=20,
            clips_per_genre=10,
            per_rater=10,
            effect=effect,
            rater_sd=0.5,
            clip_sd=0.7,
            tie_band=band,
        )
        shown += [
            rate.test is not None and rate.test.p_adjusted < 0.05 and rate.net.value > 0
            for rate in read(table).win_rates().averages
        ]
    kept = np.mean(shown)
    error = np.sqrt(kept * (1 - kept) / 400 + promised.power * (1 - promised.power) / 4000)
    assert abs(kept - promised.power) < 3 * error


@pytest.mark.calibration
@pytest.mark.parametrize(("raters", "systems"), [(10, ("a", "b")), (20, ("a", "b")), (10, ("a", "b", "c", "d"))])
def test_bounds_from_a_pilot_hold_the_spread(raters: int, systems: tuple[str, ...]) -> None:
    held = []
    for seed in range(5000, 5300):
        table = simulated_table(seed=seed, raters=raters, per_rater=20, systems=systems, rater_sd=0.5, clip_sd=0.7)
        bounds = re.findall(r"(?:within|and) (\d\.\d\d)", from_pilot(read(table).answers).source)
        low, high, clips_low, clips_high = (float(bound) for bound in bounds)
        held.append((low <= 0.5 <= high, clips_low <= 0.7 <= clips_high))
    assert (np.mean(held, axis=0) >= 0.93).all()
