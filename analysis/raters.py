"""How each rater answered: checks passed, sides favoured, answers varied, time taken; and the rules for it.

A rater is never judged by whether others agree. Gold pairs have an answer that is known (the clip's own music fits
its video better than another clip's) and count by visual relevance alone, for taste has no right answer. An
identical pair, and a pair shown again with its sides swapped, check the rater against himself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.answers import Flags, coded
from analysis.results import AnalysisError
from analysis.variance import Codes, Floats

FIT = "visual_relevance"
NEAR = 1
"""Steps of the scale by which an answer may differ from the middle, or from the one before, and count as it."""


@dataclass(frozen=True, slots=True)
class RaterFigures:
    """One rater's answers in figures; a share is None where there is nothing to take it of.

    gold_right: share of gold pairs whose known better side was preferred for visual relevance.
    identical_near: share of answers to identical pairs within one step of "no preference".
    repeat_near: share of answers to repeats within one step of the answer before, sides swapped back.
    left_share: share of the preferences of test trials that went to the left side; a half by chance.
    same_choice: share of the commonest choice among one question's test answers, the larger of the questions.
    median_response_ms: from the moment when the answers opened, test trials.
    longest_run: most test answers to one question alike in a row.
    sided: test answers with a preference, which left_share is a share of.
    """

    rater_id: str
    tests: int
    gold: int
    gold_right: float | None
    identical: int
    identical_near: float | None
    repeats: int
    repeat_near: float | None
    left_share: float | None
    same_choice: float | None
    median_response_ms: float | None
    longest_run: int
    sided: int

    @property
    def median_response_s(self) -> float | None:
        return None if self.median_response_ms is None else self.median_response_ms / 1000


@dataclass(frozen=True, slots=True)
class PassRules:
    """What a rater's answers must reach to be used, declared before the study opens; None asks for nothing.

    fewest_checks: gold pairs (or identical ones) below which their rule does not apply: one miss proves nothing.
    """

    min_gold_right: float | None = None
    min_identical_near: float | None = None
    max_same_choice: float | None = None
    min_median_response_ms: float | None = None
    fewest_checks: int = 2

    def __post_init__(self) -> None:
        for name in ("min_gold_right", "min_identical_near", "max_same_choice"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise AnalysisError(f"{name} is a share from 0 to 1, not {share:g}")

    @property
    def declared(self) -> bool:
        """Whether there is any rule."""
        asked = (self.min_gold_right, self.min_identical_near, self.max_same_choice, self.min_median_response_ms)
        return any(bound is not None for bound in asked)

    @property
    def told(self) -> str:
        """Every declared bound in one line, empty where none is declared."""
        checks = f"(from {self.fewest_checks} pairs on)"
        bounds = []
        if self.min_gold_right is not None:
            bounds.append(f"at least {100 * self.min_gold_right:g}% of gold pairs right {checks}")
        if self.min_identical_near is not None:
            near = f"at least {100 * self.min_identical_near:g}%"
            bounds.append(f"{near} of answers to identical pairs near no preference {checks}")
        if self.max_same_choice is not None:
            bounds.append(f"at most {100 * self.max_same_choice:g}% of the answers to one question alike")
        if self.min_median_response_ms is not None:
            bounds.append(f"a median time to answer of at least {self.min_median_response_ms:g} ms")
        return f"Rules for raters, as declared: {'; '.join(bounds)}." if bounds else ""

    def broken_by(self, figures: RaterFigures) -> tuple[str, ...]:
        """The rules that a rater's answers break, in words with their figures; none for a rater who passes."""
        return tuple(self.breaches(figures).values())

    def breaches(self, figures: RaterFigures) -> dict[str, str]:
        """The same by the rule's name."""
        broken = {}
        gold, identical = figures.gold_right, figures.identical_near
        if _below(gold, self.min_gold_right) and figures.gold >= self.fewest_checks:
            broken["gold pairs right"] = f"{gold:.0%} of gold pairs right, {self.min_gold_right:.0%} needed"
        if _below(identical, self.min_identical_near) and figures.identical >= self.fewest_checks:
            broken["identical pairs near the middle"] = (
                f"{identical:.0%} of answers to identical pairs near no preference, "
                f"{self.min_identical_near:.0%} needed"
            )
        if _below(self.max_same_choice, figures.same_choice):
            broken["one and the same answer"] = (
                f"{figures.same_choice:.0%} of the answers to one question alike, "
                f"at most {self.max_same_choice:.0%} allowed"
            )
        if _below(figures.median_response_ms, self.min_median_response_ms):
            broken["time to answer"] = (
                f"half of the answers within {figures.median_response_ms:.0f} ms, "
                f"{self.min_median_response_ms:.0f} ms needed"
            )
        return broken


NO_RULES = PassRules()


def _below(value: float | None, bound: float | None) -> bool:
    return value is not None and bound is not None and value < bound


