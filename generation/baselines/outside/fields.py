"""Reading one table of the server's TOML file strictly: every key known, every value of its kind."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from generation.contracts import GenerationError


class Fields:
    """One table, taken out key by key; ``done`` refuses what is left over.

    entry: how the table is called in the file, for the errors, which are all GenerationError.
    """

    def __init__(self, path: Path, entry: str, table: Any) -> None:
        self._path = path
        self._entry = entry
        if not isinstance(table, dict):
            raise self.wrong("it is not a table", f"write a line {entry} and its keys below")
        self._left = dict(table)
        self._known: list[str] = []

    def wrong(self, what: str, mend: str) -> GenerationError:
        """The error for this entry, with what to write instead."""
        return GenerationError(f"{self._path}, {self._entry}: {what}; {mend}")

    def table(self, key: str) -> dict[str, Any]:
        """A table within this one; empty where there is none."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise self.wrong(f"{key} is {value!r}", f"write it as a table: [{key}]")
        return value

    def words(self, key: str, example: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings with at least one where there is no default."""
        value = self._take(key, default)
        good = isinstance(value, list | tuple) and all(
            isinstance(word, str) and "\0" not in word for word in value
        )
        if not good or (default is None and not (value and value[0])):
            problem = f"{key} is missing" if value is None else f"{key} is {value!r}, not a list of texts"
            raise self.wrong(problem, f"write {example}")
        return tuple(value)

    def word(self, key: str) -> str:
        """A string; empty where there is none."""
        value = self._take(key, "")
        if not isinstance(value, str):
            raise self.wrong(f"{key} is {value!r}", f'write it as a text: {key} = "…"')
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} is {value!r}", f"write {key} = true or {key} = false")
        return value

    def seconds(self, key: str, default: float) -> float:
        """A finite number above 0."""
        value = self._take(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
            raise self.wrong(f"{key} is {value!r}", f"write a number of seconds above 0: {key} = {default:g}")
        return float(value)

    def whole(self, key: str, default: int) -> int:
        """A whole number, 0 or more."""
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(f"{key} is {value!r}", f"write a whole number, 0 or more: {key} = {default}")
        return value

    def done(self) -> None:
        """Refuses keys that nobody asked for: a misspelt limit would otherwise be no limit."""
        if self._left:
            raise self.wrong(
                f"unknown {', '.join(sorted(self._left))}", f"the keys are: {', '.join(sorted(self._known))}"
            )

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        return self._left.pop(key, default)
