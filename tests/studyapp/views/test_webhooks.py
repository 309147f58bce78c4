"""The page of webhooks: for owners alone, secrets shown once, messages with what became of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import webhooks
from studyapp.models import Delivery, Study, StudyMember, User, Webhook
from studyapp.views.webhooks import SHOWN
from tests.studyapp.factories import make_member, make_researcher, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def study(owner: User) -> Study:
    return make_study(by=owner)


@pytest.fixture
def hook(study: Study) -> Webhook:
    made, _ = webhooks.add_webhook(study=study, url="https://example.org/hook", by=None)
    return made


@pytest.fixture
def page(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def address(study: Study) -> str:
    return reverse("research-webhooks", args=[study.slug])


def press(client: Client, hook: Webhook, verb: str) -> Any:
    return client.post(reverse("research-webhook-do", args=[hook.study.slug, hook.pk, verb]), follow=True)


def delivery(hook: Webhook, **fields: Any) -> Delivery:
    values = {"event": "study.open", "body": "{}", "next_at": timezone.now(), **fields}
    return Delivery.objects.create(webhook=hook, **values)


def test_a_page_without_addresses_says_what_to_do(page: Client, study: Study) -> None:
    assert b"Add an address, then send a test" in page.get(address(study)).content


def test_the_secret_is_on_the_page_that_made_it_and_on_no_other(page: Client, study: Study) -> None:
    made = page.post(address(study), {"url": "https://example.org/duet"})
    [secret] = re.findall(r'value="(whsec_[\w-]{43})"', made.content.decode())
    assert made["Cache-Control"] == "no-store"
    assert study.webhooks.get().secret == secret
    assert secret not in page.get(address(study)).content.decode()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://example.org/", "https://10.0.0.1/", "https://a:b@example.org/"]
)
def test_an_address_that_cannot_be_is_refused_on_the_form(
    page: Client, study: Study, settings: Any, url: str
) -> None:
    settings.WEBHOOK_HOSTS = []
    assert b'role="alert"' in page.post(address(study), {"url": url}).content
    assert not Webhook.objects.exists()


def test_a_test_is_put_into_the_list(page: Client, hook: Webhook) -> None:
    assert b"A test is on its way" in press(page, hook, "test").content
    assert hook.deliveries.get().event == "test"


def test_a_renewed_secret_is_shown_once(page: Client, hook: Webhook) -> None:
    response = press(page, hook, "renew")
    hook.refresh_from_db()
    assert hook.secret in response.content.decode()
    assert hook.secret not in page.get(address(hook.study)).content.decode()


def test_an_address_is_switched_off_once(page: Client, hook: Webhook) -> None:
    press(page, hook, "off")
    hook.refresh_from_db()
    assert not hook.active
    assert b"switched off already" in press(page, hook, "off").content
    assert b"is switched off" in press(page, hook, "renew").content


def test_there_is_no_button_of_another_name(page: Client, hook: Webhook) -> None:
    assert "There is no button “destroy”" in press(page, hook, "destroy").content.decode()


def test_messages_say_what_became_of_them(page: Client, hook: Webhook) -> None:
    delivery(hook, state="sent", status=204, attempts=1, sent_at=timezone.now())
    delivery(hook, state="failed", attempts=10, error="It answered 500.")
    delivery(hook, attempts=2, error="example.org did not answer in time.")
    delivery(hook)
    text = page.get(address(hook.study)).content.decode()
    for said in ("Arrived (204)", "It answered 500.", "did not answer in time", "Waits for a worker"):
        assert said in text
    assert "1 arrived, 2 waiting" in text


def test_a_message_is_sent_again(page: Client, hook: Webhook) -> None:
    failed = delivery(hook, state="failed", attempts=10, error="It answered 500.")
    page.post(reverse("research-webhook-again", args=[hook.study.slug, failed.pk]))
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == ("waiting", 0)


def test_older_messages_are_on_further_pages(
    page: Client, hook: Webhook, django_assert_max_num_queries: Any
) -> None:
    for number in range(SHOWN + 1):
        delivery(hook, event=f"event{number:03}")
    with django_assert_max_num_queries(7):
        first = page.get(address(hook.study)).content.decode()
    assert "event000" not in first
    [older] = re.findall(r'href="\?before=(\d+)"', first)
    second = page.get(f"{address(hook.study)}?before={older}").content.decode()
    assert "event000" in second
    assert "event001" not in second
    assert page.get(f"{address(hook.study)}?before=nonsense").status_code == 200


@pytest.mark.parametrize("role", [None, "viewer", "editor"])
def test_nobody_but_an_owner_sees_or_does_anything(client: Client, hook: Webhook, role: str | None) -> None:
    somebody = make_researcher(is_superuser=False)
    if role:
        make_member(hook.study, somebody, role=StudyMember.Role(role), sees_names=True)
    client.force_login(somebody)
    refused = 403 if role else 404
    message = delivery(hook, state="failed")
    assert client.get(address(hook.study)).status_code == refused
    assert client.post(address(hook.study), {"url": "https://example.org/other"}).status_code == refused
    for verb in ("test", "renew", "off"):
        assert press(client, hook, verb).status_code == refused
    again = reverse("research-webhook-again", args=[hook.study.slug, message.pk])
    assert client.post(again).status_code == refused
    assert Webhook.objects.get().active
    assert Delivery.objects.count() == 1


def test_an_address_of_another_study_is_not_there(page: Client, study: Study, hook: Webhook) -> None:
    other, _ = webhooks.add_webhook(study=make_study(), url="https://example.org/", by=None)
    assert page.post(reverse("research-webhook-do", args=[study.slug, other.pk, "off"])).status_code == 404
    message = delivery(other)
    assert page.post(reverse("research-webhook-again", args=[study.slug, message.pk])).status_code == 404
