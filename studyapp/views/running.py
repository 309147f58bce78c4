"""A running study: who is where, what came in, and how it stands; and further waves for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from studyapp import blinding, policies, rights
from studyapp.actions import waves
from studyapp.actions.alarms import NO_WORKER_AFTER, raised
from studyapp.actions.looking import note_names_seen
from studyapp.actions.snapshots import TIMES_COST, ask
from studyapp.counts import counted
from studyapp.errors import DuetError
from studyapp.models import Snapshot, Study
from studyapp.overview import say
from studyapp.states import SessionState, StudyState
from studyapp.views import replays
from studyapp.views.staff import Abilities, must, researcher, researchers_only, study_for
from studyapp.watching import running_page
from studyapp.watching.figures import Figures

_POLL_S = 3.0
_SLOWEST_POLL_S = 30.0
_WAVES = 20
MOST_REASON = 2000
MOST_RATERS = 100_000


class WaveForm(forms.Form):
    """What every wave is asked: why, and after which one."""

    reason = forms.CharField(
        max_length=MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why",
        help_text="Part of every export and report, as an amendment to the plan.",
    )
    wave = forms.IntegerField(widget=forms.HiddenInput)


class ExtendForm(WaveForm):
    """All pairs, for so many raters."""

    raters = forms.IntegerField(
        min_value=1,
        max_value=MOST_RATERS,
        label="Further raters, about",
        help_text="Every comparison gets the same number of further ratings, as many as they can give.",
    )
    field_order = ["raters", "reason"]


class TopUpForm(WaveForm):
    """So many ratings more, for some pairs or all."""

    ratings = forms.IntegerField(
        min_value=1,
        max_value=waves.MOST_RATINGS,
        label="Further ratings for each comparison",
        help_text="A comparison is one clip under two systems.",
    )
    pairs = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Pairs",
        help_text="None ticked is all. Choosing pairs by what their results look like so far makes the final "
        "intervals of those pairs too narrow; the confidence sequences stay right.",
    )
    field_order = ["ratings", "pairs", "reason"]

    def __init__(self, options: Mapping[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pairs"].choices = list(options.items())  # type: ignore[attr-defined]


@require_GET
@researchers_only
def running(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The live page; ``?names=1`` calls systems by their names, for who may see them."""
    study = study_for(request, slug, rights.VIEW)
    return render(request, "research/running.html", {**_context(request, study), **_forms(study, request)})


