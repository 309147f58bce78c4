"""The Bradley–Terry family: its likelihood, and where it has no finite answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from analysis import bradley_terry as bt


def fitted(rows: Sequence[tuple[int, int, int, int]], *, systems: int, levels: Sequence[int]) -> bt.Fit:
    """rows: first, second, side, answer."""
    columns = np.asarray(rows, dtype=np.intp).T
    design, _ = bt.design(*columns, systems=systems, levels=levels)
    return bt.fit(design)


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
