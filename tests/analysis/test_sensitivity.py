"""The primary results under other choices: declared rules, flipped raters, and a margin for no difference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import report
from analysis.page import html
from analysis.raters import PassRules
from analysis.ratings import read
from analysis.results import NetTest
from analysis.sensitivity import Sensitivity, equivalence, rater_parts, sign_flip
from tests.analysis.simulate import row, simulate


def with_gold(frame: pd.DataFrame, careless: set[str]) -> pd.DataFrame:
    """Two gold pairs for every rater, missed by the careless ones, who answer 2 to everything besides."""
    gold = [
        row(
            rater=rater,
            trial=f"{rater}-g{n}",
            genre="Rock",
            clip=f"gold{n}",
            pair=("foil", "truth"),
            score=1 if rater in careless else -2,
            kind="gold",
            position=90 + n,
        )
        | {"expected": "truth"}
        for rater in sorted(set(frame["rater_id"]))
        for n in range(2)
    ]
    table = frame.copy()
    of_careless = table["rater_id"].isin(careless)
    left = table["system_left"] == table["system_1"]
    for name, value in (
        ("score", 2),
        ("score_presented", np.where(left, 2, -2)),
        ("choice", np.where(left, 1, 5)),
    ):
        table[name] = np.where(of_careless, value, table[name])
    return pd.concat([table, pd.DataFrame(gold)], ignore_index=True)


def looked_at(frame: pd.DataFrame, **options: object) -> Sensitivity:
    return read(frame).sensitivity(**options)  # type: ignore[arg-type]


def test_the_same_results_stand_without_raters_who_break_a_declared_rule() -> None:
    frame = with_gold(simulate(seed=2, raters=20), {"r003", "r007"})
    found = looked_at(frame, rules=PassRules(min_gold_right=0.75))
    without = read(frame[~frame["rater_id"].isin(["r003", "r007"])]).win_rates()
    for line, rate in zip(found.lines, without.averages, strict=True):
        assert line.kept == rate.net
        assert line.all.value > rate.net.value
    assert found.flow == (
        ("raters analysed", 20),
        ("break the rule on gold pairs right", 2),
        ("keep every declared rule", 18),
        ("weighted below one half by their own checks", 2),
    )


def test_without_a_declared_rule_nobody_is_left_out() -> None:
    found = looked_at(simulate(seed=2, raters=10))
    assert all(line.kept is None for line in found.lines)
    assert found.flow == (("raters analysed", 10),)


def test_a_rule_that_everybody_breaks_leaves_a_reason() -> None:
    found = looked_at(simulate(seed=2, raters=6), rules=PassRules(min_median_response_ms=10**9))
    assert all(line.kept is not None and "nobody" in line.kept.reason for line in found.lines)
    assert found.flow[-1] == ("keep every declared rule", 0)


def test_flipping_raters_is_exact_for_few_and_drawn_for_many() -> None:
    assert sign_flip(np.array([1.0, 1.0, 1.0, 1.0])) == pytest.approx(2 / 16)
    assert sign_flip(np.array([0.5, -0.5])) == 1.0
    many = np.full(40, 0.3)
    assert sign_flip(many) == pytest.approx(1 / 10_000)
    few, drawn = np.linspace(-0.4, 1.0, 14), np.append(np.linspace(-0.4, 1.0, 14), 0.0)
    assert sign_flip(drawn) == pytest.approx(sign_flip(few), abs=0.01)


def test_flipping_raters_is_wrong_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    p = [sign_flip(rng.normal(0, 1, 10)) for _ in range(600)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.08


def test_no_difference_is_shown_by_two_one_sided_tests() -> None:
    test = NetTest(statistic=0.5, se=0.02, df=30, p=0.6, p_adjusted=0.6, adjustment="Holm")
    both = [stats.t.sf((0.1 + 0.01) / 0.02, 30), stats.t.sf((0.1 - 0.01) / 0.02, 30)]
    assert equivalence(0.01, test, 0.1) == pytest.approx(max(both))
    assert equivalence(-0.01, test, 0.1) == pytest.approx(max(both))
    assert equivalence(0.3, test, 0.1) > 0.5


def test_the_report_prints_both_and_the_flow() -> None:
    frame = with_gold(simulate(seed=2, raters=20), {"r003"})
    page = html(report.build(read(frame), title="Pilot", rules=PassRules(min_gold_right=0.75)))
    assert "Net, declared rules kept" in page
    assert "Break the rule on gold pairs right" in page
    kept = PassRules(min_gold_right=0.01, max_same_choice=0.99)
    assert kept.told in html(report.build(read(frame), title="Pilot", rules=kept))
    plain = report.build(read(frame), title="Pilot")
    assert "Raters and declared rules" not in [table.title for table in plain.tables]
    choices = next(table for table in plain.tables if table.title == "The primary results under other choices")
    assert {line.cells[3] for line in choices.rows} == {"no rule"}


def test_these_clips_alone_are_the_win_rates_with_fixed_clips() -> None:
    ratings = read(simulate(seed=3, raters=20, clip_sd=1.2))
    lines = ratings.sensitivity().lines
    for line, rate in zip(lines, ratings.win_rates(clips="fixed").averages, strict=True):
        assert line.these_clips == rate.net
        assert line.these_clips != line.all


def uneven() -> pd.DataFrame:
    """One genre with 2 clips for the first system, one with 12 for the second: net preference is 0."""
    return pd.DataFrame(
        row(rater=f"r{r}", trial=f"{r}-{genre}{c}", genre=genre, clip=f"{genre}{c}", pair=("a", "b"), score=score)
        for r in range(12)
        for genre, clips, score in (("few", 2, 1), ("many", 12, -1))
        for c in range(clips)
    )


def test_flipping_raters_asks_of_the_net_preference_itself() -> None:
    (line,) = read(uneven()).sensitivity().lines
    assert line.all.value == pytest.approx(0, abs=1e-12)
    assert line.sign_flip == 1.0


def test_raters_parts_add_up_to_the_net_preference() -> None:
    ratings = read(simulate(seed=4, raters=25, genres=("a", "b", "c")))
    for rate in ratings.win_rates().averages:
        assert rater_parts(ratings.answers, rate).sum() == pytest.approx(rate.net.value)


def test_the_order_and_names_of_raters_change_no_p_value() -> None:
    frame = simulate(seed=9, raters=30)
    names = {name: f"x{n:03d}" for n, name in enumerate(sorted(set(frame["rater_id"]), reverse=True))}
    other = frame.sample(frac=1, random_state=1).astype({"rater_id": object, "session_id": object})
    other = other.assign(rater_id=other["rater_id"].map(names), session_id=other["rater_id"].map(names))
    first, second = read(frame).sensitivity().lines, read(other).sensitivity().lines
    assert [line.sign_flip for line in first] == [line.sign_flip for line in second]


def test_of_many_raters_flips_are_normal_and_of_one_heavy_rater_they_are_drawn() -> None:
    values = np.random.default_rng(3).normal(0.03, 1, 999)
    drawn, normal = sign_flip(values), sign_flip(np.append(values, 1e-9))
    assert drawn == pytest.approx(normal, abs=0.02)
    # All but one weigh nothing: every other flip is as far out.
    assert sign_flip(np.append(np.linspace(-1e-6, 1e-6, 1_000), 1.0)) == pytest.approx(0.5, abs=0.03)
