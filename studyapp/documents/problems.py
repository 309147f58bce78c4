"""What is wrong with a study file: every place at once, each with its path and line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from studyapp.errors import DuetError


@dataclass(frozen=True, slots=True)
class Problem:
    """path: keys joined by dots, empty for the file itself. line: from 1, where one is known."""

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = ", ".join(filter(None, (f"line {self.line}" if self.line else "", self.path)))
        return f"{where}: {self.message}" if where else self.message


class StudyFileError(DuetError):
    """A study file cannot be read or made; ``problems`` are all of them, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(map(str, self.problems)))
