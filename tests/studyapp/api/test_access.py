"""Tokens: shown once, kept as a digest, and who is let in with what."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from studyapp.actions.tokens import MOST_TOKENS, holder_of, make_token, revoke_token
from studyapp.errors import DuetError, WrongState
from studyapp.models import ApiToken, AuditLine, User
from tests.studyapp.api.caller import ROOT, Caller, answer_of, caller_for
from tests.studyapp.factories import make_researcher

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher() -> User:
    return make_researcher()


def test_a_token_is_kept_as_its_digest_alone(researcher: User) -> None:
    token, secret = make_token(user=researcher, name="notebook", scope="read", days=30, by=researcher)
    assert secret.startswith("duet_")
    assert len(secret) >= len("duet_") + 43
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    kept = json.dumps([list(ApiToken.objects.values_list()), list(AuditLine.objects.values_list())], default=str)
    assert secret not in kept
    assert AuditLine.objects.get(verb="token made").by == researcher


def test_a_token_lets_in(researcher: User) -> None:
    assert caller_for(researcher)("GET", "studies").status == 200


@pytest.mark.parametrize(
    "header", [None, "", "duet_x", "Basic abc", "Bearer ", "Bearer duet_unknown", "Token duet_x"]
)
def test_nobody_gets_in_without_a_token_that_is_known(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = answer_of(Client().get(f"{ROOT}studies", headers=headers))
    assert answer.status == 401
    assert "Bearer duet_" in answer.said["error"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_cookie_lets_nobody_in(client: Client, researcher: User) -> None:
    client.force_login(researcher)
    assert client.get(f"{ROOT}studies").status_code == 401


def test_a_revoked_token_lets_nobody_in(researcher: User) -> None:
    call = caller_for(researcher)
    token = ApiToken.objects.get()
    revoke_token(token=token, by=researcher)
    assert call("GET", "studies").status == 401
    with pytest.raises(WrongState, match="revoked already"):
        revoke_token(token=token, by=researcher)


def test_an_expired_token_lets_nobody_in(researcher: User) -> None:
    call = caller_for(researcher)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert call("GET", "studies").status == 401


@pytest.mark.parametrize("lost", ["is_active", "is_staff"])
def test_a_token_of_who_is_no_researcher_any_more_lets_nobody_in(researcher: User, lost: str) -> None:
    call = caller_for(researcher)
    User.objects.filter(pk=researcher.pk).update(**{lost: False})
    assert call("GET", "studies").status == 401


def test_a_read_token_changes_nothing(researcher: User) -> None:
    answer = caller_for(researcher, scope="read")("POST", "systems", {"key": "ground-truth"})
    assert answer.status == 403
    assert "may only read" in answer.said["error"]


def test_when_a_token_was_used_is_noted_at_most_once_a_minute(researcher: User) -> None:
    _, secret = make_token(user=researcher, name="notebook", scope="read", days=None, by=researcher)
    now = timezone.now()
    noted = []
    for seconds in (0, 59, 61):
        holder_of(secret, now=now + timedelta(seconds=seconds))
        noted.append(ApiToken.objects.get().last_used_at)
    assert noted == [now, now, now + timedelta(seconds=61)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"name": " "}, "a name"), ({"scope": "admin"}, "read, write"), ({"days": 0}, "1 to 3660")],
)
def test_a_token_that_cannot_be_is_refused(researcher: User, changed: dict[str, object], said: str) -> None:
    asked = {"name": "notebook", "scope": "read", "days": 30, **changed}
    with pytest.raises(DuetError, match=said):
        make_token(user=researcher, by=researcher, **asked)  # type: ignore[arg-type]
    assert not ApiToken.objects.exists()


def test_nobody_has_tokens_without_number(researcher: User) -> None:
    rows = (ApiToken(user=researcher, name="x", digest=str(number)) for number in range(MOST_TOKENS))
    ApiToken.objects.bulk_create(rows)
    with pytest.raises(DuetError, match="revoke those"):
        make_token(user=researcher, name="one more", scope="read", days=1, by=researcher)


def test_who_is_no_researcher_gets_no_token() -> None:
    with pytest.raises(DuetError, match="only researchers"):
        make_token(user=make_researcher(is_staff=False), name="x", scope="read", days=1, by=None)


def test_a_token_needs_no_csrf_token(researcher: User) -> None:
    call = caller_for(researcher)
    assert isinstance(call, Caller)
    assert call("POST", "systems", {"key": "ground-truth"}).status == 201


@pytest.mark.parametrize("address", ["nowhere", "studies/", "", "studies/a/b/c"])
def test_an_unknown_address_is_told_in_json(researcher: User, address: str) -> None:
    answer = caller_for(researcher)("GET", address)
    assert answer.status == 404
    assert "openapi.json" in answer.said["error"]


def test_json_that_cannot_be_read_is_told(researcher: User) -> None:
    call = caller_for(researcher)
    response = call.client.post(
        f"{ROOT}systems", "{", content_type="application/json", headers={"Authorization": f"Bearer {call.secret}"}
    )
    assert response.status_code == 400
    assert "body" in response.json()["error"]
