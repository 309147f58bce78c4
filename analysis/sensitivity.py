"""Whether the primary results hang on choices: which raters count, how it is tested, what "no difference" means.

Rules for raters are declared before a study opens and never ask whether others agree. The primary results take
every rater; beside them stand the same results without raters who break a rule, and how many break which.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.raters import NO_RULES, PassRules, rater_figures
from analysis.results import Estimate, NetTest, PairRate, WinRates
from analysis.win_rates import included, win_rates

Floats = np.ndarray[Any, np.dtype[np.float64]]

MARGIN = 0.1
"""Net preference that is too small to matter, unless a study declares another."""
EXACT_UP_TO = 14
DRAWS = 9_999
SEED = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One primary result. ``kept`` is net preference without raters who break a rule, None where none is declared.

    ``sign_flip`` is the p value of flipping each rater's preference at random (these clips, raters a sample).
    ``equivalence`` is the p value of |net| ≥ margin (two one-sided tests): small means shown to be no difference.
    """

    question: str
    system_1: str
    system_2: str
    all: Estimate
    kept: Estimate | None
    sign_flip: float
    equivalence: float | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Every primary result, and the flow of raters: what, and how many. A rater may break several rules."""

    margin: float
    lines: tuple[Line, ...]
    flow: tuple[tuple[str, int], ...]


def sensitivity(
    frame: pd.DataFrame,
    rates: WinRates,
    *,
    rules: PassRules = NO_RULES,
    include_simulated: bool = False,
    margin: float = MARGIN,
) -> Sensitivity:
    """Beside the averages of ``rates``, which ``win_rates`` made of the same ``frame``."""
    counted = frame if include_simulated else frame[~frame["simulated"]]
    breaches = {one.rater_id: rules.breaches(one) for one in rater_figures(counted)} if rules.declared else {}
    out = {rater for rater, broken in breaches.items() if broken}
    without: dict[tuple[str, str, str], PairRate] = {}
    if rules.declared:
        left = frame[~frame["rater_id"].astype(str).isin(out)]
        if not included(left, include_simulated=include_simulated).empty:
            kept = win_rates(left, include_simulated=include_simulated, level=rates.level)
            without = {_key(rate): rate for rate in kept.averages}
    used = included(frame, include_simulated=include_simulated)
    lines = tuple(_line(rate, used, without.get(_key(rate)), rules.declared, margin) for rate in rates.averages)
    return Sensitivity(margin, lines, _flow(used, breaches, out))


def _key(rate: PairRate) -> tuple[str, str, str]:
    return rate.question, rate.system_1, rate.system_2


def _line(rate: PairRate, used: pd.DataFrame, kept: PairRate | None, declared: bool, margin: float) -> Line:
    mine = used[
        (used["question"].astype(object) == rate.question)
        & (used["system_1"].astype(object) == rate.system_1)
        & (used["system_2"].astype(object) == rate.system_2)
    ]
    signs = pd.Series(np.sign(mine["score"].to_numpy(dtype=np.float64)))
    by_rater = signs.groupby(mine["rater_id"].astype(str).to_numpy()).mean().to_numpy(dtype=np.float64)
    nobody = Estimate(0.0, None, None, "", "nobody who keeps the rules judged this pair")
    return Line(
        rate.question,
        rate.system_1,
        rate.system_2,
        rate.net,
        None if not declared else kept.net if kept else nobody,
        sign_flip(by_rater),
        equivalence(rate.net.value, rate.test, margin) if rate.test else None,
    )


def _flow(used: pd.DataFrame, breaches: dict[str, dict[str, str]], out: set[str]) -> tuple[tuple[str, int], ...]:
    raters = set(used["rater_id"].astype(str))
    by_rule = Counter(name for rater in raters for name in breaches.get(rater, {}))
    broken = [(f"break the rule on {name}", count) for name, count in sorted(by_rule.items())]
    return (("raters analysed", len(raters)), *broken, ("keep every declared rule", len(raters - out)))


def sign_flip(values: Floats) -> float:
    """Two-sided p value of raters' means (R,) being symmetric about 0; exact for few raters, else by draws."""
    count = len(values)
    observed = abs(float(values.sum())) - 1e-12
    if count <= EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float((np.abs(signs @ values) >= observed).mean())
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), size=(DRAWS, count))
    return (1 + int((np.abs(signs @ values) >= observed).sum())) / (DRAWS + 1)


def equivalence(net: float, test: NetTest, margin: float) -> float:
    """The larger p value of the two one-sided tests that net lies beyond −margin or +margin (Schuirmann 1987)."""
    nearest = (margin - abs(net)) / test.se
    return float(stats.t.sf(nearest, test.df))
