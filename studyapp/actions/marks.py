"""Marks beside the answers, and the stimuli that they take out until a researcher has looked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from studyapp.actions.flags import raise_flag
from studyapp.errors import WrongState
from studyapp.models import AuditLine, SessionFlag, Stimulus, StimulusHold, StudySession, Trial, TrialMark, User
from studyapp.models.marks import MAX_COMMENT, SIDED
from studyapp.presentation import SIDES, Side

# One person's taste must not empty a study: beyond this their marks are kept, and take nothing out.
MAX_HOLDS_PER_SESSION = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """What was ticked. ``side`` for what is about one version; ``text`` for a comment."""

    kind: TrialMark.Kind
    side: Side | None = None
    text: str = ""


def marks_from(*, both_bad: bool, wrong: Iterable[str], offensive: Iterable[str], comment: str) -> list[Mark]:
    """Marks as the form has them: sides by letter's side, words cut to what the database keeps."""
    marks = [Mark(TrialMark.Kind.BOTH_BAD)] if both_bad else []
    for kind, ticked in zip(SIDED, (set(wrong), set(offensive)), strict=True):
        marks += [Mark(TrialMark.Kind(kind), side) for side in SIDES if side in ticked]
    words = comment.strip()[:MAX_COMMENT]
    return [*marks, Mark(TrialMark.Kind.COMMENT, text=words)] if words else marks


@transaction.atomic
def store_marks(*, session: StudySession, trial: Trial, marks: Iterable[Mark], now: datetime) -> None:
    """Keep the marks, and hold what was called offensive. A mark that is there already stays as it was."""
    marks = list(marks)
    TrialMark.objects.bulk_create(
        (
            TrialMark(
                session=session,
                trial=trial,
                kind=mark.kind,
                side=mark.side or "",
                text=mark.text,
                marked_at=now,
            )
            for mark in marks
        ),
        ignore_conflicts=True,
    )
    for mark in marks:
        if mark.kind == TrialMark.Kind.OFFENSIVE and mark.side is not None:
            _hold_what_offends(session, trial, mark.side, now)


def _hold_what_offends(session: StudySession, trial: Trial, side: Side, now: datetime) -> None:
    stimulus = trial.stimulus_on(side)
    # Whoever has looked has decided; the mark is kept, and does not take it out again.
    if stimulus.holds.filter(reason=StimulusHold.Reason.OFFENSIVE).exists():
        return
    if session.holds.filter(reason=StimulusHold.Reason.OFFENSIVE).count() >= MAX_HOLDS_PER_SESSION:
        raise_flag(session=session, trial=trial, rule=SessionFlag.Rule.MANY_HOLDS, now=now)
        return
    hold_stimulus(session=session, stimulus=stimulus, reason=StimulusHold.Reason.OFFENSIVE, now=now)


@transaction.atomic
def hold_stimulus(
    *, session: StudySession, stimulus: Stimulus, reason: StimulusHold.Reason, now: datetime
) -> StimulusHold:
    """Show the stimulus to nobody until a researcher has looked; the session's rater or its browser found it."""
    # get_or_create: the second of two at one moment meets the index and finds the first one's hold.
    hold, fresh = StimulusHold.objects.get_or_create(
        stimulus=stimulus, lifted_at=None, defaults={"reason": reason, "session": session, "held_at": now}
    )
    if fresh:
        AuditLine.write("stimulus held", by=None, study=session.study, stimulus=stimulus.pk, reason=str(reason))
    return hold


@transaction.atomic
def lift_hold(*, hold: StimulusHold, by: User, now: datetime) -> None:
    """A researcher has looked and lets the stimulus back in; what waits for it is packed by the next sweep.

    Raises WrongState when somebody did so already.
    """
    open_hold = StimulusHold.objects.filter(pk=hold.pk, lifted_at=None)
    if not open_hold.update(lifted_at=now, lifted_by=by):
        raise WrongState(f"{hold.stimulus} was let back in already")
    study = hold.session.study if hold.session else None
    AuditLine.write("stimulus let back in", by=by, study=study, stimulus=hold.stimulus_id, reason=hold.reason)
