"""The address by which a container engine learns whether the web process can serve."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from studyapp.work import last_sweep, sweeper


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


@pytest.mark.django_db
def test_health_of_the_work_is_the_age_of_the_last_sweep(client: Client, settings: object, tmp_path: Path) -> None:
    settings.VAR = tmp_path  # type: ignore[attr-defined]
    assert last_sweep.last() is None
    assert client.get("/health/work/").status_code == 503
    sweeper.sweep(now=timezone.now())
    answer = client.get("/health/work/")
    assert (answer.status_code, answer.content) == (200, b"last sweep 0 s ago\n")
    for minutes, status in ((14, 200), (16, 503)):
        then = time.time() - 60 * minutes
        os.utime(tmp_path / "swept", (then, then))
        assert client.get("/health/work/").status_code == status
