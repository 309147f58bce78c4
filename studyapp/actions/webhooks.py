"""Webhooks: other programs are told what becomes of a study, each message signed, kept and tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Delivery, Study, User, Webhook
from studyapp.work import posting

WAITS = tuple(timedelta(seconds=s) for s in (60, 120, 300, 900, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 10 * 3600))
"""After each attempt that failed, how long until the next: ten attempts within a day, then it is given up."""
MOST_ATTEMPTS = len(WAITS) + 1
RESEND_AFTER = timedelta(minutes=2)
"""How long a message to the workers may stay unheard before another one is sent."""
MOST_WEBHOOKS = 10
_AT_A_SWEEP = 500


def announce(*, study: Study, event: str, payload: Mapping[str, Any]) -> None:
    """Tell every address of the study, once the surrounding transaction is through; returns at once.

    event: a word such as “study.open”. payload: JSON values, and nothing that tells which system is which.
    """
    hooks = list(Webhook.objects.filter(study=study, active=True).order_by("pk"))
    if hooks:
        _deliver(hooks, study, event, payload)


@transaction.atomic
def add_webhook(*, study: Study, url: str, by: User | None) -> tuple[Webhook, str]:
    """An address, and the secret that signs its messages, to be shown this once.

    One that was switched off is switched on again, with a new secret. Raises DuetError.
    """
    _check(url)
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if Webhook.objects.filter(study=study, active=True).exclude(url=url).count() >= MOST_WEBHOOKS:
        raise DuetError(f"a study tells at most {MOST_WEBHOOKS} addresses; switch one of them off first")
    secret = _new_secret()
    if Webhook.objects.filter(study=study, url=url, active=False).update(active=True, secret=secret):
        hook = Webhook.objects.get(study=study, url=url)
    else:
        try:
            with transaction.atomic():
                hook = Webhook.objects.create(study=study, url=url, secret=secret, created_by=by)
        except IntegrityError:
            raise DuetError(f"{url} is told already; change its secret instead") from None
    AuditLine.write("webhook added", by=by, study=study, url=place_of(url))
    return hook, secret


@transaction.atomic
def renew_secret(*, webhook: Webhook, by: User | None) -> str:
    """Another secret, to be shown this once; it signs what is sent from now on. Raises WrongState."""
    secret = _new_secret()
    if not Webhook.objects.filter(pk=webhook.pk, active=True).update(secret=secret):
        raise WrongState(f"{webhook} is switched off; add it again instead")
    AuditLine.write("webhook secret renewed", by=by, study=webhook.study, url=place_of(webhook.url))
    return secret


@transaction.atomic
def switch_off(*, webhook: Webhook, by: User | None) -> None:
    """Tell it nothing any more; what still waits is given up. Raises WrongState when it is off already."""
    if not Webhook.objects.filter(pk=webhook.pk, active=True).update(active=False):
        raise WrongState(f"{webhook} is switched off already")
    webhook.deliveries.filter(state=Delivery.State.WAITING).update(
        state=Delivery.State.FAILED, error="The address was switched off."
    )
    AuditLine.write("webhook switched off", by=by, study=webhook.study, url=place_of(webhook.url))


@transaction.atomic
def send_test(*, webhook: Webhook, by: User | None) -> Delivery:
    """A message that only says that it is a test. Raises WrongState when the address is switched off."""
    if not Webhook.objects.filter(pk=webhook.pk, active=True).exists():
        raise WrongState(f"{webhook} is switched off; add it again first")
    AuditLine.write("webhook tested", by=by, study=webhook.study, url=place_of(webhook.url))
    return _deliver([webhook], webhook.study, "test", {"by": by.get_username() if by else ""})[0]


@transaction.atomic
def send_again(*, delivery: Delivery, by: User | None) -> None:
    """Begin anew with a message, whatever became of it; the receiver knows it by its id.

    Raises WrongState when its address is switched off.
    """
    again = Delivery.objects.filter(pk=delivery.pk, webhook__in=_active()).update(
        state=Delivery.State.WAITING,
        attempts=0,
        status=None,
        error="",
        sent_at=None,
        next_at=timezone.now() + RESEND_AFTER,
    )
    if not again:
        raise WrongState(f"{delivery.webhook} is switched off; add it again first")
    AuditLine.write(
        "webhook message sent again",
        by=by,
        study=delivery.webhook.study,
        event=delivery.event,
        delivery=delivery.pk,
    )
    _send(delivery.pk, 1)


def deliver(*, delivery_id: int, attempt: int) -> bool:
    """Make one attempt at one message, in a worker; True when it arrived. Harmless to repeat.

    A message to the workers names the attempt it is for: of two that name the same one, the second finds it taken.
    """
    now = timezone.now()
    wait = WAITS[min(attempt, len(WAITS)) - 1]
    # The time of the next attempt is written before this one: should the worker die, the sweeper goes on from it.
    # Of this row's own columns: PostgreSQL looks at them anew after it has waited for another worker, and not into
    # the subquery that a join would become.
    taken = Delivery.objects.filter(
        pk=delivery_id, state=Delivery.State.WAITING, attempts=attempt - 1, webhook__in=_active()
    ).update(attempts=attempt, next_at=now + wait)
    if not taken:
        return False
    delivery = Delivery.objects.select_related("webhook").get(pk=delivery_id)
    body = delivery.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Duet-Webhook/1",
        "Duet-Event": delivery.event,
        "Duet-Signature": signature(delivery.webhook.secret, body, now),
    }
    mine = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.WAITING, attempts=attempt)
    try:
        status = posting.post(delivery.webhook.url, body, headers)
    except posting.NotPosted as failed:
        given_up = {"state": Delivery.State.FAILED} if attempt >= MOST_ATTEMPTS else {}
        mine.update(status=failed.status, error=str(failed), **given_up)
        return False
    return bool(mine.update(state=Delivery.State.SENT, status=status, error="", sent_at=timezone.now()))


def resend_due(*, now: datetime) -> int:
    """Send every message whose next attempt is due to the workers; returns how many. The rest is given up.

    Each is sent at most once in ``RESEND_AFTER``, so that messages do not pile up while no worker runs.
    """
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_at__lte=now)
    due.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=Delivery.State.FAILED, error="The last attempt ended with a worker that died or was stopped."
    )
    sent = 0
    for pk, attempts, next_at in due.order_by("next_at").values_list("pk", "attempts", "next_at")[:_AT_A_SWEEP]:
        # Conditional: of two sweepers one sends it.
        with transaction.atomic():
            if due.filter(pk=pk, attempts=attempts, next_at=next_at).update(next_at=now + RESEND_AFTER):
                _send(pk, attempts + 1)
                sent += 1
    return sent


def place_of(url: str) -> str:
    """Scheme and host of an address, for the log that every member reads: its path is often its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


