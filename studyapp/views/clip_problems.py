"""What is wrong or missing with clips, as a page that stays, with the ways out that need no import."""

from __future__ import annotations

import csv
import io
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from studyapp.actions.clip_descriptions import describe_clip, license_clips
from studyapp.clips import genres
from studyapp.clips import problems as clip_problems
from studyapp.errors import DuetError
from studyapp.manifest import is_formula
from studyapp.models import Clip, Study
from studyapp.views.staff import researcher, researchers_only

LISTED = 25


@require_GET
@researchers_only
def problems(request: HttpRequest) -> HttpResponseBase:
    """Problems by kind, the first few clips of each; of one dataset, or of all."""
    dataset = request.GET.get("dataset", "")
    found = clip_problems.problems(dataset, visible=Study.objects.visible_to(request.user))
    datasets = list(Clip.objects.order_by("dataset").values_list("dataset", flat=True).distinct())
    context = {
        "problems": [
            {
                "kind": one.kind,
                "clips": one.clips[:LISTED],
                "count": len(one.clips),
                "further": len(one.clips) - LISTED,
            }
            for one in found
        ],
        "unlicensed": sorted({clip.dataset for one in found if one.kind.key == "licence" for clip in one.clips}),
        "datasets": datasets,
        "dataset": dataset,
        "clips": Clip.objects.filter(**({"dataset": dataset} if dataset else {})).count(),
        "statement": genres.STATEMENT,
        "rule": genres.RULE,
    }
    return render(request, "research/clip_problems.html", context)


@require_GET
@researchers_only
def problems_file(request: HttpRequest) -> HttpResponseBase:
    """Every problem of every clip, a line each."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(["dataset", "clip_id", "problem", "note", "studies", "way out"])
    visible = Study.objects.visible_to(request.user)
    for problem in clip_problems.problems(request.GET.get("dataset", ""), visible=visible):
        for clip in problem.clips:
            cells = [clip.dataset, clip.clip_id, problem.kind.title, clip.note, str(clip.studies)]
            lines.writerow([_plain(cell) for cell in [*cells, problem.kind.way_out]])
    headers = {"Content-Disposition": 'attachment; filename="clip-problems.csv"'}
    return HttpResponse(out.getvalue(), content_type="text/csv", headers=headers)


@require_POST
@researchers_only
def choose_genre(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One of the genres that a clip's labels name alike."""
    clip = get_object_or_404(Clip, pk=pk)
    genre = request.POST.get("genre", "")
    try:
        if genre not in genres.one_genre(clip.labels).candidates:
            raise DuetError(f"“{genre}” is none of the genres that the labels of {clip} name; choose one of those")
        describe_clip(clip=clip, by=researcher(request), genre=genre)
        messages.success(request, f"The genre of {clip} is {genre} now.")
    except DuetError as error:
        _say(request, error)
    return _back(request)


@require_POST
@researchers_only
def say_licence(request: HttpRequest) -> HttpResponseBase:
    """The licence of all clips of a dataset that say none."""
    dataset = request.POST.get("of", "")
    try:
        changed = license_clips(dataset=dataset, licence=request.POST.get("licence", ""), by=researcher(request))
        messages.success(request, f"{changed} clips of {dataset} have this licence now.")
    except DuetError as error:
        _say(request, error)
    return _back(request)


def _say(request: HttpRequest, error: DuetError) -> None:
    text = str(error)
    messages.error(request, text[:1].upper() + text[1:])


def _back(request: HttpRequest) -> HttpResponse:
    dataset = request.POST.get("dataset", "")
    return redirect(reverse("research-clip-problems") + (f"?{urlencode({'dataset': dataset})}" if dataset else ""))


def _plain(cell: str) -> str:
    """A cell that no spreadsheet reckons with."""
    return f"'{cell}" if is_formula(cell) else cell


urlpatterns = [
    path("research/clips/problems/", problems, name="research-clip-problems"),
    path("research/clips/problems.csv", problems_file, name="research-clip-problems-file"),
    path("research/clips/<id:pk>/genre/", choose_genre, name="research-clip-genre"),
    path("research/clips/licence/", say_licence, name="research-clip-licence"),
]
