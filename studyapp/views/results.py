"""A study's results: datasets and how far they are, files to download, preference tables, and the report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from studyapp import blinding, rights
from studyapp.actions.looking import note_download, note_names_seen
from studyapp.errors import DuetError, NotReady
from studyapp.models import Dataset, Study
from studyapp.policies import has_ended
from studyapp.results import build_progress
from studyapp.results.build_progress import BuildProgress
from studyapp.states import DatasetState, StudyState
from studyapp.views.staff import Abilities, dataset_for, researcher, researchers_only, study_for


class Download(NamedTuple):
    name: str
    label: str


DOWNLOADS = (
    Download("ratings.csv", "CSV"),
    Download("ratings.parquet", "Parquet"),
    Download("win_rates.csv", "Win rates by pair"),
    Download("system_win_rates.csv", "Win rates by system"),
    Download("raters.csv", "Raters"),
    Download("systems.csv", "Systems"),
    Download("codebook.csv", "Codebook"),
    Download("design.csv", "Design"),
    Download("amendments.csv", "Amendments"),
    Download("consent.json", "Consent texts"),
    Download("dataset.zip", "Dataset to publish (zip)"),
    Download("report.html", "Report (HTML)"),
)
"""What every dataset has."""
ARCHIVE = Download("archive.zip", "The whole study (zip)")
"""Of a study that was closed when the dataset was frozen."""
REPORT = "report.html"
POLICY = "report.csp"
FIGURES = "figures.json"
SHOWN = 20
_WAITING = (DatasetState.REQUESTED, DatasetState.BUILDING)
_POLL_S = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A dataset as the page lists it; ``files`` are those that it has, ``groups`` what tables can be split by."""

    dataset: Dataset
    progress: BuildProgress | None
    files: tuple[Download, ...]
    groups: tuple[tuple[str, str], ...]


