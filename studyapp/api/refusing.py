"""Every refusal as one sentence in one shape, with the status that fits it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from generation.contracts import GenerationError
from studyapp.errors import DuetError, NotReady, Overtaken, WrongState

# About the state that something is in; every other refusal is about what was sent.
_CONFLICTS = (WrongState, NotReady, Overtaken, GenerationError)


def refuse_in_one_shape(api: NinjaAPI) -> None:
    """Let the API answer with ``{"error": sentence}`` whatever stands in the way."""
    api.add_exception_handler(DuetError, _refused)
    api.add_exception_handler(GenerationError, _refused)
    api.add_exception_handler(Http404, _not_there)
    api.add_exception_handler(PermissionDenied, _not_allowed)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http_error)


def refusal(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence[:1].upper() + sentence[1:]}, status=status)


def _refused(request: HttpRequest, error: object) -> HttpResponse:
    return refusal(409 if isinstance(error, _CONFLICTS) else 422, str(error))


def _not_there(request: HttpRequest, error: object) -> HttpResponse:
    return refusal(404, str(error) or "There is nothing here.")


def _not_allowed(request: HttpRequest, error: object) -> HttpResponse:
    return refusal(403, str(error) or "You may not do that.")


def _http_error(request: HttpRequest, error: object) -> HttpResponse:
    assert isinstance(error, HttpError)
    if error.status_code != 401:
        return refusal(error.status_code, error.message)
    response = refusal(
        401, "Send a valid token: Authorization: Bearer duet_… One is made on the page “API tokens”."
    )
    response["WWW-Authenticate"] = 'Bearer realm="duet"'
    return response


def _invalid(request: HttpRequest, error: object) -> HttpResponse:
    assert isinstance(error, ValidationError)
    return refusal(422, "; ".join(_sentences(error.errors)))


def _sentences(errors: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for one in errors:
        # ("body", "asked", "pilot_raters") and ("query", "limit"): the name that the sender gave it comes last.
        where = ".".join(str(part) for part in one["loc"][1:] if part != "asked") or str(one["loc"][0])
        yield f"“{where}”: {one['msg'][:1].lower()}{one['msg'][1:]}"
