"""Published strengths, to every printed digit, by what a notebook and the command line offer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis as da
from analysis.__main__ import main
from analysis.ranking import Effect, Ranking
from tests.analysis.simulate import row

KNOWN = Path(__file__).parent.parent / "golden" / "known_answers"
SIGN = {"left": 1, "tie": 0, "right": -1}
WINS = {("A", "B"): 2, ("A", "D"): 1, ("B", "A"): 3, ("B", "C"): 5}
WINS |= {("C", "B"): 3, ("C", "D"): 1, ("D", "A"): 4, ("D", "C"): 3}


def games(played: Iterable[tuple[str, str, int]]) -> pd.DataFrame:
    """A rating for each (left or home, right or away, 1, 0 or −1): one rater and one clip, for games have none."""
    rows = []
    for number, (left, right, result) in enumerate(played, start=1):
        pair = (min(left, right), max(left, right))
        rows.append(
            row(
                rater="one",
                trial=str(number),
                position=number,
                genre="games",
                clip="game",
                pair=pair,
                score=result if left == pair[0] else -result,
                left_is_1=left == pair[0],
            )
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def baseball() -> da.Ratings:
    table = pd.read_csv(KNOWN / "baseball_1987.csv")
    table.columns = pd.Index(["home", "away", "home_wins", "away_wins"])
    return da.read(
        games(
            (game.home, game.away, result)
            for game in table.itertuples()
            for result in [1] * game.home_wins + [-1] * game.away_wins
        )
    )


@pytest.fixture(scope="module")
def football() -> pd.DataFrame:
    table = pd.read_csv(KNOWN / "football_2012_13.csv")
    return games(table[["home", "away", "result"]].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def puddings() -> pd.DataFrame:
    table = pd.read_csv(KNOWN / "pudding_davidson_1970.csv")
    return games(
        (str(one.i), str(one.j), result)
        for one in table.itertuples()
        for result in [1] * one.w_ij + [-1] * one.w_ji + [0] * one.t_ij
    )


def encyclopaedia() -> pd.DataFrame:
    """The example of the article "Bradley–Terry model", which arena-rank tests by; winners are listed first."""
    return games((winner, loser, 1) for (winner, loser), times in WINS.items() for _ in range(times))


def worths(values: dict[str, float]) -> list[float]:
    """By name, with a geometric mean of one."""
    return [math.exp(values[name]) for name in sorted(values)]


def shares(values: dict[str, float]) -> list[float]:
    return [one / sum(worths(values)) for one in worths(values)]


def by_system(ranking: Ranking) -> dict[str, float]:
    return {one.system: one.value for one in ranking.strengths}


def told(effect: Effect | None) -> tuple[float, float | None]:
    assert effect is not None
    return effect.value, effect.se


# Agresti (2002), 10.6, tables of the American League 1987 against Baltimore.
AGRESTI = {
    False: [1.1077, 0.6839, 1.4364, 1.5814, 1.2476, 1.2945],
    True: [1.1438, 0.7047, 1.4754, 1.6196, 1.2813, 1.3271],
}


@pytest.mark.parametrize("home", [False, True])
def test_agrestis_baseball_with_and_without_the_home_field(baseball: da.Ratings, home: bool) -> None:
    (ranking,) = baseball.rankings(side=home, covariance="independent")
    teams = ["Boston", "Cleveland", "Detroit", "Milwaukee", "New York", "Toronto"]
    against = [ranking.difference(team, "Baltimore").value for team in teams]
    assert against == pytest.approx(AGRESTI[home], abs=5e-5)
    assert (ranking.tie, ranking.penalised, ranking.reason) == (None, False, "")
    if home:
        assert told(ranking.left) == pytest.approx((0.3023, 0.1309), abs=5e-5)
    else:
        assert ranking.difference("Boston", "Baltimore").se == pytest.approx(0.3339, abs=5e-5)
        assert ranking.left is None
        assert "asked" in ranking.left_reason


def test_football_with_draws_and_the_home_field(football: pd.DataFrame) -> None:
    """Season 2012–13 of BradleyTerry2's data: Davidson & Beaver's model, refit in R."""
    (ranking,) = da.read(football).rankings(covariance="independent")
    assert told(ranking.left) == pytest.approx((0.59561, 0.14570), abs=5e-6)
    assert ranking.tie is not None
    assert (ranking.tie.value, ranking.tie.se) == pytest.approx((0.02096, 0.12304), abs=5e-6)
    assert told(ranking.difference("Ast", "Ars")) == pytest.approx((-1.90361, 0.62946), abs=5e-6)


def test_davidsons_puddings(puddings: pd.DataFrame) -> None:
    """Davidson (1970), example 2: worths that add up to one, and the tie parameter."""
    (ranking,) = da.read(puddings).rankings(side=False)
    assert shares(by_system(ranking)) == pytest.approx([0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=5e-5)
    assert ranking.tie is not None
    assert ranking.tie.nu == pytest.approx(0.74682, abs=5e-6)


def test_the_four_of_the_encyclopaedia() -> None:
    (ranking,) = da.read(encyclopaedia()).rankings(side=False)
    assert worths(by_system(ranking)) == pytest.approx([0.640, 1.043, 0.660, 2.270], abs=5e-4)
    assert not ranking.penalised


def test_newmans_scores_of_evalicas_food_are_the_worths_of_davidsons_model() -> None:
    """Newman (2023) writes ties as 2·ν·√(π₁π₂) and scales worths in his own way: ratios and ν can be compared."""
    meals = pd.read_csv(KNOWN / "evalica_food.csv")
    golden = pd.read_csv(KNOWN / "evalica_food_golden.csv").query("algorithm == 'newman'")
    published = golden.set_index("item")["score"]
    frame = games((meal.left, meal.right, SIGN[meal.winner]) for meal in meals.itertuples())
    (ranking,) = da.read(frame).rankings(side=False)
    for dish, score in published.items():
        ratio = math.exp(ranking.difference(dish, "Pizza").value)
        assert ratio == pytest.approx(score / published["Pizza"], rel=1e-8)
    assert ranking.tie is not None
    assert ranking.tie.nu / 2 == pytest.approx(0.0786419123485, rel=1e-8)  # evalica 0.4.2's own v, tolerance 1e-12


def printed(frame: pd.DataFrame, folder: Path, *options: str) -> pd.DataFrame:
    frame.to_csv(folder / "ratings.csv", index=False)
    assert main(["ranking", str(folder / "ratings.csv"), "-o", str(folder / "ranking.csv"), *options]) == 0
    return pd.read_csv(folder / "ranking.csv")


def test_the_command_line_gives_a_football_season_back(football: pd.DataFrame, tmp_path: Path) -> None:
    first = printed(football, tmp_path, "--independent").iloc[0]
    found = [first[name] for name in ("left", "left_se", "tie_logit", "tie_logit_se")]
    assert found == pytest.approx([0.59561, 0.14570, 0.02096, 0.12304], abs=5e-6)
    assert "independent (raters, clips ignored)" in first["method"]


def test_the_command_line_gives_the_puddings_and_the_encyclopaedia_back(
    puddings: pd.DataFrame, tmp_path: Path
) -> None:
    table = printed(puddings, tmp_path, "--no-side").astype({"system": str})
    values = table.set_index("system")["value"].to_dict()
    assert shares(values) == pytest.approx([0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=5e-5)
    assert np.exp(table["tie_logit"]).to_list() == pytest.approx([0.74682] * 6, abs=5e-6)
    assert table["method"].str.contains("no effect of the side in the model, as asked").all()
    assert table["left_reason"].eq("the model was asked to go without it").all()
    four = printed(encyclopaedia(), tmp_path, "--no-side").set_index("system")["value"].to_dict()
    assert worths(four) == pytest.approx([0.640, 1.043, 0.660, 2.270], abs=5e-4)


def test_one_rater_shows_the_home_field_and_why_it_has_no_interval(football: pd.DataFrame) -> None:
    (ranking,) = da.read(football).rankings()
    assert ranking.left is not None
    assert ranking.left.value == pytest.approx(0.59561, abs=5e-6)
    assert (ranking.left.se, ranking.left.p) == (None, None)
    assert "only one rater" in ranking.left_reason
    assert ranking.tie is not None
    assert ranking.tie.value == pytest.approx(0.02096, abs=5e-6)
    assert (ranking.tie.se, ranking.difference("Ast", "Ars").se) == (None, None)
