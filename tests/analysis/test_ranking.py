"""Strengths from a table of ratings: what they answer to, whose spread they carry, and when they say nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import ranking as rk
from analysis.abilities import abilities
from analysis.frames import ranking_frame
from analysis.ranking import Ranking
from analysis.ratings import read
from analysis.results import AnalysisError
from analysis.tables import ranking_table
from analysis.wording import signed_number
from tests.analysis.simulate import renamed, row, shuffled, simulate, swapped_sides

SYSTEMS = ("alpha", "beta", "gamma", "delta")


def ranked(frame: pd.DataFrame, question: str = "visual_relevance") -> Ranking:
    return next(one for one in read(frame).rankings() if one.question == question)


def study(seed: int = 1, **options: object) -> pd.DataFrame:
    return simulate(seed=seed, systems=SYSTEMS, raters=40, per_rater=24, **options)  # type: ignore[arg-type]


def values(ranking: Ranking) -> dict[str, float]:
    return {one.system: one.value for one in ranking.strengths}


def test_strengths_sum_to_zero_and_stand_strongest_first() -> None:
    ranking = ranked(study(effect=0.6))
    assert sum(values(ranking).values()) == pytest.approx(0)
    assert [one.value for one in ranking.strengths] == sorted(values(ranking).values(), reverse=True)
    assert ranking.covariance is not None
    assert np.diag(ranking.covariance) == pytest.approx([(one.se or 0) ** 2 for one in ranking.strengths])


def test_row_order_and_names_of_raters_change_nothing() -> None:
    frame = study(effect=0.4)
    one, other = ranked(frame), ranked(shuffled(frame))
    assert one.log_likelihood == other.log_likelihood
    for ours, theirs in zip(one.strengths, other.strengths, strict=True):
        assert replace(ours, se=0, low=0, high=0, quasi_se=0) == replace(theirs, se=0, low=0, high=0, quasi_se=0)
        assert ours.se == pytest.approx(theirs.se, rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"clips": "fixed"}, {"covariance": "independent"}])
def test_swapping_sides_flips_the_sides_part_and_nothing_else(options: dict[str, str]) -> None:
    frame = study(effect=0.4)
    one, other = (read(each).rankings(**options)[0] for each in (frame, swapped_sides(frame)))  # type: ignore[arg-type]
    assert one.left is not None
    assert other.left == one.left.turned(-1)
    assert other.left != one.left
    assert (other.strengths, other.degrees, other.transitivity) == (one.strengths, one.degrees, one.transitivity)


def test_a_lean_to_the_left_is_found_on_the_left() -> None:
    frame = study(effect=0.0)
    leaning = frame["score"] == 0
    on_left = np.where(frame["system_left"] == frame["system_1"], 1, -1)
    score = frame["score"].mask(leaning, on_left)
    presented = frame["score_presented"].mask(leaning, 1)
    choice = frame["choice"].mask(leaning, frame["choice"][frame["score_presented"] == 1].iloc[0])
    found = ranked(frame.assign(score=score, score_presented=presented, choice=choice)).left
    assert found is not None
    assert found.low > 0


def test_exchanging_names_exchanges_figures_and_nothing_else() -> None:
    frame = study(effect=0.5)
    names = {"alpha": "delta", "beta": "zeta", "gamma": "beta", "delta": "alpha"}
    one, other = ranked(frame), ranked(renamed(frame, names))
    assert [replace(each, system=names[each.system]) for each in one.strengths] == list(other.strengths)
    assert (one.left, one.degrees, one.transitivity) == (other.left, other.degrees, other.transitivity)
    ours = {(names[fit.system_1], names[fit.system_2]): fit.fitted_win_1 for fit in one.fits}
    ours |= {(names[fit.system_2], names[fit.system_1]): fit.fitted_win_2 for fit in one.fits}
    for fit in other.fits:
        assert fit.system_1 < fit.system_2
        assert fit.fitted_win_1 == ours[fit.system_1, fit.system_2]


def test_raters_who_repeat_themselves_count_as_raters_and_not_as_answers() -> None:
    frame = study(rater_sd=0.0, clip_sd=0.0)
    copies = [
        frame.assign(trial_id=frame["trial_id"] + f"-{copy}", position=frame["position"] + 24 * copy)
        for copy in range(4)
    ]
    once, often = ranked(frame), ranked(pd.concat(copies, ignore_index=True))
    assert values(once) == pytest.approx(values(often), abs=1e-9)
    errors = [(one.se, other.se) for one, other in zip(once.strengths, often.strengths, strict=True)]
    assert all(other == pytest.approx(one, rel=1e-6) for one, other in errors)


def test_quasi_standard_errors_give_the_variances_of_differences_back() -> None:
    wanted = np.array([0.1, 0.2, 0.3])
    quasi = rk.quasi_standard_errors(np.diag(wanted**2))
    assert quasi == pytest.approx(wanted, rel=1e-4)
    assert rk.quasi_standard_errors(np.eye(2)) is None


def test_rank_sets_narrow_with_what_is_known() -> None:
    apart = np.array([3.0, 2.0, 0.0, -5.0])
    best, worst = rk.rank_sets(apart, 0.01 * np.eye(4), df=30, level=0.95)
    assert (best.tolist(), worst.tolist()) == ([1, 2, 3, 4], [1, 2, 3, 4])
    best, worst = rk.rank_sets(apart, 1.0 * np.eye(4), df=30, level=0.95)
    assert best.tolist() == [1, 1, 1, 4]
    assert worst.tolist() == [3, 3, 3, 4]


def cyclic(raters: int = 24) -> pd.DataFrame:
    """alpha beats beta, beta beats gamma, gamma beats alpha: no strengths explain it."""
    rng = np.random.default_rng(5)
    rows = []
    for rater in range(raters):
        for clip in range(12):
            for pair, favours in ((("alpha", "beta"), 1), (("beta", "gamma"), 1), (("alpha", "gamma"), -1)):
                score = int(np.clip(round(favours * 1.0 + rng.normal()), -2, 2))
                rows.append(
                    row(
                        rater=f"r{rater}",
                        trial=f"{rater}-{clip}-{pair}",
                        genre="Rock",
                        clip=f"c{clip}",
                        pair=pair,
                        score=score,
                        left_is_1=bool(rng.random() < 0.5),
                        position=len(rows) + 1,
                    )
                )
    return pd.DataFrame(rows)


def test_a_cycle_is_found_and_its_absence_is_too() -> None:
    found = ranked(cyclic()).transitivity
    assert found is not None
    assert (found.df, found.p < 1e-6) == (1, True)
    straight = ranked(study(effect=0.0, rater_sd=0.3)).transitivity
    assert straight is not None
    assert straight.df == 3
    assert straight.p > 0.01


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda frame: frame[frame["rater_id"] == frame["rater_id"].iloc[0]], "only one rater"),
        (lambda frame: frame.assign(clip_id="one", genre="Rock"), "only one clip"),
        (lambda frame: frame.assign(score=0, choice=3, score_presented=0), "every answer is a tie"),
        (
            lambda frame: frame[
                frame["system_1"].isin(["alpha"]) & frame["system_2"].isin(["beta"])
                | frame["system_1"].isin(["gamma"]) & frame["system_2"].isin(["delta"])
            ],
            "no comparison links {alpha, beta} and {delta, gamma}",
        ),
    ],
)
def test_what_cannot_be_told_has_its_reason(change: Callable[[pd.DataFrame], pd.DataFrame], why: str) -> None:
    ranking = ranked(change(study()))
    assert why in ranking.reason
    assert all(one.low is None and one.rank_best is None for one in ranking.strengths)
    assert np.isfinite(list(values(ranking).values())).all()
    assert why in ranking_table(ranking).notes[0]


def test_who_won_everything_is_penalised_and_says_so() -> None:
    rows = [
        row(rater=f"r{r}", trial=f"{r}-{c}", genre="Rock", clip=f"c{c}", pair=("alpha", "beta"), score=2)
        for r in range(4)
        for c in range(3)
    ]
    ranking = ranked(pd.DataFrame(rows))
    assert ranking.penalised
    assert "penalised" in ranking.method
    assert values(ranking)["alpha"] > values(ranking)["beta"]


def test_no_answer_at_all_is_an_error_with_a_reason() -> None:
    with pytest.raises(AnalysisError, match="only test trials count"):
        read(study(simulated=True)).rankings()


def test_the_exported_frame_has_a_row_a_system_and_question() -> None:
    frame = ranking_frame(read(study()).rankings())
    assert len(frame) == 2 * 4
    assert frame.groupby("question")["value"].sum().abs().max() < 1e-9
    assert frame["reason"].eq("").all()


@pytest.mark.calibration
@pytest.mark.parametrize(("rater_sd", "clip_sd"), [(0.0, 0.0), (0.7, 0.7)])
def test_intervals_of_differences_hold_the_truth(rater_sd: float, clip_sd: float) -> None:
    """Nothing is stronger than anything: how often the 95 % interval of a difference leaves 0 out."""
    missed = []
    for seed in range(400):
        ranking = ranked(study(seed=seed, rater_sd=rater_sd, clip_sd=clip_sd))
        assert ranking.covariance is not None
        place = {name: number for number, name in enumerate(ranking.systems)}
        one, other = place["alpha"], place["delta"]
        spread = ranking.covariance
        se = np.sqrt(spread[one, one] + spread[other, other] - 2 * spread[one, other])
        t = (ranking.strengths[one].value - ranking.strengths[other].value) / se
        missed.append(abs(t) > stats.t.ppf(0.975, min(ranking.raters, ranking.clips) - 1))
    assert 0.005 <= np.mean(missed) <= 0.075


def test_a_handful_of_answers_gives_strengths_and_a_reason_instead_of_a_spread() -> None:
    """Five systems against one, two raters, two clips, each comparison rated once: a pilot of a paper's design."""
    reasons = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        dealt = [rng.permutation(2) for _ in range(5)]
        rows = [
            row(
                rater=f"r{dealt[number][clip]}",
                trial=f"t{clip}-{number}",
                position=number + 1,
                genre="Rock",
                clip=f"c{clip}",
                question="visual_relevance",
                pair=(f"variant{number}", "zero"),
                left_is_1=bool(rng.random() < 0.5),
                played_first="left",
                score=int(rng.integers(-2, 3)),
                simulated=False,
            )
            for clip in range(2)
            for number in range(5)
        ]
        found = rk.rankings(read(pd.DataFrame(rows)).answers)
        assert all(one.strengths for one in found)
        reasons += [one.reason for one in found]
    assert any("too few answers for a spread" in reason for reason in reasons)


