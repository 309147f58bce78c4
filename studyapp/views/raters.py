"""Single raters of a study, for researchers: figures and declared rules, never names."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from studyapp import rights
from studyapp.actions.snapshots import ask
from studyapp.models import Study
from studyapp.states import StudyState
from studyapp.views.staff import researchers_only, study_for
from studyapp.watching.figures import PEOPLE, SIMULATED, Figures
from studyapp.watching.quality import answered, rater_lines, rules_of

A_PAGE = 50


class Breaking(NamedTuple):
    """Sessions, by key and the newest first, whose rater broke a declared rule at that time."""

    sessions: list[int]
    at: datetime


@require_GET
@researchers_only
def raters(request: HttpRequest, slug: str) -> HttpResponseBase:
    """How each rater answered so far, the newest first, a page at a time.

    ``?simulated=1`` takes simulated ones along, ``?breaking=1`` leaves those who broke a rule when a
    worker last looked.
    """
    study = study_for(request, slug, rights.VIEW)
    simulated, only = (request.GET.get(name) == "1" for name in ("simulated", "breaking"))
    rules = rules_of(study)
    breaking = _breaking(study, simulated=simulated) if rules.declared else None
    everybody = answered(study, include_simulated=simulated)
    found = (breaking.sessions if breaking else []) if only else everybody.values_list("pk", flat=True)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    asked = request.GET.copy()
    asked.pop("page", None)
    context = {
        "study": study,
        "page": page,
        "query": asked.urlencode(),
        "lines": rater_lines(study, list(page.object_list)),
        "total": everybody.count() if only else page.paginator.count,
        "rules": rules,
        "breaking": breaking,
        "only": only,
        "simulated": simulated,
    }
    return render(request, "research/raters.html", context)


def _breaking(study: Study, *, simulated: bool) -> Breaking | None:
    """None until a worker has looked. Sends one where newer figures are due."""
    figures = Figures.from_json(ask(study=study, now=timezone.now()).figures)
    if figures is None or figures.pilot != (study.state == StudyState.PILOT):
        return None
    whose = (PEOPLE, SIMULATED) if simulated else (PEOPLE,)
    found = [pk for who in whose for pk in figures.breaking.get(who, ())]
    return Breaking(sorted(found, reverse=True), figures.at)


urlpatterns = [path("research/studies/<slug:slug>/raters/", raters, name="research-raters")]
