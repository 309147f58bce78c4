"""Single raters of a study, for researchers: figures and declared rules, never names."""

from __future__ import annotations

from contextlib import suppress

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from studyapp.errors import NotReady
from studyapp.exports import ratings_frame
from studyapp.models import Study
from studyapp.quality import RaterLine, rater_lines, rules_of
from studyapp.views.staff import researchers_only


@require_GET
@researchers_only
def raters(request: HttpRequest, slug: str) -> HttpResponseBase:
    """How each rater answered so far; ``?simulated=1`` takes simulated ones along."""
    study = get_object_or_404(Study, slug=slug)
    simulated = request.GET.get("simulated") == "1"
    lines: list[RaterLine] = []
    with suppress(NotReady):  # nobody has answered yet, which the page says
        lines = rater_lines(study, ratings_frame(study, include_simulated=simulated))
    context = {
        "study": study,
        "lines": lines,
        "rules": rules_of(study),
        "breaking": sum(bool(line.broken) for line in lines),
        "simulated": simulated,
    }
    return render(request, "research/raters.html", context)


urlpatterns = [path("research/studies/<slug:slug>/raters/", raters, name="research-raters")]
