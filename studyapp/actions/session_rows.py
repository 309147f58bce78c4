"""The row of a rater's session: read under its lock, moved from state to state, and saved with a sign of life.

Whether a session may go on is decided by its row alone, under its lock: a rater who comes back after the time
allowed but before the sweeper has looked simply goes on, for nothing of theirs has been given away yet.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext

from studyapp import policies
from studyapp.errors import SessionOver, WrongState
from studyapp.models import StudySession
from studyapp.states import SessionState, StudyState


def under_lock(session: StudySession) -> StudySession:
    """The session as it is now, its row locked until the transaction ends. Raises SessionOver if it was erased."""
    # The study is not read along: its state must be that of the moment when the lock was given, not asked for.
    locked = StudySession.objects.select_for_update().filter(pk=session.pk).first()
    if locked is None:
        raise SessionOver(gettext("This session was erased."))
    return locked


def become(session: StudySession, then: SessionState) -> None:
    """Move a session whose row is locked; the caller saves it."""
    now = SessionState(session.state)
    assert policies.session_may_become(now, then), f"{session} is {now}; it cannot become {then}"
    session.state = then


def begin(session: StudySession, now: datetime) -> None:
    """The first trial of a session whose row is locked; the caller saves it."""
    if session.state == SessionState.CONSENTED:
        become(session, SessionState.SCREENED)
    become(session, SessionState.ACTIVE)
    session.started_at = now


def must_go_on(session: StudySession) -> None:
    """Raises SessionOver or WrongState where nothing more is taken."""
    match session.state:
        case SessionState.EXPIRED:
            words = gettext(
                "This session has ended, because nothing happened for {minutes} minutes. Your answers are kept."
            )
            raise SessionOver(words.format(minutes=session.study.session_timeout_min))
        case SessionState.COMPLETED:
            raise SessionOver(gettext("You have answered everything already. Your answers are kept."))
        case SessionState.SCREENED_OUT:
            raise SessionOver(gettext("This session ended with the checks before the first comparison."))
        case SessionState.WITHDRAWN:
            raise SessionOver(gettext("You have left this study."))
    if not policies.takes_answers(StudyState(session.study.state)):
        raise WrongState(gettext("This study is closed. Your answers are kept."))


def note_seen(session: StudySession, now: datetime) -> None:
    """Save a session whose row is locked, with this sign of life."""
    session.last_seen_at = now
    session.expires_at = session.expiry_after(now)
    session.save(
        update_fields=["state", "started_at", "completed_at", "last_seen_at", "expires_at", "answer_count"]
    )


def complete(session: StudySession, now: datetime) -> None:
    """End a session whose row is locked and that has nothing left to be asked."""
    if session.started_at is None:
        begin(session, now)
    become(session, SessionState.COMPLETED)
    session.completed_at = now
    note_seen(session, now)
