"""What leads to a person: kept apart from answers, kept until a day, and purged.

Comments are answers in raters' own words: they stay, as every answer does, until their rater erases them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from studyapp.actions.amendments import write_amendment
from studyapp.actions.recruitment import purge_panel_ids
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Invitation, Participant, Study, TrialMark, User
from studyapp.plan.amendable import STATES
from studyapp.states import LIVE_SESSIONS


@dataclass(frozen=True, slots=True)
class PersonalData:
    """How much there is in one study, and how many ids are gone already."""

    panel_ids: int
    purged_ids: int
    notes: int
    comments: int

    @classmethod
    def of(cls, study: Study) -> PersonalData:
        participants = Participant.objects.filter(study=study)
        return cls(
            panel_ids=participants.filter(purged_at=None).count(),
            purged_ids=participants.exclude(purged_at=None).count(),
            notes=Invitation.objects.filter(study=study).exclude(note="").count(),
            comments=TrialMark.objects.filter(session__study=study, kind=TrialMark.Kind.COMMENT).count(),
        )

    @property
    def purgeable(self) -> int:
        return self.panel_ids + self.notes


@dataclass(frozen=True, slots=True)
class Purged:
    """How much of it was deleted."""

    panel_ids: int
    notes: int


@transaction.atomic
def keep_ids_until(*, study: Study, day: date | None, by: User | None, today: date) -> None:
    """The day on which panel ids go by themselves; None for by hand. Raises DuetError for a day that is past.

    Of a study that has opened it is an amendment too, which every export shows.
    """
    if day is not None and day <= today:
        raise DuetError(f"{day:%d %b %Y} has come already; choose a later day, or delete the ids now")
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    before = locked.keep_ids_until
    if before == day:
        return
    Study.objects.filter(pk=study.pk).update(keep_ids_until=day)
    if locked.state in STATES:
        reason = "set by an owner on the page Team"
        write_amendment(study=locked, what="keep_ids_until", before=before, after=day, reason=reason, by=by)
        return
    AuditLine.write(
        "panel ids' day set",
        by=by,
        study=locked,
        before={"keep_ids_until": before and before.isoformat()},
        after={"keep_ids_until": day and day.isoformat()},
    )


@transaction.atomic
def purge(*, study: Study, by: User | None, now: datetime) -> Purged:
    """Delete panel ids and the notes of invitations, at once. Nobody can take part twice even then."""
    ids = purge_panel_ids(study=study, by=by, now=now)
    notes = Invitation.objects.filter(study=study).exclude(note="").update(note="")
    if notes:
        AuditLine.write("invitations' notes purged", by=by, study=study, invitations=notes)
    return Purged(ids, notes)


def purge_due(*, now: datetime) -> int:
    """Delete the panel ids of studies whose day has come; returns how many. For the sweeper: harmless to repeat.

    Whoever is in a session just now is left for a later sweep: their panel takes them back by their id.
    """
    kept = Participant.objects.filter(study=OuterRef("pk"), purged_at=None)
    due = Study.objects.filter(Exists(kept), keep_ids_until__lte=timezone.localdate(now))
    return sum(_purge_due(study, now) for study in due)


@transaction.atomic
def _purge_due(study: Study, now: datetime) -> int:
    waiting = Participant.objects.filter(study=study, purged_at=None)
    live = Participant.objects.filter(study=study, rater__sessions__state__in=LIVE_SESSIONS)
    # Conditional: of two sweepers, one finds nothing left.
    purged = waiting.exclude(pk__in=live.values("pk")).update(panel_id="", further={}, purged_at=now)
    if purged:
        day = study.keep_ids_until
        AuditLine.write(
            "panel ids purged", by=None, study=study, participants=purged, kept_until=day and day.isoformat()
        )
    return purged
