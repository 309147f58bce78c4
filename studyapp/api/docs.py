"""The API's description: as an OpenAPI document, and as a page that needs no script and no inline style."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from studyapp.actions.tokens import holder_of
from studyapp.api.refusing import refusal
from studyapp.api.site import ROOT, api
from studyapp.views.staff import researchers_only

_METHODS = ("get", "post", "put", "patch", "delete")
_ERRORS = frozenset({"401", "403", "404", "409", "422"})


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of what is sent or answered."""

    name: str
    type: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A type in words, and the schema in it that has a description of its own, if any."""

    words: str
    shape: str

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Mention | None:
        if not schema:
            return None
        named = schema.get("$ref") or schema.get("items", {}).get("$ref") or ""
        return cls(_type(schema, {}), str(named).rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one address."""

    id: str
    method: str
    address: str
    title: str
    about: str
    parameters: tuple[Field, ...]
    sends: Mention | None
    status: str
    answers: Mention | None
    curl: str
    python: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema by name, with its fields."""

    name: str
    about: str
    fields: tuple[Field, ...]


@require_GET
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document, for those who are signed in or have a token."""
    user = request.user
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    by_token = scheme.lower() == "bearer" and holder_of(secret, now=timezone.now()) is not None
    if not by_token and not (user.is_active and getattr(user, "is_staff", False)):
        return refusal(401, "Send a valid token: Authorization: Bearer duet_…, or sign in.")
    return JsonResponse(document())


@require_GET
@researchers_only
def docs(request: HttpRequest) -> HttpResponseBase:
    """Every route and schema on one page."""
    described = document()
    root = request.build_absolute_uri(ROOT)
    context = {
        "about": described["info"]["description"],
        "root": root,
        "groups": list(_groups(described, root)),
        "shapes": list(_shapes(described)),
    }
    return render(request, "api/docs.html", context)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, made once in a process. Not to be changed."""
    text = json.dumps(api.get_openapi_schema(path_prefix=ROOT), default=str)
    # “Page_ClipItem_” is what pydantic makes of Page[ClipItem].
    made: dict[str, Any] = json.loads(re.sub(r"\bPage_(\w+?)_(?=\W)", r"\1Page", text))
    return made


def _groups(described: Mapping[str, Any], root: str) -> Iterator[tuple[str, list[Route]]]:
    """Routes under their tags, in the order in which they were written."""
    groups: dict[str, list[Route]] = {}
    for address, methods in described["paths"].items():
        for method in (name for name in _METHODS if name in methods):
            one = methods[method]
            route = _route(method, address, one, root, described["components"]["schemas"])
            groups.setdefault(one["tags"][0], []).append(route)
    yield from groups.items()


def _route(method: str, address: str, one: Mapping[str, Any], root: str, schemas: Mapping[str, Any]) -> Route:
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    status, answer = next((code, said) for code, said in one["responses"].items() if str(code) not in _ERRORS)
    shape = answer.get("content", {}).get("application/json", {}).get("schema", {})
    address = address.removeprefix(ROOT)
    return Route(
        id=one["operationId"],
        method=method.upper(),
        address=address,
        title=one["summary"],
        about=one.get("description", ""),
        parameters=tuple(
            Field(
                name=each["name"],
                type=_type(each["schema"], schemas),
                required=each.get("required", False),
                about=each["schema"].get("description", ""),
            )
            for each in one.get("parameters", ())
            if each["in"] != "path"
        ),
        sends=Mention.of(body),
        status=str(status),
        answers=Mention.of(shape),
        curl=_curl(method, root + address, bool(body)),
        python=_python(method, address, bool(body)),
    )


def _curl(method: str, url: str, sends: bool) -> str:
    verb = "" if method == "get" else f" -X {method.upper()}"
    body = " -H 'Content-Type: application/json' -d '{…}'" if sends else ""
    return f"curl{verb} -H \"Authorization: Bearer $DUET_TOKEN\"{body} '{url}'"


def _python(method: str, address: str, sends: bool) -> str:
    return f'duet.{method}(root + "{address}"' + (", json={…}" if sends else "") + ")"


def _shapes(described: Mapping[str, Any]) -> Iterator[Shape]:
    schemas = described["components"]["schemas"]
    mentioned = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(described)))
    for name, schema in schemas.items():
        # A choice of a few is told in words wherever it is used, and parameters beside their routes.
        if "enum" in schema or name not in mentioned:
            continue
        needed = schema.get("required", ())
        fields = (
            Field(each, _type(held, schemas), each in needed, held.get("description", ""))
            for each, held in schema.get("properties", {}).items()
        )
        yield Shape(name, schema.get("description", ""), tuple(fields))


def _type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """A schema in a few words. schemas: by name, those that are told in words when they are a choice of a few."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _type(schemas[name], schemas) if "enum" in schemas.get(name, ()) else name
    if "enum" in schema:
        return " | ".join(f"“{word}”" for word in schema["enum"])
    if options := schema.get("anyOf") or schema.get("allOf"):
        return " | ".join(dict.fromkeys(_type(one, schemas) for one in options))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), schemas)}" if "items" in schema else "list"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'], schemas)}"
    return {"date-time": "moment", "date": "date", "binary": "file"}.get(schema.get("format", ""), kind)