def signature(secret: str, body: bytes, at: datetime) -> str:
    """What the header Duet-Signature says: the moment, and HMAC-SHA-256 of “moment.body” under the secret."""
    moment = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


@transaction.atomic
def _deliver(hooks: list[Webhook], study: Study, event: str, payload: Mapping[str, Any]) -> list[Delivery]:
    now = timezone.now()
    message = {
        "id": f"evt_{secrets.token_hex(12)}",
        "event": event,
        "at": now.isoformat(),
        "study": {"slug": study.slug, "title": study.title, "state": study.state},
        "data": dict(payload),
    }
    body = json.dumps(message, ensure_ascii=False)
    rows = Delivery.objects.bulk_create(
        Delivery(webhook=hook, event=event, body=body, next_at=now + RESEND_AFTER) for hook in hooks
    )
    for row in rows:
        _send(row.pk, 1)
    return rows


def _send(pk: int, attempt: int) -> None:
    # tasks.py calls back into this module.
    from studyapp import tasks

    # Robust: a broker that is away is logged, and the sweeper sends again.
    transaction.on_commit(lambda: tasks.deliver_webhook.delay(pk, attempt), robust=True)


def _active() -> QuerySet[Webhook]:
    return Webhook.objects.filter(active=True)


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def _check(url: str) -> None:
    try:
        posting.check_url(url)
    except posting.NotPosted as refused:
        text = str(refused)
        raise DuetError(text[:1].lower() + text[1:].removesuffix(".")) from None
