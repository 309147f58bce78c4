"""Steps before the first trial: a try is drawn and kept, then judged once; who fails for good is screened out."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from studyapp.actions.endings import end_locked
from studyapp.actions.session_rows import become, must_go_on, note_seen, under_lock
from studyapp.admission import is_done, outstanding, settings_of
from studyapp.briefings import questions
from studyapp.errors import WrongState
from studyapp.models import StepTry, Study, StudySession
from studyapp.screening import steps
from studyapp.screening.steps import Step
from studyapp.states import SessionState


@dataclass(frozen=True, slots=True)
class Ended:
    """A try that is over. ``again`` when another one follows, ``out`` when the session ended with it."""

    passed: bool
    again: bool
    out: bool


@transaction.atomic
def open_try(*, session: StudySession, step: Step, now: datetime) -> StepTry:
    """The try at a step that is under way, drawn now if there is none. Raises SessionOver or WrongState.

    WrongState when the step is not the one that comes next.
    """
    session = under_lock(session)
    must_go_on(session)
    if outstanding(session) != step:
        raise WrongState(f"{step.label} is not what comes next")
    note_seen(session, now)
    tries = [one for one in session.tries.all() if one.step == step]
    under_way = next((one for one in tries if one.ended_at is None), None)
    if under_way is not None:
        return under_way
    # What is drawn is kept, so it need not be drawn again; nor may anybody foresee it.
    rng = random.Random(secrets.randbits(64))
    asked = questions(session.study, session.language)
    return StepTry.objects.create(
        session=session, step=step, number=len(tries) + 1, shown=steps.draw(step, rng, asked), shown_at=now
    )


@transaction.atomic
def end_try(*, session: StudySession, step: Step, number: int, answers: Mapping[str, Any], now: datetime) -> Ended:
    """Judge a try. Sent again it is not judged again. Raises SessionOver, or WrongState without such a try."""
    # The study first, as whoever expires sessions does: failing for good ends the session and packs its block.
    study = Study.objects.select_for_update(no_key=True).get(pk=session.study_id)
    session = under_lock(session)
    tried = StepTry.objects.filter(session=session, step=step, number=number).first()
    if tried is None:
        raise WrongState(f"{step.label} has no try {number}")
    settings = settings_of(study)
    if tried.ended_at is None:
        must_go_on(session)
        asked = questions(study, session.language)
        score = steps.score(step, tried.shown, answers, settings, asked)
        tried.answers, tried.points, tried.of, tried.passed = dict(answers), score.points, score.of, score.passed
        tried.ended_at = now
        tried.save(update_fields=["answers", "points", "of", "passed", "ended_at"])
        _go_on(study, session, step, now)
    tries = list(session.tries.all())
    out = session.state == SessionState.SCREENED_OUT
    return Ended(passed=bool(tried.passed), again=not out and not is_done(step, tries, settings), out=out)


def _go_on(study: Study, session: StudySession, step: Step, now: datetime) -> None:
    settings = settings_of(study)
    tries = list(session.tries.all())
    failed = sum(one.step == step and one.passed is False for one in tries)
    if not is_done(step, tries, settings) and failed >= steps.tries(step, settings):
        end_locked(study, session, SessionState.SCREENED_OUT, now)
        return
    if outstanding(session) is None:
        become(session, SessionState.SCREENED)
    note_seen(session, now)
