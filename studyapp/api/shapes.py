"""What all routes share: refusals, strict bodies, and lists that are read a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from ninja.errors import HttpError
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from studyapp.field_values import unstorable

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item", bound=BaseModel)

LARGEST_ID = 2**63 - 1


class Refused(BaseModel):
    """Why it was not done, in a sentence that says what to do."""

    error: str


REFUSALS = {frozenset({401, 403, 404, 409, 422}): Refused}
"""401: no token that lets in. 403: not allowed. 404: not there, or not yours. 409: wrong state. 422: bad input."""


def must_be_storable(sent: object) -> object:
    """What was sent. Raises PydanticCustomError where something in it cannot be stored."""
    if wrong := unstorable(sent):
        raise PydanticCustomError("unstorable", "{wrong}", {"wrong": wrong})
    return sent


class Body(BaseModel):
    """What is sent: a name that Duet does not know is refused, lest a typing error passes for a change."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def storable(cls, sent: object) -> object:
        """What no column takes is refused here, wherever in the body it is."""
        return must_be_storable(sent)


class Paging(BaseModel):
    """Which page of a list."""

    limit: int = Field(100, ge=1, le=1000, description="Items of one page.")
    after: int | None = Field(None, ge=0, le=LARGEST_ID, description="The “next” of the page before.")


class Page(BaseModel, Generic[Item]):
    """In the order in which they were made. `next` is what to ask for as `after`; null on the last page."""

    items: list[Item]
    next: int | None


def must_be_known(request: HttpRequest, asked: Paging) -> None:
    """Raises HttpError (422) for a parameter that the list does not have."""
    unknown = sorted(set(request.GET) - set(type(asked).model_fields))
    if unknown:
        options = ", ".join(type(asked).model_fields)
        raise HttpError(422, f"There is no parameter {', '.join(unknown)}; there are {options}.")


def page_of(
    request: HttpRequest, asked: Paging, rows: QuerySet[Row], shown: Callable[[Row], Item]
) -> dict[str, Any]:
    """One page of ``rows``, as ``Page`` has it: found by id, not by counting: the last is as quick as the first.

    Raises HttpError (422) for a parameter that the list does not have.
    """
    must_be_known(request, asked)
    if asked.after is not None:
        rows = rows.filter(pk__gt=asked.after)
    found = list(rows.order_by("pk")[: asked.limit + 1])
    kept = found[: asked.limit]
    return {"items": [shown(row) for row in kept], "next": kept[-1].pk if len(found) > asked.limit else None}
