"""Breaks: offered after so many trials, as long as anybody likes within reason, and over with one press."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from studyapp.actions.session_rows import must_go_on, note_seen, under_lock
from studyapp.models import Break, StudySession

LEFT_AT_LEAST = 3
"""Nobody rests before the last two."""
RESTING = timedelta(minutes=30)
"""Silence that a break adds to what the study allows."""


@dataclass(frozen=True, slots=True)
class BreakOffered:
    """Time for a break, after so many of all trials."""

    after: int
    total: int


def due(session: StudySession, *, answered: int, total: int, now: datetime) -> BreakOffered | None:
    """The break that is to be offered now, noted as offered; call with the session's row locked."""
    every = session.study.break_after
    if not every or not answered or answered % every or total - answered < LEFT_AT_LEAST:
        return None
    offered, fresh = Break.objects.get_or_create(session=session, after=answered, defaults={"offered_at": now})
    if offered.ended_at is not None:
        return None
    if fresh:
        note_seen(session, now + RESTING)
    return BreakOffered(answered, total)


@transaction.atomic
def go_on(*, session: StudySession, now: datetime) -> None:
    """End whatever break is on; harmless without one. Raises SessionOver or WrongState."""
    session = under_lock(session)
    must_go_on(session)
    Break.objects.filter(session=session, ended_at=None).update(ended_at=now)
    note_seen(session, now)
