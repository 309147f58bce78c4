"""How far each rater's own checks speak for attention, as a weight: never by whether others agree.

A rater attends or does not. Who answers at random passes a gold pair, an identical pair and a repeat as often as
chance has it on five points. How often attending raters pass is estimated from the study (EM over the two classes,
share of the attending fixed at ``PRIOR``), since honest answers to an identical pair or a repeat vary too: a check
that attending raters pass hardly more often than chance says little and weighs little. Bayes' rule turns the
checks that a rater passed and failed into the chance of attention. A rater whose taste nobody shares and who keeps
to it loses nothing. Models that weigh raters by agreement would, and are left out on purpose. Who always answers
"no preference" is caught by gold pairs alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.raters import RaterFigures
from analysis.variance import Floats

PRIOR = 0.9
MOST = 0.98
"""Pass rate of attending raters at most: one slip proves nothing."""
# Of uniform answers from 1 to 5: the right side of gold, within one step of the middle, or of the answer before.
BY_CHANCE = {"gold_right": 2 / 5, "identical_near": 3 / 5, "repeat_near": 13 / 25}
_COUNTS = {"gold_right": "gold", "identical_near": "identical", "repeat_near": "repeats"}
_ROUNDS = 200
METHOD = "weighted by each rater's own checks"


def attention(figures: RaterFigures, passing: Mapping[str, float]) -> float:
    """Chance (0 to 1) that a rater attends, where attending raters pass each kind of check as often as given."""
    odds = np.log(PRIOR / (1 - PRIOR))
    for share, chance in BY_CHANCE.items():
        passed = getattr(figures, share)
        if passed is None:
            continue
        checks = getattr(figures, _COUNTS[share])
        rate = passing[share]
        # The two answers of one trial lean on each other: a trial counts once, by the share of them that pass.
        odds += checks * (passed * np.log(rate / chance) + (1 - passed) * np.log((1 - rate) / (1 - chance)))
    return float(1 / (1 + np.exp(-np.clip(odds, -700, 700))))


def pass_rates(figures: Sequence[RaterFigures]) -> dict[str, float]:
    """How often attending raters pass each kind of check, by EM; chance where nobody met one."""
    rates = dict.fromkeys(BY_CHANCE, 0.95)
    for _ in range(_ROUNDS):
        weights = np.array([attention(one, rates) for one in figures])
        before = dict(rates)
        for share, chance in BY_CHANCE.items():
            checks = np.array([getattr(one, _COUNTS[share]) for one in figures], dtype=np.float64)
            passed = np.array([getattr(one, share) or 0.0 for one in figures])
            met = float(weights @ checks)
            rates[share] = float(np.clip(weights @ (checks * passed) / met, chance, MOST)) if met else chance
        if max(abs(rates[share] - before[share]) for share in rates) < 1e-9:
            break
    return rates


def attention_weights(figures: Sequence[RaterFigures], raters: Sequence[str]) -> Floats | None:
    """Weights (R,) of raters in the order of ``raters``; None where nobody was checked."""
    if not any(one.gold or one.identical or one.repeats for one in figures):
        return None
    passing = pass_rates(figures)
    known = {one.rater_id: attention(one, passing) for one in figures}
    return np.array([known.get(rater, PRIOR) for rater in raters])
