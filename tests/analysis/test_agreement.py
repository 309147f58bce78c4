"""Agreement between raters against a textbook's table, and where there is nothing to agree on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import agreement
from analysis.agreement import Agreement
from analysis.ratings import read
from tests.analysis.simulate import row, simulate

KNOWN = Path(__file__).parent.parent / "golden" / "known_answers"


def textbook() -> np.ndarray:
    """Krippendorff's four observers and twelve units, counted by unit and value."""
    table = pd.read_csv(KNOWN / "krippendorff_4x12.csv").to_numpy()
    return np.stack([(table == value).sum(axis=1) for value in range(1, 6)], axis=1).astype(float)


def test_krippendorffs_own_table() -> None:
    """Krippendorff (2011): ordinal alpha .815, to six digits as two independent packages have it."""
    assert agreement.krippendorff_alpha(textbook()) == pytest.approx(0.815388, abs=5e-7)


def test_gwets_coefficients_of_the_same_table() -> None:
    """AC1 and AC2 as irrCAC computes them."""
    counts = textbook()
    places = np.arange(5)
    linear = 1 - np.abs(places[:, None] - places[None, :]) / 4
    assert agreement.gwet_ac2(counts, np.eye(5)) == pytest.approx(0.77544, abs=5e-6)
    assert agreement.gwet_ac2(counts, linear) == pytest.approx(0.85874, abs=5e-6)
    assert agreement.gwet_ac2(counts) == pytest.approx(0.914, abs=5e-4)


