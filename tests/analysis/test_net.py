"""Limits of net preference from those of its shares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.net import Shares, net_interval, parts
from analysis.variance import NO_SPREAD, Layout, dense, t_quantile, t_test

Z = float(stats.norm.ppf(0.975))


def layout(raters: int, clips: int) -> Layout:
    return Layout.of_one_cell(np.repeat(np.arange(raters), clips), np.tile(np.arange(clips), raters))


def test_two_independent_shares_have_newcombes_interval() -> None:
    """56 of 70 against 48 of 80: Newcombe (1998), Statistics in Medicine 17, 873–890, table II, method 10."""
    low, high = Shares(win=56 / 70, loss=48 / 80, n_win=70, n_loss=80, correlation=0.0).limits(Z)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_without_ties_it_is_wilsons_interval_of_the_one_share() -> None:
    shares = Shares(win=0.7, loss=0.3, n_win=40, n_loss=40, correlation=-1.0)
    centre = (0.7 + Z**2 / 80) / (1 + Z**2 / 40)
    half = Z / (1 + Z**2 / 40) * np.sqrt(0.7 * 0.3 / 40 + Z**2 / (4 * 40**2))
    assert shares.limits(Z) == pytest.approx((2 * (centre - half) - 1, 2 * (centre + half) - 1))


@pytest.mark.parametrize("seed", range(8))
def test_exchanging_the_systems_turns_the_interval_round_exactly(seed: int) -> None:
    sign = np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], 60, p=[0.2, 0.3, 0.5])
    win, _, loss, net = parts(sign, layout(10, 6))
    other_win, _, other_loss, other_net = parts(-sign, layout(10, 6))
    low, high = net_interval(win, loss, net, level=0.95)
    assert net_interval(other_win, other_loss, other_net, level=0.95) == (-high, -low)


def test_zero_lies_in_the_interval_where_the_t_test_says_so_and_only_there() -> None:
    rng = np.random.default_rng(2)
    decided = []
    for _ in range(400):
        win_share = rng.uniform(0.3, 0.8)
        sign = rng.choice([1.0, 0.0, -1.0], 48, p=[win_share, 0.15, 0.85 - win_share])
        win, _, loss, net = parts(sign, layout(8, 6))
        low, high = net_interval(win, loss, net, level=0.95)
        p = t_test(net)[1]
        decided.append(p < 0.05)
        assert low <= net.mean <= high
        assert (low < 0 < high) <= (p >= 0.05)
        assert (low > 0 or high < 0) <= (p < 0.05)
    assert 50 < sum(decided) < 350


def test_the_statistic_is_where_the_limits_reach_zero() -> None:
    shares = Shares(win=0.6, loss=0.1, n_win=30, n_loss=25, correlation=-0.4)
    t = shares.first_holding_zero()
    assert shares.limits(t)[0] == pytest.approx(0, abs=1e-9)
    assert Shares(win=0.1, loss=0.6, n_win=25, n_loss=30, correlation=-0.4).first_holding_zero() == t
    assert Shares(win=0.3, loss=0.3, n_win=30, n_loss=30, correlation=0.0).first_holding_zero() == 0


@pytest.mark.parametrize(("raters", "clips", "p"), [(30, 8, 0.0255), (12, 6, 0.0580), (60, 20, 0.0003)])
def test_where_all_prefer_one_system_the_chance_is_that_of_wilsons_bound(
    raters: int, clips: int, p: float
) -> None:
    """Its lower limit of the win share is ½ at t² = n, the fewer of raters and clips."""
    win, _, loss, net = parts(np.ones(raters * clips), layout(raters, clips))
    statistic = Shares.of(win, loss, net, pooled=None).first_holding_zero()
    assert statistic == pytest.approx(np.sqrt(clips))
    assert 2 * stats.t.sf(statistic, net.df) == pytest.approx(p, abs=5e-5)


def test_an_interval_of_few_answers_holds_zero_where_the_test_does_not_rule_it_out_and_only_there() -> None:
    moved = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        sign = rng.choice([-1.0, 0.0, 1.0], 13, p=[0.6, 0.35, 0.05])
        win, _, loss, net = parts(sign, Layout.of_one_cell(dense(rng.integers(0, 4, 13)), np.arange(13)))
        if net.variance is None or net.variance <= NO_SPREAD:
            continue
        low, high = net_interval(win, loss, net, level=0.95)
        assert (low <= 0 <= high) == (t_test(net)[1] >= 0.05), seed
        movers = Shares.of(win, loss, net, pooled=None).limits(t_quantile(net.df, 0.95))
        moved += (movers[0] <= 0 <= movers[1]) != (low <= 0 <= high)
    assert moved > 50
