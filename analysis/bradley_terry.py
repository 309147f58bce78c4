"""Strengths of systems from paired preferences: one log-linear family with ties, degrees of preference and sides.

An answer y to system 1 against system 2 has P(y) ∝ exp(k(y)·η + τ(|y|)), η = λ₁ − λ₂ + γ·s, s = +1 where system
1 stands first (on the left, at home), −1 where it stands second. With two answers this is Bradley–Terry (1952);
with a tie, Davidson (1970), and with γ Davidson & Beaver (1977); with five, the adjacent-category model of Agresti
(1992). k runs evenly from −½ to +½, so that η is the log odds of the strongest preferences against each other.

The likelihood is concave and needs counts only: its cost does not depend on how many answers there are. What is
estimated from is a ``Design``: answers counted by pair and side. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

Floats = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.intp]]
_Flags = np.ndarray[Any, np.dtype[np.bool_]]

_ITERATIONS = 100
_CONVERGED = 1e-10
_ITERATIONS_MANY, _CONVERGED_MANY = 30, 1e-8
_LONGEST_STEP, _FARTHEST = 2.0, 20.0
_SUSPICIOUS = 4.0
PRIOR = 0.5
"""Of the penalised fit: so many strongest wins and losses of every system against one of strength 0, and of
standing on one side against equals."""


@dataclass(frozen=True, slots=True)
class Design:
    """Answers counted: ``counts`` (M, L) by combination and level, and what each combination asks (M, P).

    A combination is a pair of systems in one order of sides. ``levels`` are the answers, from the strongest for
    system 2 to the strongest for system 1. Columns of ``asks``: one a system (+1, −1), the last one for the side,
    all 0 where the systems tell the side (no pair, and no cycle of pairs, was shown both ways round): its part and
    theirs could not be told apart.
    """

    counts: Floats
    asks: Floats
    levels: tuple[int, ...]

    @property
    def scores(self) -> Floats:
        """k of each level, −½ … ½."""
        steps = np.asarray(self.levels, dtype=np.float64)
        return np.asarray(steps / (steps[-1] - steps[0]))

    @property
    def degrees(self) -> Codes:
        """|y| of each level as a code; the strongest is 0 and has no τ of its own."""
        size = np.abs(np.asarray(self.levels))
        return np.asarray(size.max() - size, dtype=np.intp)

    @property
    def free_degrees(self) -> tuple[int, ...]:
        return tuple(sorted(set(self.degrees.tolist()) - {0}))

    @property
    def sided(self) -> bool:
        """Whether the side has a part of its own."""
        return bool(self.asks[:, -1].any())


@dataclass(frozen=True, slots=True)
class Fit:
    """A maximum of the likelihood. ``parameters``: strengths (sum 0), the side's, then τ by falling strength.

    ``information`` is the observed information (P, P), singular along the strengths' common level; ``penalised``
    says that nothing but the prior keeps some of them finite. ``groups`` are the systems' components where
    comparisons leave some without a path to others.
    """

    parameters: Floats
    information: Floats
    log_likelihood: float
    iterations: int
    converged: bool
    penalised: bool
    groups: tuple[tuple[int, ...], ...]

    def inverse(self) -> Floats:
        """Of the information, on the strengths that sum to 0."""
        return np.asarray(np.linalg.pinv(self.information, hermitian=True, rcond=1e-9), dtype=np.float64)


def design(
    system_1: Codes, system_2: Codes, side: Codes, answer: Codes, *, systems: int, levels: Sequence[int]
) -> tuple[Design, Codes]:
    """Count answers (N,), each from ``levels``, + for system 1. ``side`` is +1 or −1, or 0 for none.

    Returns the design and each answer's outcome (N,): combination × L + level, which ``score_table`` has rows for.
    """
    key = (system_1 * systems + system_2) * 3 + (side + 1)
    known = np.flatnonzero(np.bincount(key, minlength=3 * systems * systems))
    place = np.zeros(3 * systems * systems, dtype=np.intp)
    place[known] = np.arange(len(known)) * len(levels)
    column = np.zeros(max(levels) - min(levels) + 1, dtype=np.intp)
    column[np.asarray(levels) - min(levels)] = np.arange(len(levels))
    outcome = place[key] + column[answer - min(levels)]
    counts = np.bincount(outcome, minlength=len(known) * len(levels))
    asks = np.zeros((len(known), systems + 1))
    rows = np.arange(len(known))
    pair, sign = np.divmod(known, 3)
    asks[rows, pair // systems] += 1
    asks[rows, pair % systems] -= 1
    if np.linalg.matrix_rank(np.column_stack([asks, sign - 1])) > np.linalg.matrix_rank(asks):
        asks[:, -1] = sign - 1
    return Design(counts.reshape(len(known), len(levels)).astype(np.float64), asks, tuple(levels)), outcome


def fit(observed: Design) -> Fit:
    """Maximise the likelihood by Newton's method; with a prior where it has no finite maximum.

    Raises ValueError without any answer.
    """
    if not observed.counts.sum():
        raise ValueError("there is no answer to fit")
    systems = observed.asks.shape[1] - 1
    groups = components(observed)
    bounded = len(groups) == 1 and _strongly_connected(observed, systems)
    parameters, information, iterations, converged = _newton(
        observed if bounded else _with_prior(observed, systems)
    )
    if bounded and not (converged and np.abs(parameters).max() < _SUSPICIOUS) and _runs_away(observed):
        # Every system beats some other and is beaten, and still sides or degrees tell all answers apart.
        bounded = False
        parameters, information, iterations, converged = _newton(_with_prior(observed, systems))
    parameters[:systems] -= parameters[:systems].mean()
    chances = probabilities(observed, parameters)
    log_likelihood = float((observed.counts * np.log(np.maximum(chances, 1e-300))).sum())
    return Fit(parameters, information, log_likelihood, iterations, converged, not bounded, groups)


def probabilities(observed: Design, parameters: Floats) -> Floats:
    """Chance of each level for each combination (M, L)."""
    eta = observed.asks @ parameters[: observed.asks.shape[1]]
    tau = np.zeros(int(observed.degrees.max()) + 1)
    tau[list(observed.free_degrees)] = parameters[observed.asks.shape[1] :]
    exponent = np.outer(eta, observed.scores) + tau[observed.degrees]
    exponent -= exponent.max(axis=1, keepdims=True)
    weights = np.exp(exponent)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def score_table(observed: Design, parameters: Floats) -> Floats:
    """Derivative of the log likelihood by outcome (M·L, P): what clustered variances are sums of."""
    chances = probabilities(observed, parameters)
    combinations, levels = chances.shape
    residual = observed.scores - (chances @ observed.scores)[:, None]
    parts = [residual[:, :, None] * observed.asks[:, None, :]]
    for degree in observed.free_degrees:
        is_degree = (observed.degrees == degree).astype(np.float64)
        parts.append((is_degree - (chances @ is_degree)[:, None])[:, :, None])
    return np.concatenate(parts, axis=2).reshape(combinations * levels, -1)


def fit_many(observed: Design, counts: Floats, start: Floats) -> tuple[Floats, _Flags]:
    """Newton's method on many tables of counts (B, M, L) at once, from one start (P,).

    Returns parameters (B, P), strengths summing to 0, and which of them converged (B,); a table whose likelihood
    has no finite maximum does not.
    """
    asked = observed.asks.shape[1]
    systems = asked - 1
    indicators = [(observed.degrees == degree).astype(np.float64) for degree in observed.free_degrees]
    statistics = np.stack([observed.scores, *indicators])
    products = (statistics[:, None, :] * statistics[None, :, :]).reshape(-1, len(observed.levels))
    asks_squared = (observed.asks[:, :, None] * observed.asks[:, None, :]).reshape(len(observed.asks), -1)
    totals = counts.sum(axis=2)
    seen = counts @ statistics.T
    parameters = np.tile(start, (len(counts), 1))
    size = parameters.shape[1]
    # The strengths' common level is free: a unit of information along it keeps the matrix from being singular.
    level = np.zeros((size, size))
    level[:systems, :systems] = 1.0
    trace = 1e-7 * totals.sum(axis=1)[:, None, None] * np.eye(size)
    done = np.zeros(len(counts), dtype=np.bool_)
    for _ in range(_ITERATIONS_MANY):
        tau = np.zeros((len(counts), int(observed.degrees.max()) + 1))
        tau[:, list(observed.free_degrees)] = parameters[:, asked:]
        eta = parameters[:, :asked] @ observed.asks.T
        chances = np.exp(eta[:, :, None] * observed.scores + tau[:, None, observed.degrees])
        chances /= chances.sum(axis=2, keepdims=True)
        expected = chances @ statistics.T
        second = (chances @ products.T).reshape(*expected.shape, len(statistics))
        covariance = totals[:, :, None, None] * (second - expected[..., :, None] * expected[..., None, :])
        surplus = seen - totals[:, :, None] * expected
        gradient = np.hstack([surplus[:, :, 0] @ observed.asks, surplus[:, :, 1:].sum(axis=1)])
        information = np.empty((len(counts), size, size))
        information[:, :asked, :asked] = (covariance[:, :, 0, 0] @ asks_squared).reshape(-1, asked, asked)
        across = np.einsum("mp,bma->bpa", observed.asks, covariance[:, :, 0, 1:])
        information[:, :asked, asked:] = across
        information[:, asked:, :asked] = across.transpose(0, 2, 1)
        information[:, asked:, asked:] = covariance[:, :, 1:, 1:].sum(axis=1)
        # What the data leave open (a side that is never swapped) must not make the matrix singular.
        information += level + trace
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        parameters += step
        done = np.abs(step).max(axis=1) < _CONVERGED_MANY
        if done.all():
            break
    parameters[:, :systems] -= parameters[:, :systems].mean(axis=1, keepdims=True)
    return parameters, done & (np.abs(parameters).max(axis=1) < _FARTHEST)


def components(observed: Design) -> tuple[tuple[int, ...], ...]:
    """Groups of systems that comparisons link, largest first."""
    systems = observed.asks.shape[1] - 1
    linked = np.eye(systems, dtype=bool)
    for row in observed.asks[observed.counts.sum(axis=1) > 0, :systems]:
        one, other = np.flatnonzero(row)[:2]
        linked[one, other] = linked[other, one] = True
    reach = _reachable(linked)
    found = {tuple(np.flatnonzero(row).tolist()) for row in reach}
    return tuple(sorted(found, key=lambda group: (-len(group), group)))


def _strongly_connected(observed: Design, systems: int) -> bool:
    """Whether every system was at least once not strongly beaten by every group of others: Ford's condition."""
    beats = np.eye(systems, dtype=bool)
    middle = len(observed.levels) // 2
    for counts, row in zip(observed.counts, observed.asks[:, :systems], strict=True):
        one, other = int(np.argmax(row)), int(np.argmin(row))
        upper = counts[middle + len(observed.levels) % 2 :].sum()
        lower = counts[:middle].sum()
        # Anything but the strongest answer may leave room for both; ``_runs_away`` decides.
        inside = counts[1:-1].sum()
        beats[one, other] |= bool(upper + inside)
        beats[other, one] |= bool(lower + inside)
    return bool(_reachable(beats).all())


