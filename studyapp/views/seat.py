"""Which rater is asking, and what time it is for them: the signed cookie, and the clock of simulated sessions."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from studyapp.actions.recruitment import OPEN, Entry
from studyapp.actions.sessions import Consent
from studyapp.models import Study, StudySession
from studyapp.panels import Arrival
from studyapp.states import StudyState

# One word for every study: the name tells nothing, the path keeps studies apart.
COOKIE = "seat"
# Long after a session has expired, a rater who comes back should still be told so.
_COOKIE_AGE_S = 180 * 24 * 3600
_TICKET_AGE_S = 7 * 24 * 3600
CLOCK_HEADER = "X-Duet-Clock"
_MAX_CLOCK_S = 1e7


def seated(request: HttpRequest, study_token: str) -> StudySession | None:
    """The session that the request's cookie names in this study, with its study; None for a stranger."""
    token = request.get_signed_cookie(COOKIE, default=None, salt=f"seat.{study_token}")
    if token is None:
        return None
    sessions = StudySession.objects.select_related("study", "block")
    return sessions.filter(token=token, study__token=study_token).first()


def take_seat(response: HttpResponseBase, session: StudySession) -> None:
    """Give the browser the cookie by which ``seated`` knows the session again."""
    token = session.study.token
    response.set_signed_cookie(
        COOKIE,
        session.token,
        salt=f"seat.{token}",
        max_age=_COOKIE_AGE_S,
        path=reverse("take", args=[token]),
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def leave_seat(response: HttpResponseBase, session: StudySession) -> None:
    """Let the browser forget the session, so that another person can start on it."""
    response.delete_cookie(COOKIE, path=reverse("take", args=[session.study.token]), samesite="Lax")


def new_ticket(study: Study, code: str, *, entry: Entry = OPEN, language: str, told: str = "") -> str:
    """What a consent form carries: who came how, to the pilot or the study, what they were told, and a code.

    Sent twice it enrols once.
    """
    arrival = entry.arrival and [entry.arrival.panel, entry.arrival.id, dict(entry.arrival.further)]
    of_pilot = study.state == StudyState.PILOT
    said = [code, entry.invitation, arrival, language, told, of_pilot]
    return signing.dumps(said, salt=f"ticket.{study.token}")


def ticket_of(study: Study, ticket: str) -> Consent | None:
    """What a ticket of ours says that is not too old; None otherwise."""
    try:
        code, invitation, arrival, language, told, of_pilot = signing.loads(
            ticket, salt=f"ticket.{study.token}", max_age=_TICKET_AGE_S
        )
    except (signing.BadSignature, ValueError):  # forged or old, or written by an earlier Duet
        return None
    return Consent(code, Entry(invitation, Arrival(*arrival) if arrival else None), language, told, of_pilot)


def moment(request: HttpRequest, session: StudySession) -> datetime:
    """Now. A session that the database calls simulated may state its own clock, in seconds since its consent.

    For every other session the header means nothing. Raises BadRequest on a simulated session's unusable clock.
    """
    stated = request.headers.get(CLOCK_HEADER)
    if stated is None or not session.simulated:
        return timezone.now()
    try:
        seconds = float(stated)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _MAX_CLOCK_S:
        raise BadRequest(f"{CLOCK_HEADER}: {stated!r} is not a number of seconds from 0 to {_MAX_CLOCK_S:.0f}")
    return session.consented_at + timedelta(seconds=seconds)
