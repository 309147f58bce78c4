"""Watching a study while it runs, without fooling oneself: evidence that may be looked at after every rater.

The unit is the rater: X = (1 + the mean sign of a rater's answers) / 2 for one pair and question. Fed single
answers, an e-process is invalid as soon as raters differ from one another. And raters count once they have
finished, in the order of finishing: while a crowd is under way at once, values that still change would be looked
at in one order after another, and a preference that is not there found in a third of studies. The clips are taken
as they are: what is found holds for them, and generalising to others waits for the final two-way interval.

- **Betting** (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86):
  E = mean over λ of ∏ (1 + λ (X − m)). Under mean m its chance of ever reaching 1/α is at most α (Ville), whenever
  one looks. The confidence sequence holds every m that E has not ruled out yet.
- **Asymptotic** (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, "Time-uniform central limit theory", Annals
  of Statistics 52): narrower, right from about ten raters on; to plan by, not to stop by.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.answers import included
from analysis.checks import named_pairs
from analysis.results import AnalysisError

Floats = np.ndarray[Any, np.dtype[np.float64]]

BETS = np.linspace(-1.9, 1.9, 77)
_MEANS = np.linspace(0.0025, 0.9975, 400)
RHO_SQUARED = 0.1
FIRST_ASYMPTOTIC = 10


@dataclass(frozen=True, slots=True)
class Watched:
    """One pair under one question, after so many raters. Bounds are of net preference for ``system_1``.

    ``raters`` have finished; those ``under_way`` have answered and not finished, and count for nothing yet.
    ``evidence`` is E against no preference and ``needed`` what it has to reach, with Bonferroni over the lines of
    the declared ``Family``; ``reached_at`` is the number of the rater with whom it did, or None. None of it is a
    p value. ``decision`` is what the declared rule says, in words. A pair that is not ``primary`` is outside the
    family: its evidence decides nothing, and ``reached_at`` is None.
    """

    question: str
    system_1: str
    system_2: str
    raters: int
    under_way: int
    net: float
    low: float
    high: float
    evidence: float
    needed: float
    reached_at: int | None
    asymptotic_low: float | None
    asymptotic_high: float | None
    decision: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Family:
    """The lines, a question of a pair each, that share alpha: how many, and in words how they were counted."""

    lines: int
    told: str


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When to stop asking about a pair, declared before the study opens.

    ``alpha`` is the chance of a false alarm over all looks and over all lines of the family. ``primary`` are the
    pairs of the family, in either order (none given: every pair); ``lines`` says how many lines it has. Neither
    hangs on what was answered so far, or what was reached would be taken back as other pairs come in. Evidence
    stops nothing before ``least_raters``; ``most_raters`` stop it whatever was found (None: no such bound).
    ``quiet_minutes``: a rater of a table has finished after so long without an answer, and what comes after such a
    silence counts for nothing here.
    """

    alpha: float = 0.05
    least_raters: int = 0
    most_raters: int | None = None
    primary: Collection[tuple[str, str]] = ()
    lines: int | None = None
    quiet_minutes: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise AnalysisError(f"alpha is a chance between 0 and 1, not {self.alpha}")
        if self.most_raters is not None and self.most_raters < max(self.least_raters, 1):
            raise AnalysisError(f"most_raters is at least {max(self.least_raters, 1)}, not {self.most_raters}")
        fewest = max(len({frozenset(pair) for pair in named_pairs(self.primary)}), 1)
        if self.lines is not None and self.lines < fewest:
            raise AnalysisError(f"lines are at least {fewest}, not {self.lines}")
        if not self.quiet_minutes > 0:
            raise AnalysisError(f"quiet_minutes are more than 0, not {self.quiet_minutes}")

    def is_primary(self, system_1: str, system_2: str) -> bool:
        """Whether a pair is of the declared family; every pair is where none was declared."""
        return not self.primary or {system_1, system_2} in map(set, self.primary)

    def decision(self, *, raters: int, reached_at: int | None, primary: bool = True) -> str:
        """What to do with a pair after so many raters."""
        enough = self.most_raters is not None and raters >= self.most_raters
        if not primary:
            what = "stop: the most raters have come" if enough else "go on"
            return f"{what}; exploratory, so its evidence decides nothing"
        if reached_at is not None and raters >= self.least_raters:
            return "stop: a preference is shown"
        return "stop: the most raters have come, no preference is shown" if enough else "go on"

    def family(self, *, systems: int, questions: int) -> Family:
        """What alpha is shared by: ``lines`` as declared, else the primary pairs, else every pair of systems."""
        if self.lines is not None:
            return Family(self.lines, f"Alpha is shared by {_counted(self.lines, 'line')}, as declared.")
        asked = _counted(questions, "question")
        if self.primary:
            pairs = len({frozenset(pair) for pair in self.primary})
            told = f"the {_counted(pairs, 'pair')} declared primary and {asked}"
        else:
            pairs = systems * (systems - 1) // 2
            told = (
                f"{_counted(pairs, 'pair')} that the {systems} systems of the table can form and {asked}, since "
                "neither lines nor primary pairs were declared; a system that comes in later adds to them"
            )
        return Family(pairs * questions, f"Alpha is shared by {_counted(pairs * questions, 'line')}: {told}.")


