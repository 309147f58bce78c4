"""Two workers and two sweepers with connections of their own: one attempt is one message."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connection
from django.utils import timezone

from studyapp import tasks
from studyapp.actions import webhooks
from studyapp.models import Delivery
from tests.studyapp.factories import make_study
from tests.studyapp.receiver import receiving

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")


def at_once(*works: Callable[[], T]) -> list[T]:
    """Run each work in a thread and on a connection of its own, all let go at one moment."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.fixture
def due(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Delivery:
    settings.WEBHOOK_HOSTS, settings.EMBEDDED = ["127.0.0.1"], True
    hook, _ = webhooks.add_webhook(study=make_study(), url="http://127.0.0.1:9/", by=None)
    return Delivery.objects.create(webhook=hook, event="test", body="{}", next_at=timezone.now())


def test_two_workers_never_send_the_same_attempt_twice(due: Delivery) -> None:
    with receiving() as receiver:
        due.webhook.url = receiver.url
        due.webhook.save()
        arrived = at_once(*[lambda: webhooks.deliver(delivery_id=due.pk, attempt=1)] * 4)
        assert sorted(arrived) == [False, False, False, True]
        assert len(receiver.got) == 1


def test_two_sweepers_ask_the_workers_once(due: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks.deliver_webhook, "delay", lambda *given: sent.append(given))
    now = timezone.now()
    assert sorted(at_once(*[lambda: webhooks.resend_due(now=now)] * 3)) == [0, 0, 1]
    assert sent == [(due.pk, 1)]


def test_a_sweeper_that_is_overtaken_after_it_has_looked_asks_for_nothing(
    due: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks.deliver_webhook, "delay", lambda *given: sent.append(given))
    now = timezone.now()
    other: list[int] = []

    def overtaking(execute: Any, sql: str, *rest: Any) -> Any:
        found = execute(sql, *rest)
        if sql.startswith("SELECT") and "studyapp_delivery" in sql and not other:
            other.append(-1)
            other[:] = at_once(lambda: webhooks.resend_due(now=now))
        return found

    with connection.execute_wrapper(overtaking):
        assert webhooks.resend_due(now=now) == 0
    assert other == [1]
    assert sent == [(due.pk, 1)]


def test_one_address_added_twice_at_the_same_moment_is_one(due: Delivery) -> None:
    study = make_study()

    def add() -> bool:
        try:
            webhooks.add_webhook(study=study, url="http://127.0.0.1:9/other", by=None)
        except webhooks.DuetError:
            return False
        return True

    assert sorted(at_once(add, add)) == [False, True]
    assert study.webhooks.count() == 1
