"""Webhooks: who is told what, signed how, tried how often, and never the same attempt twice."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from studyapp.actions import studies, webhooks
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Delivery, Study, Webhook
from tests.studyapp.factories import make_researcher, make_study, open_study
from tests.studyapp.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_HOSTS, settings.EMBEDDED = ["127.0.0.1"], True
    with receiving() as made:
        yield made


def hooked(receiver: Receiver, **fields: Any) -> tuple[Study, Webhook, str]:
    study = make_study(**fields)
    hook, secret = webhooks.add_webhook(study=study, url=receiver.url, by=None)
    return study, hook, secret


def waiting(hook: Webhook, **fields: Any) -> Delivery:
    values = {"event": "test", "body": '{"event": "test"}', "next_at": timezone.now(), **fields}
    return Delivery.objects.create(webhook=hook, **values)


def verified(secret: str, header: str, body: bytes) -> bool:
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header)
    assert found
    signed = hmac.new(secret.encode(), f"{found[1]}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signed, found[2])


def test_what_is_sent_says_what_happened_and_carries_a_signature_of_the_secret(receiver: Receiver) -> None:
    study, hook, secret = hooked(receiver)
    webhooks.announce(study=study, event="study.open", payload={"by": "ada"})
    delivery = hook.deliveries.get()
    assert webhooks.deliver(delivery_id=delivery.pk, attempt=1)
    [(_, headers, body)] = receiver.got
    told = json.loads(body)
    assert sorted(told) == ["at", "data", "event", "id", "study"]
    assert told["event"] == headers["Duet-Event"] == "study.open"
    assert told["study"] == {"slug": study.slug, "title": study.title, "state": "draft"}
    assert told["data"] == {"by": "ada"}
    assert verified(secret, headers["Duet-Signature"], body)
    assert not verified(secret + "x", headers["Duet-Signature"], body)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.attempts) == ("sent", 204, 1)
    assert delivery.sent_at is not None


def test_a_step_of_the_study_is_announced_to_its_own_active_addresses_alone(receiver: Receiver) -> None:
    study = open_study()
    mine, _ = webhooks.add_webhook(study=study, url=receiver.url, by=None)
    off, _ = webhooks.add_webhook(study=study, url=f"{receiver.url}/off", by=None)
    webhooks.switch_off(webhook=off, by=None)
    other, _ = webhooks.add_webhook(study=make_study(), url=receiver.url, by=None)
    studies.pause_study(study=study, by=make_researcher(username="ada"))
    told = json.loads(mine.deliveries.get().body)
    assert (told["event"], told["study"]["state"], told["data"]) == ("study.paused", "paused", {"by": "ada"})
    assert not off.deliveries.exists()
    assert not other.deliveries.exists()


def test_what_is_undone_is_not_announced(receiver: Receiver) -> None:
    study, _, _ = hooked(receiver)
    with transaction.atomic():
        webhooks.announce(study=study, event="study.open", payload={})
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_nothing_is_sent_before_the_transaction_is_through(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    from studyapp import tasks

    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(tasks.deliver_webhook, "delay", lambda *given: sent.append(given))
    study, hook, _ = hooked(receiver)
    with django_capture_on_commit_callbacks(execute=True):
        webhooks.announce(study=study, event="study.open", payload={})
        assert not sent
    assert sent == [(hook.deliveries.get().pk, 1)]


def test_a_message_that_comes_twice_is_sent_once(receiver: Receiver) -> None:
    _, hook, _ = hooked(receiver)
    delivery = waiting(hook)
    assert webhooks.deliver(delivery_id=delivery.pk, attempt=1)
    assert not webhooks.deliver(delivery_id=delivery.pk, attempt=1)
    assert not webhooks.deliver(delivery_id=delivery.pk, attempt=2)
    assert len(receiver.got) == 1


def test_each_failure_waits_longer_and_the_tenth_gives_up_saying_why(receiver: Receiver) -> None:
    receiver.answers = [500]
    _, hook, _ = hooked(receiver)
    delivery = waiting(hook)
    waits = []
    for attempt in range(1, webhooks.MOST_ATTEMPTS + 1):
        began = timezone.now()
        assert not webhooks.deliver(delivery_id=delivery.pk, attempt=attempt)
        delivery.refresh_from_db()
        waits.append(delivery.next_at - began)
        assert delivery.error == "It answered 500 (Internal Server Error)."
        assert delivery.status == 500
        assert delivery.state == ("waiting" if attempt < 10 else "failed")
    spans = waits[:-1]
    assert all(later > earlier for earlier, later in itertools.pairwise(spans))
    assert timedelta(hours=20) < sum(spans, timedelta()) < timedelta(hours=28)
    assert len(receiver.got) == 10


def test_a_later_success_leaves_no_error_behind(receiver: Receiver) -> None:
    receiver.answers = [503, 200]
    _, hook, _ = hooked(receiver)
    delivery = waiting(hook)
    assert not webhooks.deliver(delivery_id=delivery.pk, attempt=1)
    assert webhooks.deliver(delivery_id=delivery.pk, attempt=2)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.error) == ("sent", 200, "")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> Any:
    """What a sweep asks of the workers."""
    from studyapp import tasks

    def sweep(now: Any) -> list[tuple[int, int]]:
        sent: list[tuple[int, int]] = []
        monkeypatch.setattr(tasks.deliver_webhook, "delay", lambda *given: sent.append(given))
        with django_capture_on_commit_callbacks(execute=True):
            webhooks.resend_due(now=now)
        return sent

    return sweep


def test_the_sweeper_sends_what_is_due_and_not_again_before_the_workers_had_time(
    receiver: Receiver, asked: Any
) -> None:
    _, hook, _ = hooked(receiver)
    now = timezone.now()
    due = waiting(hook, attempts=2, next_at=now - timedelta(seconds=1))
    waiting(hook, next_at=now + timedelta(minutes=1))
    waiting(hook, state="sent", next_at=now - timedelta(hours=1))
    assert asked(now) == [(due.pk, 3)]
    assert asked(now + timedelta(seconds=30)) == []
    assert (due.pk, 3) in asked(now + webhooks.RESEND_AFTER)


def test_the_sweeper_gives_up_what_lost_its_worker_at_the_last_attempt(receiver: Receiver, asked: Any) -> None:
    _, hook, _ = hooked(receiver)
    now = timezone.now()
    last = waiting(hook, attempts=webhooks.MOST_ATTEMPTS, next_at=now)
    assert asked(now) == []
    last.refresh_from_db()
    assert last.state == "failed"
    assert "worker that died" in last.error


def test_an_address_switched_off_hears_nothing_more_and_what_waits_is_given_up(receiver: Receiver) -> None:
    study, hook, _ = hooked(receiver)
    delivery = waiting(hook)
    webhooks.switch_off(webhook=hook, by=None)
    assert not webhooks.deliver(delivery_id=delivery.pk, attempt=1)
    webhooks.announce(study=study, event="study.open", payload={})
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("failed", "The address was switched off.")
    assert not receiver.got
    with pytest.raises(WrongState, match="switched off already"):
        webhooks.switch_off(webhook=hook, by=None)
    with pytest.raises(WrongState, match="add it again"):
        webhooks.send_test(webhook=hook, by=None)
    with pytest.raises(WrongState, match="add it again"):
        webhooks.send_again(delivery=delivery, by=None)
    with pytest.raises(WrongState, match="add it again"):
        webhooks.renew_secret(webhook=hook, by=None)


def test_an_address_added_again_after_it_was_switched_off_has_a_new_secret(receiver: Receiver) -> None:
    study, hook, secret = hooked(receiver)
    webhooks.switch_off(webhook=hook, by=None)
    again, other = webhooks.add_webhook(study=study, url=receiver.url, by=None)
    assert again == hook
    assert again.active
    assert other != secret


def test_an_address_is_added_once(receiver: Receiver) -> None:
    study, _, _ = hooked(receiver)
    with pytest.raises(DuetError, match="told already"):
        webhooks.add_webhook(study=study, url=receiver.url, by=None)
    assert AuditLine.objects.filter(verb="webhook added").count() == 1


def test_a_study_has_only_so_many_addresses(receiver: Receiver) -> None:
    study, _, _ = hooked(receiver)
    for number in range(1, webhooks.MOST_WEBHOOKS):
        webhooks.add_webhook(study=study, url=f"{receiver.url}{number}", by=None)
    with pytest.raises(DuetError, match="at most 10"):
        webhooks.add_webhook(study=study, url=f"{receiver.url}more", by=None)


def test_an_address_that_may_never_be_sent_to_is_not_added(settings: Any) -> None:
    settings.WEBHOOK_HOSTS = []
    with pytest.raises(DuetError, match="DUET_WEBHOOK_HOSTS"):
        webhooks.add_webhook(study=make_study(), url="https://169.254.169.254/latest/", by=None)
    assert not Webhook.objects.exists()


def test_a_renewed_secret_signs_from_then_on(receiver: Receiver) -> None:
    _, hook, old = hooked(receiver)
    new = webhooks.renew_secret(webhook=hook, by=None)
    assert webhooks.deliver(delivery_id=waiting(hook).pk, attempt=1)
    [(_, headers, body)] = receiver.got
    assert verified(new, headers["Duet-Signature"], body)
    assert not verified(old, headers["Duet-Signature"], body)


def test_a_message_given_up_is_sent_again_from_the_first_attempt_with_the_same_id(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, hook, _ = hooked(receiver)
    delivery = waiting(hook, state="failed", attempts=10, error="It answered 500.", status=500)
    webhooks.send_again(delivery=delivery, by=None)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.error) == ("waiting", 0, "")
    assert webhooks.deliver(delivery_id=delivery.pk, attempt=1)
    assert receiver.got[0][2].decode() == delivery.body


def test_what_arrives_after_it_was_asked_for_again_does_not_count_for_the_new_one(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, hook, _ = hooked(receiver)
    delivery = waiting(hook)
    post = webhooks.posting.post

    def meanwhile(*given: Any) -> int:
        webhooks.send_again(delivery=delivery, by=None)
        return post(*given)

    monkeypatch.setattr(webhooks.posting, "post", meanwhile)
    assert not webhooks.deliver(delivery_id=delivery.pk, attempt=1)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("waiting", 0)


def test_no_secret_is_in_the_log_of_changes(receiver: Receiver) -> None:
    _, hook, secret = hooked(receiver)
    new = webhooks.renew_secret(webhook=hook, by=None)
    webhooks.send_test(webhook=hook, by=None)
    kept = json.dumps(list(AuditLine.objects.values_list("verb", "details")))
    assert secret not in kept
    assert new not in kept


def test_the_log_has_scheme_and_host_of_an_address_and_never_its_path() -> None:
    study = make_study()
    address = "https://hooks.example.org:8443/services/T0/THE-PASSWORD?key=ANOTHER"
    hook, _ = webhooks.add_webhook(study=study, url=address, by=None)
    webhooks.send_test(webhook=hook, by=None)
    webhooks.renew_secret(webhook=hook, by=None)
    webhooks.switch_off(webhook=hook, by=None)
    lines = list(AuditLine.objects.filter(study=study).values_list("details", flat=True))
    assert lines == [{"url": "https://hooks.example.org"}] * 4
