"""The page of tokens: shown once, one's own, and revoked by oneself or a superuser."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.actions.tokens import make_token
from studyapp.models import ApiToken, User
from tests.studyapp.factories import make_researcher

pytestmark = pytest.mark.django_db

PAGE = "/research/tokens/"


@pytest.fixture
def researcher() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def staff(client: Client, researcher: User) -> Client:
    client.force_login(researcher)
    return client


def test_the_token_is_on_the_page_that_made_it_and_on_no_other(staff: Client, researcher: User) -> None:
    made = staff.post(PAGE, {"name": "notebook", "scope": "read", "days": "30"})
    [secret] = set(re.findall(r'value="(duet_[\w-]{43})"', made.content.decode()))
    assert made["Cache-Control"] == "no-store"
    assert secret not in staff.get(PAGE).content.decode()
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.scope) == (researcher, "notebook", "read")
    assert token.expires_at is not None


def test_a_token_without_a_name_is_refused_on_the_form(staff: Client) -> None:
    assert b"This field is required" in staff.post(PAGE, {"name": "", "scope": "read", "days": ""}).content
    assert b"Select a valid choice" in staff.post(PAGE, {"name": "x", "scope": "all", "days": ""}).content
    assert not ApiToken.objects.exists()


def test_somebody_elses_token_is_neither_seen_nor_revoked(staff: Client) -> None:
    token, _ = make_token(user=make_researcher(), name="a secret plan", scope="read", days=1, by=None)
    assert b"a secret plan" not in staff.get(PAGE).content
    assert staff.post(reverse("research-token-revoke", args=[token.pk])).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_superuser_revokes_anybodys(client: Client, researcher: User) -> None:
    token, _ = make_token(user=researcher, name="left in a repository", scope="write", days=1, by=None)
    client.force_login(make_researcher())
    assert b"left in a repository" in client.get(PAGE).content
    client.post(reverse("research-token-revoke", args=[token.pk]))
    token.refresh_from_db()
    assert token.revoked_at is not None
    again = client.post(reverse("research-token-revoke", args=[token.pk]), follow=True)
    assert b"revoked already" in again.content


def test_the_page_is_for_researchers(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"name": "x", "scope": "read", "days": ""}).status_code == 403
    assert not ApiToken.objects.exists()
