"""What a share link opens: one dataset's report and tables, read-only, without an account."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, Concatenate, ParamSpec

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from studyapp.actions.sharing import Shared, find_shared
from studyapp.plan.amendments import AMENDMENTS, without_authors
from studyapp.views.results import FIGURES, Download, dataset_file, sandboxed_report

P = ParamSpec("P")

TABLES = (
    Download("win_rates.csv", "Win rates by pair and genre"),
    Download("system_win_rates.csv", "Win rates by system"),
    Download("systems.csv", "Systems"),
    Download(AMENDMENTS, "Amendments"),
)
RATINGS = (
    Download("ratings.csv", "Ratings (CSV)"),
    Download("ratings.parquet", "Ratings (Parquet)"),
    Download("codebook.csv", "Codebook"),
)


def shared_only(view: Callable[Concatenate[HttpRequest, Shared, P], HttpResponseBase]) -> Callable[..., Any]:
    """404 for a code that nobody was given, 410 with a sentence for one that has ended; nothing is indexed."""

    @wraps(view)
    def guarded(request: HttpRequest, code: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        shared = find_shared(code, now=timezone.now())
        if shared is None:
            raise Http404("There is nothing under this address.")
        if not shared.valid:
            gone = {"gone": True, "revoked": shared.link.revoked_at is not None, "link": shared.link}
            response: HttpResponseBase = render(request, "research/shared.html", gone, status=410)
        else:
            response = view(request, shared, *args, **kwargs)
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        # The address is the key: it must not travel on to another site, nor stay in a shared cache.
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "private, no-store"
        return response

    return guarded


@require_safe
@shared_only
def page(request: HttpRequest, shared: Shared) -> HttpResponseBase:
    """What was found, and the way to the report and to the tables."""
    dataset = shared.link.dataset
    found = json.loads(dataset_file(dataset, FIGURES).read_text(encoding="utf-8"))
    offered = [*TABLES, *(RATINGS if shared.link.with_ratings and not dataset.superseded_at else ())]
    context = {
        "shared": shared,
        "link": shared.link,
        "dataset": dataset,
        "study": dataset.study,
        "report": {name: found[name] for name in ("title", "found", "estimand", "warnings", "analysed", "digest")},
        "simulated": found["simulated_shown"],
        "tables": [one for one in offered if (dataset.path / one.name).is_file()],
        "code": request.resolver_match.kwargs["code"] if request.resolver_match else "",
    }
    return render(request, "research/shared.html", context)


@require_safe
@shared_only
def report(request: HttpRequest, shared: Shared) -> HttpResponseBase:
    """The self-contained report in its sandbox."""
    return sandboxed_report(shared.link.dataset)


@require_safe
@shared_only
def table(request: HttpRequest, shared: Shared, name: str) -> HttpResponseBase:
    """One table as a file; those with single answers only where the link says so; 410 once some were erased."""
    if name not in {one.name for one in (*TABLES, *(RATINGS if shared.link.with_ratings else ()))}:
        raise Http404(f"This link shows no {name!r}.")
    dataset = shared.link.dataset
    if dataset.superseded_at and name in {one.name for one in RATINGS}:
        # The rows of who had their answers erased are in the file still.
        return render(request, "research/shared.html", {"gone": True, "erased": True}, status=410)
    file = dataset_file(dataset, name)
    content: BinaryIO = file.open("rb")
    if name == AMENDMENTS:
        with content:
            content = io.BytesIO(without_authors(content.read().decode()).encode())
    return FileResponse(content, as_attachment=True, filename=f"{dataset.study.slug}-{name}")


urlpatterns = [
    path("shared/<str:code>/", page, name="shared"),
    path("shared/<str:code>/report/", report, name="shared-report"),
    path("shared/<str:code>/<str:name>", table, name="shared-table"),
]
