"""A study's own page: what it is, how far it is, and the buttons that move it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from generation.contracts import GenerationError
from studyapp import blinding, history, overview, policies, rights
from studyapp.actions.designs import build_design, design_csv, start_generation
from studyapp.actions.looking import note_names_seen
from studyapp.actions.pilots import ask_simulated, end_pilot, start_pilot
from studyapp.actions.stimuli import retry_failed
from studyapp.actions.studies import archive_study, close_study, open_study, pause_study, resume_study
from studyapp.counts import counted
from studyapp.documents.stand_ins import stand_ins_of
from studyapp.errors import DuetError
from studyapp.languages import LANGUAGES
from studyapp.models import Study, User
from studyapp.overview import Generation
from studyapp.states import DatasetState, StudyState
from studyapp.views.staff import Abilities, researcher, researchers_only, study_for

HISTORY = 8


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
    return (
        f"The design has {counted(summary.comparisons, 'comparison')} in {counted(summary.blocks, 'block')}, "
        f"{counted(summary.trials, 'trial')} in all."
    )


def _generate(study: Study, by: User, request: HttpRequest) -> str:
    count = start_generation(study=study, by=by)
    return (
        f"{counted(count, 'soundtrack')} {'was' if count == 1 else 'were'} sent to the workers."
        if count
        else "Every soundtrack is there or under way already."
    )


def _retry(study: Study, by: User, request: HttpRequest) -> str:
    count = retry_failed(study=study, by=by)
    return f"{counted(count, 'failed soundtrack')} {'was' if count == 1 else 'were'} asked for again."


def _pilot(study: Study, by: User, request: HttpRequest) -> str:
    start_pilot(study=study, by=by)
    return "The pilot runs. Send its raters the link; what they answer is kept apart and never counted."


def _simulate(study: Study, by: User, request: HttpRequest) -> str:
    raters = ask_simulated(study=study, by=by)
    return (
        f"{counted(raters, 'simulated rater')} {'takes' if raters == 1 else 'take'} the free places. "
        "Their answers mean nothing and are marked for ever."
    )


def _end_pilot(study: Study, by: User, request: HttpRequest) -> str:
    end_pilot(study=study, by=by)
    return "The pilot is over. Change what it taught you, build the design again, and open the study."


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


def _archive(study: Study, by: User, request: HttpRequest) -> str:
    archive_study(study=study, by=by)
    return "The study is archived: it can be read and exported, and nothing else."


MOVES: Mapping[str, Callable[[Study, User, HttpRequest], str]] = {
    "build": _build,
    "generate": _generate,
    "retry": _retry,
    "pilot": _pilot,
    "simulate": _simulate,
    "end-pilot": _end_pilot,
    "open": _open,
    "pause": _pause,
    "resume": _resume,
    "close": _close,
    "archive": _archive,
}
OWNERS_MOVES = frozenset({"archive"})


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
            hint = f"{counted(work.unsent, 'soundtrack')} {'is' if work.unsent == 1 else 'are'} still to be made."
            offered.append(Move("generate", "Start generation", hint, primary=True))
        ready = current and work.complete
        why_not = "" if ready else "Not before the design is built and every soundtrack is ready."
        hint = f"For {counted(study.pilot_raters, 'rater')}; answers are kept apart and never counted."
        offered.append(Move("pilot", "Start a pilot", hint, why_not))
        offered.append(
            Move("open", "Open the study", "Freezes the design and lets raters come.", why_not, primary=ready)
        )
    elif work.unsent and policies.works_on_files(StudyState(study.state)):
        hint = f"Files lost: {work.unsent}. Raters cannot play them meanwhile."
        offered.append(Move("generate", "Make lost files again", hint, primary=True))
    if study.state == StudyState.PILOT:
        offered.append(Move("open", "Open the study", "Ends the pilot, freezes the design, lets raters come."))
        hint = "Programs take the free places and walk through every page, before you pay anybody."
        offered.append(Move("simulate", "Try it with simulated raters", hint))
        offered.append(Move("end-pilot", "End the pilot", "Back to a draft, which can be changed."))
    if study.state == StudyState.OPEN:
        offered.append(Move("pause", "Pause", "Nobody new starts; whoever is under way may finish."))
    if study.state == StudyState.PAUSED:
        offered.append(Move("resume", "Resume", "Lets raters come again.", primary=True))
    if study.state == StudyState.CLOSED:
        offered.append(Move("archive", "Archive", "Puts it away, to be read and exported. Owners only."))
    if work.failed and policies.works_on_files(StudyState(study.state)):
        offered.append(Move("retry", f"Retry {work.failed} failed", "Asks for the failed soundtracks again."))
    return offered


def _context(request: HttpRequest, study: Study) -> dict[str, Any]:
    now = timezone.now()
    current = overview.design_is_current(study)
    work = overview.generation(study, now=now)
    raters = overview.collection(study)
    may = Abilities.of(request, study)
    waiting = policies.takes_answers(StudyState(study.state))
    datasets = study.datasets.filter(of_pilot=False)
    reports = datasets.filter(state=DatasetState.READY).count()
    latest = datasets.first()
    building = latest is not None and latest.state in (DatasetState.REQUESTED, DatasetState.BUILDING)
    return {
        "study": study,
        "current": current,
        "steps": overview.steps(study, current=current, work=work, raters=raters, reports=reports),
        "moves": moves(study, current=current, work=work),
        "work": work if may.names else blinded(study, work),
        "raters": raters,
        "time_left": overview.say(work.left) if work.left else "",
        "latest": latest,
        "latest_error": "" if latest is None else latest.error if may.names else blinding.KEPT_BACK,
        "has_report": reports > 0,
        "audit_lines": history.told_of(study, named=may.names).select_related("by")[:HISTORY],
        "rater_link": request.build_absolute_uri(reverse("take", args=[study.token]))
        if study.state != StudyState.DRAFT
        else "",
        # How soon the page should look again, in seconds; 0 when nothing can happen by itself.
        "poll_s": 2 if work.under_way or building else 10 if waiting else 0,
        "may": may,
        "answered": raters.people.answers or raters.simulated.answers,
        "closable": policies.may_become(StudyState(study.state), StudyState.CLOSED),
    }


def blinded(study: Study, work: Generation) -> Generation:
    """The same with letters for systems, for who may not see their names."""
    called = blinding.names(study, [system.slug for system in work.systems], shown=False)
    systems = (replace(system, label=called[system.slug], slug=called[system.slug]) for system in work.systems)
    return replace(work, systems=tuple(sorted(systems, key=lambda system: system.label)))


def _pairs(study: Study, *, named: bool) -> list[tuple[str, str]]:
    pairs = [(pair.system_1, pair.system_2) for pair in study.pairs.select_related("system_1", "system_2")]
    if named:
        return [(first.label, second.label) for first, second in pairs]
    return blinding.lettered_pairs(study, [(first.slug, second.slug) for first, second in pairs])


@require_GET
@researchers_only
def study_page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Everything about one study."""
    study = study_for(request, slug, rights.VIEW)
    named = Abilities.of(request, study).names
    follows = overview.follows(study)
    context = {
        **_context(request, study),
        "follows": follows if named else overview.blinded(study, follows),
        "pairs": _pairs(study, named=named),
        "amendments": study.amendments.count(),
        "stand_ins": stand_ins_of(study) if named else [],
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
    response = render(request, "research/_live.html", _context(request, study_for(request, slug, rights.VIEW)))
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@researchers_only
def do(request: HttpRequest, slug: str, verb: str) -> HttpResponseBase:
    """Press one of the buttons; what stands in the way comes back as a message."""
    study = study_for(request, slug, rights.MANAGE if verb in OWNERS_MOVES else rights.CHANGE)
    if verb not in MOVES:
        messages.error(request, f"There is no button “{verb}”.")
        return redirect("research-study", slug)
    try:
        messages.success(request, MOVES[verb](study, researcher(request), request))
    except (DuetError, GenerationError) as error:
        named = rights.may(request.user, rights.SEE_NAMES, study)
        text = str(error) if named else blinding.without_names(study)(str(error))
        messages.error(request, text[:1].upper() + text[1:])
    running = reverse("research-running", args=[slug])
    return redirect(running if request.POST.get("next") == running else reverse("research-study", args=[slug]))


@require_GET
@researchers_only
def design_file(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The plan as a file, before or after the study opened."""
    study = study_for(request, slug, rights.VIEW, names=True)
    try:
        text = design_csv(study)
    except DuetError as error:
        messages.error(request, str(error))
        return redirect("research-study", slug)
    note_names_seen(study=study, page="design.csv", by=researcher(request), now=timezone.now())
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
