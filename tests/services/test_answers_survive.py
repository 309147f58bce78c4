"""What a rater was told is saved is there, whatever happened to the web process in between."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import requests

from tests.services.rater import Rater
from tests.services.stack import Stack, wait_for

pytestmark = pytest.mark.services

RATERS, CLIPS = 4, 20
MAKE_STUDY = f"""
import json
from tests.studyapp.factories import open_study

# Coverage is not what is tested here; without it answers come as fast as they can be stored.
print(json.dumps(open_study(clips={CLIPS}, blocks={RATERS}, min_coverage=0).token))
"""


def test_no_acknowledged_answer_is_lost_when_gunicorn_is_killed(stack: Stack) -> None:
    token: str = json.loads(stack.script(MAKE_STUDY))
    web = stack.start_web()
    raters = [Rater(stack.web_url, token) for _ in range(RATERS)]
    for rater in raters:
        rater.consent()
    acknowledged: list[str] = []
    cut_off: list[str] = []
    threads = [threading.Thread(target=_answer_all, args=(rater, acknowledged, cut_off)) for rater in raters]
    for thread in threads:
        thread.start()
    wait_for("some answers", lambda: len(acknowledged) >= RATERS * CLIPS // 4)
    with _answers_held(stack):
        web.kill()
    told_before_the_crash = set(acknowledged)
    assert len(told_before_the_crash) < RATERS * CLIPS
    time.sleep(0.5)
    stack.start_web()
    for thread in threads:
        thread.join(timeout=90)
        assert not thread.is_alive()

    assert cut_off
    stored = _stored(stack)
    assert told_before_the_crash <= set(stored)
    # Everybody sent again what they had no reply to, and went on to the end.
    assert len(stored) == RATERS * CLIPS
    assert set(stored.values()) == {2}


@contextmanager
def _answers_held(stack: Stack) -> Iterator[None]:
    """No answer is stored inside the block, which begins when at least one waits for that."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'studyapp_response'::regclass"
    with (
        psycopg.connect(stack.database_url) as holder,
        psycopg.connect(stack.database_url, autocommit=True) as onlooker,
    ):
        holder.execute("LOCK TABLE studyapp_response IN SHARE MODE")
        wait_for("an answer on its way", lambda: _number(onlooker.execute(waiting)) > 0)
        yield
        holder.rollback()


def _number(cursor: psycopg.Cursor[tuple[int]]) -> int:
    row = cursor.fetchone()
    assert row is not None
    return row[0]


def _answer_all(rater: Rater, acknowledged: list[str], cut_off: list[str]) -> None:
    """Answer to the end; what fails for want of a server is sent again, as the page does."""
    trial = None
    deadline = time.monotonic() + 80
    while time.monotonic() < deadline:
        try:
            trial = trial or rater.trial()
            if trial is None:
                return
            reply = rater.answer(trial, relevance=1, preference=5)
        except requests.RequestException:
            if trial is not None:
                cut_off.append(trial.token)
            time.sleep(0.2)
            continue
        assert reply.status_code == 200, reply.text
        assert reply.json()["saved"] is True
        acknowledged.append(trial.token)
        trial = None


def _stored(stack: Stack) -> dict[str, int]:
    with psycopg.connect(stack.database_url) as connection:
        return dict(
            connection.execute(
                "SELECT t.token, count(*) FROM studyapp_response r JOIN studyapp_trial t ON t.id = r.trial_id"
                " GROUP BY t.token"
            ).fetchall()
        )
