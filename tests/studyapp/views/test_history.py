"""A study's history: who reads it, filters, pages, and the file."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp import history
from studyapp.actions.clip_descriptions import describe_clip
from studyapp.actions.looking import note_download, note_names_seen
from studyapp.actions.stimuli import retry_one
from studyapp.actions.trying import try_on
from studyapp.history import Asked, Change
from studyapp.models import AuditLine, Comparison, Dataset, Study, StudyMember, SystemPair, User
from studyapp.states import StimulusState
from tests.studyapp.api.caller import caller_for
from tests.studyapp.factories import (
    make_clip,
    make_member,
    make_researcher,
    make_stimulus,
    make_study,
    make_system,
)

pytestmark = pytest.mark.django_db


NAMED = ("System A", "System B", "another system")


@pytest.fixture
def owner() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def study(owner: User) -> Study:
    return make_study(by=owner)


@pytest.fixture
def staff(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def rows(client: Client, study: Study, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"{reverse('research-history-file', args=[study.slug])}{query}")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def test_strangers_and_other_researchers_find_nothing_here(client: Client, study: Study) -> None:
    pages = [reverse(name, args=[study.slug]) for name in ("research-history", "research-history-file")]
    assert all(client.get(page)["Location"].startswith("/admin/login/") for page in pages)
    client.force_login(make_researcher(is_superuser=False))
    assert {client.get(page).status_code for page in pages} == {404}


def test_a_line_tells_who_did_what_and_what_it_was_before(staff: Client, study: Study, owner: User) -> None:
    AuditLine.write(
        "study changed", by=owner, study=study, before={"title": "Old"}, after={"title": "New"}, reason="typo"
    )
    AuditLine.write("elsewhere", by=owner, study=make_study())
    page = staff.get(reverse("research-history", args=[study.slug])).content.decode()
    assert f"by {owner}" in page
    assert "<del>Old</del>" in page
    assert "<ins>New</ins>" in page
    assert "typo" in page
    assert "Elsewhere" not in page


def test_lines_are_filtered_by_verb_and_person(staff: Client, study: Study, owner: User) -> None:
    other = make_researcher(username="grace")
    AuditLine.write("study open", by=owner, study=study)
    AuditLine.write("study paused", by=other, study=study)
    AuditLine.write("sessions expired", by=None, study=study)
    for query, verbs in (
        ("", ["sessions expired", "study paused", "study open"]),
        ("?verb=study+open", ["study open"]),
        ("?person=grace", ["study paused"]),
        ("?person=duet", ["sessions expired"]),
        ("?verb=study+open&person=grace", []),
        ("?verb=never", ["sessions expired", "study paused", "study open"]),
    ):
        found = staff.get(f"{reverse('research-history', args=[study.slug])}{query}").context["lines"]
        assert [line.verb for line, _ in found] == verbs
        assert [row["what"] for row in rows(staff, study, query)] == verbs
    nothing = staff.get(f"{reverse('research-history', args=[study.slug])}?verb=study+open&person=grace")
    assert "No line is like that" in nothing.content.decode()


def test_every_line_is_on_one_page_and_lines_written_meanwhile_push_none_out(staff: Client, study: Study) -> None:
    made = [AuditLine.write("design built", by=None, study=study, number=n).pk for n in range(history.PAGE + 3)]
    first = history.page_of(study, Asked(), named=True)
    AuditLine.write("design built", by=None, study=study)
    second = history.page_of(study, Asked(before=first.older), named=True)
    assert [line.pk for line in (*first.lines, *second.lines)] == made[::-1]
    assert second.older is None
    page = staff.get(f"{reverse('research-history', args=[study.slug])}?verb=design+built").content.decode()
    older = history.page_of(study, Asked(verb="design built"), named=True).older
    assert f'href="?verb=design+built&amp;before={older}"' in page


def test_the_file_has_every_detail_and_no_formula(staff: Client, study: Study) -> None:
    AuditLine.write("=HYPERLINK()", by=None, study=study, words="x" * 500)
    (row,) = rows(staff, study)
    assert row["what"] == "'=HYPERLINK()"
    assert json.loads(row["details"]) == {"words": "x" * 500}


def test_a_study_without_lines_says_so(staff: Client, study: Study) -> None:
    assert "Nothing was done yet" in staff.get(reverse("research-history", args=[study.slug])).content.decode()


def test_changes_are_told_in_words() -> None:
    line = AuditLine(
        verb="v",
        details={
            "before": {"keep_ids_until": None, "role": "owner"},
            "after": {"keep_ids_until": "2100-01-01", "sees_names": True},
            "fields": ["title", "seed"],
            "new_blocks": [],
            "rules": {"a": 1},
        },
    )
    assert list(history.changes_of(line)) == [
        Change("keep ids until", "nothing", "2100-01-01"),
        Change("role", "owner", ""),
        Change("sees names", "", "yes"),
        Change("fields", "", "title, seed"),
        Change("rules", "", '{"a": 1}'),
    ]


def test_a_look_at_names_is_noted_once_an_hour_for_each_page(study: Study, owner: User) -> None:
    now = timezone.now()
    for page in ("running", "running", "results"):
        note_names_seen(study=study, page=page, by=owner, now=now)
    note_names_seen(study=study, page="running", by=owner, now=now + timedelta(hours=2))
    pages = [line.details["page"] for line in AuditLine.objects.order_by("pk")]
    assert pages == ["running", "results", "running"]


def test_a_file_that_is_taken_away_is_noted(study: Study, owner: User) -> None:
    dataset = Dataset.objects.create(study=study)
    note_download(dataset=dataset, file="ratings.csv", by=owner)
    line = AuditLine.objects.get()
    assert (line.study, line.details) == (study, {"dataset": dataset.pk, "file": "ratings.csv"})


def test_who_may_not_see_names_reads_letters_on_the_page_and_in_the_file(client: Client, study: Study) -> None:
    first, second, other = make_system(slug="cmt-one"), make_system(slug="cmt-two"), make_system(slug="others")
    study.pairs.create(system_1=first, system_2=second)
    told = {"before": {"pairs": ["others vs cmt-one"]}, "after": {"pairs": ["cmt-one vs cmt-two"]}, "cmt-two": 3}
    AuditLine.write("pairs chosen", by=None, study=study, **told)
    viewer = make_researcher(is_superuser=False)
    make_member(study, viewer)
    client.force_login(viewer)
    page = client.get(reverse("research-history", args=[study.slug])).content.decode()
    (line,) = [row for row in rows(client, study) if row["what"] == "pairs chosen"]
    for text in (page, line["details"]):
        assert not any(system.slug in text for system in (first, second, other))
        assert {"System A", "System B", "another system"} <= {name for name in NAMED if name in text}
    StudyMember.objects.filter(user=viewer).update(sees_names=True)
    assert "cmt-one vs cmt-two" in client.get(reverse("research-history", args=[study.slug])).content.decode()


def test_what_others_did_to_its_clips_and_systems_is_in_its_history(
    client: Client, study: Study, owner: User
) -> None:
    stranger, blind = make_researcher(is_superuser=False), make_researcher(is_superuser=False)
    make_member(study, blind, role=StudyMember.Role.EDITOR)
    first, second = make_system(), make_system("random-shuffle")
    SystemPair.objects.create(study=study, system_1=first, system_2=second)
    clip = make_clip()
    study.clips.add(clip)
    describe_clip(clip=clip, by=stranger, caption="a beach")
    one, other = make_stimulus(clip, first), make_stimulus(clip, second)
    Comparison.objects.create(study=study, clip=clip, stimulus_1=one, stimulus_2=other)
    type(one).objects.filter(pk=one.pk).update(state=StimulusState.FAILED, file="", file_sha256="", error="no")
    retry_one(stimulus=one, by=stranger)
    try_on(system=first, clip=clip, by=stranger)
    seen = {"clip described anew", "failed stimulus asked for again"}
    # By letter, the moment of a trial would tell whose letter it is.
    for user, verbs in ((owner, seen | {"system tried"}), (blind, seen)):
        client.force_login(user)
        assert {row["what"] for row in rows(client, study)} == verbs
        page = client.get(reverse("research-history", args=[study.slug])).content.decode()
        assert ("system tried" in page.lower()) == ("system tried" in verbs)
        said = caller_for(user)("GET", f"studies/{study.slug}/audit-lines").said
        assert {line["verb"] for line in said["items"]} == verbs
        for other in (reverse("research-study", args=[study.slug]), reverse("admin:index")):
            assert ("system tried" in client.get(other).content.decode().lower()) == ("system tried" in verbs)
    client.force_login(owner)
    assert "clip described anew" in client.get(reverse("admin:studyapp_auditline_changelist")).content.decode()