@pytest.mark.parametrize("name", ["alpha", "ac2"])
def test_leaving_out_each_unit_and_rater_at_once_is_leaving_out_one_after_the_other(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of the answers, one rater twice on a unit, and a unit that loses its only pair."""
    monkeypatch.setattr(agreement, "CHANGED_AT_ONCE", 7)
    rng = np.random.default_rng(8)
    unit, rater = np.repeat(np.arange(15), 4), np.tile(np.arange(4), 15)
    keep = rng.random(60) < 0.7
    unit, rater = np.append(unit[keep], [3, 15, 15]), np.append(rater[keep], [1, 0, 2])
    value = rng.integers(0, 5, len(unit))
    weights = agreement.quadratic_weights(5)
    whole, parts_of, statistic = {
        "alpha": (agreement.krippendorff_alpha, agreement._alpha_parts, agreement._alpha_of),
        "ac2": (
            agreement.gwet_ac2,
            partial(agreement._ac2_parts, weights=weights),
            partial(agreement._ac2_of, weights=weights),
        ),
    }[name]

    def counted(rows: np.ndarray) -> np.ndarray:
        return np.bincount(unit[rows] * 5 + value[rows], minlength=80).reshape(16, 5).astype(float)

    counts = counted(np.ones(len(unit), dtype=bool))
    parts = parts_of(counts)
    units = statistic(parts.sum(axis=0) - parts)
    assert units == pytest.approx([whole(np.delete(counts, one, axis=0)) for one in range(16)])
    change = agreement._change_without(parts_of, counts, parts, agreement._Given(unit, rater, value, 5))
    raters = statistic(parts.sum(axis=0) + change)
    assert raters == pytest.approx([whole(counted(rater != one)) for one in range(4)])


def of(frame: pd.DataFrame) -> Agreement:
    return read(frame).agreement()[0]


def judged(scores: Sequence[Sequence[int | None]]) -> pd.DataFrame:
    """A row of scores for each clip, one for each rater."""
    return pd.DataFrame(
        row(
            rater=f"r{r}",
            trial=f"{r}-{c}",
            genre="Rock",
            clip=f"c{c}",
            pair=("a", "b"),
            score=score,
            position=c + 1,
        )
        for c, line in enumerate(scores)
        for r, score in enumerate(line)
        if score is not None
    )


def test_krippendorffs_own_table_gives_gwets_coefficient_through_the_door_that_everybody_takes() -> None:
    """irrCAC's .914: AC2 takes chance from all answers, that to the unit which one observer saw among them."""
    table = pd.read_csv(KNOWN / "krippendorff_4x12.csv")
    scores = [[int(value) - 3 if value == value else None for value in line] for line in table.to_numpy().T]
    lines = scores if len(scores) == 12 else [list(line) for line in zip(*scores, strict=True)]
    found = of(judged(lines))
    assert found.alpha.value == pytest.approx(0.815388, abs=5e-7)
    assert found.ac2.value == pytest.approx(0.914, abs=5e-4)


@pytest.mark.parametrize("values", [[-1, 1], [-1, 0, 1], [-2, -1, 0, 1, 2]])
def test_answers_at_random_agree_by_chance_alone_however_many_there_were_to_choose_from(values: list[int]) -> None:
    found = of(judged(np.random.default_rng(5).choice(values, (200, 6)).tolist()))
    for estimate in (found.alpha, found.ac2):
        assert abs(estimate.value) < 0.06
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < 0 < estimate.high


def test_what_one_rater_answers_twice_is_no_agreement_between_raters() -> None:
    frame = judged([[1, 1, 2], [-1, -2, -1], [0, 1, 0], [2, 2, 1]])
    again = frame[frame["rater_id"] == "r0"].assign(
        rater_id="x", session_id="s-x", clip_id=lambda rows: "own" + rows["clip_id"]
    )
    again["clip_id"] = "own" + again["clip_id"]
    twice = pd.concat([again, again.assign(trial_id=again["trial_id"] + "-again")])
    twice = twice.assign(trial_id="x" + twice["trial_id"])
    alone, both = of(frame), of(pd.concat([frame, twice]))
    assert both == alone


def test_who_always_agrees_and_who_answers_at_random() -> None:
    same = of(judged([[2, 2, 2], [-2, -2, -2], [1, 1, 1], [0, 0, 0], [-1, -1, -1]]))
    assert (same.alpha.value, same.ac2.value) == (pytest.approx(1), pytest.approx(1))
    rng = np.random.default_rng(3)
    noise = of(judged(rng.integers(-2, 3, (60, 8)).tolist()))
    assert noise.alpha.low is not None
    assert noise.alpha.high is not None
    assert noise.alpha.low < 0 < noise.alpha.high
    assert (noise.units, noise.raters, noise.answers) == (60, 8, 480)


def test_one_sided_answers_lower_alpha_and_not_ac2() -> None:
    scores = [[2, 2, 2, 2]] * 18 + [[2, 2, 2, 1], [2, 1, 2, 2]]
    one_sided = of(judged(scores))
    assert one_sided.alpha.value < 0.1
    assert one_sided.ac2.value > 0.95


def test_swapping_names_of_raters_or_the_order_of_rows_changes_nothing() -> None:
    frame = simulate(seed=2, raters=12, per_rater=20)
    one, other = of(frame), of(frame.sample(frac=1, random_state=1).replace({"r001": "zz"}))
    assert one.alpha.value == pytest.approx(other.alpha.value, abs=1e-12)
    assert one.alpha.low == pytest.approx(other.alpha.low, abs=1e-12)
    assert one.ac2.high == pytest.approx(other.ac2.high, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([[1], [0], [2]], "no comparison was judged by two raters"),
        ([[1, 1, 1]] * 4, "every answer is alike"),
        ([[1, 0], [2, -1], [0, 0]], "fewer than three raters"),
    ],
)
def test_what_cannot_be_told_has_its_reason(scores: list[list[int]], why: str) -> None:
    found = of(judged(scores))
    assert why in found.alpha.reason
    assert found.alpha.low is None


@pytest.mark.calibration
def test_the_interval_of_alpha_holds_its_long_run_value() -> None:
    studies = [of(simulate(seed=seed, raters=20, per_rater=20)) for seed in range(300)]
    truth = float(np.mean([one.alpha.value for one in studies]))
    held = [one.alpha.low <= truth <= one.alpha.high for one in studies]  # type: ignore[operator]
    assert np.mean(held) >= 0.92
