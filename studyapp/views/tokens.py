"""Tokens for scripts: everybody's own, and for superusers all of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from studyapp.actions.tokens import make_token, revoke_token
from studyapp.errors import DuetError
from studyapp.models import ApiToken
from studyapp.views.staff import researcher, researchers_only

_SHOWN = 200
_DAYS = {"30": "30 days", "90": "90 days", "365": "A year", "": "Until it is revoked"}


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        label="What it is for",
        help_text="Such as the notebook it is used in.",
    )
    scope = forms.ChoiceField(
        choices=ApiToken.Scope,
        label="May",
        help_text="A token can never do more than its owner can: of each study, what your part in it allows.",
    )
    days = forms.ChoiceField(choices=list(_DAYS.items()), required=False, initial="90", label="Good for")


@require_http_methods(["GET", "POST"])
@researchers_only
def tokens(request: HttpRequest) -> HttpResponseBase:
    """The page; posting makes a token and answers with it, seen this once."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        days = int(asked["days"]) if asked["days"] else None
        me = researcher(request)
        try:
            token, secret = make_token(user=me, name=asked["name"], scope=asked["scope"], days=days, by=me)
        except DuetError as error:
            text = str(error)
            form.add_error(None, text[:1].upper() + text[1:] + ".")
        else:
            return _page(request, TokenForm(), made={"token": token, "secret": secret})
    return _page(request, form)


@require_POST
@researchers_only
def revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Revoke a token of one's own, or as a superuser anybody's."""
    me = researcher(request)
    reachable = ApiToken.objects.select_related("user").filter(**({} if me.is_superuser else {"user": me}))
    token = get_object_or_404(reachable, pk=pk)
    try:
        revoke_token(token=token, by=me)
    except DuetError as error:
        text = str(error)
        messages.error(request, text[:1].upper() + text[1:] + ".")
    else:
        messages.success(request, f"Nobody gets in with “{token.name}” any more.")
    return redirect("research-tokens")


def _page(request: HttpRequest, form: TokenForm, *, made: dict[str, Any] | None = None) -> HttpResponseBase:
    me = researcher(request)
    listed = ApiToken.objects.select_related("user").order_by("-pk")
    context = {
        "form": form,
        "made": made,
        "now": timezone.now(),
        "mine": listed.filter(user=me)[:_SHOWN],
        "others": listed.exclude(user=me)[:_SHOWN] if me.is_superuser else [],
        "api_root": request.build_absolute_uri("/api/v1/"),
    }
    response = render(request, "research/tokens.html", context)
    if made:
        response["Cache-Control"] = "no-store"
    return response


urlpatterns = [
    path("research/tokens/", tokens, name="research-tokens"),
    path("research/tokens/<id:pk>/revoke/", revoke, name="research-token-revoke"),
]