def rater_figures(frame: pd.DataFrame) -> list[RaterFigures]:
    """Figures of every rater of a table that ``analysis.schema.read`` gave, by rater id."""
    if frame.empty:
        return []
    rater, names = coded(frame["rater_id"])
    count = len(names)
    kind = frame["kind"].astype(object).to_numpy()
    question, questions = coded(frame["question"])
    score = frame["score"].to_numpy(dtype=np.intp)
    presented = frame["score_presented"].to_numpy(dtype=np.intp)
    trial = coded(frame["trial_id"])[0]
    tests, identical, repeats = (kind == name for name in ("test", "identical", "repeat"))
    gold = (kind == "gold") & (frame["question"] == FIT).to_numpy()
    expected = (
        frame["expected"].astype(object).to_numpy()[gold] == frame["system_1"].astype(object).to_numpy()[gold]
    )
    right = np.zeros(len(frame), dtype=np.bool_)
    right[gold] = np.where(expected, score[gold], -score[gold]) > 0
    apart, of_rater = _apart(frame, repeats, rater)
    steps = np.bincount(of_rater, apart <= NEAR, minlength=count), np.bincount(of_rater, minlength=count)
    sided = tests & (presented != 0)
    run = _longest_runs(frame, rater, question, tests, count)
    same = _commonest(rater, question, frame["choice"].to_numpy(dtype=np.intp), tests, count, len(questions))
    times = frame.loc[tests, "response_time_ms"].astype(float).groupby(rater[tests]).median()
    columns = {
        "tests": _trials(rater, trial, tests, count),
        "gold": np.bincount(rater[gold], minlength=count),
        "gold_right": _shares(rater, right, gold, count),
        "identical": _trials(rater, trial, identical, count),
        "identical_near": _shares(rater, np.abs(score) <= NEAR, identical, count),
        "repeats": _trials(rater, trial, repeats, count),
        "repeat_near": _divided(*steps),
        "left_share": _shares(rater, presented > 0, sided, count),
        "same_choice": same,
        "median_response_ms": times.reindex(range(count)).to_numpy(),
        "longest_run": run,
        "sided": np.bincount(rater[sided], minlength=count),
    }
    return [
        RaterFigures(names[code], **{name: _plain(values[code]) for name, values in columns.items()})
        for code in range(count)
    ]


def _plain(value: Any) -> Any:
    """A count as an int, a share as a float, and None for what there is nothing to take of."""
    if isinstance(value, np.integer):
        return int(value)
    return None if np.isnan(value) else float(value)


def _trials(rater: Codes, trial: Codes, rows: Flags, count: int) -> Codes:
    """Different trials (R,) among the rows."""
    first = np.unique(trial[rows], return_index=True)[1]
    return np.bincount(rater[rows][first], minlength=count)


def _shares(rater: Codes, holds: Flags, rows: Flags, count: int) -> Floats:
    """Share (R,) of the rows that hold; NaN without any."""
    return _divided(
        np.bincount(rater[rows], holds[rows], minlength=count), np.bincount(rater[rows], minlength=count)
    )


def _divided(sums: Any, totals: Any) -> Floats:
    return np.where(totals > 0, sums / np.maximum(totals, 1), np.nan)


def _apart(frame: pd.DataFrame, repeats: Flags, rater: Codes) -> tuple[Codes, Codes]:
    """Steps between each answer to a repeat and the one to its original, canonical, and whose they are."""
    asked = frame.loc[repeats, ["study", "repeat_of", "question", "score"]].astype(object)
    asked = asked.assign(rater=rater[repeats])
    originals = frame["trial_id"].astype(object).isin(set(asked["repeat_of"])).to_numpy()
    before = frame.loc[originals, ["study", "trial_id", "question", "score"]].astype(object)
    both = asked.merge(
        before, left_on=["study", "repeat_of", "question"], right_on=["study", "trial_id", "question"]
    )
    steps = (both["score_x"] - both["score_y"]).abs()
    return steps.to_numpy(dtype=np.intp), both["rater"].to_numpy(dtype=np.intp)


def _commonest(rater: Codes, question: Codes, choice: Codes, rows: Flags, count: int, questions: int) -> Floats:
    """Share (R,) of the commonest choice among one question's answers, the larger of the questions."""
    key = (rater[rows] * questions + question[rows]) * 5 + choice[rows] - 1
    table = np.bincount(key, minlength=count * questions * 5).reshape(count, questions, 5)
    totals = table.sum(axis=2)
    shares = np.where(totals > 0, table.max(axis=2) / np.maximum(totals, 1), -1.0).max(axis=1)
    return np.where(shares < 0, np.nan, shares)


def _longest_runs(frame: pd.DataFrame, rater: Codes, question: Codes, rows: Flags, count: int) -> Codes:
    """Longest row (R,) of one and the same choice to one question in a session, in the order of its trials."""
    position = frame["position"].to_numpy(dtype=np.intp)
    session = coded(frame["session_id"])[0]
    order = np.lexsort((position[rows], question[rows], session[rows]))
    columns = (session, question, frame["choice"].to_numpy(dtype=np.intp))
    sorted_columns = [column[rows][order] for column in columns]
    if not len(order):
        return np.zeros(count, dtype=np.intp)
    starts = np.ones(len(order), dtype=np.bool_)
    starts[1:] = np.any([column[1:] != column[:-1] for column in sorted_columns], axis=0)
    begins = np.flatnonzero(starts)
    lengths = np.diff(np.append(begins, len(order)))
    longest = np.zeros(count, dtype=np.intp)
    np.maximum.at(longest, rater[rows][order][begins], lengths)
    return longest
