"""Which ranks hold, and errors by which any two systems can be compared.

Rank sets follow from simultaneous intervals of all differences (Mogstad, Romano, Shaikh and Wilhelm 2024,
"Inference for ranks", Review of Economic Studies 91); quasi standard errors are Firth and de Menezes' (2004,
Biometrika 91).
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from scipy import optimize

from analysis.variance import Codes, Floats

DRAWS = 20_000
SEED = 1
# A variance this much smaller than the largest is a rounding error: its logarithm and its t say nothing.
_LEAST_SHARE = 1e-9


def quasi_standard_errors(covariance: Floats) -> Floats | None:
    """Errors q whose squares add up to every difference's variance as nearly as can be; None for two systems."""
    count = len(covariance)
    if count < 3:
        return None
    pairs = np.array(list(combinations(range(count), 2)))
    wanted = np.log(_variances(covariance, pairs))

    def misfit(log_q: Floats) -> Floats:
        squares = np.exp(log_q)
        return np.asarray(np.log(squares[pairs[:, 0]] + squares[pairs[:, 1]]) - wanted)

    start = np.full(count, float(wanted.mean()) - np.log(2))
    return np.asarray(np.exp(optimize.least_squares(misfit, start).x / 2))


def without_spread(covariance: Floats) -> tuple[int, int] | None:
    """The first two systems whose difference has no variance, as with a handful of answers; None without any."""
    pairs = np.array(list(combinations(range(len(covariance)), 2)))
    variances = _variances(covariance, pairs)
    least = int(np.argmin(variances))
    if variances[least] > _LEAST_SHARE * float(variances.max()):
        return None
    return int(pairs[least][0]), int(pairs[least][1])


def rank_sets(values: Floats, covariance: Floats, *, df: float, level: float) -> tuple[Codes, Codes]:
    """Best and worst rank (K,) that the data leave each system, all together at ``level``.

    A system is surely worse than another where the simultaneous interval of their difference leaves 0 out; the
    critical value is that of the largest of all |t| over multivariate-t draws, of all |z| with infinite ``df``.
    """
    count = len(values)
    pairs = np.array(list(combinations(range(count), 2)))
    errors = np.sqrt(_variances(covariance, pairs))
    rng = np.random.default_rng(SEED)
    root = np.linalg.cholesky(covariance + 1e-12 * np.trace(covariance) * np.eye(count))
    draws = rng.standard_normal((DRAWS, count)) @ root.T
    if math.isfinite(df):
        draws /= np.sqrt(rng.chisquare(df, DRAWS) / df)[:, None]
    largest = np.abs((draws[:, pairs[:, 0]] - draws[:, pairs[:, 1]]) / errors).max(axis=1)
    critical = float(np.quantile(largest, level))
    surely = (values[pairs[:, 0]] - values[pairs[:, 1]]) / errors
    best, worst = np.ones(count, np.intp), np.full(count, count, np.intp)
    for (one, other), t in zip(pairs, surely, strict=True):
        if abs(t) > critical:
            ahead, behind = (one, other) if t > 0 else (other, one)
            best[behind] += 1
            worst[ahead] -= 1
    return best, worst


def _variances(covariance: Floats, pairs: Codes) -> Floats:
    one, other = pairs.T
    return np.asarray(covariance[one, one] + covariance[other, other] - 2 * covariance[one, other])
