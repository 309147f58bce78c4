"""What leads to a person: kept until its day, then gone; evidence stays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from studyapp.actions.personal_data import PersonalData, keep_ids_until, purge, purge_due
from studyapp.actions.recruitment import invite
from studyapp.actions.sessions import enrol
from studyapp.actions.studies import create_study
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Invitation, Participant, Rater, Study, StudySession, TrialMark
from studyapp.plan.freezing import broken_amendment
from studyapp.states import SessionState
from studyapp.work.sweeper import sweep
from tests.studyapp.factories import make_researcher, make_study, open_study, sha

pytestmark = pytest.mark.django_db
NOW = timezone.now()
TODAY = timezone.localdate(NOW)


def arrived(study: Study, rater: Rater | None = None) -> Participant:
    rater = rater or Rater.objects.create()
    fields = {"panel": "prolific", "panel_id": f"id-{rater.pk}", "further": {"SESSION_ID": "x"}}
    return Participant.objects.create(study=study, rater=rater, digest=sha(rater.code), arrived_at=NOW, **fields)


def test_ids_go_on_their_day_and_the_digest_stays() -> None:
    study = make_study(keep_ids_until=TODAY)
    participant = arrived(study)
    assert purge_due(now=NOW - timedelta(days=1)) == 0
    assert purge_due(now=NOW) == 1
    before = participant.digest
    participant.refresh_from_db()
    assert (participant.panel_id, participant.further, participant.digest) == ("", {}, before)
    line = AuditLine.objects.get(verb="panel ids purged")
    assert (line.study, line.by, line.details["participants"]) == (study, None, 1)
    # Again is harmless: nothing is left, and nothing is said.
    assert purge_due(now=NOW) == 0
    assert AuditLine.objects.filter(verb="panel ids purged").count() == 1


def test_ids_without_a_day_and_of_other_studies_are_kept() -> None:
    make_study(keep_ids_until=TODAY)
    for study in (make_study(), make_study(keep_ids_until=TODAY + timedelta(days=1))):
        arrived(study)
    assert purge_due(now=NOW) == 0
    assert Participant.objects.filter(purged_at=None).count() == 2


def test_whoever_is_in_a_session_is_left_for_a_later_sweep() -> None:
    study = open_study(clips=1, blocks=1, keep_ids_until=TODAY)
    session = enrol(study=study, now=NOW)
    arrived(study, session.rater)
    assert purge_due(now=NOW) == 0
    StudySession.objects.filter(pk=session.pk).update(state=SessionState.EXPIRED)
    assert purge_due(now=NOW) == 1


def test_the_sweeper_does_it_by_itself() -> None:
    arrived(make_study(keep_ids_until=TODAY))
    sweep(now=NOW)
    assert not Participant.objects.filter(purged_at=None).exists()


def test_purging_now_takes_ids_and_notes_and_leaves_comments() -> None:
    study = open_study(clips=1, blocks=1)
    session = enrol(study=study, now=NOW)
    arrived(study, session.rater)
    TrialMark.objects.create(
        session=session, trial=session.block.trials.get(), kind="comment", text="Loud.", marked_at=NOW
    )
    invite(study=study, notes=["seat 4", ""], by=None)
    assert PersonalData.of(study) == PersonalData(panel_ids=1, purged_ids=0, notes=1, comments=1)
    by = make_researcher()
    purge(study=study, by=by, now=NOW)
    assert PersonalData.of(study) == PersonalData(panel_ids=0, purged_ids=1, notes=0, comments=1)
    assert Invitation.objects.count() == 2
    lines = AuditLine.objects.filter(by=by).order_by("pk")
    assert [line.verb for line in lines] == ["panel ids purged", "invitations' notes purged"]


def test_a_day_is_set_with_before_and_after_and_a_past_one_is_refused() -> None:
    study, by = make_study(), make_researcher()
    day = date(2100, 1, 1)
    keep_ids_until(study=study, day=day, by=by, today=TODAY)
    keep_ids_until(study=study, day=day, by=by, today=TODAY)
    study.refresh_from_db()
    assert study.keep_ids_until == day
    line = AuditLine.objects.get()
    assert line.details == {"before": {"keep_ids_until": None}, "after": {"keep_ids_until": "2100-01-01"}}
    with pytest.raises(DuetError, match="choose a later day"):
        keep_ids_until(study=study, day=TODAY, by=by, today=TODAY)
    keep_ids_until(study=study, day=None, by=by, today=TODAY)
    study.refresh_from_db()
    assert study.keep_ids_until is None


def test_of_a_study_that_has_opened_the_day_is_an_amendment() -> None:
    study = open_study(clips=1, blocks=1)
    keep_ids_until(study=study, day=date(2100, 1, 1), by=make_researcher(), today=TODAY)
    study.refresh_from_db()
    (one,) = study.amendments.all()
    assert (one.what, one.before, one.after) == ("keep_ids_until", None, "2100-01-01")
    assert study.keep_ids_until == date(2100, 1, 1)
    assert broken_amendment(study) is None


def test_a_draft_takes_no_day_that_has_come() -> None:
    with pytest.raises(DuetError, match="01 Jan 2020 has come already; choose a later day"):
        create_study(title="A", slug="a", clips=[], pairs=[], by=None, keep_ids_until="2020-01-01")
