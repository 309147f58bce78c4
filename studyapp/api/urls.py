"""Addresses of the API."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from studyapp.api.docs import docs, openapi
from studyapp.api.refusing import refusal
from studyapp.api.site import api


@csrf_exempt
def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    """A script reads JSON, also about an address that it got wrong."""
    return refusal(404, f"There is no /api/v1/{rest}; the addresses are in /api/v1/openapi.json.")


urlpatterns = [
    path("api/v1/docs", docs, name="api-docs"),
    path("api/v1/openapi.json", openapi, name="api-openapi"),
    # Before the API's own root, which would offer the pages that it has been asked to leave out.
    path("api/v1/", nothing_here, {"rest": ""}),
    path("api/v1/", api.urls),
    re_path(r"^api/v1/(?P<rest>.*)$", nothing_here),
]
