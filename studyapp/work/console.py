"""What a long command says on the terminal: each step, how long it took, and what is under way."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from studyapp.work.progress import Bar

WIDTH = 34


@dataclass(slots=True)
class Step:
    """One line of the list; ``note`` is what came of it."""

    title: str
    note: str = ""

    def bar(self, unit: str) -> Bar:
        """A progress bar that gives way to the step's line."""
        return Bar(f"  {self.title}", unit=unit, leave=False)


@dataclass(slots=True)
class Console:
    """Prints steps as they end."""

    out: TextIO = sys.stdout
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time what happens inside and print one line at its end; where it fails, the error speaks."""
        step = Step(title)
        began = time.monotonic()
        if self.out.isatty():
            self._write(f"  {title} …\r")
        yield step
        self.say(f"  {title:<{WIDTH}}{time.monotonic() - began:7.1f} s   {step.note}".rstrip())

    def say(self, line: str = "") -> None:
        self._write(f"{line}\n")

    def since_start(self) -> str:
        minutes, seconds = divmod(round(time.monotonic() - self.started), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

    def _write(self, text: str) -> None:
        self.out.write(text)
        # A script that follows must not wait for a buffer to fill.
        self.out.flush()
