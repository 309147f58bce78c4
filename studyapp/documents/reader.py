"""Values of a tree by kind; what is of another kind is a problem with path and line, and reading goes on."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from studyapp.documents.problems import Problem
from studyapp.documents.yaml_tree import Listed, Mapped, Node, Scalar


class Reader:
    """Collects problems, and goes on with a stand-in value that no caller sees."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.lines: dict[str, int] = {}

    def wrong(self, path: str, message: str, line: int) -> None:
        self.problems.append(Problem(path, message, line))

    def mapping(self, node: Node, path: str, known: Collection[str]) -> dict[str, Node]:
        """The known keys of a mapping; unknown ones are problems."""
        if isinstance(node, Scalar) and node.value is None:
            return {}
        if not isinstance(node, Mapped):
            self.wrong(path, "this must be a mapping of keys", node.line)
            return {}
        for key, line in node.lines.items():
            at = f"{path}.{key}".lstrip(".")
            self.lines[at] = line
            if key not in known:
                self.wrong(at, f"there is no “{key}” here; there are {', '.join(known)}", line)
        return {key: item for key, item in node.items.items() if key in known}

    def listing(self, node: Node | None, path: str) -> list[Node]:
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return []
        if not isinstance(node, Listed):
            self.wrong(path, "this must be a list", node.line)
            return []
        return node.items

    def words(self, node: Node | None, path: str) -> tuple[str, ...]:
        return tuple(
            self.word(item, f"{path}[{number}]") for number, item in enumerate(self.listing(node, path), 1)
        )

    def word(self, node: Node, path: str, *, empty: bool = False) -> str:
        """A text. Numbers and dates are not taken for one: what they look like is not what they are."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value.strip() or empty:
                return node.value
            self.wrong(path, "this may not be empty", node.line)
        elif isinstance(node, Scalar) and node.value is None:
            if empty:
                return ""
            self.wrong(path, "this may not be empty", node.line)
        elif isinstance(node, Scalar):
            self.wrong(path, f'text is expected; put it in quotes: "{node.raw}"', node.line)
        else:
            self.wrong(path, "text is expected, not a list or mapping", node.line)
        return ""

    def number(self, node: Node | None, path: str, *, least: int, otherwise: int | None) -> int | None:
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return otherwise
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
            self.wrong(path, f"a whole number of {least} or more is expected", node.line)
            return otherwise
        return value

    def field(self, model: type[models.Model], name: str, node: Node, path: str) -> Any:
        """A value as a field of the model takes it: of its kind first, then by the field's own rules."""
        column = model._meta.get_field(name)
        assert isinstance(column, models.Field)
        if not isinstance(node, Scalar):
            self.wrong(path, "one value is expected, not a list or mapping", node.line)
            return None
        value: Any = node.value
        if value is None:
            if column.null:
                return None
            if not column.blank:
                self.wrong(path, "this may not be empty", node.line)
                return None
            value = ""
        taken = _taken(column, node, value)
        if isinstance(taken, _Refusal):
            self.wrong(path, taken.why, node.line)
            return None
        try:
            return column.clean(taken, None)
        except ValidationError as error:
            self.wrong(path, " ".join(error.messages), node.line)
            return None


class _Refusal:
    def __init__(self, why: str) -> None:
        self.why = why


def _taken(column: models.Field[Any, Any], node: Scalar, value: Any) -> Any:
    """The value in Python's kind for the column, or why it is none."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(column, models.BooleanField):
        return value if isinstance(value, bool) else _Refusal("yes or no is expected")
    if isinstance(column, models.IntegerField):
        return value if whole else _Refusal(f"a whole number is expected, not “{node.raw}”")
    if isinstance(column, models.FloatField):
        finite = whole or (isinstance(value, float) and math.isfinite(value))
        return float(value) if finite else _Refusal(f"a number is expected, not “{node.raw}”")
    if isinstance(column, models.DecimalField):
        try:
            # From what is written, for 0.10 is no binary number.
            return Decimal(node.raw)
        except InvalidOperation:
            return _Refusal(f"an amount such as 3.50 is expected, not “{node.raw}”")
    if isinstance(column, models.DateField):
        day = isinstance(value, date) and type(value) is date
        return value if day else _Refusal(f"a day such as 2027-01-31 is expected, not “{node.raw}”")
    return value if isinstance(value, str) else _Refusal(f'text is expected; put it in quotes: "{node.raw}"')
