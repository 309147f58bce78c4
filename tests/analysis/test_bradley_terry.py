"""The Bradley–Terry family against published estimates, and where it has no finite answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import bradley_terry as bt

KNOWN = Path(__file__).parent.parent / "golden" / "known_answers"


def fitted(rows: Sequence[tuple[int, int, int, int]], *, systems: int, levels: Sequence[int]) -> bt.Fit:
    """rows: first, second, side, answer."""
    columns = np.asarray(rows, dtype=np.intp).T
    design, _ = bt.design(*columns, systems=systems, levels=levels)
    return bt.fit(design)


def difference(fit: bt.Fit, one: int, other: int) -> tuple[float, float]:
    """Of two strengths, with the standard error of independent answers."""
    spread = fit.inverse()
    variance = spread[one, one] + spread[other, other] - 2 * spread[one, other]
    return float(fit.parameters[one] - fit.parameters[other]), float(np.sqrt(variance))


def baseball(*, home: bool) -> tuple[bt.Fit, list[str]]:
    games = pd.read_csv(KNOWN / "baseball_1987.csv")
    teams = sorted(set(games["home.team"]))
    rows = []
    for game in games.itertuples(index=False):
        place = (teams.index(game[0]), teams.index(game[1]), int(home))
        rows += [(*place, 1)] * int(game[2]) + [(*place, -1)] * int(game[3])
    return fitted(rows, systems=len(teams), levels=(-1, 1)), teams


# Agresti (2002), 10.6, tables of the American League 1987 against Baltimore.
@pytest.mark.parametrize(
    ("home", "published"),
    [
        (
            False,
            {
                "Boston": 1.1077,
                "Cleveland": 0.6839,
                "Detroit": 1.4364,
                "Milwaukee": 1.5814,
                "New York": 1.2476,
                "Toronto": 1.2945,
            },
        ),
        (
            True,
            {
                "Boston": 1.1438,
                "Cleveland": 0.7047,
                "Detroit": 1.4754,
                "Milwaukee": 1.6196,
                "New York": 1.2813,
                "Toronto": 1.3271,
            },
        ),
    ],
)
def test_agrestis_baseball_with_and_without_the_home_field(home: bool, published: dict[str, float]) -> None:
    fit, teams = baseball(home=home)
    against = {team: difference(fit, teams.index(team), teams.index("Baltimore"))[0] for team in published}
    assert against == pytest.approx(published, abs=5e-5)
    assert fit.converged
    assert not fit.penalised
    if home:
        assert fit.parameters[-1] == pytest.approx(0.3023, abs=5e-5)
        assert np.sqrt(fit.inverse()[-1, -1]) == pytest.approx(0.1309, abs=5e-5)
    else:
        assert difference(fit, teams.index("Boston"), teams.index("Baltimore"))[1] == pytest.approx(
            0.3339, abs=5e-5
        )


def test_football_with_draws_and_the_home_field() -> None:
    """Season 2012–13 of BradleyTerry2's data: Davidson & Beaver's model, refit in R."""
    matches = pd.read_csv(KNOWN / "football_2012_13.csv")
    teams = sorted(set(matches["home"]))
    rows = [
        (teams.index(home), teams.index(away), 1, result)
        for home, away, result in zip(matches["home"], matches["away"], matches["result"], strict=True)
    ]
    fit = fitted(rows, systems=len(teams), levels=(-1, 0, 1))
    errors = np.sqrt(np.diag(fit.inverse()))
    assert fit.parameters[-2:] == pytest.approx([0.59561, 0.02096], abs=5e-6)
    assert errors[-2:] == pytest.approx([0.14570, 0.12304], abs=5e-6)
    assert difference(fit, teams.index("Ast"), teams.index("Ars")) == pytest.approx((-1.90361, 0.62946), abs=5e-6)


def test_davidsons_puddings() -> None:
    """Davidson (1970), example 2: worths that add up to one, and the tie parameter."""
    tastings = pd.read_csv(KNOWN / "pudding_davidson_1970.csv")
    rows = []
    for one in tastings.itertuples(index=False):
        pair = (int(one.i) - 1, int(one.j) - 1, 0)
        rows += [(*pair, 1)] * int(one.w_ij) + [(*pair, -1)] * int(one.w_ji) + [(*pair, 0)] * int(one.t_ij)
    fit = fitted(rows, systems=6, levels=(-1, 0, 1))
    worths = np.exp(fit.parameters[:6])
    assert worths / worths.sum() == pytest.approx([0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=5e-5)
    assert np.exp(fit.parameters[-1]) == pytest.approx(0.74682, abs=5e-6)


def test_the_four_of_the_encyclopaedia() -> None:
    """The worked example of the article "Bradley–Terry model", which arena-rank tests by: geometric mean one."""
    wins = {(0, 1): 2, (0, 3): 1, (1, 0): 3, (1, 2): 5, (2, 1): 3, (2, 3): 1, (3, 0): 4, (3, 2): 3}
    rows = [(winner, loser, 0, 1) for (winner, loser), times in wins.items() for _ in range(times)]
    fit = fitted(rows, systems=4, levels=(-1, 1))
    assert np.exp(fit.parameters[:4]) == pytest.approx([0.640, 1.043, 0.660, 2.270], abs=5e-4)


def test_five_answers_give_back_what_they_were_drawn_from() -> None:
    rng = np.random.default_rng(4)
    strengths, side, tau = np.array([0.9, 0.1, -1.0]), 0.3, {2: 0.0, 1: 0.6, 0: 0.2}
    levels = np.arange(-2, 3)
    rows = []
    for _ in range(30_000):
        one, other = rng.choice(3, 2, replace=False)
        first = rng.choice((-1, 1))
        eta = strengths[one] - strengths[other] + side * first
        weights = np.exp(levels / 4 * eta + np.array([tau[abs(level)] for level in levels]))
        rows.append((int(one), int(other), int(first), int(rng.choice(levels, p=weights / weights.sum()))))
    fit = fitted(rows, systems=3, levels=(-2, -1, 0, 1, 2))
    errors = np.sqrt(np.diag(fit.inverse()))
    wanted = np.array([*strengths, side, tau[1], tau[0]])
    assert np.abs(fit.parameters - wanted).max() < 4 * errors.max()
    assert np.abs((fit.parameters - wanted) / errors).max() < 4


def test_the_gradient_is_that_of_the_likelihood() -> None:
    rows = [(0, 1, 1, 2), (0, 1, -1, -1), (1, 2, 1, 0), (0, 2, -1, 1), (0, 2, 1, -2), (1, 2, -1, 1)]
    columns = np.asarray(rows, dtype=np.intp).T
    design, outcome = bt.design(*columns, systems=3, levels=(-2, -1, 0, 1, 2))
    at = np.array([0.3, -0.2, 0.1, 0.2, 0.5, -0.4])
    gradient, information = bt._derivatives(design, at)
    each = bt.score_table(design, at)[outcome]
    assert each.sum(axis=0) == pytest.approx(gradient)
    for place in range(len(at)):
        step = np.zeros(len(at))
        step[place] = 1e-5
        slope = (bt._log_likelihood(design, at + step) - bt._log_likelihood(design, at - step)) / 2e-5
        assert gradient[place] == pytest.approx(slope, abs=1e-6)
        bend = (bt._derivatives(design, at + step)[0] - bt._derivatives(design, at - step)[0]) / 2e-5
        assert -bend == pytest.approx(information[place], abs=1e-6)


def test_sides_that_tell_all_answers_apart_are_found_although_every_system_is_beaten() -> None:
    """a beats c always, and a–b and b–c both have two winners: only with the side does the likelihood run away."""
    rows = [(0, 1, 1, 1)] * 5 + [(0, 1, 1, -1)] + [(0, 2, -1, 1)] * 6 + [(1, 2, 1, 1), (1, 2, 1, -1)] * 3
    fit = fitted(rows, systems=3, levels=(-1, 1))
    assert fit.penalised
    assert fit.converged
    assert np.abs(fit.parameters).max() < 5
    swapped = fitted([*rows, (0, 2, 1, 1), (0, 2, -1, -1)], systems=3, levels=(-1, 1))
    assert not swapped.penalised


def test_a_strong_but_finite_strength_is_not_taken_for_one_that_runs_away() -> None:
    rows = [(0, 1, 1, 2)] * 3000 + [(0, 1, -1, 2)] * 3000
    rows += [(0, 1, side, answer) for side in (1, -1) for answer in (1, 0, -1)]
    fit = fitted(rows, systems=2, levels=(-2, -1, 0, 1, 2))
    assert fit.parameters[0] - fit.parameters[1] > 8
    assert not fit.penalised


def test_a_system_that_wins_everything_has_a_penalised_strength() -> None:
    rows = [(0, 1, 1, 1)] * 5 + [(0, 2, 1, 1)] * 5 + [(1, 2, 1, 1), (1, 2, 1, -1)] * 3
    fit = fitted(rows, systems=3, levels=(-1, 1))
    assert fit.penalised
    assert fit.converged
    assert np.isfinite(fit.parameters).all()
    assert fit.parameters[0] == max(fit.parameters[:3])


def test_winning_always_runs_away_however_weak_some_wins_are_until_one_is_lost() -> None:
    rows = [(0, 1, 1, 1), (0, 1, -1, 1), (0, 1, 1, 2), (0, 1, -1, 2)] * 5
    assert fitted(rows, systems=2, levels=(-2, -1, 1, 2)).penalised
    lost = fitted([*rows, (0, 1, 1, -1), (0, 1, -1, -1)], systems=2, levels=(-2, -1, 1, 2))
    assert not lost.penalised
    assert lost.converged


def test_systems_that_never_met_are_told_apart() -> None:
    rows = [(0, 1, 1, 1), (0, 1, 1, -1), (2, 3, 1, 1), (2, 3, 1, -1)]
    fit = fitted(rows, systems=4, levels=(-1, 1))
    assert fit.groups == ((0, 1), (2, 3))
    assert fit.penalised


def test_no_answer_is_refused() -> None:
    empty = np.empty(0, dtype=np.intp)
    design, _ = bt.design(empty, empty, empty, empty, systems=2, levels=(-1, 1))
    with pytest.raises(ValueError, match="no answer"):
        bt.fit(design)
