"""Trials as a rater sees them, for researchers: the same page, nothing stored."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET

from studyapp import rights
from studyapp.models import Block, Study, Trial
from studyapp.states import StimulusState
from studyapp.views.staff import researchers_only, study_for
from studyapp.views.trial_page import PreviewLinks, staff_sources, trial_context


@require_GET
@researchers_only
def preview(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """The trial of that number, from 1, in the order of blocks and places; answers are open at once."""
    study = study_for(request, slug, rights.VIEW)
    lengths = _lengths(study)
    total = sum(lengths.values())
    if not 1 <= number <= total:
        raise Http404(f"The study has {total} trials; there is no trial {number}.")
    trial = _trial(lengths, number)
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


def _lengths(study: Study) -> dict[int, int]:
    """Trials of each block that has any, by key, in the order of blocks; a pilot's copy comes after its original.

    Half a million trials are counted by an index, and never sorted.
    """
    blocks = Block.objects.filter(study=study)
    counted = Trial.objects.filter(block__in=blocks).order_by().values_list("block_id").annotate(Count("pk"))
    lengths = dict(counted)
    order = blocks.order_by("number", "pk").values_list("pk", flat=True)
    return {pk: lengths[pk] for pk in order if pk in lengths}


def _trial(lengths: dict[int, int], number: int) -> Trial:
    """The trial of that number; there is one."""
    ends = list(accumulate(lengths.values()))
    place = bisect_left(ends, number)
    block = list(lengths)[place]
    within = number - 1 - (ends[place - 1] if place else 0)
    shown = Trial.objects.select_related("comparison__clip", "comparison__stimulus_1", "comparison__stimulus_2")
    return shown.filter(block=block).order_by("position")[within]


urlpatterns = [
    path("research/studies/<slug:slug>/preview/<id:number>/", preview, name="research-preview"),
]