def always_right(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The pairs with a system, and this one on the right in every answer, whatever was answered."""
    mine = frame[(frame["system_1"] == name) | (frame["system_2"] == name)]
    return swapped_sides(mine[mine["system_left"] == name]).pipe(
        lambda turned: pd.concat([turned, mine[mine["system_left"] != name]])
    )


def test_sides_that_were_never_swapped_give_no_part_to_the_side() -> None:
    random = study(seed=3)
    sided = always_right(random, "gamma")
    found = ranked(sided)
    assert found.left is None
    assert "never swapped" in found.left_reason
    assert "as asked" not in found.method
    both = ranked(random[(random["system_1"] == "gamma") | (random["system_2"] == "gamma")])
    assert both.left is not None
    assert both.left_reason == ""
    for name, value in values(found).items():
        assert value == pytest.approx(values(both)[name], abs=0.1)
    printed = ranking_table(found)
    assert any("never swapped" in note for note in printed.notes)
    resampled = read(sided).resampled_rankings(resamples=50)[0]
    assert (resampled.left, resampled.left_reason) == (None, found.left_reason)


def answered(given: Iterable[tuple[str, str, int, int]], *, balanced: bool = True) -> pd.DataFrame:
    """So many answers of a score to a pair, each by a rater about a clip of its own, sides in turn."""
    rows = []
    for one, other, score, times in given:
        for number in range(times):
            name = str(len(rows))
            side = bool(number % 2) or not balanced
            rows.append(
                row(rater=name, trial=name, genre="g", clip=name, pair=(one, other), score=score, left_is_1=side)
            )
    return pd.DataFrame(rows)


def test_degrees_are_told_against_the_strongest() -> None:
    """Between equals their logits are those of counts: 4 much better either way, 8 somewhat, 6 ties."""
    given = [("a", "b", score, times) for score, times in ((2, 4), (1, 8), (0, 6), (-1, 8), (-2, 4))]
    (ranking,) = read(answered(given)).rankings(side=False)
    assert [one.degree for one in ranking.degrees] == ["somewhat", "tie"]
    assert [one.nu for one in ranking.degrees] == pytest.approx([8 / 4, 6 / 4])
    assert ranking.tie == ranking.degrees[1]
    assert all(one.low is not None and one.low < one.value for one in ranking.degrees)
    table = ranking_frame([ranking])
    assert table["somewhat_logit"].tolist() == pytest.approx([np.log(2)] * 2)
    assert table["tie_logit_se"].tolist() == [ranking.degrees[1].se] * 2
    (decided,) = read(answered([("a", "b", 2, 4), ("a", "b", -2, 4)])).rankings()
    assert (decided.degrees, decided.tie) == ((), None)


def test_independent_errors_are_those_of_a_logit_and_are_labelled_so() -> None:
    ratings = read(answered([("a", "b", 1, 30), ("a", "b", -1, 10)]))
    (ranking,) = ratings.rankings(side=False, covariance="independent")
    found = ranking.difference("a", "b")
    error = np.sqrt(1 / 30 + 1 / 10)
    assert (found.value, found.se) == pytest.approx((np.log(3), error))
    assert (found.low, found.p) == pytest.approx(
        (np.log(3) - stats.norm.ppf(0.975) * error, 2 * stats.norm.sf(np.log(3) / error))
    )
    assert "answers taken as independent (raters, clips ignored)" in ranking.method
    assert "sandwich" in ratings.rankings()[0].method
    figure = abilities(ranking)
    assert "independent" in figure.alt
    assert "independent" not in abilities(ratings.rankings()[0]).alt


def test_independent_answers_are_tested_for_a_cycle_by_walds_chi_square() -> None:
    counts = {("a", "b"): (20, 9), ("b", "c"): (18, 11), ("a", "c"): (8, 25)}
    given = [
        (*pair, sign, times) for pair, both in counts.items() for sign, times in zip((1, -1), both, strict=True)
    ]
    (ranking,) = read(answered(given)).rankings(side=False, covariance="independent")
    cycle = sum(sign * np.log(won / lost) for sign, (won, lost) in zip((1, 1, -1), counts.values(), strict=True))
    variance = sum(1 / won + 1 / lost for won, lost in counts.values())
    assert ranking.transitivity is not None
    assert ranking.transitivity.statistic == pytest.approx(cycle**2 / variance)
    assert ranking.transitivity.p == pytest.approx(stats.chi2.sf(cycle**2 / variance, 1))


def test_independent_errors_of_one_rater_are_still_no_default() -> None:
    frame = study()
    alone = read(frame[frame["rater_id"] == frame["rater_id"].iloc[0]])
    bare, independent = alone.rankings()[0], alone.rankings(covariance="independent")[0]
    assert all(one.se is None for one in bare.strengths)
    assert all(one.se is not None and one.se > 0 for one in independent.strengths)
    assert values(bare) == values(independent)
    told = [row.cells for row in ranking_table(bare).rows if "standing on the left" in str(row.cells[0])]
    assert told == [("standing on the left", signed_number(bare.left.value), "", "")]  # type: ignore[union-attr]
    assert not any("No effect of standing" in note for note in ranking_table(bare).notes)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"covariance": "model"}, "covariance is one of 'clustered', 'independent', not 'model'"),
        ({"covariance": "independent", "clips": "fixed"}, "independent answers have no clusters of clips"),
    ],
)
def test_errors_that_there_are_not_are_refused(options: dict[str, str], told: str) -> None:
    with pytest.raises(AnalysisError, match=told):
        read(study()).rankings(**options)  # type: ignore[arg-type]


def test_a_difference_with_a_system_that_is_not_ranked_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no system is called 'omega'; there are: alpha, beta, delta, gamma"):
        ranked(study()).difference("alpha", "omega")


def test_a_model_without_the_side_says_so_wherever_it_is_asked_for() -> None:
    ratings = read(study(effect=0.4))
    for with_side, without in (
        (ratings.rankings()[0].method, ratings.rankings(side=False)[0].method),
        (
            ratings.resampled_rankings(resamples=20)[0].method,
            ratings.resampled_rankings(resamples=20, side=False)[0].method,
        ),
        (
            ratings.genre_strengths()[0].strengths[0].strength.method,
            ratings.genre_strengths(side=False)[0].strengths[0].strength.method,
        ),
    ):
        assert "no effect of the side" not in with_side
        assert "no effect of the side" in without
    assert ratings.resampled_rankings(resamples=20, side=False)[0].left is None
    printed = ranking_table(ratings.rankings(side=False)[0])
    assert any("the model was asked to go without it" in note for note in printed.notes)
    one_sided = read(answered([("a", "b", 1, 5), ("a", "b", -1, 3), ("a", "b", 1, 4)], balanced=False))
    assert "as asked" in one_sided.rankings(side=False)[0].method
