"""evalica's food data: its own published scores, by our engine and our win rates.

tests/golden/known_answers/evalica_food*.csv are evalica's test data (dustalov/evalica, Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import bradley_terry as bt
from analysis.ratings import read
from tests.analysis.simulate import row

KNOWN = Path(__file__).parent.parent / "golden" / "known_answers"
SIGN = {"left": 1, "tie": 0, "right": -1}


@pytest.fixture(scope="module")
def meals() -> pd.DataFrame:
    return pd.read_csv(KNOWN / "evalica_food.csv")


def golden(algorithm: str) -> dict[str, float]:
    table = pd.read_csv(KNOWN / "evalica_food_golden.csv")
    return table[table["algorithm"] == algorithm].set_index("item")["score"].to_dict()


def test_bradley_terry_with_half_wins_for_ties(meals: pd.DataFrame) -> None:
    """Every game twice: a win as two wins, a tie as one each; the engine alone takes such."""
    dishes = sorted({*meals["left"], *meals["right"]})
    one, other = (np.tile(meals[side].map(dishes.index).to_numpy(np.intp), 2) for side in ("left", "right"))
    sign = meals["winner"].map(SIGN).to_numpy(np.intp)
    sign = np.concatenate([np.where(sign == 0, 1, sign), np.where(sign == 0, -1, sign)])
    nobody = np.zeros(len(one), np.intp)
    fit = bt.fit(bt.design(one, other, nobody, sign, systems=len(dishes), levels=(-1, 1))[0])
    worths = np.exp(fit.parameters[: len(dishes)])
    shares = dict(zip(dishes, worths / worths.sum(), strict=True))
    assert shares == pytest.approx(golden("bradley_terry"), rel=1e-8)


def test_average_win_rates_are_ours_with_ties_split(meals: pd.DataFrame) -> None:
    frame = pd.DataFrame(
        row(
            rater=f"r{n}",
            trial=str(n),
            genre="food",
            clip=f"c{n}",
            pair=tuple(sorted((meal.left, meal.right))),  # type: ignore[arg-type]
            score=SIGN[meal.winner] * (1 if meal.left < meal.right else -1),
            left_is_1=meal.left < meal.right,
        )
        for n, meal in enumerate(meals.itertuples())
    )
    rates = read(frame).win_rates(ties="split")
    found = {rate.system: rate.win.value for rate in rates.systems if rate.genre is None}
    assert found == pytest.approx(golden("average_win_rate"), abs=1e-12)
