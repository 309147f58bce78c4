"""The home page: what needs somebody, whose studies, and a constant number of queries."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studyapp.actions.marks import hold_stimulus
from studyapp.actions.sessions import enrol
from studyapp.desk import desk
from studyapp.models import (
    AuditLine,
    Block,
    Dataset,
    Participant,
    Rater,
    Snapshot,
    Stimulus,
    StimulusHold,
    Study,
    StudySession,
    Trial,
    User,
)
from studyapp.states import BlockState, DatasetState, SessionState, StimulusState, StudyState
from tests.studyapp.factories import make_researcher, make_study, open_study, sha

pytestmark = pytest.mark.django_db
HOME = "admin:index"


@pytest.fixture
def researcher() -> User:
    return make_researcher(is_superuser=False)


def needs(study: Study) -> list[tuple[str, str]]:
    return [(one.page, one.text) for one in desk(Study.objects.filter(pk=study.pk)).attention]


def test_a_quiet_study_needs_nobody() -> None:
    assert needs(open_study(clips=1)) == []


def test_alarms_failures_holds_and_broken_datasets_need_somebody() -> None:
    study = open_study(clips=2, real_media=False)
    Snapshot.objects.create(study=study, alarms={"quiet": {"sentence": "Nobody has answered.", "since": "now"}})
    first, second = study.comparisons.order_by("pk")
    Stimulus.objects.filter(pk=first.stimulus_1_id).update(state=StimulusState.FAILED, error="no weights")
    session = enrol(study=study, now=timezone.now())
    hold_stimulus(
        session=session, stimulus=second.stimulus_1, reason=StimulusHold.Reason.OFFENSIVE, now=timezone.now()
    )
    # A file that is lost holds a stimulus without any session.
    file = StimulusHold.Reason.FILE
    for stimulus in (second.stimulus_1, second.stimulus_2):
        StimulusHold.objects.get_or_create(
            stimulus=stimulus, lifted_at=None, defaults={"reason": file, "held_at": timezone.now()}
        )
    Dataset.objects.create(study=study, state=DatasetState.FAILED, error="disk")
    assert needs(study) == [
        ("research-running", "Nobody has answered."),
        ("research-soundtracks", "1 soundtrack failed; the page says why, and asks for them again."),
        ("research-study", "2 stimuli are held until somebody has looked."),
        ("research-results", "The last dataset could not be built; the study’s page says why."),
    ]


def test_a_dataset_that_worked_after_one_that_failed_needs_nobody() -> None:
    study = open_study(clips=1)
    for state in (DatasetState.FAILED, DatasetState.BUILDING):
        Dataset.objects.create(study=study, state=state)
    assert needs(study) == []


def test_a_designed_draft_and_ids_of_a_closed_study_wait() -> None:
    draft = make_study(design_summary={"comparisons": 1})
    assert [page for page, _ in needs(draft)] == ["research-study"]
    closed = open_study(clips=1)
    Participant.objects.create(
        study=closed,
        panel="sona",
        panel_id="7",
        digest=sha("7"),
        rater=Rater.objects.create(),
        arrived_at=timezone.now(),
    )
    assert needs(closed) == []
    Study.objects.filter(pk=closed.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    assert [page for page, _ in needs(closed)] == ["research-team"]
    Study.objects.filter(pk=closed.pk).update(keep_ids_until="2100-01-01")
    assert needs(closed) == []


def test_progress_counts_the_places_of_the_phase() -> None:
    study = open_study(clips=1, blocks=3)
    Block.objects.create(study=study, number=1, origin=Block.Origin.PILOT)
    Block.objects.filter(study=study, number=3).update(state=BlockState.RETIRED)
    session = enrol(study=study, now=timezone.now())
    StudySession.objects.filter(pk=session.pk).update(state=SessionState.COMPLETED, completed_at=timezone.now())
    ((label, (row,)),) = desk(Study.objects.all()).groups
    assert (label, row.completed, row.places, row.percent) == ("Open", 1, 2, 50)


def test_sessions_of_a_pilot_are_counted_while_it_runs_and_never_as_the_studys(
    client: Client, researcher: User
) -> None:
    study = open_study(clips=1, blocks=2, by=researcher)
    for number in (1, 2, 3):
        Block.objects.create(study=study, number=number, origin=Block.Origin.PILOT)
    opened_at = study.opened_at
    Study.objects.filter(pk=study.pk).update(state=StudyState.PILOT, opened_at=None)
    for block in study.blocks.of_pilot()[:2]:
        Trial.objects.create(
            block=block, position=1, comparison=study.comparisons.get(), left_is_1=True, played_first="left"
        )
        session = enrol(study=study, now=timezone.now())
        StudySession.objects.filter(pk=session.pk).update(
            state=SessionState.COMPLETED, completed_at=timezone.now()
        )
    ((_, (row,)),) = desk(Study.objects.all()).groups
    assert row.note == "2 of 3 sessions"
    Study.objects.filter(pk=study.pk).update(state=StudyState.OPEN, opened_at=opened_at)
    ((_, (row,)),) = desk(Study.objects.all()).groups
    assert row.note == "0 of 2 sessions"
    client.force_login(researcher)
    text = client.get(reverse("admin:studyapp_study_changelist")).content.decode()
    assert '<td class="field-session_count">0</td>' in text


def test_home_shows_own_studies_and_no_others(client: Client, researcher: User) -> None:
    mine, other = open_study(clips=1, by=researcher), open_study(clips=1, by=make_researcher())
    for study in (mine, other):
        AuditLine.write("study open", by=None, study=study)
    client.force_login(researcher)
    text = client.get(reverse(HOME)).content.decode()
    assert mine.title in text
    assert other.title not in text
    assert reverse("research-history", args=[mine.slug]) in text


def test_a_newcomer_is_told_the_way(client: Client, researcher: User) -> None:
    open_study(clips=1)
    client.force_login(researcher)
    text = client.get(reverse(HOME)).content.decode()
    assert "Four steps lead there" in text
    assert "until an owner lets you in" in text


def test_home_takes_as_many_queries_for_five_studies_as_for_one(client: Client, researcher: User) -> None:
    client.force_login(researcher)
    counts = []
    for more in (1, 4):
        for _ in range(more):
            study = open_study(clips=2, by=researcher)
            Stimulus.objects.filter(pk=study.comparisons.earliest("pk").stimulus_1_id).update(
                state=StimulusState.FAILED, error="no weights"
            )
        with CaptureQueriesContext(connection) as queries:
            text = client.get(reverse(HOME)).content.decode()
        assert "soundtrack failed" in text
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14