def watch(
    frame: pd.DataFrame,
    rule: StoppingRule = StoppingRule(),
    *,
    ended: bool = False,
    include_simulated: bool = False,
) -> tuple[Watched, ...]:
    """Every pair and question of a running study's table, as ``schema.read`` returned it.

    The newest answer of the table is the moment of the look. ``ended``: nobody answers any more, so those who
    answered last have finished too. The bounds of one line hold at 1 − alpha over all looks; what is ``needed``
    also covers that the family has several lines. Raises AnalysisError without answers, for several studies, while
    nobody has finished, and for more lines of the family than were declared.
    """
    used = _used(frame, include_simulated)
    if len(studies := used["study"].unique()) > 1:
        raise AnalysisError(f"the table holds {len(studies)} studies, {', '.join(studies)}; watch one at a time")
    if used["answered_at"].isna().any():
        raise AnalysisError("column 'answered_at' is empty in some rows, so raters have no order to be watched in")
    lines = _family(used, rule).lines
    by_line = ["question", "system_1", "system_2"]
    seen = used[by_line].drop_duplicates()
    watched = sum(rule.is_primary(str(one), str(other)) for _, one, other in seen.itertuples(index=False))
    if watched > lines:
        raise AnalysisError(f"{watched} lines are watched, and alpha was declared to be shared by {lines}")
    signs = np.sign(used["score"].to_numpy(dtype=np.float64))
    rows = used[by_line].assign(rater=pd.factorize(used["rater_id"])[0], sign=signs)
    finished_at, in_time = _finished(rows["rater"], used["answered_at"], rule, ended=ended)
    rows["at"] = finished_at[rows["rater"]]
    groups = rows[in_time].groupby(by_line, observed=True, sort=True)
    lines_found = (_watched((str(a), str(b), str(c)), mine, lines, rule) for (a, b, c), mine in groups)
    found = tuple(one for one in lines_found if one is not None)
    if not found:
        raise AnalysisError(
            f"{_counted(int(rows['rater'].nunique()), 'rater')} under way and none has finished; one counts after "
            f"{rule.quiet_minutes:g} minutes without an answer (quiet_minutes, --quiet-minutes), or at once where "
            "nobody answers any more (ended=True, --ended)"
        )
    return found


def watched_family(
    frame: pd.DataFrame, rule: StoppingRule = StoppingRule(), *, include_simulated: bool = False
) -> Family:
    """What ``watch`` shares alpha by, in words too, with the primary pairs that nobody has judged yet."""
    used = _used(frame, include_simulated)
    found = _family(used, rule)
    judged = {frozenset(pair) for pair in used[["system_1", "system_2"]].drop_duplicates().itertuples(index=False)}
    absent = [f"{one} against {other}" for one, other in rule.primary if frozenset((one, other)) not in judged]
    told = f" Declared primary, and judged by nobody yet: {', '.join(absent)}." if absent else ""
    return Family(found.lines, found.told + told)


def _used(frame: pd.DataFrame, include_simulated: bool) -> pd.DataFrame:
    used = included(frame, include_simulated=include_simulated)
    if used.empty:
        raise AnalysisError("there is no answer to a test trial yet, so there is nothing to watch")
    return used