@require_GET
@researchers_only
def results(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Everything that was and can be exported of a study."""
    return render(request, "research/results.html", _context(request, study_for(request, slug, rights.VIEW)))


@require_GET
@researchers_only
def live(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The lists of datasets as a fragment, asked for again while one is being built."""
    context = _context(request, study_for(request, slug, rights.VIEW))
    response = render(request, "research/_results_live.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@researchers_only
def freeze(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Ask for a dataset of the study's or the pilot's answers."""
    study = study_for(request, slug, rights.CHANGE)
    # Brings the build with it, which no other page needs.
    from studyapp.actions.datasets import freeze_dataset

    of_pilot = "pilot" in request.POST
    simulated = "simulated" in request.POST
    try:
        freeze_dataset(study=study, include_simulated=simulated, of_pilot=of_pilot, by=researcher(request))
    except NotReady as error:
        text = str(error)
        messages.error(request, f"{text[:1].upper()}{text[1:]}.")
    else:
        whose = "pilot's" if of_pilot else "study's"
        messages.success(request, f"A dataset of the {whose} answers is being built, with its report.")
    return redirect("research-results", slug)


@require_GET
@researchers_only
def download(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """One file of a dataset."""
    if name not in {known.name for known in (*DOWNLOADS, ARCHIVE)}:
        raise Http404(f"A dataset has no file {name!r}.")
    dataset = dataset_for(request, pk)
    file = dataset_file(dataset, name)
    note_download(dataset=dataset, file=name, by=researcher(request))
    return _attached(dataset, file, name)


@require_GET
@researchers_only
def preferences(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The per-genre preference export under the conventions that were chosen, as CSV, Markdown or LaTeX."""
    dataset = dataset_for(request, pk)
    # pandas comes with it: only whoever asks for a table pays for it.
    from analysis.results import AnalysisError
    from studyapp.actions.preferences import FORMATS, Choice, preference_file

    asked = request.GET
    try:
        choice = Choice.of(
            ties=asked.get("ties", "denominator"),
            clips=asked.get("clips", "random"),
            by=asked.get("by", "genre"),
            known=[name for name, _ in groups_of(dataset)],
        )
        kind = next((one for one in FORMATS if one == asked.get("format", "csv")), None)
        if kind is None:
            raise DuetError(f"format: choose {', '.join(FORMATS)}")
        file = preference_file(dataset, choice, kind)
    except (DuetError, AnalysisError) as error:
        messages.error(request, f"No preference table: {error}.")
        return redirect("research-results", dataset.study.slug)
    name = f"preferences-{choice.stem}.{kind}"
    note_download(dataset=dataset, file=name, by=researcher(request))
    return _attached(dataset, file, name)


@require_GET
@researchers_only
def report_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The self-contained report, to be read in place."""
    dataset = dataset_for(request, pk)
    response = sandboxed_report(dataset)
    note_names_seen(study=dataset.study, page="report", by=researcher(request), now=timezone.now())
    return response


def sandboxed_report(dataset: Dataset) -> HttpResponse:
    """The report as a page of its own.

    A sandbox gives it an origin of its own, and its policy lets run only what was in it when it was built.
    """
    response = HttpResponse(dataset_file(dataset, REPORT).read_bytes(), content_type="text/html; charset=utf-8")
    policy = dataset_file(dataset, POLICY).read_text().strip()
    response["Content-Security-Policy"] = f"sandbox allow-scripts; {policy}; frame-ancestors 'none'"
    return response


@require_GET
@researchers_only
def report(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The figures and tables of the study's latest dataset, or of the one that ``?dataset=`` names."""
    study = study_for(request, slug, rights.VIEW, names=True)
    note_names_seen(study=study, page="report", by=researcher(request), now=timezone.now())
    datasets = list(study.datasets.filter(state=DatasetState.READY))
    chosen = _chosen(datasets, request.GET.get("dataset"))
    context: dict[str, Any] = {"study": study, "datasets": datasets, "dataset": chosen, "downloads": DOWNLOADS}
    context["may"] = Abilities.of(request, study)
    if chosen:
        context["downloads"] = _files(chosen)
        found = json.loads(dataset_file(chosen, FIGURES).read_text())
        for section in found["sections"]:
            for figure in section["figures"]:
                figure["drawn"] = {"data": figure.pop("data"), "layout": figure.pop("layout")}
                figure["drawn_id"] = f"{figure['key']}-data"
        context["report"] = found
    else:
        context["building"] = study.datasets.filter(state__in=_WAITING, of_pilot=False).exists()
        context["answers"] = study.sessions.counted().filter(answer_count__gt=0).exists()
    return render(request, "research/report.html", context)


def groups_of(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """What a dataset's clips can be grouped by, column and words: genre, and the tags that its codebook has."""
    from studyapp.clips.tags import PREFIX

    file = dataset.path / "codebook.csv"
    if not file.is_file():
        return (("genre", "genre"),)
    names = (line.partition(",")[0] for line in file.read_text(encoding="utf-8").splitlines())
    tags = [(name, name.removeprefix(PREFIX).replace("_", " ")) for name in names if name.startswith(PREFIX)]
    return (("genre", "genre"), *((name, f"tag “{words}”") for name, words in tags))


def dataset_file(dataset: Dataset, name: str) -> Path:
    """Raises Http404 for a file that this dataset does not have."""
    file = dataset.path / name
    if not file.is_file():
        raise Http404(f"This dataset has no {name}.")
    return file


def _context(request: HttpRequest, study: Study) -> dict[str, Any]:
    may = Abilities.of(request, study)
    datasets = list(study.datasets.select_related("study")[:SHOWN])
    lines = [_line(dataset, names=may.names) for dataset in datasets]
    answered = study.sessions.filter(answer_count__gt=0)
    of_pilot, counted = answered.of_pilot(), answered.counted()
    return {
        "study": study,
        "may": may,
        "lines": [line for line in lines if not line.dataset.of_pilot],
        "pilot_lines": [line for line in lines if line.dataset.of_pilot],
        "people": counted.filter(simulated=False).count(),
        "simulated": counted.filter(simulated=True).count(),
        "pilot_people": of_pilot.filter(simulated=False).count(),
        "pilot_simulated": of_pilot.filter(simulated=True).count(),
        "has_report": study.datasets.filter(state=DatasetState.READY, of_pilot=False).exists(),
        "complete": has_ended(StudyState(study.state)),
        "poll_s": _POLL_S if any(dataset.state in _WAITING for dataset in datasets) else 0,
        "now": timezone.now(),
        "kept_back": blinding.KEPT_BACK,
    }


def _line(dataset: Dataset, *, names: bool) -> Line:
    ready = dataset.state == DatasetState.READY and names
    return Line(
        dataset,
        build_progress.of(dataset.pk) if dataset.state == DatasetState.BUILDING else None,
        _files(dataset) if ready else (),
        groups_of(dataset) if ready else (),
    )


def _files(dataset: Dataset) -> tuple[Download, ...]:
    return tuple(one for one in (*DOWNLOADS, ARCHIVE) if (dataset.path / one.name).is_file())


def _attached(dataset: Dataset, file: Path, name: str) -> FileResponse:
    stem = f"{dataset.study.slug}-{dataset.created_at:%Y%m%d-%H%M}-{name}"
    return FileResponse(file.open("rb"), as_attachment=True, filename=stem)


def _chosen(datasets: list[Dataset], asked: str | None) -> Dataset | None:
    """The latest of the study's own answers; a pilot's only where it is asked for."""
    if asked is None:
        return next((dataset for dataset in datasets if not dataset.of_pilot), None)
    for dataset in datasets:
        if str(dataset.pk) == asked:
            return dataset
    raise Http404(f"The study has no finished dataset {asked!r}.")


urlpatterns = [
    path("research/studies/<slug:slug>/results/", results, name="research-results"),
    path("research/studies/<slug:slug>/results/live/", live, name="research-results-live"),
    path("research/studies/<slug:slug>/results/freeze/", freeze, name="research-freeze"),
    path("research/datasets/<id:pk>/preferences/", preferences, name="research-preferences"),
    path("research/datasets/<id:pk>/report/", report_file, name="research-report-file"),
    path("research/datasets/<id:pk>/<str:name>", download, name="research-download"),
    path("research/studies/<slug:slug>/report/", report, name="research-report"),
]
