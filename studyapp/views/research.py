"""A study's own page: what it is, how far it is, and the buttons that move it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from generation.contracts import GenerationError
from studyapp import overview
from studyapp.actions.designs import build_design, design_csv, start_generation
from studyapp.actions.stimuli import retry_failed
from studyapp.actions.studies import close_study, open_study, pause_study, resume_study
from studyapp.errors import DuetError
from studyapp.languages import LANGUAGES
from studyapp.models import Study, User
from studyapp.overview import Generation
from studyapp.states import DatasetState, StudyState
from studyapp.views.results import DOWNLOADS
from studyapp.views.staff import researcher, researchers_only

HISTORY = 8
DATASETS = 8


@dataclass(frozen=True, slots=True)
class Move:
    """A button: what it does, what it says, and why it cannot be pressed, if so."""

    verb: str
    label: str
    hint: str
    why_not: str = ""
    primary: bool = False


def _build(study: Study, by: User, request: HttpRequest) -> str:
    summary = build_design(study=study, by=by)
    counts = f"{summary.comparisons} comparisons in {summary.blocks} blocks, {summary.trials} trials in all"
    return f"The design has {counts}."


def _generate(study: Study, by: User, request: HttpRequest) -> str:
    count = start_generation(study=study, by=by)
    return (
        f"{count} soundtracks were sent to the workers."
        if count
        else "Every soundtrack is there or under way already."
    )


def _retry(study: Study, by: User, request: HttpRequest) -> str:
    return f"{retry_failed(study=study, by=by)} failed soundtracks were asked for again."


def _open(study: Study, by: User, request: HttpRequest) -> str:
    open_study(study=study, by=by)
    return "The study is open. Send raters the link."


def _pause(study: Study, by: User, request: HttpRequest) -> str:
    pause_study(study=study, by=by)
    return "The study is paused: nobody new starts, whoever is under way may finish."


def _resume(study: Study, by: User, request: HttpRequest) -> str:
    resume_study(study=study, by=by)
    return "The study is open again."


def _close(study: Study, by: User, request: HttpRequest) -> str:
    close_study(study=study, by=by)
    return "The study is closed. What was answered is kept."


def _freeze(study: Study, by: User, request: HttpRequest) -> str:
    # Brings the export's pandas with it, which no other page needs.
    from studyapp.actions.datasets import freeze_dataset

    freeze_dataset(study=study, include_simulated="simulated" in request.POST, by=by)
    return "The dataset and its report are being built."


MOVES: Mapping[str, Callable[[Study, User, HttpRequest], str]] = {
    "build": _build,
    "generate": _generate,
    "retry": _retry,
    "open": _open,
    "pause": _pause,
    "resume": _resume,
    "close": _close,
    "freeze": _freeze,
}


def moves(study: Study, *, current: bool, work: Generation) -> list[Move]:
    """The buttons that the study's state offers, the one that leads on first."""
    offered: list[Move] = []
    if study.state == StudyState.DRAFT:
        built = bool(study.design_summary)
        if not current:
            hint = (
                "The study was changed since its design was built."
                if built
                else "Draws clips, pairs, order and sides."
            )
            offered.append(
                Move("build", "Build the design again" if built else "Build the design", hint, primary=True)
            )
        elif work.unsent:
            hint = f"{work.unsent} soundtracks are still to be made."
            offered.append(Move("generate", "Start generation", hint, primary=True))
        ready = current and work.complete
        why_not = "" if ready else "Not before the design is built and every soundtrack is ready."
        offered.append(
            Move("open", "Open the study", "Freezes the design and lets raters come.", why_not, primary=ready)
        )
    elif work.unsent:
        hint = f"Files lost: {work.unsent}. Raters cannot play them meanwhile."
        offered.append(Move("generate", "Make lost files again", hint, primary=True))
    if study.state == StudyState.OPEN:
        offered.append(Move("pause", "Pause", "Nobody new starts; whoever is under way may finish."))
    if study.state == StudyState.PAUSED:
        offered.append(Move("resume", "Resume", "Lets raters come again.", primary=True))
    if work.failed:
        offered.append(Move("retry", f"Retry {work.failed} failed", "Asks for the failed soundtracks again."))
    return offered


def _context(request: HttpRequest, study: Study) -> dict[str, Any]:
    now = timezone.now()
    current = overview.design_is_current(study)
    work = overview.generation(study, now=now)
    raters = overview.collection(study)
    datasets = list(study.datasets.all()[:DATASETS])
    reports = [dataset for dataset in datasets if dataset.state == DatasetState.READY]
    building = any(dataset.state in (DatasetState.REQUESTED, DatasetState.BUILDING) for dataset in datasets)
    return {
        "study": study,
        "current": current,
        "steps": overview.steps(study, current=current, work=work, raters=raters, reports=len(reports)),
        "moves": moves(study, current=current, work=work),
        "work": work,
        "raters": raters,
        "time_left": overview.say(work.left) if work.left else "",
        "datasets": datasets,
        "downloads": DOWNLOADS,
        "has_report": bool(reports),
        "audit_lines": study.audit_lines.select_related("by")[:HISTORY],
        "rater_link": request.build_absolute_uri(reverse("take", args=[study.token])) if study.opened_at else "",
        # How soon the page should look again, in seconds; 0 when nothing can happen by itself.
        "poll_s": 2
        if work.under_way or building
        else 10
        if study.state in (StudyState.OPEN, StudyState.PAUSED)
        else 0,
    }


def _study(slug: str) -> Study:
    return get_object_or_404(Study.objects.select_related("created_by"), slug=slug)


@require_GET
@researchers_only
def study_page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Everything about one study."""
    study = _study(slug)
    context = {
        **_context(request, study),
        "follows": overview.follows(study),
        "pairs": study.pairs.select_related("system_1", "system_2"),
        "genres": overview.clips_by_genre(study),
        "coverage_percent": round(100 * study.min_coverage),
        "before": overview.before_the_trials(study),
        "texts": (texts := list(study.texts.all())),
        "languages_left": [
            one for one in LANGUAGES if one[0] not in {study.language, *(text.language for text in texts)}
        ],
    }
    return render(request, "research/study.html", context)


@require_GET
@researchers_only
def live(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The moving parts of the study's page as a fragment, asked for every few seconds."""
    response = render(request, "research/_live.html", _context(request, _study(slug)))
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@researchers_only
def do(request: HttpRequest, slug: str, verb: str) -> HttpResponseBase:
    """Press one of the buttons; what stands in the way comes back as a message."""
    study = _study(slug)
    if verb not in MOVES:
        messages.error(request, f"There is no button “{verb}”.")
        return redirect("research-study", slug)
    try:
        messages.success(request, MOVES[verb](study, researcher(request), request))
    except (DuetError, GenerationError) as error:
        text = str(error)
        messages.error(request, text[:1].upper() + text[1:])
    return redirect("research-study", slug)


@require_GET
@researchers_only
def design_file(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The plan as a file, before or after the study opened."""
    study = _study(slug)
    try:
        text = design_csv(study)
    except DuetError as error:
        messages.error(request, str(error))
        return redirect("research-study", slug)
    name = f"{slugify(study.slug)}-design.csv"
    return HttpResponse(
        text, content_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


urlpatterns = [
    path("research/studies/<slug:slug>/", study_page, name="research-study"),
    path("research/studies/<slug:slug>/live/", live, name="research-live"),
    path("research/studies/<slug:slug>/do/<slug:verb>/", do, name="research-do"),
    path("research/studies/<slug:slug>/design.csv", design_file, name="research-design"),
]
