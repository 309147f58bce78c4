"""Trials as a rater sees them, for researchers: the same page, nothing stored."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET

from studyapp.models import Study, Trial
from studyapp.states import StimulusState
from studyapp.views.staff import researchers_only
from studyapp.views.trial_page import PreviewLinks, staff_sources, trial_context


@require_GET
@researchers_only
def preview(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """The trial of that number, from 1, in the order of blocks and places; answers are open at once."""
    study = get_object_or_404(Study, slug=slug)
    trials = Trial.objects.filter(block__study=study)
    total = trials.count()
    if not 1 <= number <= total:
        raise Http404(f"The study has {total} trials; there is no trial {number}.")
    named = trials.select_related("comparison__clip", "comparison__stimulus_1", "comparison__stimulus_2")
    trial = named.order_by("block__number", "position")[number - 1]
    if any(stimulus.state != StimulusState.READY for stimulus in trial.sides):
        messages.warning(request, f"Trial {number} cannot be shown yet: its soundtracks are not ready.")
        return redirect("research-study", slug)
    context = trial_context(
        trial,
        place=number,
        total=total,
        sources=staff_sources(trial),
        needed=0.0,
        preview=PreviewLinks(
            previous=reverse("research-preview", args=[slug, number - 1]) if number > 1 else "",
            next=reverse("research-preview", args=[slug, number + 1]) if number < total else "",
            back=reverse("research-study", args=[slug]),
        ),
    )
    return render(request, "rater/trial.html", context)


urlpatterns = [
    path("research/studies/<slug:slug>/preview/<int:number>/", preview, name="research-preview"),
]
