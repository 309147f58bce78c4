"""Sessions of a study and the replay of one: who sees them, and that no token and no name of a system is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.models import (
    AuditLine,
    Block,
    Comparison,
    PlayEvent,
    Presentation,
    SessionFlag,
    Study,
    StudyMember,
    StudySession,
    Trial,
    TrialMark,
    User,
    VoidedTrial,
)
from studyapp.states import SessionState
from tests.studyapp.factories import make_member, make_researcher, make_study, make_system, open_study
from tests.studyapp.watching.test_monitoring import taking_part

pytestmark = pytest.mark.django_db
SLUGS = ("a-system-of-note", "another-one")


@pytest.fixture
def study() -> Study:
    return open_study(
        clips=4, blocks=6, trials_per_block=4, systems=(make_system(slug=SLUGS[0]), make_system(slug=SLUGS[1]))
    )


@pytest.fixture
def session(study: Study) -> StudySession:
    """Answered two trials of four, told what it played in the first, and said something of it."""
    made = taking_part(study, (1, 4))
    trial = made.block.trials.earliest("position")
    presentation = Presentation.objects.get(trial=trial)
    told = [("left", "play", 0.0, 0.0, None), ("left", "volume", 0.5, 0.5, 0.4), ("left", "ended", 1.0, 1.0, None)]
    for number, (side, kind, media, clock, value) in enumerate(told):
        PlayEvent.objects.create(
            presentation=presentation,
            number=number,
            side=side,
            kind=kind,
            media_time_s=media,
            clock_s=clock,
            value=value,
            received_at=timezone.now(),
        )
    now = timezone.now()
    SessionFlag.objects.create(session=made, trial=trial, rule="replayed", first_at=now, last_at=now)
    TrialMark.objects.create(session=made, trial=trial, kind="comment", text="<b>loud</b>", marked_at=now)
    return made


def member(study: Study, role: str = StudyMember.Role.VIEWER, *, sees_names: bool = False) -> User:
    user = make_researcher(is_superuser=False)
    make_member(study, user, role=role, sees_names=sees_names)
    return user


@pytest.fixture
def viewer(client: Client, study: Study) -> Client:
    client.force_login(member(study))
    return client


def listing(study: Study) -> str:
    return reverse("research-sessions", args=[study.slug])


def replay(study: Study, session: StudySession) -> str:
    return reverse("research-replay", args=[study.slug, session.pk])


def media(study: Study, session: StudySession, letter: str = "a", position: int = 1) -> str:
    return reverse("research-replay-media", args=[study.slug, session.pk, position, letter])


def test_who_may_look(client: Client, study: Study, session: StudySession) -> None:
    pages = (listing(study), replay(study, session))
    video = media(study, session)
    for page in (*pages, video):
        assert client.get(page)["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_superuser=False))
    for page in (*pages, video):
        assert client.get(page).status_code == 404
    for role in StudyMember.Role.values:
        client.force_login(member(study, role))
        assert [client.get(page).status_code for page in (*pages, video)] == [200, 200, 403]
        client.force_login(member(study, role, sees_names=True))
        assert [client.get(page).status_code for page in (*pages, video)] == [200, 200, 200]


def test_a_session_is_found_in_its_own_study_only(client: Client, study: Study, session: StudySession) -> None:
    other = make_study()
    client.force_login(member(other, sees_names=True))
    assert client.get(replay(other, session)).status_code == 404
    assert client.get(media(other, session)).status_code == 404


def test_no_token_and_no_name_of_a_system_is_told(viewer: Client, study: Study, session: StudySession) -> None:
    tokens = {session.token, session.rater.code, *session.block.trials.values_list("token", flat=True)}
    for page in (listing(study), replay(study, session)):
        text = viewer.get(page).content.decode()
        assert not any(secret in text for secret in (*tokens, *SLUGS))
    text = viewer.get(replay(study, session)).content.decode()
    # The answer stands beside it: a letter would tell which system it favours.
    assert "Pair 1" in text
    assert "System A" not in text


def test_an_identical_trial_is_called_so_and_shifts_no_number(
    viewer: Client, study: Study, session: StudySession
) -> None:
    one = study.comparisons.earliest("pk").stimulus_1
    beside_itself = Comparison.objects.create(
        study=study, clip=one.clip, stimulus_1=one, stimulus_2=one, kind=Comparison.Kind.IDENTICAL
    )
    last = session.block.trials.latest("position")
    Trial.objects.filter(pk=last.pk).update(comparison=beside_itself, kind=Trial.Kind.IDENTICAL)
    called = [{row.left, row.right} for row in viewer.get(replay(study, session)).context["rows"]]
    assert called == [{"Pair 1"}] * (len(called) - 1) + [{"Identical pair"}]


def test_names_are_for_who_may_see_them_and_asks(client: Client, study: Study, session: StudySession) -> None:
    client.force_login(member(study))
    assert client.get(replay(study, session) + "?names=1").status_code == 403
    client.force_login(member(study, sees_names=True))
    text = client.get(replay(study, session) + "?names=1").content.decode()
    assert all(slug in text for slug in SLUGS)
    assert AuditLine.objects.get(verb="names looked at").details["page"] == "replay"


def test_a_replay_tells_what_was_shown_played_answered_and_said(
    viewer: Client, study: Study, session: StudySession
) -> None:
    page = viewer.get(replay(study, session))
    text = page.content.decode()
    assert "A is much better" in text
    assert "One event number with two meanings" in text
    assert "&lt;b&gt;loud&lt;/b&gt;" in text
    assert page.context["script"]["events"][0] == ["left", "play", 0.0, 0.0, None]
    assert "heard-left" in text


def test_the_videos_of_a_replay_are_there_for_who_may_see_names_alone(
    client: Client, study: Study, session: StudySession
) -> None:
    kept_back = "The videos are not here"
    for sees_names in (True, False):
        client.force_login(member(study, sees_names=sees_names))
        page = client.get(replay(study, session))
        text = page.content.decode()
        assert ("<video" in text, media(study, session) in text) == (sees_names, sees_names)
        assert (kept_back in text) is not sees_names
        assert 'id="replay-play"' in text
        assert 'data-side="left"' in text


def test_each_trial_has_a_replay_of_its_own(viewer: Client, study: Study, session: StudySession) -> None:
    second = viewer.get(replay(study, session) + "?trial=2").content.decode()
    assert "B is somewhat better" in second
    assert "The browser told nothing of what was played" in second
    assert "Never shown" in viewer.get(replay(study, session) + "?trial=4").content.decode()
    for wrong in ("5", "x", ""):
        assert viewer.get(replay(study, session) + f"?trial={wrong}").status_code == 404


def test_a_void_trial_says_why(viewer: Client, study: Study, session: StudySession) -> None:
    trial = session.block.trials.get(position=3)
    VoidedTrial.objects.create(trial=trial, reason="missing", side="left", voided_at=timezone.now())
    assert "void: the file was not there" in viewer.get(replay(study, session) + "?trial=3").content.decode()


def test_both_versions_are_as_presented(client: Client, study: Study, session: StudySession) -> None:
    client.force_login(member(study, sees_names=True))
    trial = session.block.trials.get(position=1)
    for letter, stimulus in zip("ab", trial.sides, strict=True):
        response = client.get(media(study, session, letter))
        assert b"".join(response.streaming_content) == stimulus.path.read_bytes()  # type: ignore[attr-defined]
        assert "ETag" not in response
    for wrong in (media(study, session, "c"), media(study, session, "a", 9)):
        assert client.get(wrong).status_code == 404
    trial.sides.left.path.unlink()
    assert client.get(media(study, session, "a")).status_code == 404


def test_the_list_is_filtered_and_paged(viewer: Client, study: Study, session: StudySession) -> None:
    taking_part(study, (1, 2, 3, 4), simulated=True)
    taking_part(study, (), state=SessionState.EXPIRED)
    block = Block.objects.create(study=study, number=1, origin=Block.Origin.PILOT)
    pilot = taking_part(study, ())
    StudySession.objects.filter(pk=pilot.pk).update(block=block)
    found = {
        query: [row.session.pk for row in viewer.get(listing(study) + query).context["rows"]]
        for query in (
            "",
            "?who=people",
            "?who=simulated",
            "?who=pilot",
            "?state=expired",
            "?flagged=on",
            "?who=no",
        )
    }
    assert len(found[""]) == len(found["?who=no"]) == 4
    assert found[""] == sorted(found[""], reverse=True)
    assert [len(found[query]) for query in list(found)[1:6]] == [2, 1, 1, 1, 1]
    assert found["?flagged=on"] == [session.pk]
    row = viewer.get(listing(study) + "?flagged=on").context["rows"][0]
    assert (row.trials, row.of, row.flags, row.marks) == (2, 4, 1, 1)
    assert viewer.get(listing(study) + "?page=99").context["page"].number == 1


def test_an_empty_list_says_what_to_do(viewer: Client, study: Study, session: StudySession) -> None:
    assert "No session is like that" in viewer.get(listing(study) + "?who=pilot").content.decode()
    other = open_study()
    viewer.force_login(member(other))
    assert "Send raters the link" in viewer.get(listing(other)).content.decode()


def test_both_pages_ask_a_fixed_number_of_questions(
    viewer: Client, study: Study, session: StudySession, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        taking_part(study, (1, 2, 3, 4))
    with django_assert_max_num_queries(11):
        viewer.get(listing(study))
    with django_assert_max_num_queries(19):
        viewer.get(replay(study, session))
    assert Trial.objects.filter(block=session.block_id).count() == 4
