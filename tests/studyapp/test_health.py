"""The address by which a container engine learns whether the web process can serve."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from studyapp import tasks
from studyapp.work.queues import SHORT
from studyapp.work.supervisor import Supervisor


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
def test_health_of_the_work_is_how_long_ago_a_worker_came(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path
    assert client.get("/health/workers/").status_code == 503
    tasks.note_worker()
    answer = client.get("/health/workers/")
    assert answer.status_code == 200
    assert re.match(r"a worker came \d+ s ago\ncovers queue short: ", answer.content.decode())
    for minutes, status in ((14, 200), (16, 503)):
        then = time.time() - 60 * minutes
        os.utime(tmp_path / "worker-came", (then, then))
        assert client.get("/health/workers/").status_code == status


@pytest.mark.django_db
def test_a_supervisor_that_sweeps_by_itself_does_not_stand_for_a_worker(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.VAR = tmp_path
    Supervisor(logs=tmp_path / "log").sweep_when_due()
    assert client.get("/health/workers/").status_code == 503
    # But it has sent for one, who says so by taking the message.
    (message,) = (Path(settings.EMBEDDED_BROKER_DIR) / "queues" / SHORT).glob("[0-9]*")
    assert json.loads(message.read_text())["headers"]["task"] == tasks.note_worker.name
