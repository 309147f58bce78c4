"""How a session ends before its last trial: silence, a failed check, or the rater's own wish.

What an ended session leaves unanswered is packed into new blocks.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from studyapp import policies
from studyapp.actions import packing
from studyapp.actions.session_rows import become, must_go_on, note_seen, under_lock
from studyapp.models import AuditLine, Block, Study, StudySession
from studyapp.states import BlockState, SessionState, StudyState


def stand_still(*, study: Study) -> None:
    """Wait for who is answering or enrolling at this moment, and let nobody do so until the transaction ends.

    Call first in the transaction that closes the study: what was answered before is then committed, and what comes
    after finds the study closed.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    # Answers hold their session's row. In one order, so that two who ask for this never wait for each other.
    list(StudySession.objects.live().filter(study=study).order_by("pk").select_for_update(no_key=True))


@transaction.atomic
def end_early(*, session: StudySession, then: SessionState, now: datetime) -> StudySession:
    """End a live session as screened out or withdrawn; its answers stay. Raises SessionOver or WrongState."""
    # The study first, as whoever expires sessions does: two that wait for each other would never end.
    study = Study.objects.select_for_update(no_key=True).get(pk=session.study_id)
    session = under_lock(session)
    must_go_on(session)
    end_locked(study, session, then, now)
    return session


def end_locked(study: Study, session: StudySession, then: SessionState, now: datetime) -> None:
    """The same for who holds both locks, the study's and then the session's."""
    become(session, then)
    note_seen(session, now)
    _pack_what_is_left(study, [session], now, f"session {then.label.lower()}")


def expire_sessions(*, now: datetime, study: Study | None = None) -> int:
    """End overdue sessions and pack what they, and void trials, left unanswered into new blocks.

    All that is overdue in a study is packed together, as one wave. Packing never waits for more: a short remainder
    is offered at once, and while nobody has claimed it, the next packing dissolves it and packs its trials along.
    Returns how many sessions ended, or blocks were made where none had to end.
    """
    overdue, void = (
        StudySession.objects.overdue(now),
        packing.waiting().filter(
            trial__block__study__state__in=[state for state in StudyState if policies.packs_again(state)]
        ),
    )
    if study is not None:
        overdue, void = overdue.filter(study=study), void.filter(trial__block__study=study)
    studies = set(overdue.values_list("study_id", flat=True))
    studies.update(void.values_list("trial__block__study_id", flat=True))
    return sum(_expire_in(study_id, now) for study_id in sorted(studies))


@transaction.atomic
def _expire_in(study_id: int, now: datetime) -> int:
    # One packing at a time numbers a study's blocks; no_key lets raters' inserts point at the study meanwhile.
    study = Study.objects.select_for_update(no_key=True).get(pk=study_id)
    # A session whose row is locked is being answered right now: it is not silent.
    overdue = StudySession.objects.overdue(now).filter(study=study).select_for_update(skip_locked=True)
    sessions = list(overdue.order_by("pk"))
    goes_on = policies.packs_again(StudyState(study.state))
    # Read under the lock: another sweep may have packed what was seen before it.
    void = goes_on and packing.waiting().filter(trial__block__study=study).exists()
    if not sessions and not void:
        return 0
    for session in sessions:
        become(session, SessionState.EXPIRED)
    StudySession.objects.bulk_update(sessions, ["state"])
    new_blocks = _pack_what_is_left(study, sessions, now, "sessions expired" if sessions else "void trials packed")
    return len(sessions) or len(new_blocks)


def _pack_what_is_left(study: Study, ended: list[StudySession], now: datetime, what: str) -> list[int]:
    """Retire the blocks of ended sessions; call under the study's lock. Returns the numbers of new blocks."""
    goes_on = policies.packs_again(StudyState(study.state))
    sources = list(Block.objects.filter(session__in=ended))
    if goes_on:
        sources += packing.unclaimed_remainders(study)
    Block.objects.filter(pk__in=[block.pk for block in sources]).update(state=BlockState.RETIRED)
    new_blocks = packing.pack_again(study, sources, now=now) if goes_on else []
    AuditLine.write(
        what,
        by=None,
        study=study,
        sessions=[session.pk for session in ended],
        retired_blocks=sorted(block.number for block in sources),
        new_blocks=new_blocks,
    )
    return new_blocks
