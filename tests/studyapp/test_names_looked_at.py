"""Whoever takes a look at which system is which leaves a line, on whatever page or route."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.models import AuditLine, Study, User
from tests.studyapp.api.caller import caller_for
from tests.studyapp.factories import make_member, make_researcher
from tests.studyapp.test_waves import designed_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def study(owner: User) -> Study:
    made = designed_study()
    make_member(made, owner, role="owner", sees_names=True)
    return made


def looks(study: Study) -> list[str]:
    lines = AuditLine.objects.filter(study=study, verb="names looked at").order_by("pk")
    return [line.details["page"] for line in lines]


@pytest.mark.parametrize(
    ("name", "query", "noted"),
    [
        ("research-export-study", {}, "study file"),
        ("research-export-study", {"codes": "1"}, "study file with codes"),
        ("research-design", {}, "design.csv"),
        ("research-prereg", {}, "pre-registration"),
        ("research-listen", {}, "listening grid"),
    ],
)
def test_a_page_that_names_systems_notes_who_asked_for_it_once_an_hour(
    client: Client, study: Study, owner: User, name: str, query: dict[str, str], noted: str
) -> None:
    client.force_login(owner)
    for _ in range(2):
        assert client.get(reverse(name, args=[study.slug]), query).status_code == 200
    assert looks(study) == [noted]
    assert AuditLine.objects.get(verb="names looked at").by == owner


def test_who_is_refused_looked_at_nothing(client: Client, study: Study) -> None:
    viewer = make_researcher(is_superuser=False)
    make_member(study, viewer)
    client.force_login(viewer)
    for name in ("research-export-study", "research-design", "research-prereg", "research-listen"):
        assert client.get(reverse(name, args=[study.slug])).status_code == 403
    assert caller_for(viewer)("GET", f"studies/{study.slug}/document").status == 403
    named = make_researcher(is_superuser=False)
    make_member(study, named, sees_names=True)
    client.force_login(named)
    # Names, but no codes, for who only looks on.
    assert client.get(reverse("research-export-study", args=[study.slug]), {"codes": "1"}).status_code == 403
    assert looks(study) == []


def test_a_comparison_is_noted_in_both_studies(client: Client, study: Study, owner: User) -> None:
    other = designed_study()
    make_member(other, owner, sees_names=True)
    client.force_login(owner)
    page = reverse("research-compare", args=[study.slug])
    client.get(page)
    assert looks(study) == []
    client.get(page, {"with": other.slug})
    assert looks(study) == looks(other) == ["comparison of settings"]


def test_the_api_notes_its_study_file_too(study: Study, owner: User) -> None:
    assert caller_for(owner)("GET", f"studies/{study.slug}/document").status == 200
    assert looks(study) == ["API study file"]
