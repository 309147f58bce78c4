"""Drawing clips on the page, and making something of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studyapp.models import AuditLine, Clip, Study, StudyMember, User
from studyapp.states import StudyState
from tests.studyapp.factories import make_clip, make_member, make_researcher, make_study, open_study

pytestmark = pytest.mark.django_db
LIBRARY = "research-clip-library"
POSTS = ("research-clips-to-draft", "research-clips-into", "research-clips-tag")


@pytest.fixture
def researcher() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def staff(client: Client, researcher: User) -> Client:
    client.force_login(researcher)
    return client


@pytest.fixture
def clips() -> list[Clip]:
    return [make_clip(genre=genre) for genre in ("Rock", "Reggae") for _ in range(3)]


def drawn(client: Client, **asked: Any) -> Any:
    return client.get(reverse(LIBRARY), {"per_genre": 2, "seed": 1, **asked})


def form(page: Any, **more: str) -> dict[str, Any]:
    """What the buttons below a selection send."""
    asked: dict[str, Any] = {}
    for name, value in page.context["asked"]:
        asked.setdefault(name, []).append(value)
    return {**asked, "digest": page.context["sample"].digest, **more}


def said(response: Any) -> str:
    (message,) = response.context["messages"]
    return str(message)


def test_strangers_sign_in_and_people_without_staff_rights_are_refused(client: Client) -> None:
    for method, name in [(client.get, LIBRARY), *((client.post, name) for name in POSTS)]:
        assert method(reverse(name))["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    for method, name in [(client.get, LIBRARY), *((client.post, name) for name in POSTS)]:
        assert method(reverse(name)).status_code == 403


def test_without_a_clip_the_page_leads_to_the_import(staff: Client) -> None:
    assert reverse("admin:studyapp_clip_import") in staff.get(reverse(LIBRARY)).content.decode()


def test_nothing_is_drawn_before_it_is_asked_for(staff: Client, clips: list[Clip]) -> None:
    page = staff.get(reverse(LIBRARY))
    assert page.context["sample"] is None
    assert "Nothing is drawn yet" in page.content.decode()


def test_the_clips_that_come_out_are_shown_and_shortfalls_named(staff: Client, clips: list[Clip]) -> None:
    page = drawn(staff, per_genre=4)
    assert [(one.genre, len(one.clips), one.short) for one in page.context["sample"].genres] == [
        ("Reggae", 3, 1),
        ("Rock", 3, 1),
    ]
    text = page.content.decode()
    assert "<b>Rock</b> has 3 of 4, 1 too few" in text
    assert all(reverse("research-clip-poster", args=[clip.pk]) in text for clip in clips)
    assert all(reverse("research-clip-video", args=[clip.pk]) in text for clip in clips)
    assert drawn(staff, per_genre=4).context["sample"].digest == page.context["sample"].digest


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"per_genre": "0"}, "per_genre: "),
        ({"per_genre": "many"}, "per_genre: "),
        ({"seed": "-1"}, "seed: "),
        ({"genre": "Jazz"}, "no clip of the genre “Jazz” any more"),
    ],
)
def test_what_cannot_be_asked_for_is_told(
    staff: Client, clips: list[Clip], asked: dict[str, str], wrong: str
) -> None:
    page = drawn(staff, **asked)
    assert wrong in page.context["wrong"]
    assert page.context["sample"] is None


def test_the_page_takes_as_many_queries_for_many_clips_as_for_few(staff: Client, clips: list[Clip]) -> None:
    numbers = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            drawn(staff)
        numbers.append(len(queries))
        for genre in ("Jazz", "Funk", "Rock"):
            make_clip(genre=genre)
            make_study(by=make_researcher())
    assert numbers[0] == numbers[1] <= 9


def test_a_draft_is_made_of_the_clips_with_the_rule_on_record(
    staff: Client, clips: list[Clip], researcher: User
) -> None:
    page = drawn(staff, genre="Rock")
    response = staff.post(reverse(POSTS[0]), form(page, title="My own study"))
    study = Study.objects.get()
    assert response["Location"] == reverse("admin:studyapp_study_change", args=[study.pk])
    assert (study.slug, study.state, study.clips_per_cell, study.seed) == ("my-own-study", StudyState.DRAFT, 2, 1)
    assert sorted(study.clips.values_list("pk", flat=True)) == sorted(page.context["sample"].pks)
    assert study.members.get().user == researcher
    line = AuditLine.objects.get(verb="clips sampled")
    assert line.by == researcher
    assert {name: line.details[name] for name in ("genres", "per_genre", "seed", "clips")} == {
        "genres": ["Rock"],
        "per_genre": 2,
        "seed": 1,
        "clips": 2,
    }


def test_a_draft_needs_a_title_of_its_own(staff: Client, clips: list[Clip]) -> None:
    page = drawn(staff)
    assert "Give the study a title" in said(staff.post(reverse(POSTS[0]), form(page, title=" "), follow=True))
    make_study(title="Taken", slug="taken")
    response = staff.post(reverse(POSTS[0]), form(page, title="Taken"), follow=True)
    assert "slug" in said(response)
    # The same selection is there again.
    assert response.context["sample"].digest == page.context["sample"].digest
    assert Study.objects.count() == 1


def test_clips_that_changed_meanwhile_are_looked_at_again_first(staff: Client, clips: list[Clip]) -> None:
    page = drawn(staff)
    Clip.objects.filter(pk=page.context["sample"].pks[0]).delete()
    for name, more in ((POSTS[0], {"title": "New"}), (POSTS[2], {"new_tag": "live"})):
        assert "drawn by now" in said(staff.post(reverse(name), form(page, **more), follow=True))
    assert not Study.objects.exists()
    assert not Clip.objects.exclude(tags=[]).exists()


def test_a_draft_that_is_there_gets_the_clips_in_place_of_its_own(
    staff: Client, clips: list[Clip], researcher: User
) -> None:
    study = make_study(by=researcher)
    study.clips.set([make_clip(genre="Jazz")])
    page = drawn(staff, genre="Rock")
    assert page.context["drafts"] == [study]
    response = staff.post(reverse(POSTS[1]), form(page, study=study.slug))
    assert response["Location"] == reverse("research-study", args=[study.slug])
    assert set(study.clips.values_list("pk", flat=True)) == set(page.context["sample"].pks)


def test_only_members_who_may_change_a_study_give_it_clips(
    staff: Client, clips: list[Clip], researcher: User
) -> None:
    stranger, viewed = make_study(by=make_researcher()), make_study(by=make_researcher())
    make_member(viewed, researcher, role=StudyMember.Role.VIEWER)
    page = drawn(staff)
    assert page.context["drafts"] == []
    assert staff.post(reverse(POSTS[1]), form(page, study=stranger.slug)).status_code == 404
    assert staff.post(reverse(POSTS[1]), form(page, study=viewed.slug)).status_code == 403
    assert not stranger.clips.exists()
    assert not viewed.clips.exists()


def test_an_open_study_keeps_its_clips(staff: Client, clips: list[Clip], researcher: User) -> None:
    study = open_study()
    make_member(study, researcher, role=StudyMember.Role.OWNER)
    before = set(study.clips.values_list("pk", flat=True))
    response = staff.post(reverse(POSTS[1]), form(drawn(staff), study=study.slug), follow=True)
    assert "is open" in said(response)
    assert set(study.clips.values_list("pk", flat=True)) == before


def test_the_clips_drawn_are_tagged(staff: Client, clips: list[Clip]) -> None:
    page = drawn(staff, genre="Rock")
    response = staff.post(reverse(POSTS[2]), form(page, new_tag="Music scene"), follow=True)
    assert said(response) == "2 clips were tagged; 0 had the tag already."
    assert set(Clip.objects.exclude(tags=[]).values_list("pk", flat=True)) == set(page.context["sample"].pks)
    assert "music-scene" in drawn(staff, tag="music-scene").content.decode()
