"""Strengths genre by genre: what they are, whose spread they carry, and when genres differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.genre_strengths import GenreStrengths
from analysis.ratings import read
from tests.analysis.simulate import row, simulate

SYSTEMS = ("a", "b", "c")
GENRES = ("g1", "g2", "g3", "g4", "g5")


def study(seed: int = 1, **options: object) -> pd.DataFrame:
    return simulate(seed=seed, systems=SYSTEMS, genres=GENRES, raters=50, per_rater=30, **options)  # type: ignore[arg-type]


def of(frame: pd.DataFrame, question: str = "visual_relevance") -> GenreStrengths:
    return next(one for one in read(frame).genre_strengths() if one.question == question)


def test_a_genre_by_itself_has_the_strengths_of_its_own_answers() -> None:
    frame = study()
    (alone, *_) = read(frame[frame["genre"] == "g2"]).rankings()
    mine = {one.system: one.strength for one in of(frame).strengths if one.genre == "g2"}
    for strength in alone.strengths:
        assert mine[strength.system].value == pytest.approx(strength.value, abs=1e-9)


def test_the_average_weighs_genres_equally() -> None:
    found = of(study())
    for system in SYSTEMS:
        in_genres = [one.strength.value for one in found.strengths if one.system == system and one.genre]
        (average,) = [one.strength for one in found.strengths if one.system == system and one.genre is None]
        assert average.value == pytest.approx(np.mean(in_genres))
        assert average.low is not None
        assert average.low < average.value


def test_the_average_over_genres_is_as_uncertain_as_raters_make_it() -> None:
    """Raters who lean the same way in every genre: ten times the genres do not make ten times the raters."""
    same = of(study(rater_sd=1.5, clip_sd=0.0))
    spread = [one for one in same.strengths if one.genre is None]
    independent = [
        np.sqrt(
            sum(
                ((one.strength.high or 0) - (one.strength.low or 0)) ** 2
                for one in same.strengths
                if one.genre and one.system == system
            )
        )
        / len(GENRES)
        for system in SYSTEMS
    ]
    widths = [(one.strength.high or 0) - (one.strength.low or 0) for one in spread]
    assert np.mean(widths) > 1.3 * np.mean(independent)


def test_shrunken_strengths_lie_between_the_genre_and_the_average() -> None:
    found = of(study())
    raw = np.array([one.strength.value for one in found.strengths if one.genre and one.system == "a"])
    drawn = np.array([one.shrunken.value for one in found.strengths if one.shrunken and one.system == "a"])
    assert len(drawn) == len(GENRES)
    assert drawn.std() <= raw.std()


def test_genres_that_differ_are_found_and_genres_that_do_not_are_not() -> None:
    one, other = study(effect=1.0), study(seed=2, effect=-1.0)
    differing = pd.concat(
        [
            one[one["genre"].isin(["g1", "g2"])],
            other[~other["genre"].isin(["g1", "g2"])].assign(trial_id=lambda f: "other-" + f["trial_id"]),
        ]
    )
    apart, alike = of(differing).interaction, of(study()).interaction
    assert apart is not None
    assert alike is not None
    assert apart.p < 0.001
    assert alike.p > 0.01
    assert (alike.df, alike.df_error) == (8, 25 - 8)


def test_a_genre_without_a_finite_fit_is_left_out_with_its_reason() -> None:
    frame = study()
    only_ties = frame["genre"] == "g3"
    frame.loc[only_ties, ["score", "score_presented"]] = 0
    frame.loc[only_ties, "choice"] = 3
    missing = frame[~((frame["genre"] == "g4") & (frame["system_2"] == "c"))]
    found = of(missing)
    assert found.left_out == (("g3", "every answer is a tie"), ("g4", "comparisons do not link all systems"))
    assert {one.genre for one in found.strengths} == {"g1", "g2", "g5", None}


def test_more_differences_than_raters_or_clips_cannot_be_tested_together() -> None:
    found = of(simulate(seed=2, systems=SYSTEMS, genres=GENRES, raters=6, per_rater=60, clips_per_genre=4))
    assert found.interaction is None
    assert "8 differences" in found.reason


def test_one_rater_leaves_strengths_without_intervals_and_says_why() -> None:
    asked = [
        (("a", "b"), 1),
        (("a", "b"), -2),
        (("a", "c"), 2),
        (("a", "c"), -1),
        (("b", "c"), -1),
        (("b", "c"), 2),
    ]
    rows = [
        row(rater="r", trial=f"{genre}{n}", genre=genre, clip=f"{genre}{n}", pair=pair, score=score)
        for genre in ("x", "y")
        for n, (pair, score) in enumerate(asked)
    ]
    found = of(pd.DataFrame(rows))
    assert len(found.strengths) == 6
    assert all(one.strength.low is None and "only one rater" in one.strength.reason for one in found.strengths)


def test_one_clip_of_the_only_genre_that_can_be_fitted_leaves_no_intervals_and_says_why() -> None:
    frame = study()
    frame.loc[frame["genre"] != "g2", ["score", "score_presented"]] = 0
    frame.loc[frame["genre"] != "g2", "choice"] = 3
    found = of(frame[(frame["genre"] != "g2") | (frame["clip_id"] == "g2-0")])
    assert {one.genre for one in found.strengths} == {"g2"}
    assert all(one.strength.low is None for one in found.strengths)
    assert found.reason == "only one clip, so the spread cannot be estimated"
