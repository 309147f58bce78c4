"""One column of an archive's table: what it is called, where it comes from, and how its values are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from studyapp.errors import DuetError
from studyapp.field_values import unstorable
from studyapp.models import Study

_LARGEST = 2**63 - 1
_DEEPEST = 20


class BadArchive(DuetError):
    """A file is no archive of a study, or one that cannot be read here; the message says what to do."""


class Kind(StrEnum):
    """How a value stands in a line of JSON; each member's value completes “it must be …”."""

    TEXT = "a text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TRUTH = "true or false"
    TIME = "a time in ISO 8601 with its offset"
    DATE = "a date in ISO 8601"
    DECIMAL = "a decimal number as text"
    JSON = "a JSON value"
    OBJECT = "a JSON object"
    OBJECT_OF_TEXT = "a JSON object whose values are texts"
    LIST_OF_TEXT = "a list of texts"
    LIST_OF_NUMBER = "a list of numbers"
    REFERENCE = "the line of a row of another table"
    REFERENCES = "a list of lines of another table"


@dataclass(frozen=True, slots=True)
class Column:
    """``field`` is where the value comes from (a lookup from the table's model), the name itself where empty.

    ``told`` works the value out from what was read of the row instead. ``to`` is the table of a reference;
    ``longest`` bounds a text, in characters.
    """

    name: str
    kind: Kind
    field: str = ""
    to: str = ""
    may_be_empty: bool = False
    longest: int | None = None
    told: Callable[[Study, Mapping[str, Any]], Any] | None = None

    @property
    def source(self) -> str:
        return self.field or self.name

    def written(self, value: Any) -> Any:
        """A value as JSON holds it; references are the caller's to turn into lines."""
        match value:
            case datetime():
                return value.astimezone(UTC).isoformat()
            case date():
                return value.isoformat()
            case Decimal():
                return str(value)
        return value

    def read(self, value: Any) -> Any:
        """What ``written`` was given. Raises ValueError for what this column cannot hold."""
        if value is None:
            if self.may_be_empty or self.kind == Kind.JSON:
                return None
            raise ValueError("empty")
        found = _READERS[self.kind](value)
        if self.longest is not None and len(found) > self.longest:
            raise ValueError(f"{len(found)} characters long, {self.longest} are the most")
        return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(_shown(value))
    if wrong := unstorable(value):
        raise ValueError(wrong)
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise ValueError(_shown(value))
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(_shown(value))
    return float(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(_shown(value))
    return value


def _time(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError(_shown(value))
    return found


def _decimal(value: Any) -> Decimal:
    try:
        found = Decimal(_text(value))
    except InvalidOperation:
        raise ValueError(_shown(value)) from None
    if not found.is_finite():
        raise ValueError(_shown(value))
    return found


def _references(value: Any) -> list[int]:
    return [_whole(one) for one in _list(value)]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(_shown(value))
    return value


def _json(value: Any) -> Any:
    if wrong := unstorable(value):
        raise ValueError(wrong)
    # Pages go through such values level by level.
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
    if level:
        raise ValueError(f"nested more than {_DEEPEST} deep")
    return value


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(_shown(value))
    found: dict[str, Any] = _json(value)
    return found


def _shown(value: Any) -> str:
    return repr(value)[:60]


_READERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
    Kind.TRUTH: _truth,
    Kind.TIME: _time,
    Kind.DATE: lambda value: date.fromisoformat(_text(value)),
    Kind.DECIMAL: _decimal,
    Kind.JSON: _json,
    Kind.OBJECT: _object,
    Kind.OBJECT_OF_TEXT: lambda value: {_text(name): _text(one) for name, one in _object(value).items()},
    Kind.LIST_OF_TEXT: lambda value: [_text(one) for one in _list(value)],
    Kind.LIST_OF_NUMBER: lambda value: [_number(one) for one in _list(value)],
    Kind.REFERENCE: _whole,
    Kind.REFERENCES: _references,
}
