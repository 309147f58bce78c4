"""The address by which a container engine learns whether the web process can serve."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client


@pytest.mark.django_db
def test_health_is_good_while_the_database_answers(client: Client) -> None:
    answer = client.get("/health/")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-cache" in answer["Cache-Control"]


@pytest.mark.django_db
def test_health_is_not_sent_to_https_where_pages_are(client: Client, settings: object) -> None:
    settings.SECURE_SSL_REDIRECT = True  # type: ignore[attr-defined]
    assert client.get("/health/").status_code == 200
    assert client.get("/admin/").status_code == 301


@pytest.mark.django_db
def test_health_is_bad_when_the_database_does_not_answer(client: Client) -> None:
    def refuse(*_: object) -> None:
        from django.db import OperationalError

        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(refuse):
        assert client.get("/health/").status_code == 503


@pytest.mark.django_db
def test_health_takes_no_posts(client: Client) -> None:
    assert client.post("/health/").status_code == 405
