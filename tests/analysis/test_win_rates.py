"""Win rates: a table worked by hand, symmetries, degenerate data, and calibration over a hundred seeds."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.frames import pair_frame, system_frame
from analysis.ratings import Ratings
from analysis.ratings import read as rated
from analysis.results import AnalysisError, Estimate, PairRate, WinRates
from analysis.schema import read
from analysis.win_rates import win_rates

from .simulate import row, simulate

PAIR = ("alpha", "beta")
# Two-genre table: rater, genre, clip, canonical score.
SCORES = [
    ("r1", "pop", "p1", 2),
    ("r1", "pop", "p2", 1),
    ("r2", "pop", "p1", 1),
    ("r2", "pop", "p2", 0),
    ("r1", "rock", "k1", -1),
    ("r1", "rock", "k2", 0),
    ("r2", "rock", "k1", -2),
    ("r2", "rock", "k2", 1),
]


def table(scores: Iterable[tuple[str, str, str, int]], **changes: object) -> pd.DataFrame:
    rows = [
        row(
            rater=rater,
            trial=f"{rater}-{clip}",
            genre=genre,
            clip=clip,
            pair=PAIR,
            score=score,
            left_is_1=n % 2 == 0,
        )
        | changes
        for n, (rater, genre, clip, score) in enumerate(scores)
    ]
    return read(pd.DataFrame(rows))


def only(rates: Sequence[PairRate], genre: str | None = None) -> PairRate:
    (found,) = (rate for rate in rates if rate.genre == genre)
    return found


def test_shares_of_a_table_counted_by_hand() -> None:
    rates = Ratings(table(SCORES)).win_rates()
    pop, rock = only(rates.cells, "pop"), only(rates.cells, "rock")
    assert (pop.win_1.value, pop.tie.value, pop.win_2.value, pop.net.value) == (0.75, 0.25, 0.0, 0.75)
    assert pop.strengths == (0.25, 0.5, 0.25, 0.0, 0.0)
    assert (rock.win_1.value, rock.tie.value, rock.win_2.value, rock.net.value) == (0.25, 0.25, 0.5, -0.25)
    average = only(rates.averages)
    assert (average.win_1.value, average.tie.value, average.win_2.value) == (0.5, 0.25, 0.25)
    assert average.net.value == 0.25
    assert (average.n, average.raters, average.clips, average.genres) == (8, 2, 4, 2)
    assert rates.convention == "ties in the denominator"


def test_variance_of_a_table_worked_by_hand() -> None:
    # Rock: signs −1, 0, −1, 1 (k1 k2 | k1 k2), mean −1/4; residuals over N = 4 are e/4.
    # Raters: residual sums −1/2 and 1/2, squares over 16, times 2/1 = 1/16.
    # Clips: residual sums −3/2 and 3/2, squares over 16, times 2/1 = 9/16.
    # Cells: (9 + 1 + 9 + 25)/16 = 11/4, over 16, times 4/3 = 11/48. V = 11/48 + 0 + (9/16 − 11/48) = 9/16.
    v_rater, v_clip, v_cell = 2 * (2 * 0.5**2) / 16, 9 / 16, 11 / 48
    df = max((9 / 16) ** 2 / (v_rater**2 / 1 + v_clip**2 / 1 + v_cell**2 / 3), 1)
    rock = only(Ratings(table(SCORES)).win_rates().cells, "rock")
    assert rock.test is not None
    assert rock.test.statistic == pytest.approx(-0.25 / math.sqrt(9 / 16))
    assert rock.test.df == pytest.approx(df)
    assert rock.test.p == pytest.approx(2 * stats.t.sf(1 / 3, df))
    # Wins 1 of 4: signs 0 0 0 1, deviations −1/4 −1/4 −1/4 3/4; raters ±1/2, clips ±1/2, so 1/16 each; cells
    # (3 + 9)/16 = 3/4, over 16, times 4/3 = 1/16. V = 1/16. Losses 2 of 4: deviations 1/2 −1/2 1/2 −1/2; raters 0,
    # clips ±1, so 1/4; cells 1 over 16 times 4/3 = 1/12. V = 1/4. Covariance (1/16 + 1/4 − 9/16)/2 = −1/8.
    v_win, v_loss = 1 / 16, 1 / 4
    correlation = (v_win + v_loss - 9 / 16) / 2 / math.sqrt(v_win * v_loss)
    win, loss = (wilson(x, x * (1 - x) / v, df) for x, v in ((1 / 4, v_win), (1 / 2, v_loss)))
    reach = [
        math.sqrt(of_win**2 + of_loss**2 - 2 * correlation * of_win * of_loss)
        for of_win, of_loss in ((1 / 4 - win[0], loss[1] - 1 / 2), (win[1] - 1 / 4, 1 / 2 - loss[0]))
    ]
    assert rock.net.low == pytest.approx(max(-0.25 - reach[0], -1))
    assert rock.net.high == pytest.approx(min(-0.25 + reach[1], 1))


def wilson(share: float, n: float, df: float) -> tuple[float, float]:
    """With at most as many answers as there are, four."""
    t, n = stats.t.ppf(0.975, df), min(n, 4.0)
    centre = (share + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t / (1 + t**2 / n) * math.sqrt(share * (1 - share) / n + t**2 / (4 * n**2))
    return centre - half, centre + half


def test_win_share_interval_is_wilson_at_the_effective_sample_size() -> None:
    # One answer a rater and clip pairing, all independent by layout: 6 raters × 6 clips on the diagonal.
    scores = [(f"r{n}", "pop", f"c{n}", 1 if n < 4 else -1) for n in range(12)]
    rate = only(Ratings(table(scores)).win_rates().cells, "pop")
    share, n = 4 / 12, 12
    variance = 12 / 11 * (share * (1 - share)) / n
    n_eff, df = min(n, share * (1 - share) / variance), 11.0
    assert rate.n_eff == pytest.approx(n_eff)
    t = stats.t.ppf(0.975, df)
    centre = (share + t**2 / (2 * n_eff)) / (1 + t**2 / n_eff)
    half = t / (1 + t**2 / n_eff) * math.sqrt(share * (1 - share) / n_eff + t**2 / (4 * n_eff**2))
    assert rate.win_1.low == pytest.approx(centre - half)
    assert rate.win_1.high == pytest.approx(centre + half)


@pytest.fixture(scope="module")
def study() -> pd.DataFrame:
    return simulate(seed=5, systems=("a", "b", "c"), per_rater=15, raters=20, effect=0.4)


def numbers(rates: WinRates) -> list[object]:
    told: list[object] = []
    for rate in (*rates.cells, *rates.averages):
        told += [rate.question, rate.genre, rate.n, *figures(rate.win_1), *figures(rate.tie), *figures(rate.win_2)]
        told += [*figures(rate.net), rate.test and rate.test.p_adjusted]
    for system in rates.systems:
        told += [system.system, *figures(system.win), *figures(system.net)]
    return told


def figures(estimate: Estimate) -> tuple[float | None, ...]:
    return estimate.value, estimate.low, estimate.high


def test_row_order_and_the_names_of_raters_change_nothing(study: pd.DataFrame) -> None:
    first = numbers(rated(study).win_rates())
    shuffled = study.sample(frac=1, random_state=1)
    renamed = study.assign(rater_id=study["rater_id"].map(lambda name: f"x{hash(name) % 10**9}{name}"))
    for other in (shuffled, renamed):
        for one, two in zip(first, numbers(rated(other).win_rates()), strict=True):
            assert one == (pytest.approx(two, rel=1e-9, abs=1e-12) if isinstance(two, float) else two)


def test_swapping_what_was_left_changes_nothing(study: pd.DataFrame) -> None:
    swapped = study.assign(
        system_left=study["system_right"],
        system_right=study["system_left"],
        choice=6 - study["choice"],
        score_presented=-study["score_presented"],
    )
    assert numbers(rated(swapped).win_rates()) == numbers(rated(study).win_rates())


def test_swapping_the_systems_flips_every_sign_exactly(study: pd.DataFrame) -> None:
    two = study[(study["system_1"] == "a") & (study["system_2"] == "b")]
    swapped = two.assign(system_1=two["system_2"], system_2=two["system_1"], score=-two["score"])
    before, after = rated(two).win_rates(), rated(swapped).win_rates()
    for one, other in zip((*before.cells, *before.averages), (*after.cells, *after.averages), strict=True):
        assert figures(one.win_1) == figures(other.win_2)
        assert figures(one.tie) == figures(other.tie)
        assert one.net.value == -other.net.value
        assert one.net.low == -(other.net.high or math.nan)
        assert one.strengths == other.strengths[::-1]
        assert one.test is not None
        assert other.test is not None
        assert one.test.statistic == -other.test.statistic
        assert one.test.p_adjusted == other.test.p_adjusted


def test_shares_add_up_and_a_win_of_one_is_a_loss_of_the_other(study: pd.DataFrame) -> None:
    rates = rated(study).win_rates()
    for rate in (*rates.cells, *rates.averages):
        assert rate.win_1.value + rate.tie.value + rate.win_2.value == pytest.approx(1)
        assert rate.net.value == pytest.approx(rate.win_1.value - rate.win_2.value)
        assert sum(rate.strengths) == pytest.approx(1)
    for question in ("visual_relevance", "music_preference"):
        averages = [r for r in rates.systems if r.question == question and r.genre is None]
        assert [r.system for r in averages] == ["a", "b", "c"]
        assert sum(r.net.value for r in averages) == pytest.approx(0)
    pair_nets = {r.system_2: r.net.value for r in rates.averages if r.question == question and r.system_1 == "a"}
    assert averages[0].net.value == pytest.approx(np.mean(list(pair_nets.values())))


def test_corrections_are_those_of_the_declared_families(study: pd.DataFrame) -> None:
    rates = rated(study).win_rates()
    for family, name in ((rates.averages, "Holm"), (rates.cells, "Benjamini–Hochberg")):
        tests = sorted((rate.test for rate in family if rate.test), key=lambda test: test.p)
        assert len(tests) == len(family) > 1
        assert {test.adjustment for test in tests} == {name}
        assert all(test.p_adjusted >= test.p for test in tests)
        if name == "Holm":  # the smallest is multiplied by the size of the family
            assert tests[0].p_adjusted == pytest.approx(min(1, len(tests) * tests[0].p))
        else:  # the largest stays as it is
            assert tests[-1].p_adjusted == pytest.approx(tests[-1].p)
            ranked = [min(1, len(tests) * test.p / rank) for rank, test in enumerate(tests, start=1)]
            assert tests[0].p_adjusted == pytest.approx(min(ranked))


def test_only_test_trials_of_people_count_unless_asked() -> None:
    people = table(SCORES)
    program = table(SCORES[:3], simulated=True).assign(trial_id=["m1", "m2", "m3"])
    repeat = people.iloc[:1].assign(kind="repeat", repeat_of="r1-p1", trial_id="again")
    everything = read(pd.concat([people.astype(object), program.astype(object), repeat.astype(object)]))
    assert numbers(Ratings(everything).win_rates()) == numbers(Ratings(people).win_rates())
    mixed = Ratings(everything, include_simulated=True).win_rates()
    assert only(mixed.averages).n == 11
    for frame in (pair_frame(mixed), system_frame(mixed)):
        assert set(frame["simulated"]) <= {0, 1, 2, 3}
        assert (frame.loc[frame["genre"] == "(average over genres)", "simulated"] == 3).all()
    assert (pair_frame(Ratings(everything).win_rates())["simulated"] == 0).all()


def test_a_system_that_met_an_opponent_in_fewer_genres_is_flagged() -> None:
    frame = simulate(seed=1, systems=("a", "b", "c"), raters=30, per_rater=20)
    with_c = (frame["system_1"] == "a") & (frame["system_2"] == "c")
    rates = rated(frame[~with_c | (frame["genre"] == "Pop")]).win_rates()
    flags = {rate.system: rate.flags for rate in rates.systems if rate.genre is None}
    note = "not every opponent was met in every genre"
    assert {system for system, told in flags.items() if note in told} == {"a", "c"}


def test_small_cells_are_flagged() -> None:
    assert {"fewer than 5 raters", "fewer than 5 clips"} <= set(
        only(Ratings(table(SCORES)).win_rates().cells, "pop").flags
    )


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([("r1", "pop", f"c{n}", 1 - n % 3) for n in range(6)], "only one rater"),
        ([(f"r{n}", "pop", "c1", 1 - n % 3) for n in range(6)], "only one clip"),
        ([("r1", "pop", "c1", 1)], "only one rater"),
    ],
)
def test_one_rater_or_one_clip_gives_a_point_and_a_reason(
    scores: list[tuple[str, str, str, int]], reason: str
) -> None:
    rate = only(Ratings(table(scores)).win_rates().averages)
    for estimate in (rate.win_1, rate.tie, rate.win_2, rate.net):
        assert math.isfinite(estimate.value)
        assert estimate.low is None
        assert estimate.high is None
        assert reason in estimate.reason
    assert rate.test is None
    assert any(reason in flag for flag in rate.flags)


@pytest.mark.parametrize(("score", "net"), [(0, 0.0), (2, 1.0), (-1, -1.0)])
def test_answers_all_alike_give_bounds_and_the_test_of_these_bounds(score: int, net: float) -> None:
    alike = [
        (f"r{r}", genre, f"{genre}{c}", score) for r in range(6) for genre in ("pop", "rock") for c in range(5)
    ]
    rates = Ratings(table(alike)).win_rates()
    for rate in (*rates.cells, *rates.averages):
        assert rate.net.value == net
        assert "every answer is alike" in rate.flags
        assert rate.net.low is not None
        assert rate.net.high is not None
        assert rate.test is not None
        assert (rate.test.p < 0.05) == (rate.net.low > 0 or rate.net.high < 0)
        assert np.sign(rate.test.statistic) == np.sign(net)
        assert (rate.test.p == 1) == (net == 0)
        assert rate.net.low <= net <= rate.net.high
        assert 0 < rate.net.high - rate.net.low < 2
        for share in (rate.win_1, rate.tie, rate.win_2):
            assert share.low is not None
            assert share.high is not None
            assert 0 < share.high - share.low < 1


def test_a_share_of_zero_is_bounded_by_the_design_effect_of_the_other_cells() -> None:
    # Raters who disagree with one another but agree with themselves: answers are worth far less than their number.
    stubborn = [(f"r{r}", "pop", f"p{c}", 1 if r < 5 else -1) for r in range(10) for c in range(8)]
    clear = [(f"r{r}", "rock", f"k{c}", 1) for r in range(10) for c in range(8)]
    with_others = only(Ratings(table([*stubborn, *clear])).win_rates().cells, "rock")
    varied = [(f"r{r}", "pop", f"p{c}", 1 if (r + c) % 2 else -1) for r in range(10) for c in range(8)]
    independent = only(Ratings(table([*varied, *clear])).win_rates().cells, "rock")
    assert with_others.win_2.value == independent.win_2.value == 0
    assert (with_others.win_2.high or 0) > 2 * (independent.win_2.high or 1)
    assert with_others.n_eff is not None
    assert with_others.n_eff < 20 < (independent.n_eff or 0)


def test_a_clip_alone_in_its_genre_widens_the_interval_instead_of_vanishing() -> None:
    scores = [(f"r{r}", f"g{g}", f"c{g}", 1 if (r * g + r) % 3 else -1) for r in range(6) for g in range(6)]
    average = only(Ratings(table(scores)).win_rates().averages)
    assert average.net.low is not None
    assert average.net.low < average.net.value
    assert all(cell.net.low is None for cell in Ratings(table(scores)).win_rates().cells)


def test_nothing_to_analyse_is_an_error_with_a_reason() -> None:
    with pytest.raises(AnalysisError, match="no answer is left"):
        Ratings(table(SCORES).iloc[:0]).win_rates()
    with pytest.raises(AnalysisError, match="simulated answers only when asked"):
        Ratings(table(SCORES, simulated=True)).win_rates()
    two = pd.concat([table(SCORES).astype(object), table(SCORES, study="other").astype(object)])
    with pytest.raises(AnalysisError, match="studies other, sim; analyse one at a time"):
        rated(two).win_rates()


def true_net(effect: float, spread: float, tie_band: float) -> float:
    """Mean of the sign of a simulated answer over raters, clips and noise, by Gauss–Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    mean = effect + spread * nodes
    wins, losses = 1 / (1 + np.exp(tie_band - mean)), 1 / (1 + np.exp(tie_band + mean))
    return float(weights @ (wins - losses) / weights.sum())