def _runs_away(observed: Design) -> bool:
    """Whether the likelihood rises for ever in some direction: exact, by linear programming.

    It does where a direction of the parameters ranks, in every combination, no answer above those that were given,
    and some below (Albert and Anderson 1984, "On the existence of maximum likelihood estimates", Biometrika 71).
    """
    combinations, levels = observed.counts.shape
    degrees = [(observed.degrees == degree).astype(np.float64) for degree in observed.free_degrees]
    moved = np.concatenate(
        [
            observed.asks[:, None, :] * observed.scores[None, :, None],
            np.broadcast_to(np.array(degrees).T.reshape(levels, -1), (combinations, levels, len(degrees))),
        ],
        axis=2,
    ).reshape(combinations * levels, -1)
    best = np.repeat(np.eye(combinations), levels, axis=0)
    # Variables: the direction, and each combination's best; slack = best − what the direction gives an answer.
    slack = np.hstack([-moved, best])
    given = observed.counts.ravel() > 0
    bounds = [(-1.0, 1.0)] * moved.shape[1] + [(None, None)] * combinations
    found = optimize.linprog(
        -slack[~given].sum(axis=0),
        A_ub=-slack[~given],
        b_ub=np.zeros(int((~given).sum())),
        A_eq=slack[given],
        b_eq=np.zeros(int(given.sum())),
        bounds=bounds,
    )
    return bool(-found.fun > 1e-7) if found.success else True


