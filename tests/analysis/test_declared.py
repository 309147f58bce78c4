"""The declared primary family: corrected within itself alone, and everything else told as exploratory."""

from __future__ import annotations

import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.page import html
from analysis.ratings import read
from analysis.report import DECLARED, build
from analysis.results import PairRate

from .simulate import simulate

PRIMARY = ("ground-truth", "a")


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    return simulate(seed=4, systems=("a", "b", "ground-truth"), per_rater=15, effect=0.8)


def ps(rates: tuple[PairRate, ...]) -> list[float]:
    return [rate.test.p for rate in rates if rate.test]


def adjusted(rates: tuple[PairRate, ...]) -> list[float]:
    return [rate.test.p_adjusted for rate in rates if rate.test]


def test_the_family_is_corrected_by_holm_within_itself_and_the_others_among_themselves(
    ratings: pd.DataFrame,
) -> None:
    rates = read(ratings).win_rates(primary=[PRIMARY])
    assert {frozenset((rate.system_1, rate.system_2)) for rate in rates.primary} == {frozenset(PRIMARY)}
    assert len(ps(rates.primary)) == 2
    assert len(ps(rates.undeclared)) == 4
    assert adjusted(rates.primary) == pytest.approx(multipletests(ps(rates.primary), method="holm")[1])
    assert adjusted(rates.undeclared) == pytest.approx(multipletests(ps(rates.undeclared), method="fdr_bh")[1])
    assert {rate.test.adjustment for rate in rates.undeclared if rate.test} == {"Benjamini–Hochberg"}


def test_everything_but_the_correction_is_as_without_a_declared_family(ratings: pd.DataFrame) -> None:
    some, every = read(ratings).win_rates(primary=[PRIMARY]), read(ratings).win_rates()
    assert every.undeclared == ()
    assert some.cells == every.cells
    assert [rate.net for rate in some.averages] == [rate.net for rate in every.averages]
    assert max(adjusted(some.primary)) < max(
        rate.test.p_adjusted
        for rate in every.averages
        if rate.test and {rate.system_1, rate.system_2} == set(PRIMARY)
    )


def test_step_down_and_other_choices_are_about_the_family_alone(ratings: pd.DataFrame) -> None:
    read_ratings = read(ratings)
    rates = read_ratings.win_rates(primary=[PRIMARY])
    assert len(read_ratings.romano_wolf(rates)) == 2
    assert len(read_ratings.sensitivity(rates=rates).lines) == 2


def test_a_report_says_what_is_primary_and_what_is_exploratory(ratings: pd.DataFrame) -> None:
    built = build(read(ratings), title="Pilot", primary=[PRIMARY], plan=["Expected: nothing."])
    assert [section.title for section in built.sections][1] == DECLARED
    assert built.sections[1].paragraphs == ("Expected: nothing.",)
    assert built.found[-1].startswith("Exploratory: 2 pairs were not declared primary")
    assert not any(" b " in sentence for sentence in built.found[:-1])
    titles = [table.title for table in built.tables]
    assert "Visual relevance: the primary pairs, averaged over genres" in titles
    assert "Visual relevance: other pairs (exploratory), averaged over genres" in titles
    assert "each of the 1 pairs" not in html(built)
    assert "one for each question of the pair declared primary" in html(built)


def test_a_declared_pair_that_nobody_judged_makes_no_other_one_primary(ratings: pd.DataFrame) -> None:
    built = build(read(ratings), title="Pilot", primary=[("a", "later")])
    assert built.rates is not None
    assert built.rates.primary == ()
    assert built.found[0] == "No pair that was declared primary has an answer yet."
    assert built.warnings[0] == "a against later was declared primary, and nobody has judged it."
    assert "no preference was shown" not in html(built)
    assert "the primary pairs" not in " ".join(table.title for table in built.tables)


def test_without_a_family_every_pair_is_primary(ratings: pd.DataFrame) -> None:
    built = build(read(ratings), title="Pilot")
    assert built.rates is not None
    assert len(built.rates.primary) == 6
    assert not any(sentence.startswith("Exploratory") for sentence in built.found)
    assert DECLARED not in {section.title for section in built.sections}
