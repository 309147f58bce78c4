"""Addresses that are told of a study's changes: for its owners, with every message and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from studyapp import rights
from studyapp.actions.webhooks import (
    MOST_ATTEMPTS,
    add_webhook,
    renew_secret,
    send_again,
    send_test,
    switch_off,
)
from studyapp.errors import DuetError
from studyapp.models import Delivery, Study, User, Webhook
from studyapp.views.staff import Abilities, researcher, researchers_only, study_for

SHOWN = 50
EVENTS: Mapping[str, str] = {
    "study.pilot": "a pilot began",
    "study.draft": "a pilot ended, and the study is a draft again",
    "study.open": "the study opened, or was resumed",
    "study.paused": "it was paused",
    "study.closed": "it was closed",
    "study.archived": "it was archived",
    "dataset.ready": "a dataset and its report were built",
    "dataset.failed": "building one failed",
    "study.amended": "something was changed after it opened",
    "alarm.on": "something needs attention, such as no answers for hours or a full disk",
    "alarm.off": "it does not any more",
    "test": "you pressed “Send a test”",
}
"""Every event that an address may be told, and what it means."""


class WebhookForm(forms.Form):
    url = forms.URLField(
        max_length=500,
        assume_scheme="https",
        label="Address",
        help_text="A program of yours that takes POST requests, such as https://example.org/duet. It must answer "
        "within ten seconds with a status of 200 to 299.",
    )


@require_http_methods(["GET", "POST"])
@researchers_only
def webhooks(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The page; posting adds an address and answers with its secret, seen this once."""
    study = study_for(request, slug, rights.MANAGE)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            hook, secret = add_webhook(study=study, url=form.cleaned_data["url"], by=researcher(request))
        except DuetError as error:
            text = str(error)
            form.add_error("url", text[:1].upper() + text[1:] + ".")
        else:
            return _page(request, study, WebhookForm(), shown_once={"hook": hook, "secret": secret})
    return _page(request, study, form)


def _renew(hook: Webhook, by: User) -> str:
    return renew_secret(webhook=hook, by=by)


def _test(hook: Webhook, by: User) -> str:
    send_test(webhook=hook, by=by)
    return "A test is on its way; look below in a few seconds."


def _off(hook: Webhook, by: User) -> str:
    switch_off(webhook=hook, by=by)
    return f"{hook} is told nothing any more."


VERBS: Mapping[str, Callable[[Webhook, User], str]] = {"test": _test, "renew": _renew, "off": _off}


@require_POST
@researchers_only
def do(request: HttpRequest, slug: str, pk: int, verb: str) -> HttpResponseBase:
    """Send a test, renew the secret (shown this once), or switch an address off."""
    study = study_for(request, slug, rights.MANAGE)
    hook = get_object_or_404(Webhook.objects.select_related("study"), pk=pk, study=study)
    if verb not in VERBS:
        messages.error(request, f"There is no button “{verb}”.")
        return redirect("research-webhooks", slug)
    try:
        said = VERBS[verb](hook, researcher(request))
    except DuetError as error:
        _refuse(request, error)
        return redirect("research-webhooks", slug)
    if verb == "renew":
        return _page(request, study, WebhookForm(), shown_once={"hook": hook, "secret": said})
    messages.success(request, said)
    return redirect("research-webhooks", slug)


@require_POST
@researchers_only
def again(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """Send one message again."""
    study = study_for(request, slug, rights.MANAGE)
    messages_of_study = Delivery.objects.select_related("webhook__study").filter(webhook__study=study)
    delivery = get_object_or_404(messages_of_study, pk=pk)
    try:
        send_again(delivery=delivery, by=researcher(request))
    except DuetError as error:
        _refuse(request, error)
    else:
        messages.success(request, f"The message “{delivery.event}” is on its way again.")
    return redirect("research-webhooks", slug)


def _page(
    request: HttpRequest, study: Study, form: WebhookForm, *, shown_once: Mapping[str, Any] | None = None
) -> HttpResponseBase:
    deliveries = Delivery.objects.filter(webhook__study=study).select_related("webhook").order_by("-pk")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit():
        deliveries = deliveries.filter(pk__lt=int(before[:18]))
    listed = list(deliveries[: SHOWN + 1])
    hooks = Webhook.objects.filter(study=study).annotate(
        arrived=Count("deliveries", filter=Q(deliveries__state=Delivery.State.SENT)),
        waiting=Count("deliveries", filter=Q(deliveries__state=Delivery.State.WAITING)),
        given_up=Count("deliveries", filter=Q(deliveries__state=Delivery.State.FAILED)),
    )
    context = {
        "study": study,
        "may": Abilities.of(request, study),
        "form": form,
        "hooks": hooks.order_by("-active", "pk"),
        "deliveries": listed[:SHOWN],
        "older": listed[SHOWN - 1].pk if len(listed) > SHOWN else None,
        "events": EVENTS,
        "most_attempts": MOST_ATTEMPTS,
        "shown_once": shown_once,
    }
    response = render(request, "research/webhooks.html", context)
    if shown_once:
        response["Cache-Control"] = "no-store"
    return response


def _refuse(request: HttpRequest, error: DuetError) -> None:
    text = str(error)
    messages.error(request, text[:1].upper() + text[1:] + ".")


urlpatterns = [
    path("research/studies/<slug:slug>/webhooks/", webhooks, name="research-webhooks"),
    path("research/studies/<slug:slug>/webhooks/<id:pk>/<slug:verb>/", do, name="research-webhook-do"),
    path("research/studies/<slug:slug>/webhooks/messages/<id:pk>/again/", again, name="research-webhook-again"),
]
