"""A study's own page and its buttons: who may see them, what they do, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studyapp.actions.designs import build_design
from studyapp.models import (
    AuditLine,
    Block,
    Dataset,
    Rater,
    Response,
    Stimulus,
    Study,
    StudySession,
    SystemPair,
    User,
)
from studyapp.states import BlockState, DatasetState, SessionState, StimulusState, StudyState
from tests.studyapp.factories import make_clip, make_researcher, make_study, make_system, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher() -> User:
    return make_researcher()


@pytest.fixture
def staff(client: Client, researcher: User) -> Client:
    client.force_login(researcher)
    return client


@pytest.fixture
def draft() -> Study:
    """A draft with four clips and one pair, not yet designed."""
    study = make_study(clips_per_cell=2, ratings_per_comparison=2, trials_per_block=4)
    study.clips.set([make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae", "Reggae")])
    first, second = make_system(), make_system("random-shuffle")
    SystemPair.objects.create(study=study, system_1=first, system_2=second)
    return study


def answer_first_trial(study: Study, *, simulated: bool) -> StudySession:
    block = study.blocks.filter(session=None).first()
    assert block is not None
    block.state = BlockState.CLAIMED
    block.save(update_fields=["state"])
    now = timezone.now()
    session = StudySession.objects.create(
        study=study,
        rater=Rater.objects.create(),
        block=block,
        state=SessionState.ACTIVE,
        simulated=simulated,
        consent_version="1",
        consented_at=now,
        last_seen_at=now,
        expires_at=now,
    )
    Response.objects.create(
        session=session,
        trial=block.trials.all()[0],
        question="visual_relevance",
        choice=1,
        coverage_left=1,
        coverage_right=1,
        response_time_ms=1000,
        answered_at=now,
    )
    StudySession.objects.filter(pk=session.pk).update(answer_count=1)
    return session


def pages(study: Study) -> Iterator[str]:
    yield reverse("research-study", args=[study.slug])
    yield reverse("research-live", args=[study.slug])
    yield reverse("research-design", args=[study.slug])
    yield reverse("research-preview", args=[study.slug, 1])
    yield reverse("research-report", args=[study.slug])


def press(client: Client, study: Study, verb: str, **data: str) -> list[str]:
    """Press a button and read the messages of the page it leads to."""
    response = client.post(reverse("research-do", args=[study.slug, verb]), data, follow=True)
    assert response.redirect_chain == [(reverse("research-study", args=[study.slug]), 302)]
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    study = open_study()
    for page in pages(study):
        response = client.get(page)
        assert response.status_code == 302, page
        assert response["Location"].startswith("/admin/login/")
    response = client.post(reverse("research-do", args=[study.slug, "close"]))
    assert response["Location"].startswith("/admin/login/")
    study.refresh_from_db()
    assert study.state == StudyState.OPEN


def test_an_account_that_is_not_staff_is_refused(client: Client) -> None:
    study = open_study()
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    for page in pages(study):
        assert client.get(page).status_code == 403, page
    assert client.post(reverse("research-do", args=[study.slug, "close"])).status_code == 403
    study.refresh_from_db()
    assert study.state == StudyState.OPEN


def test_buttons_need_a_post_and_its_token(researcher: User) -> None:
    study = open_study()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(researcher)
    address = reverse("research-do", args=[study.slug, "pause"])
    assert strict.get(address).status_code == 405
    assert strict.post(address).status_code == 403
    study.refresh_from_db()
    assert study.state == StudyState.OPEN


def test_staff_without_superuser_rights_work_too(client: Client) -> None:
    plain = make_researcher(is_superuser=False)
    study = open_study(by=plain)
    client.force_login(plain)
    for page in pages(study):
        assert client.get(page).status_code == 200, page
    assert press(client, study, "pause") == [
        "The study is paused: nobody new starts, whoever is under way may finish."
    ]


def test_unknown_studies_and_trials_are_not_found(staff: Client) -> None:
    study = open_study(clips=2, blocks=1)
    assert staff.get(reverse("research-study", args=["no-such-study"])).status_code == 404
    assert staff.get(reverse("research-preview", args=[study.slug, 0])).status_code == 404
    assert staff.get(reverse("research-preview", args=[study.slug, 3])).status_code == 404
    assert press(staff, study, "no-such-button") == ["There is no button “no-such-button”."]


def test_the_design_is_built_and_then_generation_is_offered(staff: Client, draft: Study, researcher: User) -> None:
    page = staff.get(reverse("research-study", args=[draft.slug]))
    assert [move.verb for move in page.context["moves"]] == ["build", "pilot", "open"]
    assert page.context["moves"][1].why_not

    assert press(staff, draft, "build") == ["The design has 4 comparisons in 2 blocks, 8 trials in all."]
    page = staff.get(reverse("research-study", args=[draft.slug]))
    assert [move.verb for move in page.context["moves"]] == ["generate", "pilot", "open"]
    assert AuditLine.objects.get(verb="design built").by == researcher


def test_a_changed_draft_must_be_built_again(staff: Client, draft: Study, researcher: User) -> None:
    build_design(study=draft, by=researcher)
    draft.clips.add(make_clip(genre="Rock"))
    page = staff.get(reverse("research-study", args=[draft.slug]))
    assert [move.verb for move in page.context["moves"]] == ["build", "pilot", "open"]
    assert "changed since" in page.context["moves"][0].hint


@pytest.mark.parametrize(
    ("verb", "reason"),
    [
        ("generate", "has no design yet"),
        ("open", "has no design yet"),
        ("pause", "is a draft"),
        ("resume", "is not open yet"),
        ("close", "is a draft"),
    ],
)
def test_what_a_draft_does_not_allow_comes_back_as_a_message(
    staff: Client, draft: Study, verb: str, reason: str
) -> None:
    (message,) = press(staff, draft, verb)
    assert reason in message
    draft.refresh_from_db()
    assert draft.state == StudyState.DRAFT


def test_lost_files_of_an_open_study_are_said_and_asked_for_again_at_a_press(staff: Client) -> None:
    study = open_study()
    page = reverse("research-study", args=[study.slug])
    assert "Make lost files again" not in staff.get(page).content.decode()
    lost = study.comparisons.earliest("id").stimulus_1
    lost.path.unlink()
    assert "Files lost: 1." in staff.get(page).content.decode()
    staff.post(reverse("research-do", args=[study.slug, "generate"]))
    lost.refresh_from_db()
    assert lost.state == StimulusState.REQUESTED


def test_an_open_study_pauses_resumes_and_closes(staff: Client) -> None:
    study = open_study()
    for verb, state in (("pause", StudyState.PAUSED), ("resume", StudyState.OPEN), ("close", StudyState.CLOSED)):
        press(staff, study, verb)
        study.refresh_from_db()
        assert study.state == state
    (message,) = press(staff, study, "resume")
    assert "is closed" in message


def test_failed_soundtracks_are_shown_with_their_reason_and_can_be_asked_for_again(
    staff: Client, draft: Study, researcher: User
) -> None:
    build_design(study=draft, by=researcher)
    failed = Stimulus.objects.order_by("pk")[0]
    Stimulus.objects.filter(pk=failed.pk).update(state=StimulusState.FAILED, error="the <weights> are missing")
    page = staff.get(reverse("research-study", args=[draft.slug]))
    assert "the &lt;weights&gt; are missing" in page.content.decode()
    assert page.context["work"].failed == 1
    assert press(staff, draft, "retry") == ["1 failed soundtrack was asked for again."]
    failed.refresh_from_db()
    assert (failed.state, failed.error) == (StimulusState.REQUESTED, "")


def test_progress_counts_every_state_of_every_system(staff: Client, draft: Study, researcher: User) -> None:
    build_design(study=draft, by=researcher)
    one, other = Stimulus.objects.filter(system__key="ground-truth").order_by("pk")[:2]
    Stimulus.objects.filter(pk=one.pk).update(
        state=StimulusState.RENDERING, progress=0.5, last_sign_of_life=timezone.now(), doing="muxing"
    )
    Stimulus.objects.filter(pk=other.pk).update(state=StimulusState.FAILED, error="no")
    page = staff.get(reverse("research-live", args=[draft.slug]))
    truth, shuffled = page.context["work"].systems
    assert (truth.requested, truth.rendering, truth.ready, truth.failed) == (2, 1, 0, 1)
    assert truth.under_way_percent == pytest.approx(12.5)
    assert (shuffled.requested, shuffled.total) == (4, 4)
    assert page.context["poll_s"] == 2
    assert "muxing" in page.content.decode()
    assert page["Cache-Control"] == "no-store"


def test_nothing_is_polled_when_nothing_can_happen(staff: Client, draft: Study) -> None:
    assert staff.get(reverse("research-live", args=[draft.slug])).context["poll_s"] == 0


def test_simulated_raters_are_counted_apart(staff: Client) -> None:
    study = open_study(blocks=3)
    answer_first_trial(study, simulated=True)
    answer_first_trial(study, simulated=False)
    raters = staff.get(reverse("research-study", args=[study.slug])).context["raters"]
    assert (raters.people.under_way, raters.people.answers) == (1, 1)
    assert (raters.simulated.under_way, raters.simulated.answers) == (1, 1)
    assert (raters.free, raters.blocks) == (1, 3)


def test_no_session_or_trial_token_is_on_the_page(staff: Client) -> None:
    study = open_study()
    session = answer_first_trial(study, simulated=False)
    text = staff.get(reverse("research-study", args=[study.slug])).content.decode()
    assert session.token not in text
    assert session.rater.code not in text


def test_the_design_file_has_a_line_for_each_trial(staff: Client, draft: Study, researcher: User) -> None:
    response = staff.get(reverse("research-design", args=[draft.slug]))
    assert response["Location"] == reverse("research-study", args=[draft.slug])
    build_design(study=draft, by=researcher)
    response = staff.get(reverse("research-design", args=[draft.slug]))
    assert response["Content-Disposition"] == f'attachment; filename="{draft.slug}-design.csv"'
    assert len(response.content.decode().splitlines()) == 1 + 8


def test_the_page_takes_as_many_queries_for_a_large_study_as_for_a_small_one(staff: Client) -> None:
    counts = []
    for size in (2, 12):
        study = open_study(clips=size, blocks=size)
        answer_first_trial(study, simulated=False)
        for number in range(size // 2):
            Dataset.objects.create(study=study, state=DatasetState.FAILED, error=f"reason {number}")
            AuditLine.write("something", by=None, study=study)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert staff.get(reverse("research-study", args=[study.slug])).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 25


def test_a_preview_shows_both_versions_and_stores_nothing(staff: Client) -> None:
    study = open_study(clips=2, blocks=2)
    response = staff.get(reverse("research-preview", args=[study.slug, 3]))
    block = Block.objects.get(study=study, number=2)
    token = block.trials.all()[0].token
    assert [player.source for player in response.context["players"]] == [
        reverse("staff-media", args=[token, "a"]),
        reverse("staff-media", args=[token, "b"]),
    ]
    assert "Preview" in response.content.decode()
    assert not StudySession.objects.exists()
    assert not Response.objects.exists()
    block.refresh_from_db()
    assert block.state == BlockState.FREE


def test_a_preview_of_a_trial_without_soundtracks_says_so(staff: Client, draft: Study, researcher: User) -> None:
    build_design(study=draft, by=researcher)
    response = staff.get(reverse("research-preview", args=[draft.slug, 1]), follow=True)
    assert [str(message) for message in response.context["messages"]] == [
        "Trial 1 cannot be shown yet: its soundtracks are not ready."
    ]