@require_GET
@researchers_only
def running_live(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Its moving parts as a fragment, asked for every few seconds."""
    study = study_for(request, slug, rights.VIEW)
    response = render(request, "research/_running_live.html", _context(request, study))
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@researchers_only
def add_wave(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Extend the study, or top pairs up; what stands in the way comes back with the form as it was filled in."""
    study = study_for(request, slug, rights.CHANGE)
    topping_up = "ratings" in request.POST
    shown = _forms(study, request)
    form = TopUpForm(_options(study, named=False), request.POST) if topping_up else ExtendForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        common = {"study": study, "by": researcher(request), "reason": given["reason"], "wave": given["wave"]}
        try:
            if isinstance(form, TopUpForm):
                meant = pairs_by_number(study)
                pairs = [meant[one] for one in given["pairs"]] or None
                wave = waves.top_up(**common, ratings=given["ratings"], pairs=pairs)
            else:
                wave = waves.extend(**common, raters=given["raters"])
        except DuetError as error:
            text = f"{str(error)[:1].upper()}{str(error)[1:]}."
            if not shown["wave_possible"]:
                # Closed meanwhile: the page has no form any more to show it in.
                messages.error(request, text)
                return redirect("research-running", slug)
            form.add_error(None, text)
        else:
            messages.success(
                request,
                f"Wave {wave.number} is there: {counted(wave.ratings, 'further rating')} for each of "
                f"{counted(wave.comparisons, 'comparison')}, {counted(wave.blocks, 'new place')}.",
            )
            return redirect("research-running", slug)
    shown["top_up_form" if topping_up else "extend_form"] = form
    return render(request, "research/running.html", {**_context(request, study), **shown})


def _context(request: HttpRequest, study: Study) -> dict[str, Any]:
    now = timezone.now()
    names = request.GET.get("names") == "1"
    if names:
        must(request, rights.SEE_NAMES, study)
        note_names_seen(study=study, page="running", by=researcher(request), now=now)
    runs = policies.takes_answers(StudyState(study.state))
    snapshot = ask(study=study, now=now) if study.state != StudyState.DRAFT else Snapshot(study=study)
    figures = Figures.from_json(snapshot.figures)
    waiting = snapshot.asked_at is not None and (snapshot.made_at is None or snapshot.asked_at > snapshot.made_at)
    return {
        "study": study,
        "may": Abilities.of(request, study),
        "named": names,
        "runs": runs,
        "alarms": raised(snapshot) if runs else (),
        "poll_s": _poll_s(snapshot) if runs or waiting else 0,
        "takes_long": snapshot.took_s > 1,
        "every": say(_every(snapshot)),
        "sends_mail": bool(settings.EMAIL_HOST),
        **(_shown(study, figures, names=names, now=now) if figures else {"figures": None}),
    }


def _shown(study: Study, figures: Figures, *, names: bool, now: datetime) -> dict[str, Any]:
    called = blinding.pairs(study, running_page.compared(figures), shown=names)
    most = max(figures.arrivals, default=0)
    return {
        "figures": figures,
        "stale": now - figures.at > NO_WORKER_AFTER and policies.takes_answers(StudyState(study.state)),
        "states": [
            (SessionState(state).label, [heads.states.get(state, 0) for heads in figures.heads])
            for state in SessionState.values
        ],
        "ratings": running_page.Progress("", figures.people, figures.simulated, figures.quota),
        "pairs": running_page.pairs(figures, called),
        "genres": running_page.genres(figures),
        "lines": running_page.lines(figures, called, shown=names),
        "steps": [(step, 100 * step.reached / max(figures.steps[0].reached, 1)) for step in figures.steps],
        "arrivals": [
            (place, count, round(100 * count / most, 1) if most else 0)
            for place, count in enumerate(figures.arrivals)
        ],
        "arrived": sum(figures.arrivals),
        "disk_free_gb": figures.disk_free / 1e9,
        "disk_used_percent": 100 - 100 * figures.disk_free / figures.disk_total if figures.disk_total else 0,
        "end": figures.expected_end,
        "left": say(figures.expected_end - now) if figures.expected_end and figures.expected_end > now else "",
    }


def _every(snapshot: Snapshot) -> timedelta:
    return timedelta(seconds=max(TIMES_COST * snapshot.took_s, 2))


def _poll_s(snapshot: Snapshot) -> float:
    return min(max(_POLL_S, TIMES_COST * snapshot.took_s / 2), _SLOWEST_POLL_S)


def _forms(study: Study, request: HttpRequest) -> dict[str, Any]:
    """What the panel about waves needs; nothing where none can be added."""
    past = study.amendments.filter(what="extension").select_related("by").order_by("-number")[:_WAVES]
    if not policies.packs_again(StudyState(study.state)):
        return {"past_waves": past, "wave_possible": False}
    number = {"wave": waves.next_wave(study)}
    named = request.GET.get("names") == "1" and rights.may(request.user, rights.SEE_NAMES, study)
    return {
        "past_waves": past,
        "wave_possible": True,
        "raters_for_one": waves.raters_for(study),
        "extend_form": ExtendForm(initial=number, auto_id="extend_%s"),
        "top_up_form": TopUpForm(_options(study, named=named), initial=number, auto_id="topup_%s"),
    }


def pairs_by_number(study: Study) -> dict[str, tuple[str, str]]:
    """Slugs of each pair by its number, “Pair 1”: what a choice stands for, whoever makes it."""
    compared = study.pairs.values_list("system_1__slug", "system_2__slug")
    return {label: pair for pair, label in blinding.pairs(study, compared, shown=False).items()}


def _options(study: Study, *, named: bool) -> dict[str, str]:
    """Each choice of the form and its label."""
    return {label: " vs ".join(pair) if named else label for label, pair in pairs_by_number(study).items()}


urlpatterns = [
    path("research/studies/<slug:slug>/running/", running, name="research-running"),
    path("research/studies/<slug:slug>/running/live/", running_live, name="research-running-live"),
    path("research/studies/<slug:slug>/running/wave/", add_wave, name="research-wave"),
    *replays.urlpatterns,
]
