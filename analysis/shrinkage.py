"""Estimates per genre drawn towards the average of their pair, each by as much as it is uncertain.

Empirical Bayes with normal errors: D_g ~ N(θ_g, V_g), θ_g ~ N(μ, τ²), τ² by restricted maximum likelihood. The
interval and the factor (G − 3)/(G − 1) are Morris' (1983, "Parametric empirical Bayes inference", JASA 78): they
count in that μ and τ² are estimated, so that nothing is drawn in wholly, even where genres differ by chance only.
V_g is the variance at which a normal interval is as wide as the genre's own, so that few raters or clips weigh as
little as their t interval says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize, stats

from analysis.results import Estimate, PairRate
from analysis.variance import Floats, t_quantile

METHOD = "shrunken towards the average over genres (empirical Bayes, REML; interval after Morris 1983)"
FEWEST = 4
"""Genres below which the spread between them is anybody's guess."""


def shrunken(cells: Sequence[PairRate], *, level: float) -> tuple[PairRate, ...]:
    """The same cells with ``shrunken`` where a pair has intervals in at least ``FEWEST`` genres."""
    families: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, cell in enumerate(cells):
        if cell.net.low is not None:
            families[cell.question, cell.system_1, cell.system_2].append(place)
    found = list(cells)
    z = float(stats.norm.ppf((1 + level) / 2))
    for places in families.values():
        if len(places) < FEWEST:
            continue
        values = np.array([cells[place].net.value for place in places])
        errors = np.array([_error(cells[place], z, level) for place in places])
        for place, value, error in zip(places, *towards_mean(values, errors**2), strict=True):
            low, high = max(value - z * error, -1.0), min(value + z * error, 1.0)
            found[place] = replace(cells[place], shrunken=Estimate(float(value), float(low), float(high), METHOD))
    return tuple(found)


def _error(cell: PairRate, z: float, level: float) -> float:
    assert cell.test is not None  # whatever has an interval has a test
    return cell.test.se * t_quantile(cell.test.df, level) / z


def towards_mean(values: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Shrunken values (G,) and their standard errors (G,) from values and sampling variances (G,), G ≥ 4."""
    between = reml(values, variances)
    weights = 1 / (variances + between)
    mean = float(weights @ values / weights.sum())
    groups = len(values)
    own = (groups - 3) / (groups - 1) * variances * weights
    # The last term is what not knowing τ² adds.
    unequal = (variances.mean() + between) * weights
    spread = (
        variances * (1 - own) + own**2 / weights.sum() + 2 * own**2 * unequal / (groups - 3) * (values - mean) ** 2
    )
    return np.asarray(mean + (1 - own) * (values - mean)), np.asarray(np.sqrt(spread))


def reml(values: Floats, variances: Floats) -> float:
    """Variance between groups that maximises the restricted likelihood; 0 where groups differ by chance only."""

    def loss(log_between: float) -> float:
        return _loss(values, variances, float(np.exp(log_between)))

    top = float(np.log(max(values.var(ddof=1), variances.max()) * 10 + 1e-12))
    best: Any = optimize.minimize_scalar(loss, bounds=(top - 25, top), method="bounded", options={"xatol": 1e-6})
    return 0.0 if _loss(values, variances, 0.0) <= best.fun + 1e-9 else float(np.exp(best.x))


def _loss(values: Floats, variances: Floats, between: float) -> float:
    weights = 1 / (variances + between)
    mean = weights @ values / weights.sum()
    return float(-np.log(weights).sum() + np.log(weights.sum()) + weights @ (values - mean) ** 2)