def _family(used: pd.DataFrame, rule: StoppingRule) -> Family:
    systems = {*used["system_1"].unique(), *used["system_2"].unique()}
    return rule.family(systems=len(systems), questions=used["question"].nunique())


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _finished(
    rater: pd.Series[int], answered_at: pd.Series[Any], rule: StoppingRule, *, ended: bool
) -> tuple[Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
    """When each rater (R,) finished, in seconds, NaN for who has not; and which answers (N,) came before that.

    Neither changes as later answers come: a rater who comes back after the silence stays as he or she was.
    """
    rated = rater.to_numpy()
    seconds = answered_at.to_numpy(dtype="datetime64[ns]").astype(np.int64) / 1e9
    quiet = 60 * rule.quiet_minutes
    order = np.lexsort((seconds, rated))
    same = np.diff(rated[order], prepend=-1) == 0
    gap = same & (np.diff(seconds[order], prepend=0.0) > quiet)
    # How many silences lie before each answer of its rater.
    begins = np.flatnonzero(~same)
    silences = np.cumsum(gap)
    before = silences - np.repeat(silences[begins], np.diff(np.append(begins, len(rated))))
    in_time = np.empty(len(rated), dtype=bool)
    in_time[order] = before == 0
    finished = np.full(int(rated.max()) + 1, -np.inf)
    np.maximum.at(finished, rated[in_time], seconds[in_time])
    if not ended:
        finished[seconds.max() - finished <= quiet] = np.nan
    return finished, in_time


def _watched(line: tuple[str, str, str], rows: pd.DataFrame, lines: int, rule: StoppingRule) -> Watched | None:
    # It builds on this module's rule and result.
    from analysis.looks import watch_line

    raters = rows.groupby("rater").agg(sign=("sign", "mean"), at=("at", "first"))
    finished = raters.dropna().sort_values(["at", "sign"])
    if finished.empty:
        return None
    moments = finished["at"].to_numpy()
    return watch_line(
        line,
        (1 + finished["sign"].to_numpy(dtype=np.float64)) / 2,
        # Of raters who finished at one moment none was first: they are looked at together.
        ends=np.flatnonzero(np.append(moments[1:] != moments[:-1], True)) + 1,
        under_way=len(raters) - len(finished),
        lines=lines,
        rule=rule,
    )


def evidence(values: Floats, mean: float) -> Floats:
    """E after each of the raters' values (R,), in [0, 1], against their mean being ``mean``."""
    # Bets that could lose more than all are cut to what this mean allows.
    bets = np.clip(BETS, -0.95 / (1 - mean), 0.95 / mean)
    growth = np.cumsum(np.log1p(np.outer(values - mean, bets)), axis=0)
    top = growth.max(axis=1, keepdims=True)
    return np.asarray(np.exp(top[:, 0]) * np.exp(growth - top).mean(axis=1))


def betting_interval(values: Floats, alpha: float) -> tuple[float, float]:
    """The means that no look so far has ruled out; one step of the grid wider than found.

    Where every mean is ruled out, since raters have changed their minds: those that were ruled out last.
    """
    over = np.array([evidence(values, mean) >= 1 / alpha for mean in _MEANS])
    looks = np.where(over.any(axis=1), over.argmax(axis=1), len(values))
    inside = _MEANS[looks == looks.max()]
    step = float(_MEANS[1] - _MEANS[0])
    return max(float(inside[0]) - step, 0.0), min(float(inside[-1]) + step, 1.0)


def asymptotic_interval(values: Floats, alpha: float) -> tuple[float, float] | None:
    """Mean ± a boundary that holds at all looks from ``FIRST_ASYMPTOTIC`` raters on; None before."""
    count = len(values)
    if count < FIRST_ASYMPTOTIC:
        return None
    scale = count * RHO_SQUARED + 1
    width = np.sqrt(2 * scale / (count**2 * RHO_SQUARED) * np.log(np.sqrt(scale) / alpha))
    half = float(values.std(ddof=1) * width)
    return max(float(values.mean()) - half, 0.0), min(float(values.mean()) + half, 1.0)
