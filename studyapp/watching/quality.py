"""What a study's raters are held to, and how each of them answered.

A study may have fifty thousand raters. A page works out the figures of those that it shows, from their rows alone;
who breaks a rule is found by a worker, from everybody's answers, and kept with the study's figures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from studyapp.models import Response, Study, StudySession, Trial
from studyapp.presentation import canonical_score, presented_score
from studyapp.questions import SCALE, Question
from studyapp.results.pseudonyms import pseudonym
from studyapp.states import StudyState

if TYPE_CHECKING:
    import pandas as pd

    from analysis.raters import PassRules, RaterFigures
    from studyapp.watching.answer_columns import Answers, Compared

_COLUMNS = {
    "session_id": "session",
    "trial_id": "trial",
    "repeat_of": "trial__repeat_of",
    "position": "trial__position",
    "kind": "trial__kind",
    "left_is_1": "trial__left_is_1",
    "expected": "trial__comparison__expected",
    "system_1": "trial__comparison__stimulus_1__system",
    "question": "question",
    "choice": "choice",
    "response_time_ms": "response_time_ms",
}
"""What figures are worked out from, and where it is stored; keys stand where the ratings table has names."""

_CHOICES = tuple(value for value, _ in SCALE)


@dataclass(frozen=True, slots=True)
class RaterLine:
    """One rater's figures and the declared rules that they break, in words."""

    figures: RaterFigures
    broken: tuple[str, ...]


def rules_of(study: Study) -> PassRules:
    """The rules that the study declared before it opened."""
    from analysis.raters import PassRules

    return PassRules(
        min_gold_right=study.min_gold_right,
        min_identical_near=study.min_identical_near,
        max_same_choice=study.max_same_choice,
        min_median_response_ms=study.min_median_response_ms,
    )


def answered(study: Study, *, include_simulated: bool) -> QuerySet[StudySession]:
    """Sessions with answers, the newest first: a pilot's while it runs, and the study's own from then on."""
    mine = StudySession.objects.filter(study=study, answer_count__gt=0).order_by("-pk")
    mine = mine.of_pilot() if study.state == StudyState.PILOT else mine.counted()
    return mine if include_simulated else mine.filter(simulated=False)


def rater_lines(study: Study, sessions: Collection[int]) -> list[RaterLine]:
    """The raters of these sessions, by key, in the order given; who has answered nothing is left out."""
    # pandas takes 0.5 s and 60 MB: only whoever looks pays for it.
    from analysis.raters import rater_figures

    rules = rules_of(study)
    frame = _frame(study, sessions)
    found = {figures.rater_id: figures for figures in rater_figures(frame)}
    order = dict(zip(frame["session_id"], frame["rater_id"], strict=True))
    figures_of = [found[order[pk]] for pk in sessions if pk in order]
    return [RaterLine(figures, rules.broken_by(figures)) for figures in figures_of]


def rule_breakers(study: Study, answers: Answers, compared: Mapping[int, Compared]) -> list[int]:
    """Sessions, by key and the newest first, whose rater breaks a declared rule. For a worker: reads no row."""
    import numpy as np
    import pandas as pd

    from analysis.raters import rater_figures

    rules = rules_of(study)
    if not rules.declared:
        return []
    rows = answers.rows
    comparisons, place = np.unique(rows["comparison"], return_inverse=True)
    known = [compared[pk] for pk in comparisons.tolist()]
    frame = pd.DataFrame(
        {
            "rater_id": rows["session"],
            "session_id": rows["session"],
            # A comparison is once in a block but for its repeat, and no rule is about repeats.
            "trial_id": rows["session"] * len(known) + place,
            "repeat_of": None,
            "position": 0,
            "kind": pd.Categorical.from_codes(rows["kind"], pd.Index(Trial.Kind.values)),
            "left_is_1": rows["left_is_1"],
            "expected": np.array([one.expected for one in known], dtype=object)[place],
            "system_1": np.array([one.system_1 for one in known], dtype=object)[place],
            "question": pd.Categorical.from_codes(rows["question"], pd.Index(Question.values)),
            "choice": rows["choice"],
            "response_time_ms": rows["response_ms"],
        }
    )
    breaking = (int(one.rater_id) for one in rater_figures(_scored(frame)) if rules.breaches(one))
    return sorted(breaking, reverse=True)


def _frame(study: Study, sessions: Collection[int]) -> pd.DataFrame:
    """These sessions' answers as ``rater_figures`` reads them."""
    import pandas as pd

    raters = StudySession.objects.filter(study=study, pk__in=sessions).select_related("rater")
    names = {one.pk: one.archived_rater or pseudonym(study, one.rater.code, prefix="r") for one in raters}
    told = Response.objects.filter(session__in=names).order_by().values_list(*_COLUMNS.values())
    # As objects: a key beside an empty cell would be made a floating-point number.
    frame = pd.DataFrame(list(told), columns=list(_COLUMNS), dtype=object)
    return _scored(frame.assign(rater_id=frame["session_id"].map(names)))


def _scored(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with ``score`` and ``score_presented``, and as of one study."""
    import numpy as np

    choice = frame["choice"].to_numpy(dtype=np.intp) - 1
    left_is_1 = frame["left_is_1"].to_numpy(dtype=np.intp)
    presented = np.array([presented_score(read) for read in _CHOICES])
    canonical = np.array(
        [[canonical_score(read, left_is_1=first) for read in _CHOICES] for first in (False, True)]
    )
    return frame.assign(study="", score_presented=presented[choice], score=canonical[left_is_1, choice])
