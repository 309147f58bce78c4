"""Wilcoxon's signed-rank test with Bonferroni's correction, as in MusicLM's listening test: for comparison only.

Each rating from −2 to 2 enters as if no other came from the same person or about the same clip. Where raters and
clips differ that finds a preference that is not there in 9–46 % of studies instead of 5 % (docs/statistics.md),
so nothing in the report rests on it. Ratings without a preference are dropped, as Wilcoxon (1945) does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.answers import Answers

METHOD = "Wilcoxon signed-rank, Bonferroni, ratings taken as independent (the lineage of MusicLM and V2Meow)"
WARNING = (
    "Takes every rating as a person's only one: where raters and clips differ, it finds preferences that are not "
    "there."
)


@dataclass(frozen=True, slots=True)
class SignedRank:
    """One pair under one question, all genres pooled. ``zeros`` of the ``n`` ratings had no preference.

    ``statistic`` and the p values are None where ``reason`` says why.
    """

    question: str
    system_1: str
    system_2: str
    n: int
    zeros: int
    mean_score: float
    statistic: float | None
    p: float | None
    p_bonferroni: float | None
    reason: str
    method: str = METHOD
    warning: str = WARNING


def signed_rank(answers: Answers) -> tuple[SignedRank, ...]:
    """Every pair and question; Bonferroni over all that could be tested."""
    found = []
    for question in answers.asked():
        for pair, names in enumerate(answers.pairs):
            score = answers.score[(answers.question == question) & (answers.pair == pair)]
            if len(score):
                found.append((answers.questions[question], names, score))
    tests = sum(bool(score.any()) for _, _, score in found)
    return tuple(_of_one(question, names, score, tests) for question, names, score in found)


def _of_one(
    question: str, names: tuple[str, str], score: np.ndarray[tuple[int], np.dtype[np.intp]], tests: int
) -> SignedRank:
    told = (question, *names, len(score), int((score == 0).sum()), float(score.mean()))
    if not score.any():
        return SignedRank(*told, None, None, None, "every rating is without a preference")
    # Ranks of five answers are tied: the normal approximation with its correction, whatever n.
    test = stats.wilcoxon(score[score != 0], method="asymptotic")
    return SignedRank(*told, float(test.statistic), float(test.pvalue), min(1.0, float(test.pvalue) * tests), "")
