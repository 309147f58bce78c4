"""Datasets to download, and the report: under the site's policy, and as the self-contained file in a sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from studyapp.models import Dataset, Study
from studyapp.questions import WORDINGS
from studyapp.states import DatasetState
from studyapp.views.staff import researchers_only


class Download(NamedTuple):
    name: str
    label: str


DOWNLOADS = (
    Download("ratings.csv", "CSV"),
    Download("ratings.parquet", "Parquet"),
    Download("win_rates.csv", "Win rates by pair"),
    Download("system_win_rates.csv", "Win rates by system"),
    Download("raters.csv", "Raters"),
    Download("codebook.csv", "Codebook"),
    Download("design.csv", "Design"),
    Download("consent.json", "Consent texts"),
    Download("report.html", "Report (HTML)"),
)
REPORT = "report.html"
POLICY = "report.csp"
FIGURES = "figures.json"


@require_GET
@researchers_only
def download(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """One file of a dataset."""
    if name not in {known.name for known in DOWNLOADS}:
        raise Http404(f"A dataset has no file {name!r}.")
    dataset = _ready(pk)
    stem = f"{dataset.study.slug}-{dataset.created_at:%Y%m%d-%H%M}-{name}"
    return FileResponse(_file(dataset, name).open("rb"), as_attachment=True, filename=stem)


@require_GET
@researchers_only
def report_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The self-contained report, to be read in place.

    A sandbox gives the page an origin of its own, and its policy lets run only what was in it when it was built.
    """
    dataset = _ready(pk)
    response = HttpResponse(_file(dataset, REPORT).read_bytes(), content_type="text/html; charset=utf-8")
    policy = _file(dataset, POLICY).read_text().strip()
    response["Content-Security-Policy"] = f"sandbox allow-scripts; {policy}; frame-ancestors 'none'"
    return response


@require_GET
@researchers_only
def report(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The figures and tables of the study's latest dataset, or of the one that ``?dataset=`` names."""
    study = get_object_or_404(Study, slug=slug)
    datasets = list(study.datasets.filter(state=DatasetState.READY))
    chosen = _chosen(datasets, request.GET.get("dataset"))
    context: dict[str, Any] = {"study": study, "datasets": datasets, "dataset": chosen, "downloads": DOWNLOADS}
    if chosen:
        found = json.loads(_file(chosen, FIGURES).read_text())
        context |= {"report": found, "questions": WORDINGS, "bars": [], "forests": []}
        for figure in found["figures"]:
            kind = "bars" if figure["key"].startswith("bars-") else "forests"
            drawn = {"data": figure["data"], "layout": figure["layout"]}
            context[kind].append({**figure, "drawn": drawn, "drawn_id": f"{figure['key']}-data"})
    else:
        waiting = (DatasetState.REQUESTED, DatasetState.BUILDING)
        context["building"] = study.datasets.filter(state__in=waiting).exists()
        context["answers"] = study.sessions.filter(responses__isnull=False).exists()
    return render(request, "research/report.html", context)


def _chosen(datasets: list[Dataset], asked: str | None) -> Dataset | None:
    if asked is None:
        return datasets[0] if datasets else None
    for dataset in datasets:
        if str(dataset.pk) == asked:
            return dataset
    raise Http404(f"The study has no finished dataset {asked!r}.")


def _ready(pk: int) -> Dataset:
    return get_object_or_404(Dataset.objects.select_related("study"), pk=pk, state=DatasetState.READY)


def _file(dataset: Dataset, name: str) -> Path:
    file = dataset.path / name
    if not file.is_file():
        raise Http404(f"This dataset has no {name}.")
    return file


urlpatterns = [
    path("research/datasets/<int:pk>/report/", report_file, name="research-report-file"),
    path("research/datasets/<int:pk>/<str:name>", download, name="research-download"),
    path("research/studies/<slug:slug>/report/", report, name="research-report"),
]