def _reachable(linked: np.ndarray[Any, np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    reach = linked.copy()
    for _ in range(len(linked)):
        further = reach | ((reach.astype(np.intp) @ reach.astype(np.intp)) > 0)
        if (further == reach).all():
            break
        reach = further
    return reach


def _with_prior(observed: Design, systems: int) -> Design:
    """The same with half a win and half a loss of every system against one of strength 0, and of the side."""
    sided = int(observed.sided)
    counts = np.zeros((systems + sided, len(observed.levels)))
    counts[:, [0, -1]] = PRIOR
    asks = np.eye(systems + sided, systems + 1)
    return Design(np.vstack([observed.counts, counts]), np.vstack([observed.asks, asks]), observed.levels)


def _newton(observed: Design) -> tuple[Floats, Floats, int, bool]:
    width = observed.asks.shape[1] + len(observed.free_degrees)
    parameters = np.zeros(width)
    value = _log_likelihood(observed, parameters)
    information = np.zeros((width, width))
    for iteration in range(1, _ITERATIONS + 1):
        gradient, information = _derivatives(observed, parameters)
        step = np.linalg.pinv(information, hermitian=True, rcond=1e-9) @ gradient
        # Concave, yet far away a whole step may overshoot.
        while _log_likelihood(observed, parameters + step) < value - 1e-9 and np.abs(step).max() > _CONVERGED:
            step /= 2
        parameters = parameters + step
        value = _log_likelihood(observed, parameters)
        if np.abs(step).max() < _CONVERGED:
            return parameters, _derivatives(observed, parameters)[1], iteration, True
    return parameters, information, _ITERATIONS, False


def _log_likelihood(observed: Design, parameters: Floats) -> float:
    return float((observed.counts * np.log(np.maximum(probabilities(observed, parameters), 1e-300))).sum())


def _derivatives(observed: Design, parameters: Floats) -> tuple[Floats, Floats]:
    """Gradient (P,) and information (P, P)."""
    chances = probabilities(observed, parameters)
    totals = observed.counts.sum(axis=1)
    indicators = [(observed.degrees == degree).astype(np.float64) for degree in observed.free_degrees]
    statistics = np.stack([observed.scores, *indicators])
    expected = chances @ statistics.T
    surplus = observed.counts @ statistics.T - totals[:, None] * expected
    second = np.einsum("ml,al,bl->mab", chances, statistics, statistics)
    covariance = totals[:, None, None] * (second - expected[:, :, None] * expected[:, None, :])
    asks = observed.asks
    gradient = np.concatenate([asks.T @ surplus[:, 0], surplus[:, 1:].sum(axis=0)])
    across = np.einsum("mp,ma->pa", asks, covariance[:, 0, 1:])
    information = np.block(
        [
            [np.einsum("mp,m,mq->pq", asks, covariance[:, 0, 0], asks), across],
            [across.T, covariance[:, 1:, 1:].sum(axis=0)],
        ]
    )
    return gradient, information
