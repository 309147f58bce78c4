"""How each rater answered: checks passed, sides favoured, answers varied, time taken; and the rules for it.

A rater is never judged by whether others agree. Gold pairs have an answer that is known (the clip's own music fits
its video better than another clip's) and count by visual relevance alone, for taste has no right answer. An
identical pair, and a pair shown again with its sides swapped, check the rater against himself.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

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

    @property
    def declared(self) -> bool:
        """Whether there is any rule."""
        asked = (self.min_gold_right, self.min_identical_near, self.max_same_choice, self.min_median_response_ms)
        return any(bound is not None for bound in asked)

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
    groups = frame.assign(rater_id=frame["rater_id"].astype(str)).groupby("rater_id", sort=True)
    return [_figures(str(name), rows) for name, rows in groups]


def _figures(rater_id: str, rows: pd.DataFrame) -> RaterFigures:
    kind = rows["kind"].astype(str)
    tests, gold = rows[kind == "test"], rows[(kind == "gold") & (rows["question"] == FIT)]
    identical, repeats = rows[kind == "identical"], rows[kind == "repeat"]
    towards = gold["score"].where(
        gold["expected"].astype(object) == gold["system_1"].astype(object), -gold["score"]
    )
    sides = tests.loc[tests["score_presented"] != 0, "score_presented"]
    return RaterFigures(
        rater_id=rater_id,
        tests=tests["trial_id"].nunique(),
        gold=len(gold),
        gold_right=_share(towards > 0),
        identical=identical["trial_id"].nunique(),
        identical_near=_share(identical["score"].abs() <= NEAR),
        repeats=repeats["trial_id"].nunique(),
        repeat_near=_share(_apart(rows, repeats) <= NEAR),
        left_share=_share(sides > 0),
        same_choice=_commonest(tests),
        median_response_ms=_median(tests["response_time_ms"]),
    )


def _apart(rows: pd.DataFrame, repeats: pd.DataFrame) -> pd.Series[float]:
    """Steps between each answer to a repeat and the answer to its original, in the canonical frame."""
    before = rows[["session_id", "trial_id", "question", "score"]].astype(
        {"session_id": object, "trial_id": object}
    )
    asked = repeats[["session_id", "repeat_of", "question", "score"]].astype(
        {"session_id": object, "repeat_of": object}
    )
    both = asked.merge(
        before, left_on=["session_id", "repeat_of", "question"], right_on=["session_id", "trial_id", "question"]
    )
    return (both["score_x"] - both["score_y"]).abs().astype(float)


def _commonest(tests: pd.DataFrame) -> float | None:
    shares = [
        float(answers.value_counts(normalize=True).iloc[0])
        for _, answers in tests.groupby("question", observed=True)["choice"]
    ]
    return max(shares, default=None)


def _share(holds: pd.Series[bool]) -> float | None:
    return float(holds.mean()) if len(holds) else None


def _median(values: pd.Series[float]) -> float | None:
    known = values.dropna()
    return float(known.median()) if len(known) else None
