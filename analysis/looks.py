"""The evidence of ``analysis.sequential`` for a running study that many thousands have answered, in a second.

The same process and the same bounds, found with less work. A rater's value is a share of few answers, so there
are few different values: their bets are taken once, and how often each value came says the rest. Whether a
preference is shown is looked up after every rater, which is against one mean only. For the bounds, which are
against many, it is looked at less often after ``ALL_UNTIL`` raters, at fixed numbers of them; Ville's bound holds
for any looks. A look stays one as more raters come: so what was reached stays reached, and bounds never widen. The
means that no look has ruled out lie in one stretch, for what a bet wins falls, or rises, with the mean that it is
taken against: so its two ends are found by halving the grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.sequential import (
    _MEANS,
    BETS,
    Floats,
    StoppingRule,
    Watched,
    asymptotic_interval,
)

ALL_UNTIL = 500
"""Every rater is a look up to this one; then every second up to twice as many, every fourth up to four times …"""
_GREATEST_LOG = 690.0
_AT_ONCE = 2048
Counts = np.ndarray[Any, np.dtype[np.intp]]


def watch_line(
    line: tuple[str, str, str],
    values: Floats,
    *,
    lines: int,
    rule: StoppingRule,
    under_way: int = 0,
    ends: Counts | None = None,
) -> Watched:
    """One question and pair (question, system_1, system_2), where the family has so many ``lines``.

    values: (R,) each finished rater's X in [0, 1], as ``analysis.sequential`` defines it, in the order of
    finishing; at least one. ends: numbers of raters, rising to R, at which it may be looked, where some finished
    at one moment (None: at each). Evidence that no float can hold is given as the greatest that one can.
    """
    seen = Seen(values, ends)
    logs = seen.log_evidence_throughout(0.5)
    needed = lines / rule.alpha
    over = seen.ends[logs[seen.ends - 1] >= np.log(needed)]
    primary = rule.is_primary(line[1], line[2])
    reached_at = int(over[0]) if primary and len(over) else None
    low, high = seen.interval(rule.alpha)
    asymptotic = asymptotic_interval(values, rule.alpha)
    return Watched(
        question=line[0],
        system_1=line[1],
        system_2=line[2],
        raters=len(values),
        under_way=under_way,
        net=float(2 * values.mean() - 1),
        low=2 * low - 1,
        high=2 * high - 1,
        evidence=float(np.exp(min(logs[-1], _GREATEST_LOG))),
        needed=needed,
        reached_at=reached_at,
        asymptotic_low=None if asymptotic is None else 2 * asymptotic[0] - 1,
        asymptotic_high=None if asymptotic is None else 2 * asymptotic[1] - 1,
        decision=rule.decision(raters=len(values), reached_at=reached_at, primary=primary),
        primary=primary,
    )


def looks_at(raters: int) -> Counts:
    """Numbers of raters, rising, at which the bounds of a study of so many were taken: all among those of more."""
    steps = [np.arange(1, min(raters, ALL_UNTIL) + 1)]
    begin, step = ALL_UNTIL, 2
    while begin < raters:
        steps.append(np.arange(begin + step, min(raters, 2 * begin) + 1, step))
        begin, step = 2 * begin, 2 * step
    return np.concatenate(steps)


class Seen:
    """How often each value had come at each look: ``counts`` (L, V) of ``levels`` (V,)."""

    def __init__(self, values: Floats, ends: Counts | None = None) -> None:
        self.ends = np.arange(1, len(values) + 1) if ends is None else ends
        # Where raters finished together, the look is after the last of them.
        self.looks = np.unique(self.ends[np.searchsorted(self.ends, looks_at(len(values)))])
        self.levels, self.level = np.unique(np.round(values, 12), return_inverse=True)
        last = int(self.looks[-1])
        between = np.searchsorted(self.looks, np.arange(1, last + 1))
        key = between * len(self.levels) + self.level[:last]
        table = np.bincount(key, minlength=len(self.looks) * len(self.levels))
        self.counts = table.reshape(len(self.looks), -1).cumsum(axis=0).astype(np.float64)
        self.middle = float(values.mean())

    def log_evidence(self, mean: float) -> Floats:
        """log E (L,) at each look, against the values' mean being ``mean``."""
        return _log_of_mean(self.counts @ self._log_factors(mean))

    def log_evidence_throughout(self, mean: float) -> Floats:
        """The same (R,) after every rater; a stretch of them at a time, since every bet has a number for each."""
        factors = self._log_factors(mean)
        logs, before = np.empty(len(self.level)), np.zeros(len(BETS))
        for begin in range(0, len(logs), _AT_ONCE):
            stretch = slice(begin, begin + _AT_ONCE)
            growth = before + factors[self.level[stretch]].cumsum(axis=0)
            logs[stretch], before = _log_of_mean(growth), growth[-1]
        return logs

    def _log_factors(self, mean: float) -> Floats:
        """What each bet (B,) makes of each level: (V, B), in logs."""
        bets = np.clip(BETS, -0.95 / (1 - mean), 0.95 / mean)
        return np.asarray(np.log1p(np.outer(self.levels - mean, bets)))

    def interval(self, alpha: float) -> tuple[float, float]:
        """What ``sequential.betting_interval`` gives for the looks that are taken."""
        bound = -np.log(alpha)

        def kept(place: int) -> bool:
            return bool(self.log_evidence(float(_MEANS[place])).max() < bound)

        def outlived(place: int) -> int:
            over = self.log_evidence(float(_MEANS[place])) >= bound
            return int(over.argmax()) if over.any() else len(over)

        inside = int(np.abs(_MEANS - self.middle).argmin())
        if not kept(inside):
            # What came first and what came later rule one another out, and perhaps every mean: then those stay
            # that stayed longest.
            looks = np.array([outlived(place) for place in range(len(_MEANS))])
            longest = np.flatnonzero(looks == looks.max())
            first, last = int(longest[0]), int(longest[-1])
        else:
            first = _outermost(inside, -1, kept)
            last = _outermost(inside, len(_MEANS), kept)
        step = float(_MEANS[1] - _MEANS[0])
        return max(float(_MEANS[first]) - step, 0.0), min(float(_MEANS[last]) + step, 1.0)


def _log_of_mean(growth: Floats) -> Floats:
    """Of logs (L, B), the log of the mean over bets (L,), where no float could hold the numbers themselves."""
    top = growth.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(growth - top).mean(axis=1)))


def _outermost(inside: int, outside: int, kept: Any) -> int:
    """The last place that is kept on the way from one that is to one beyond the grid."""
    while abs(outside - inside) > 1:
        between = (inside + outside) // 2
        if kept(between):
            inside = between
        else:
            outside = between
    return inside