@pytest.fixture
def _cheap_collections() -> Iterator[None]:
    """statsmodels' Holm collects garbage on every call; what lives already need not be looked through."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_cheap_collections")
@pytest.mark.parametrize("effect", [0.0, 0.5])
def test_interval_holds_the_truth_in_ninety_of_a_hundred_seeds(effect: float) -> None:
    truth = true_net(effect, math.hypot(0.7, 0.7), 0.5)
    seeds = [
        simulate(seed=seed, raters=24, clips_per_genre=5, per_rater=10, effect=effect).assign(study=f"seed {seed}")
        for seed in range(100)
    ]
    studies = read(pd.concat(seeds).query("question == 'visual_relevance'"))
    held = called = 0
    for _, study in studies.groupby("study", observed=True):
        (average,) = Ratings(study).win_rates().averages
        assert average.net.low is not None
        assert average.net.high is not None
        assert average.test is not None
        held += average.net.low <= truth <= average.net.high
        called += average.test.p_adjusted < 0.05
    assert held >= 90
    assert called <= 10 if effect == 0 else called >= 40


@pytest.mark.calibration
@pytest.mark.usefixtures("_cheap_collections")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("effect", [0.0, 0.5])
@pytest.mark.parametrize(
    "design",
    [
        {"raters": 20, "clips_per_genre": 3, "per_rater": 12},
        {"raters": 30, "clips_per_genre": 5, "per_rater": 10},
        {"raters": 60, "clips_per_genre": 10, "per_rater": 5},
        {"raters": 20, "clips_per_genre": 10, "per_rater": 10, "genres": ("Rock",)},
    ],
    ids=["few of both", "medium", "many raters", "one genre"],
)
def test_interval_keeps_its_level_over_many_seeds(design: dict[str, Any], effect: float) -> None:
    seeds = 400
    truth = true_net(effect, math.hypot(0.7, 0.7), 0.5)
    held = 0
    for seed in range(seeds):
        frame = simulate(seed=10_000 + seed, effect=effect, **design)
        (average,) = Ratings(frame[frame["question"] == "visual_relevance"]).win_rates().averages
        assert average.net.low is not None
        assert average.net.high is not None
        held += average.net.low <= truth <= average.net.high
    # 95 % less three standard errors of a share of 400, plus what a nominal interval may lose at few clips.
    assert held / seeds >= 0.91


def test_the_three_conventions_for_ties_add_up_as_each_says() -> None:
    ratings = read(simulate(seed=8, raters=20, effect=0.4))
    kept, split, left_out = (
        Ratings(ratings).win_rates(ties=ties) for ties in ("denominator", "split", "left out")
    )
    assert [rates.convention for rates in (kept, split, left_out)] == [
        "ties in the denominator",
        "ties split: half a win for either",
        "ties left out",
    ]
    for one, half, bare in zip(kept.cells, split.cells, left_out.cells, strict=True):
        assert one.win_1.value + one.tie.value + one.win_2.value == pytest.approx(1)
        assert half.win_1.value + half.win_2.value == pytest.approx(1)
        assert bare.win_1.value + bare.win_2.value == pytest.approx(1)
        assert half.win_1.value == pytest.approx(one.win_1.value + one.tie.value / 2)
        assert bare.win_1.value == pytest.approx(one.win_1.value / (1 - one.tie.value))
        assert half.net.value == pytest.approx(one.net.value)
        assert (bare.n, bare.tie.value) == (round(one.n * (1 - one.tie.value)), 0)
        for rate in (half, bare):
            assert rate.win_1.low is not None
            assert rate.win_1.low <= rate.win_1.value <= (rate.win_1.high or 0)


def test_where_every_answer_is_a_tie_nothing_is_left_without_them() -> None:
    tied = simulate(seed=8, raters=4).assign(score=0, choice=3, score_presented=0)
    with pytest.raises(AnalysisError, match="every answer is a tie and ties are left out"):
        rated(tied).win_rates(ties="left out")


def test_primary_results_that_cannot_be_tested_or_that_nobody_judged_still_count_into_the_family() -> None:
    frame = simulate(seed=5, systems=("a", "b", "c"), per_rater=15, raters=20, effect=0.4)
    whole = rated(frame).win_rates(primary=[("a", "b"), ("a", "c"), ("b", "c")])
    without = rated(frame[~((frame["system_1"] == "b") & (frame["system_2"] == "c"))])
    gone = win_rates(without.answers, primary=[("a", "b"), ("a", "c"), ("b", "c")])
    for rates, family in ((whole, 6), (gone, 6), (without.win_rates(), 4)):
        strongest = min((rate.test for rate in rates.primary if rate.test), key=lambda test: test.p)
        assert strongest.p_adjusted == pytest.approx(min(1.0, family * strongest.p))
    one = frame[(frame["system_1"] == "b") & (frame["system_2"] == "c")]
    lone = pd.concat([without.frame, one[one["rater_id"] == one["rater_id"].iloc[0]]])
    rates = rated(lone).win_rates()
    assert sum(rate.test is None for rate in rates.primary) == 2
    strongest = min((rate.test for rate in rates.primary if rate.test), key=lambda test: test.p)
    assert strongest.p_adjusted == pytest.approx(min(1.0, 6 * strongest.p))


def test_genres_that_differ_without_spread_within_keep_their_estimate_in_the_interval() -> None:
    scores = [
        (f"r{r}", genre, f"{genre}{c}", 1 if genre != "rock" else -1)
        for r in range(10)
        for genre in ("folk", "pop", "rock")
        for c in range(2)
    ]
    rate = only(Ratings(table(scores)).win_rates().averages)
    assert rate.net.value == pytest.approx(1 / 3)
    assert rate.net.low is not None
    assert rate.net.high is not None
    assert rate.net.low < 0 < 1 / 3 < rate.net.high
    assert "answers differ between genres only" in rate.flags


def test_split_ties_give_a_win_share_the_interval_of_its_net_preference(study: pd.DataFrame) -> None:
    rates = rated(study).win_rates(ties="split")
    for rate in (*rates.cells, *rates.averages):
        assert rate.win_1.value == pytest.approx((1 + rate.net.value) / 2)
        if rate.net.low is not None and rate.net.high is not None:
            assert rate.win_1.low == (1 + rate.net.low) / 2
            assert rate.win_2.low == (1 - rate.net.high) / 2
    for system in rates.systems:
        assert system.win.value == pytest.approx((1 + system.net.value) / 2)
