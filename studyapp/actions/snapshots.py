"""Keeping a study's figures fresh: asked for by whoever looks, worked out by a worker, kept as one row.

A snapshot waits ten times as long as the one before took, so a study with a million answers costs a tenth of a
worker at most, and a small one is fresh within seconds. ``asked_at`` later than ``made_at`` says that a worker was
asked and none has begun; ``made_at`` is set when one begins, so that of two that hear one message only one works.
"""

from __future__ import annotations

import importlib
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from studyapp import policies
from studyapp.actions import alarms
from studyapp.models import Snapshot, Study
from studyapp.states import StudyState
from studyapp.watching import monitoring
from studyapp.watching.figures import Figures
from studyapp.work import last_worker
from studyapp.work.queues import SHORT

LEAST_WAIT = timedelta(seconds=2)
TIMES_COST = 10
FIRST_WAIT = timedelta(minutes=2)
"""Before the first figures are there, nobody knows what they cost."""
UNWATCHED_WAIT = timedelta(minutes=5)
"""A running study is looked at this often although nobody watches, for its alarms."""
RESEND_AFTER = timedelta(seconds=30)
_RUNNING = [state for state in StudyState if policies.takes_answers(state)]


def latest(study: Study) -> Figures | None:
    """The figures last worked out; None before the first."""
    snapshot = Snapshot.objects.filter(study=study).first()
    return Figures.from_json(snapshot.figures) if snapshot else None


def ask(*, study: Study, now: datetime) -> Snapshot:
    """Somebody looks: the row as it is, and a worker is sent for where newer figures are due."""
    snapshot, _ = Snapshot.objects.get_or_create(study=study)
    if not _is_asked(snapshot) and now >= due_at(snapshot, LEAST_WAIT, now):
        _ask(snapshot, now)
    return snapshot


def refresh(*, study_id: int) -> bool:
    """Work the figures out and look for alarms, unless another worker has begun; returns whether they were.

    Harmless to repeat: a message that comes twice finds the figures fresh.
    """
    snapshot = Snapshot.objects.select_related("study").filter(study=study_id).first()
    # Once in a worker's life, and no part of what figures cost.
    importlib.import_module("studyapp.watching.answer_columns")
    begun = timezone.now()
    if snapshot is None or begun < due_at(snapshot, LEAST_WAIT, begun):
        return False
    # Conditional: of two workers that saw the same row, one finds it changed.
    if not Snapshot.objects.filter(pk=snapshot.pk, made_at=snapshot.made_at).update(made_at=begun):
        return False
    clock = time.monotonic()
    figures = monitoring.figures(snapshot.study, now=begun)
    took_s = time.monotonic() - clock
    with transaction.atomic():
        # Whoever began later, because this one took too long, has the newer figures.
        mine = Snapshot.objects.filter(pk=snapshot.pk, made_at=begun)
        if not mine.update(figures=figures.to_json(), took_s=took_s):
            return False
        alarms.look(study=snapshot.study, figures=figures, now=timezone.now())
    return True


def keep_fresh(*, now: datetime) -> int:
    """Ask for the figures of running studies, watched or not, and again where no worker came; returns how many.

    Part of the sweep, as is looking for alarms.
    """
    look_for_alarms(now=now)
    sent = 0
    for study in Study.objects.filter(state__in=_RUNNING).order_by("pk"):
        snapshot, _ = Snapshot.objects.get_or_create(study=study)
        lost = _is_asked(snapshot) and snapshot.asked_at is not None and now - snapshot.asked_at >= RESEND_AFTER
        if lost or (not _is_asked(snapshot) and now >= due_at(snapshot, UNWATCHED_WAIT, now)):
            sent += _ask(snapshot, now, again=lost)
    return sent + _send_lost(now)


def look_for_alarms(*, now: datetime) -> None:
    """Those that come with time alone, such as that no worker comes; and tell again what could not be told."""
    for study in Study.objects.filter(state__in=_RUNNING).order_by("pk"):
        snapshot, _ = Snapshot.objects.get_or_create(study=study)
        figures = Figures.from_json(snapshot.figures)
        if figures is not None:
            alarms.look(study=study, figures=figures, now=now)
        elif (since := _waits_since(study)) is not None:
            alarms.look_for_workers(study=study, since=since, now=now)
    alarms.send_untold(now=now)


def _waits_since(study: Study) -> datetime | None:
    """Since when a study without figures has waited for a worker: the last that came, or raters were let in."""
    let_in = study.audit_lines.filter(verb__in=("study open", "study pilot")).values_list("at", flat=True).first()
    moments = (last_worker.last(), study.opened_at, let_in)
    return max((moment for moment in moments if moment is not None), default=None)


def due_at(snapshot: Snapshot, least: timedelta, now: datetime) -> datetime:
    """When newer figures may be worked out."""
    if snapshot.made_at is None:
        return now
    if not snapshot.figures:
        return snapshot.made_at + FIRST_WAIT
    return snapshot.made_at + max(least, TIMES_COST * timedelta(seconds=snapshot.took_s))


def _is_asked(snapshot: Snapshot) -> bool:
    return snapshot.asked_at is not None and (snapshot.made_at is None or snapshot.asked_at > snapshot.made_at)


def _send_lost(now: datetime) -> int:
    """What was asked of studies that do not run any more, and nobody came."""
    unheard = Q(made_at=None) | Q(asked_at__gt=F("made_at"))
    lost = Snapshot.objects.filter(unheard, asked_at__lte=now - RESEND_AFTER).exclude(study__state__in=_RUNNING)
    # A message that waits for longer than a day is for nobody.
    lost = lost.filter(asked_at__gt=now - timedelta(days=1))
    for snapshot in lost:
        _send(snapshot.study_id)
    return len(lost)


def _ask(snapshot: Snapshot, now: datetime, *, again: bool = False) -> int:
    if again:
        # asked_at stays: it says since when nobody has come.
        _send(snapshot.study_id)
        return 1
    # Conditional: of many who look at one moment, one sends a message.
    asked = Snapshot.objects.filter(pk=snapshot.pk, asked_at=snapshot.asked_at).update(asked_at=now)
    if asked:
        snapshot.asked_at = now
        _send(snapshot.study_id)
    return asked


def _send(study_id: int) -> None:
    # tasks.py calls back into this module.
    from studyapp import tasks

    # Robust: a broker that is away is logged, and the sweeper sends again.
    transaction.on_commit(
        lambda: tasks.refresh_snapshot.apply_async(
            args=[study_id], queue=SHORT, expires=RESEND_AFTER.total_seconds()
        ),
        robust=True,
    )
