"""A trial that cannot be played, or that a rater will not go on with: void, and never a way past the gate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from studyapp import media_store
from studyapp.actions import packing
from studyapp.actions.flags import raise_flag
from studyapp.actions.marks import Mark, hold_stimulus, store_marks
from studyapp.actions.session_rows import complete, note_seen, under_lock
from studyapp.actions.sessions import current_presentation, store_events
from studyapp.errors import AnswerRefused
from studyapp.events import ReportedEvent
from studyapp.models import AuditLine, SessionFlag, StimulusHold, StudySession, Trial, TrialMark, VoidedTrial
from studyapp.presentation import Side

# Of a session's void trials whose files the server finds whole, so many can be the rater's connection.
MANY_VOIDS = 3


@transaction.atomic
def void_trial(
    *,
    session: StudySession,
    trial: Trial,
    side: Side,
    reason: VoidedTrial.Reason,
    marks: Sequence[Mark] = (),
    reported: Sequence[ReportedEvent] = (),
    now: datetime,
) -> None:
    """The session's current trial is void; its comparison is packed again once the session has ended.

    A file that the server, too, finds missing or short is held. A repeat of the trial is void with it. Sent again,
    nothing changes. Raises AnswerRefused when it is not this trial's turn, SessionOver or WrongState when nothing
    is taken any more.
    """
    session = under_lock(session)
    trial = Trial.objects.select_related("comparison__stimulus_1", "comparison__stimulus_2").get(pk=trial.pk)
    if VoidedTrial.objects.filter(trial=trial).exists() or trial.responses.exists():
        return
    store_events(current_presentation(session, trial), reported, now)
    upcoming = packing.unanswered().filter(block=session.block_id).order_by("position")
    if upcoming.first() != trial:
        raise AnswerRefused(gettext("An earlier step is not answered yet. Please reload the page."))
    stimulus = trial.stimulus_on(side)
    lost = _is_lost(stimulus.file, stimulus.file_bytes)
    VoidedTrial.objects.create(trial=trial, reason=reason, side=side, file_lost=lost, voided_at=now)
    VoidedTrial.objects.bulk_create(
        VoidedTrial(trial=repeat, reason=VoidedTrial.Reason.ORIGINAL, voided_at=now)
        for repeat in upcoming.filter(repeat_of=trial)
    )
    if lost:
        hold_stimulus(session=session, stimulus=stimulus, reason=StimulusHold.Reason.FILE, now=now)
    if reason == VoidedTrial.Reason.OFFENSIVE:
        marks = [*marks, Mark(TrialMark.Kind.OFFENSIVE, side)]
    store_marks(session=session, trial=trial, marks=marks, now=now)
    _flag_many(session, trial, now)
    AuditLine.write(
        "trial void", by=None, study=session.study, trial=trial.pk, reason=str(reason), side=side, file_lost=lost
    )
    if upcoming.exists():
        note_seen(session, now)
    else:
        complete(session, now)


def _is_lost(name: str, size: int | None) -> bool:
    path = media_store.root() / name
    return not path.is_file() or (size is not None and path.stat().st_size != size)


def _flag_many(session: StudySession, trial: Trial, now: datetime) -> None:
    by_rater = VoidedTrial.objects.filter(trial__block=session.block_id, file_lost=False).exclude(side="")
    if by_rater.count() >= MANY_VOIDS:
        raise_flag(session=session, trial=trial, rule=SessionFlag.Rule.MANY_VOIDS, now=now)
