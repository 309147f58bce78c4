"""The cumulative-logit cross-check: it finds what was put in, and orders systems as the ranking does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.ordinal import OrdinalRanking
from analysis.ratings import read
from tests.analysis.simulate import row, simulate

SYSTEMS = ("a", "b", "c", "d")


def world(seed: int = 1, **options: object) -> pd.DataFrame:
    """A world of cumulative logits without spread of raters or clips: every first system 0.5 logits ahead."""
    return simulate(
        seed=seed,
        systems=SYSTEMS,
        raters=60,
        per_rater=60,
        clips_per_genre=10,
        **{"effect": 0.5, "rater_sd": 0.0, "clip_sd": 0.0, **options},  # type: ignore[arg-type]
    )


def of(frame: pd.DataFrame) -> OrdinalRanking:
    return read(frame).cumulative_logit()[0]


def test_two_systems_differ_by_the_latent_effect_and_cuts_lie_at_the_bands() -> None:
    frame = world()
    found = of(frame[(frame["system_1"] == "a") & (frame["system_2"] == "b")])
    strength = dict(found.strengths)
    assert strength["a"].value - strength["b"].value == pytest.approx(0.5, abs=0.2)
    assert found.thresholds == pytest.approx((-1.5, -0.5, 0.5, 1.5), abs=0.25)
    assert strength["a"].low > 0


def test_thresholds_are_symmetric_and_naming_pairs_the_other_way_round_changes_nothing() -> None:
    frame = world()
    found = of(frame)
    assert found.thresholds[0] == pytest.approx(-found.thresholds[3], abs=1e-3)
    turned = frame.assign(system_1=frame["system_2"], system_2=frame["system_1"], score=-frame["score"])
    other = dict(of(turned).strengths)
    for system, effect in found.strengths:
        assert other[system].value == pytest.approx(effect.value, abs=1e-3)
        assert other[system].se == pytest.approx(effect.se, rel=1e-2)


def test_the_order_is_that_of_the_ranking_and_the_sides_part_flips_with_the_sides() -> None:
    frame = world(rater_sd=0.5, clip_sd=0.5)
    found = of(frame)
    (ranking, *_) = read(frame).rankings()
    assert [system for system, _ in found.strengths] == list(ranking.systems)
    flipped = frame.assign(
        system_left=frame["system_right"],
        system_right=frame["system_left"],
        score_presented=-frame["score_presented"],
        choice=6 - frame["choice"],
    )
    assert found.left is not None
    left = of(flipped).left
    assert left is not None
    assert left.value == pytest.approx(-found.left.value, abs=1e-3)


def test_strengths_sum_to_zero_and_proportional_odds_hold_in_such_a_world() -> None:
    found = of(world())
    assert sum(effect.value for _, effect in found.strengths) == pytest.approx(0, abs=1e-9)
    assert found.worst_cut is not None
    assert found.worst_cut < 3


def test_errors_are_numbers_where_raters_and_clips_hardly_differ() -> None:
    """Rater plus clip less cell is a negative variance there; the ranking's sandwich is not."""
    for seed in (0, 4, 12):
        small = {"raters": 12, "per_rater": 12, "clips_per_genre": 2, "rater_sd": 0.0, "clip_sd": 0.0}
        found = of(simulate(seed=seed, systems=SYSTEMS, effect=0.3, **small))  # type: ignore[arg-type]
        assert found.reason == ""
        assert all(np.isfinite([effect.se, effect.low, effect.high]).all() for _, effect in found.strengths)
        assert min(effect.se for _, effect in found.strengths) > 0.1


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (simulate(seed=1, raters=4).assign(score=0, choice=3, score_presented=0), "every answer is alike"),
        (simulate(seed=1, raters=1), "only one rater"),
        (
            pd.DataFrame(
                row(rater=f"r{r}", trial=f"{r}{c}", genre="g", clip=f"c{c}", pair=("a", "b"), score=1 + r % 2)
                for r in range(4)
                for c in range(4)
            ),
            "tells all answers apart",
        ),
    ],
)
def test_what_cannot_be_fitted_has_a_reason(frame: pd.DataFrame, told: str) -> None:
    found = of(frame)
    assert told in found.reason
    assert found.strengths == ()
    assert not np.isnan(found.n)
