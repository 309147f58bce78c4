"""How people come: by the open link, by an invitation, or from a panel; once each."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from studyapp import policies
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Invitation, Participant, Rater, Study, StudySession, User
from studyapp.panels import PANELS, Arrival, Outcome
from studyapp.panels.contract import Return
from studyapp.states import StudyState

MOST_INVITATIONS = 5000
_CODE_BYTES = 15


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody came with: an invitation's code, what a panel's link says, or neither."""

    invitation: str = ""
    arrival: Arrival | None = None

    @property
    def is_open(self) -> bool:
        return not self.invitation and self.arrival is None


OPEN = Entry()


@transaction.atomic
def invite(*, study: Study, notes: list[str], by: User | None) -> list[str]:
    """Make an invitation for each note and return their codes, which are kept nowhere.

    Raises DuetError for a number that cannot be, WrongState once the study has ended.
    """
    if policies.has_ended(StudyState(study.state)):
        raise WrongState(f"{study} is {study.standing}; an invitation would lead nobody in any more")
    if not 1 <= len(notes) <= MOST_INVITATIONS:
        raise DuetError(f"{len(notes)} invitations were asked for; make 1 to {MOST_INVITATIONS} at a time")
    codes = [secrets.token_urlsafe(_CODE_BYTES) for _ in notes]
    Invitation.objects.bulk_create(
        Invitation(study=study, digest=_digest_of_code(code), note=note[:120], created_by=by)
        for code, note in zip(codes, notes, strict=True)
    )
    AuditLine.write("invitations made", by=by, study=study, invitations=len(codes))
    return codes


@transaction.atomic
def revoke(*, invitation: Invitation, by: User | None, now: datetime) -> None:
    """Let nobody begin with it any more; who has begun goes on. Raises WrongState once it was used."""
    if not Invitation.objects.filter(pk=invitation.pk, used_at=None).update(revoked_at=now):
        raise WrongState(f"{invitation} was used already; it can be taken back no more")
    AuditLine.write("invitation revoked", by=by, study=invitation.study, invitation=invitation.pk)


@transaction.atomic
def purge_panel_ids(*, study: Study, by: User | None, now: datetime) -> int:
    """Delete the ids under which panels know a study's raters; digests stay, so that nobody takes part twice."""
    purged = Participant.objects.filter(study=study, purged_at=None).update(panel_id="", further={}, purged_at=now)
    AuditLine.write("panel ids purged", by=by, study=study, participants=purged)
    return purged


def session_of(study: Study, entry: Entry) -> StudySession | None:
    """The run of who came in this way before."""
    rater = _rater_of(study, entry)
    return StudySession.objects.select_related("study", "block").filter(study=study, rater=rater).first()


def _rater_of(study: Study, entry: Entry) -> Rater | None:
    if entry.arrival is not None:
        known = _participants(study, entry.arrival).select_related("rater").first()
        return known.rater if known else None
    if entry.invitation:
        invitation = _invitations(study, entry.invitation).select_related("rater").first()
        return invitation.rater if invitation else None
    return None


def refusal(study: Study, entry: Entry) -> str:
    """Why nobody can begin in this way, in a sentence for them; empty where somebody can."""
    if entry.invitation:
        invitation = _invitations(study, entry.invitation).first()
        if invitation is None:
            return gettext("This invitation is not known. Please check that the link was copied whole.")
        if invitation.revoked_at is not None:
            return gettext("This invitation was taken back. Please ask the people who sent it to you.")
        if invitation.used_at is not None and invitation.rater_id is None:
            return gettext("This invitation was used already.")
        return ""
    if entry.arrival is not None or study.open_link:
        return ""
    if study.panel:
        words = gettext(
            "The link lacks the id by which {panel} knows you. Please open the study from there again."
        )
        return words.format(panel=PANELS[study.panel].label)
    return gettext("This study is by invitation. Please open the link that was sent to you.")


def bind(*, study: Study, entry: Entry, rater: Rater, now: datetime) -> None:
    """Note who came; call under the study's lock. Raises WrongState where they may not.

    The same id or invitation again takes the place of a run that ended before it began; ``session_of`` tells of
    any other. Last line of defence: both are unique.
    """
    reason = refusal(study, entry)
    if reason:
        raise WrongState(reason)
    if entry.invitation:
        # Conditional: it may be taken back at this moment.
        valid = _invitations(study, entry.invitation).filter(revoked_at=None)
        if not valid.update(rater=rater, used_at=now):
            raise WrongState(refusal(study, entry))
    elif entry.arrival is not None:
        values = {"rater": rater, "arrived_at": now}
        if not _participants(study, entry.arrival).update(**values):
            Participant.objects.create(
                study=study,
                panel=entry.arrival.panel,
                digest=_digest_of_id(study, entry.arrival),
                panel_id=entry.arrival.id,
                further=dict(entry.arrival.further),
                **values,
            )


def address_back(study: Study, outcome: Outcome, *, panel: str, identity: str) -> str:
    """Where the panel takes somebody back; empty where it does not, or nobody came from one."""
    if panel not in PANELS:
        return ""
    codes = {
        Outcome.COMPLETED: study.completion_code,
        Outcome.SCREENED_OUT: study.screened_out_code,
        Outcome.NO_CONSENT: study.no_consent_code,
        Outcome.TIMED_OUT: study.timed_out_code,
    }
    return PANELS[panel].back(Return(outcome, codes[outcome], identity, study.panel_return_address))


def _participants(study: Study, arrival: Arrival) -> QuerySet[Participant]:
    return Participant.objects.filter(study=study, panel=arrival.panel, digest=_digest_of_id(study, arrival))


def _invitations(study: Study, code: str) -> QuerySet[Invitation]:
    return Invitation.objects.filter(study=study, digest=_digest_of_code(code))


def _digest_of_code(code: str) -> str:
    # 120 random bits: nobody finds the code of a digest by trying, so no salt and no slow hash.
    return hashlib.sha256(code.encode()).hexdigest()


def _digest_of_id(study: Study, arrival: Arrival) -> str:
    # A panel's ids can be listed and tried; without the study's salt nobody can tell who took part.
    text = f"{study.token}/{arrival.panel}/{arrival.id}"
    return hmac.new(study.salt.encode(), text.encode(), hashlib.sha256).hexdigest()
