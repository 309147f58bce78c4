"""Claims that the server does not believe, kept for whoever screens the answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import F

from studyapp.errors import Distrusted
from studyapp.models import SessionFlag, StudySession, Trial


@transaction.atomic
def raise_flag(*, session: StudySession, trial: Trial, rule: str, now: datetime, detail: str = "") -> None:
    """Note that it happened; the second time it counts on the same row."""
    flag, fresh = SessionFlag.objects.get_or_create(
        session=session,
        trial=trial,
        rule=SessionFlag.Rule(rule),
        defaults={"detail": detail[:200], "first_at": now, "last_at": now},
    )
    if not fresh:
        SessionFlag.objects.filter(pk=flag.pk).update(times=F("times") + 1, last_at=now)


@contextmanager
def flagging(session: StudySession, trial: Trial, now: datetime) -> Iterator[None]:
    """Keep the flag of what is refused inside: a refusal rolls its transaction back, and the flag must stay."""
    try:
        yield
    except Distrusted as refused:
        raise_flag(session=session, trial=trial, rule=refused.rule, now=now, detail=str(refused))
        raise
