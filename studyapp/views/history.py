"""What was done to a study, by whom and when: a page of it, and all of it as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from analysis.spreadsheet import not_a_formula
from studyapp import blinding, history, rights
from studyapp.models import Study
from studyapp.views.staff import Abilities, researchers_only, study_for

COLUMNS = ("at", "by", "what", "details")


class HistoryForm(forms.Form):
    """Which lines; what does not exist is as good as nothing asked."""

    verb = forms.ChoiceField(required=False, label="What")
    person = forms.ChoiceField(required=False, label="Who")
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, study: Study, data: QueryDict, *, named: bool) -> None:
        super().__init__(data)
        verbs = [(verb, verb[:1].upper() + verb[1:]) for verb in history.verbs_of(study, named=named)]
        people = [(user.get_username(), str(user)) for user in history.people_of(study, named=named)]
        self.fields["verb"].choices = [("", "Everything"), *verbs]  # type: ignore[attr-defined]
        self.fields["person"].choices = [  # type: ignore[attr-defined]
            ("", "Everybody"),
            (history.DUET, "Duet itself, or a command"),
            *people,
        ]

    def asked(self) -> history.Asked:
        self.is_valid()
        chosen = self.cleaned_data
        return history.Asked(chosen.get("verb", ""), chosen.get("person", ""), chosen.get("before"))


@require_GET
@researchers_only
def history_page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Newest first, a page at a time."""
    study = study_for(request, slug, rights.VIEW)
    may = Abilities.of(request, study)
    form = HistoryForm(study, request.GET, named=may.names)
    asked = form.asked()
    page = history.page_of(study, asked, named=may.names)
    if not may.names:
        masked = blinding.without_names(study)
        for line in page.lines:
            line.details = masked(line.details)
    chosen = {"verb": asked.verb, "person": asked.person}
    filtered = {name: value for name, value in chosen.items() if value}
    context = {
        "study": study,
        "form": form,
        "lines": [(line, list(history.changes_of(line))) for line in page.lines],
        "asked": asked,
        "filtered": urlencode(filtered),
        "older": urlencode({**filtered, "before": page.older}) if page.older else "",
        "may": may,
    }
    return render(request, "research/history.html", context)


@require_GET
@researchers_only
def history_file(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Every line, or those asked for, as CSV: details as JSON, whole."""
    study = study_for(request, slug, rights.VIEW)
    named = Abilities.of(request, study).names
    asked = HistoryForm(study, request.GET, named=named).asked()
    name = f"{slugify(study.slug)}-history.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    rows = _rows(study, asked, named=named)
    return StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8", headers=headers)


class _Line:
    """A file of one line, which ``csv.writer`` writes to and the browser gets at once."""

    def write(self, text: str) -> str:
        return text


def _rows(study: Study, asked: history.Asked, *, named: bool) -> Iterator[str]:
    writer = csv.writer(_Line(), lineterminator="\n")
    yield writer.writerow(COLUMNS)
    masked = blinding.without_names(study)
    lines = history.lines_of(study, history.Asked(asked.verb, asked.person), named=named)
    for line in lines.iterator(chunk_size=2000):
        who = line.by.get_username() if line.by else ""
        details = json.dumps(line.details if named else masked(line.details), ensure_ascii=False, sort_keys=True)
        yield writer.writerow(
            [line.at.isoformat(), not_a_formula(who), not_a_formula(line.verb), not_a_formula(details)]
        )


urlpatterns = [
    path("research/studies/<slug:slug>/history/", history_page, name="research-history"),
    path("research/studies/<slug:slug>/history.csv", history_file, name="research-history-file"),
]
