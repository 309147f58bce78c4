"""Letting people in, for researchers: the links, invitations, the panel's set-up, and purging its ids."""

from __future__ import annotations

import csv
import io
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST

from analysis.spreadsheet import not_a_formula
from studyapp import policies, rights
from studyapp.actions.recruitment import MOST_INVITATIONS, address_back, invite, revoke
from studyapp.errors import DuetError
from studyapp.models import Invitation, Study
from studyapp.panels import PANELS, Outcome
from studyapp.states import StudyState
from studyapp.views.staff import researcher, researchers_only, study_for

_SHOWN = 200


class InviteForm(forms.Form):
    """So many invitations, or one for each line."""

    number = forms.IntegerField(min_value=1, max_value=MOST_INVITATIONS, required=False, label="How many")
    notes = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Or one for each line",
        help_text="A note for yourself, such as a seat number. It is stored; leave names out.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        lines = [line.strip() for line in (cleaned.get("notes") or "").splitlines() if line.strip()]
        if bool(lines) == bool(cleaned.get("number")):
            raise forms.ValidationError("Give a number, or a line for each invitation; one of the two.")
        cleaned["lines"] = lines or [""] * cleaned["number"]
        return cleaned


@require_http_methods(["GET", "POST"])
@researchers_only
def people(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The page; posting makes invitations and answers with the file of their links, seen this once."""
    study = study_for(request, slug, rights.CHANGE)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            notes = form.cleaned_data["lines"]
            codes = invite(study=study, notes=notes, by=researcher(request))
        except DuetError as error:
            form.add_error(None, str(error))
        else:
            return _links(request, study, notes, codes)
    invitations = study.invitations.all()
    panel = PANELS.get(study.panel)
    link = request.build_absolute_uri(reverse("take", args=[study.token]))
    context = {
        "study": study,
        "form": form,
        "invitations": invitations.order_by("-id")[:_SHOWN],
        "made": invitations.count(),
        "used": invitations.exclude(used_at=None).count(),
        "link": link,
        "panel": panel,
        "panel_link": f"{link}?{panel.query}" if panel else "",
        "ways_back": [
            (outcome.value.replace("_", " "), address_back(study, outcome, panel=study.panel, identity="…"))
            for outcome in Outcome
        ]
        if panel
        else [],
        "unpurged": study.participants.filter(purged_at=None).count(),
        "closed": policies.has_ended(StudyState(study.state)),
    }
    return render(request, "research/people.html", context)


def _links(request: HttpRequest, study: Study, notes: list[str], codes: list[str]) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["note", "link"])
    for note, code in zip(notes, codes, strict=True):
        address = reverse("take-invitation", args=[study.token, code])
        writer.writerow([not_a_formula(note) if note else "", request.build_absolute_uri(address)])
    name = f"{slugify(study.slug)}-invitations.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(text.getvalue(), content_type="text/csv", headers=headers)


@require_POST
@researchers_only
def take_back(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """Revoke one invitation."""
    invitation = get_object_or_404(Invitation, pk=pk, study=study_for(request, slug, rights.CHANGE))
    try:
        revoke(invitation=invitation, by=researcher(request), now=timezone.now())
    except DuetError as error:
        text = str(error)
        messages.error(request, text[:1].upper() + text[1:])
    else:
        messages.success(request, f"Nobody can begin with {invitation} any more.")
    return redirect("research-people", slug)


urlpatterns = [
    path("research/studies/<slug:slug>/people/", people, name="research-people"),
    path("research/studies/<slug:slug>/people/<id:pk>/revoke/", take_back, name="research-revoke"),
]
