"""A script with a token, as tests see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from studyapp.actions.tokens import make_token
from studyapp.models import ApiToken, User

ROOT = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    said: Any
    headers: Any


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls the API with one token."""

    client: Client
    secret: str

    def __call__(self, method: str, address: str, sent: Any = None) -> Answer:
        body = {} if sent is None else {"data": json.dumps(sent), "content_type": "application/json"}
        headers = {"Authorization": f"Bearer {self.secret}"}
        response = self.client.generic(method, ROOT + address, headers=headers, **body)
        return answer_of(response)


def answer_of(response: Any) -> Answer:
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return Answer(response.status_code, json.loads(content) if is_json and content else content, response.headers)


def caller_for(user: User, *, scope: str = ApiToken.Scope.WRITE) -> Caller:
    _, secret = make_token(user=user, name="a test", scope=scope, days=1, by=user)
    return Caller(Client(enforce_csrf_checks=True), secret)
