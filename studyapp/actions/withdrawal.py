"""Leaving a study, and having everything erased that one gave: the one exception to keeping evidence.

Deleted are the session, its rater, and all that hangs on them, by a literal list: a new table that points at
either must be put on it, or a test fails. What stays is a tombstone with counts; frozen datasets that held the
answers are marked superseded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Min, Model

from studyapp.actions import packing
from studyapp.actions.endings import end_early, end_locked
from studyapp.actions.superseding import supersede
from studyapp.errors import UnknownReceipt
from studyapp.models import (
    AuditLine,
    Block,
    Break,
    Erasure,
    Participant,
    PlayEvent,
    Presentation,
    Response,
    SessionFlag,
    StepTry,
    Study,
    StudySession,
    Trial,
    TrialMark,
)
from studyapp.policies import packs_again
from studyapp.receipts import digest_of
from studyapp.states import BlockState, SessionState, StudyState

ERASED: tuple[tuple[type[Model], str], ...] = (
    (PlayEvent, "presentation__session"),
    (Presentation, "session"),
    (TrialMark, "session"),
    (SessionFlag, "session"),
    (Response, "session"),
    (StepTry, "session"),
    (Break, "session"),
    (Participant, "rater__sessions"),
)
"""Every table with rows of a session, what hangs on others first."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a receipt code leads to. ``erasure`` once everything is gone."""

    session: StudySession | None
    erasure: Erasure | None

    @property
    def trials(self) -> int:
        """Comparisons answered, whether they are still there or not."""
        if self.session is not None:
            return self.session.trials_answered
        assert self.erasure is not None
        return self.erasure.trials


def withdraw(*, session: StudySession, now: datetime) -> StudySession:
    """End a live session at its rater's wish; its answers are kept. Raises SessionOver or WrongState."""
    return end_early(session=session, then=SessionState.WITHDRAWN, now=now)


def find(receipt: str) -> Kept:
    """What is kept under a code. Raises UnknownReceipt for one that is unknown or no code at all."""
    digest = digest_of(receipt)
    session = StudySession.objects.select_related("study").filter(receipt_sha256=digest).first()
    erasure = None if session else Erasure.objects.filter(receipt_sha256=digest).first()
    if session is None and erasure is None:
        raise UnknownReceipt
    return Kept(session, erasure)


@transaction.atomic
def erase(*, receipt: str, now: datetime) -> Erasure:
    """Delete everything of the session under this code; sent again, nothing changes. Raises UnknownReceipt.

    A live session is withdrawn first. What it had answered goes into new blocks while the study takes answers.
    """
    kept = find(receipt)
    if kept.session is None:
        assert kept.erasure is not None
        return kept.erasure
    # The study first, as everybody does who ends sessions; datasets that begin to be built wait for it too.
    study = Study.objects.select_for_update(no_key=True).get(pk=kept.session.study_id)
    session = StudySession.objects.select_for_update().filter(pk=kept.session.pk).first()
    if session is None:  # the same code at the same moment: the other one was faster
        return Erasure.objects.get(receipt_sha256=kept.session.receipt_sha256)
    if session.is_live:
        end_locked(study, session, SessionState.WITHDRAWN, now)
    erasure = _tombstone(session, now)
    first_answer = session.responses.aggregate(key=Min("pk"))["key"]
    answered = list(Trial.objects.filter(responses__session=session).distinct().values_list("pk", flat=True))
    block, rater, simulated = session.block, session.rater, session.simulated
    for model, lookup in ERASED:
        model._default_manager.filter(**{lookup: session}).delete()
    # Its own row, then the pseudonym's; a hold and an invitation stay, and point at nobody.
    session.delete()
    rater.delete()
    Block.objects.filter(pk=block.pk).update(state=BlockState.RETIRED)
    new_blocks: list[int] = []
    if packs_again(StudyState(study.state)):
        sources = packing.unclaimed_remainders(study)
        Block.objects.filter(pk__in=[source.pk for source in sources]).update(state=BlockState.RETIRED)
        new_blocks = packing.pack_again(
            study, sources, now=now, erased=[] if block.origin == Block.Origin.PILOT else answered
        )
    superseded = supersede(study, first_answer=first_answer, simulated=simulated, now=now) if first_answer else []
    AuditLine.write(
        "session erased by its rater",
        by=None,
        study=study,
        erasure=erasure.pk,
        retired_block=block.number,
        new_blocks=new_blocks,
        superseded_datasets=superseded,
    )
    return erasure


def _tombstone(session: StudySession, now: datetime) -> Erasure:
    assert session.receipt_sha256 is not None
    return Erasure.objects.create(
        study=session.study,
        receipt_sha256=session.receipt_sha256,
        state=session.state,
        simulated=session.simulated,
        consented_on=session.consented_at.date(),
        erased_at=now,
        trials=session.trials_answered,
        responses=session.responses.count(),
        events=PlayEvent.objects.filter(presentation__session=session).count(),
        marks=session.marks.count(),
    )
