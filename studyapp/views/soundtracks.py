"""A study's soundtracks: progress, failures by reason, and a grid to check by ear."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from studyapp import blinding, overview, rights
from studyapp.actions.file_checks import (
    CheckedSlice,
    check_files,
    go_on_checking,
    is_under_way,
    last_check,
)
from studyapp.actions.looking import note_names_seen
from studyapp.actions.retrying import retry_cause, retry_system
from studyapp.actions.stimuli import study_stimuli
from studyapp.errors import DuetError, WrongState
from studyapp.models import Study, System
from studyapp.policies import design_is_frozen
from studyapp.soundtracks.listening import grid
from studyapp.soundtracks.progress import soundtracks
from studyapp.states import StudyState
from studyapp.views.staff import Abilities, researcher, researchers_only, study_for

_PRICE = "price_per_core_hour"
_NAMED = 5


class PriceForm(forms.Form):
    """What an hour of one core costs; empty for nothing said."""

    price = forms.FloatField(
        min_value=0,
        max_value=10_000,
        required=False,
        localize=False,
        label="Price of a core-hour",
        help_text="In your currency: a machine of 8 cores at 0.40 an hour makes 0.05. Kept until you sign out.",
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal", "aria-describedby": "price-help"}),
    )


@require_GET
@researchers_only
def soundtracks_page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """How the work goes and what it costs; ``?price=`` says what a core-hour costs from now on."""
    study = study_for(request, slug, rights.VIEW)
    form = PriceForm({"price": request.GET["price"].replace(",", ".")} if "price" in request.GET else None)
    if form.is_bound and form.is_valid():
        request.session[_PRICE] = form.cleaned_data["price"]
        return redirect("research-soundtracks", slug)
    form.fields["price"].initial = request.session.get(_PRICE)
    return render(request, "research/soundtracks.html", {**_context(request, study), "form": form})


@require_GET
@researchers_only
def live(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The moving part of the page as a fragment, asked for every few seconds."""
    study = study_for(request, slug, rights.VIEW)
    response = render(request, "research/_soundtracks_live.html", _context(request, study))
    response["Cache-Control"] = "no-store"
    return response


def _context(request: HttpRequest, study: Study) -> dict[str, Any]:
    may = Abilities.of(request, study)
    made = soundtracks(study, names=may.names, price=request.session.get(_PRICE), now=timezone.now())
    return {
        "study": study,
        "may": may,
        "made": made,
        "time_left": overview.say(made.left) if made.left else "",
        "threads": settings.GENERATION_THREADS,
        "embedded": settings.EMBEDDED,
        "poll_s": 2 if made.work.under_way else 0,
    }


@require_POST
@researchers_only
def retry_group(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Ask again for what failed for one reason (``cause``), or for one system under the name on the page."""
    study = study_for(request, slug, rights.CHANGE)
    try:
        if cause := request.POST.get("cause", ""):
            count = retry_cause(study=study, cause=cause, by=researcher(request))
        else:
            system = _system_called(request, study, request.POST.get("system", ""))
            count = retry_system(study=study, system=system, by=researcher(request))
    except DuetError as error:
        text = str(error)
        messages.error(request, text[:1].upper() + text[1:])
    else:
        messages.success(request, f"{count} soundtrack{'' if count == 1 else 's'} asked for again.")
    return redirect("research-soundtracks", slug)


def _system_called(request: HttpRequest, study: Study, label: str) -> System:
    """The system of the study that this page, for this user, calls so. Raises DuetError."""
    systems = {one.slug: one for one in System.objects.filter(stimuli__in=study_stimuli(study)).distinct()}
    called = blinding.names(study, systems, shown=rights.may(request.user, rights.SEE_NAMES, study))
    for slug, name in called.items():
        if name == label:
            return systems[slug]
    raise DuetError(f"no system of this study is called {label!r}; look at the page again")


@require_GET
@researchers_only
def listen(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Clips × systems, to hear and to see whether the versions of a clip agree."""
    study = study_for(request, slug, rights.VIEW, names=True)
    note_names_seen(study=study, page="listening grid", by=researcher(request), now=timezone.now())
    genre, differing = request.GET.get("genre", ""), "differing" in request.GET
    filters = request.GET.copy()
    filters.pop("page", None)
    context = {
        "study": study,
        "may": Abilities.of(request, study),
        "grid": grid(
            study,
            to=researcher(request),
            genre=genre,
            differing=differing,
            page=request.GET.get("page", "1"),
        ),
        "genre": genre,
        "differing": differing,
        "filters": filters.urlencode(),
        "last_check": last_check(study),
        "check_goes_on": is_under_way(study, now=timezone.now()),
        "opens": not design_is_frozen(StudyState(study.state)),
    }
    return render(request, "research/listen.html", context)


@require_POST
@researchers_only
def check(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Read a slice of the study's files again: JSON for a script, which goes on by itself; or a message.

    ``go_on`` goes on with the check under way; how far that is, the server knows.
    """
    study = study_for(request, slug, rights.CHANGE, names=True)
    read = go_on_checking if request.POST.get("go_on") else check_files
    try:
        found = read(study=study, by=researcher(request), now=timezone.now())
    except WrongState as error:
        messages.error(request, str(error))
        return redirect("research-listen", slug)
    if request.headers.get("Accept", "").startswith("application/json"):
        told = {"read": found.read, "bad": found.bad, "left": found.left, "wrong": found.wrong, "lost": found.lost}
        response: HttpResponse = JsonResponse(told)
        response["Cache-Control"] = "no-store"
        return response
    _tell(request, found)
    return redirect("research-listen", slug)


def _tell(request: HttpRequest, found: CheckedSlice) -> None:
    if found.wrong:
        named = ", ".join(found.wrong[:_NAMED])
        messages.error(request, f"{len(found.wrong)} files are not as they were rendered, and failed: {named}.")
    if found.lost:
        named = ", ".join(found.lost[:_NAMED])
        messages.error(request, f"{len(found.lost)} files are gone or cut short: {named}. Start generation again.")
    if found.left:
        messages.info(request, f"{found.read} files read, {found.left} to go: press “Go on” below.")
    elif found.bad > len(found.wrong) + len(found.lost):
        messages.error(request, f"{found.read} files read; {found.bad} of them were altered or gone.")
    elif not found.bad:
        messages.success(request, f"{found.read} files read; all are as they were rendered.")


urlpatterns: list[URLPattern] = [
    path("research/studies/<slug:slug>/soundtracks/", soundtracks_page, name="research-soundtracks"),
    path("research/studies/<slug:slug>/soundtracks/live/", live, name="research-soundtracks-live"),
    path("research/studies/<slug:slug>/soundtracks/retry/", retry_group, name="research-retry-group"),
    path("research/studies/<slug:slug>/soundtracks/listen/", listen, name="research-listen"),
    path("research/studies/<slug:slug>/soundtracks/check/", check, name="research-check-files"),
]
