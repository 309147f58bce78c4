"""The tabs of a study's pages: every room that lets somebody in, and none that would refuse them."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.models import Study, StudyMember, User
from tests.studyapp.factories import make_member, make_researcher, open_study

pytestmark = pytest.mark.django_db
ROLES = (StudyMember.Role.VIEWER, StudyMember.Role.EDITOR, StudyMember.Role.OWNER)
PAGES = ("study", "plan", "soundtracks", "running", "results", "team", "history", "raters", "sessions")


def member(study: Study, role: str) -> Client:
    user: User = make_researcher(is_superuser=False)
    make_member(study, user, role=role)
    client = Client()
    client.force_login(user)
    return client


def tabs(client: Client, address: str) -> dict[str, str]:
    page = client.get(address).content.decode()
    (bar,) = re.findall(r'<nav class="tabs".*?</nav>', page, re.DOTALL)
    return {label: found for found, label in re.findall(r'href="([^"]+)"[^>]*>([^<]+)</a>', bar)}


@pytest.mark.parametrize("role", ROLES)
def test_every_tab_that_is_offered_opens(role: str) -> None:
    study = open_study(clips=1)
    client = member(study, role)
    offered = tabs(client, reverse("research-study", args=[study.slug]))
    assert {"Overview", "Plan", "Soundtracks", "Running", "Results", "Team", "History"} <= set(offered)
    assert ("Raters" in offered) == (role != StudyMember.Role.VIEWER)
    assert {label: client.get(address).status_code for label, address in offered.items()} == dict.fromkeys(
        offered, 200
    )


def test_every_room_offers_a_viewer_the_same_tabs() -> None:
    study = open_study(clips=1)
    client = member(study, StudyMember.Role.VIEWER)
    bars = [tabs(client, reverse(f"research-{page}", args=[study.slug])) for page in PAGES]
    assert bars[0]
    assert all(bar == bars[0] for bar in bars)
