"""The trials of one session as a researcher reads them: shown, answered, flagged, marked. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from studyapp import blinding
from studyapp.models import (
    Presentation,
    Response,
    SessionFlag,
    Study,
    StudySession,
    Trial,
    TrialMark,
    VoidedTrial,
)
from studyapp.presentation import LETTERS, Side
from studyapp.questions import SCALE, Question

_STIMULI = (
    *("comparison__clip", "comparison__expected"),
    *("comparison__stimulus_1__system", "comparison__stimulus_2__system"),
)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial of a session, as its list and its replay tell it."""

    trial: Trial
    left: str
    right: str
    expected: str
    shown_at: datetime | None
    answers: tuple[tuple[str, str], ...]
    coverage: tuple[float, float] | None
    seconds: float | None
    flags: tuple[str, ...]
    marks: tuple[str, ...]
    void: str


def trial_rows(study: Study, session: StudySession, *, names: bool) -> list[TrialRow]:
    """Every trial of the session's block, in order, with a number of queries that does not grow with them."""
    trials = list(Trial.objects.filter(block=session.block_id).select_related(*_STIMULI).order_by("position"))
    shown = {one.trial_id: one for one in Presentation.objects.filter(session=session)}
    answers: dict[int, dict[str, Response]] = {}
    for response in Response.objects.filter(session=session).order_by("pk"):
        answers.setdefault(response.trial_id, {})[response.question] = response
    flags = _texts(
        (flag.trial_id, f"{flag.get_rule_display()}" + (f" ({flag.times} times)" if flag.times > 1 else ""))
        for flag in SessionFlag.objects.filter(session=session)
    )
    marks = _texts((mark.trial_id, _mark(mark)) for mark in TrialMark.objects.filter(session=session))
    voided = {
        void.trial_id: str(void.get_reason_display())
        for void in VoidedTrial.objects.filter(trial__block=session.block_id)
    }
    compared = {_slugs(trial) for trial in trials if trial.comparison.expected is None}
    called = blinding.pairs(study, compared, shown=False)
    points = dict(SCALE)
    rows = []
    for trial in trials:
        given = answers.get(trial.pk, {})
        last = max((one.answered_at for one in given.values()), default=None)
        presentation = shown.get(trial.pk)
        first = next(iter(given.values()), None)
        left, right, better = _called(trial, called, names=names)
        rows.append(
            TrialRow(
                trial=trial,
                left=left,
                right=right,
                expected=better,
                shown_at=presentation.shown_at if presentation else None,
                answers=tuple(
                    (str(Question(name).label), points[given[name].choice])
                    for name in session.question_order
                    if name in given
                ),
                coverage=(100 * first.coverage_left, 100 * first.coverage_right) if first else None,
                seconds=(last - presentation.shown_at).total_seconds()
                if last and presentation and presentation.shown_at
                else None,
                flags=tuple(flags.get(trial.pk, ())),
                marks=tuple(marks.get(trial.pk, ())),
                void=voided.get(trial.pk, ""),
            )
        )
    return rows


def _slugs(trial: Trial) -> tuple[str, str]:
    """In canonical order, whatever side they were on."""
    return trial.comparison.stimulus_1.system.slug, trial.comparison.stimulus_2.system.slug


def _called(trial: Trial, called: Mapping[tuple[str, str], str], *, names: bool) -> tuple[str, str, str]:
    """What left, right and the one that is known to fit better are called; the last empty where nobody knows.

    Without names both are called by their pair alone: the answer stands beside them. A gold trial tells which is
    the better, and so its versions are called by that; the two of an identical trial are called so.
    """
    left, right = (one.system.slug for one in trial.sides)
    better = trial.comparison.expected
    if names:
        return left, right, better.slug if better else ""
    if better is None:
        return called[_slugs(trial)], called[_slugs(trial)], ""
    of_gold = {slug: blinding.GOLD[slug != better.slug] for slug in (left, right)}
    return of_gold[left], of_gold[right], blinding.GOLD[0]


def _texts(pairs: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for key, text in pairs:
        found.setdefault(key, []).append(text)
    return found


def _mark(mark: TrialMark) -> str:
    if mark.kind == TrialMark.Kind.COMMENT:
        return f"“{mark.text}”"
    side = LETTERS.get(cast(Side, mark.side), "")
    return f"{mark.get_kind_display()}{f': {side}' if side else ''}"
