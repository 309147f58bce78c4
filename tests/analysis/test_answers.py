"""Answers as codes: what is counted, what may take genre's place, and clips as they are or as a sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.answers import Answers
from analysis.ratings import Ratings, read
from analysis.results import AnalysisError
from analysis.win_rates import win_rates
from tests.analysis.simulate import row, simulate


def tagged(seed: int = 5) -> pd.DataFrame:
    """A study whose clips also have a tag: whether music is made in the picture."""
    frame = simulate(seed=seed, raters=25, systems=("a", "b", "c"), per_rater=20)
    return frame.assign(scene=np.where(frame["clip_id"].str[-1] < "2", "music is made", "no music"))


def test_codes_stand_for_the_rows_of_the_table() -> None:
    frame = read(simulate(seed=5, raters=6, systems=("a", "b", "c"))).frame
    answers = Answers.of(frame)
    for at in (0, 17, len(frame) - 1):
        told = frame.iloc[at]
        assert answers.pairs[answers.pair[at]] == (told["system_1"], told["system_2"])
        assert answers.raters[answers.rater[at]] == told["rater_id"]
        assert answers.clips[answers.clip[at]] == told["clip_id"]
        assert answers.groups[answers.group[at]] == told["genre"]
        assert answers.questions[answers.question[at]] == told["question"]
        assert answers.left[at] == (told["system_left"] == told["system_1"])
        assert answers.score[at] == told["score"]


def test_a_tag_of_the_clips_takes_the_place_of_genre() -> None:
    ratings = read(tagged())
    rates = ratings.win_rates(by="scene")
    assert {cell.genre for cell in rates.cells} == {"music is made", "no music"}
    renamed = read(tagged().assign(genre=tagged()["scene"])).win_rates()
    assert rates.cells == renamed.cells
    assert rates.averages == renamed.averages
    assert list(rates.to_frame().columns[:2]) == ["question", "scene"]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("mood", "there is no column 'mood'"),
        ("rater_id", "the same all through a clip"),
        ("holes", "is empty in some"),
    ],
)
def test_what_does_not_group_clips_is_refused(column: str, told: str) -> None:
    frame = tagged().assign(holes=lambda f: f["scene"].where(f["scene"] == "no music"))
    with pytest.raises(AnalysisError, match=told):
        read(frame).win_rates(by=column)


def test_single_clips_are_listed_with_the_spread_of_their_raters() -> None:
    ratings = read(simulate(seed=5, raters=40, clips_per_genre=2, per_rater=8))
    rates = ratings.win_rates(by="clip", clips="fixed")
    assert len(rates.cells) == 8 * 2
    cell = rates.cells[0]
    mine = ratings.frame[(ratings.frame["clip_id"] == cell.genre) & (ratings.frame["question"] == cell.question)]
    sign = np.sign(mine["score"].to_numpy())
    # One answer a rater: the test is that of a plain mean.
    assert cell.test is not None
    plain = stats.ttest_1samp(sign, 0)
    assert (cell.test.statistic, cell.test.p) == pytest.approx((plain.statistic, plain.pvalue))
    assert cell.test.df == pytest.approx(len(sign) - 1)
    assert cell.clips == 1
    assert cell.flags == ()


def test_results_about_these_clips_alone_are_more_certain_than_about_clips_like_these() -> None:
    ratings = read(simulate(seed=5, raters=40, clips_per_genre=3, per_rater=12, clip_sd=1.5))
    (random, *_), (fixed, *_) = ratings.win_rates().averages, ratings.win_rates(clips="fixed").averages
    assert random.net.value == fixed.net.value
    assert random.test is not None
    assert fixed.test is not None
    assert fixed.test.se < 0.8 * random.test.se
    assert "clips fixed" in fixed.net.method
    assert "clips fixed" in fixed.win_1.method


def test_one_clip_has_an_interval_once_it_stands_for_itself() -> None:
    rows = [
        row(rater=f"r{n}", trial=f"t{n}", genre="g", clip="c", pair=("a", "b"), score=n % 3 - 1) for n in range(12)
    ]
    ratings = read(pd.DataFrame(rows))
    assert ratings.win_rates().averages[0].net.low is None
    assert ratings.win_rates(clips="fixed").averages[0].net.low is not None


def test_names_in_every_script_and_names_that_look_like_formulas_pass_through() -> None:
    names = {"alpha": "=cmd()", "beta": "Музыка 音楽 موسيقى"}
    frame = simulate(seed=2, raters=8, genres=("=cmd()", "ジャズ", "פופ"))
    columns = ["system_1", "system_2", "system_left", "system_right"]
    frame = frame.assign(**{column: frame[column].replace(names) for column in columns})
    rates = read(frame).win_rates()
    assert {(rate.system_1, rate.system_2) for rate in rates.averages} == {("=cmd()", "Музыка 音楽 موسيقى")}
    assert {cell.genre for cell in rates.cells} == {"=cmd()", "ジャズ", "פופ"}


def test_a_million_rows_are_as_good_as_the_same_thousand() -> None:
    """What is estimated depends on the answers, not on how many times a table is stacked by new raters."""
    frame = read(simulate(seed=2, raters=50, systems=("a", "b", "c"), per_rater=10)).frame
    answers = Ratings(frame).answers
    many = 1000
    grown = answers.kept(np.tile(np.arange(len(answers)), many))
    rates, more = Ratings(frame).win_rates(), win_rates(grown)
    assert len(grown) == len(answers) * many == 1_000_000
    for one, other in zip(rates.averages, more.averages, strict=True):
        assert one.net.value == pytest.approx(other.net.value, abs=1e-12)
        assert other.n == many * one.n
