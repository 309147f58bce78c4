"""Progress on a terminal: what is being done, how far it is, and how long is left."""

from __future__ import annotations

import shutil
import sys
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

_FORMAT = "{desc} {bar:24} {n:.0f}/{total:.0f} {unit}s, {elapsed} gone, {remaining} left   "


class Bar:
    """A progress bar on standard error that shows nothing until the first step.

    Where standard error is no terminal (a log, CI) it writes a line at most every 15 seconds.
    """

    def __init__(self, title: str, *, unit: str, leave: bool = True, out: TextIO | None = None) -> None:
        self._title = title
        self._unit = unit
        self._leave = leave
        self._out = out or sys.stderr
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def shown(self) -> bool:
        """Whether there was anything to show."""
        return self._bar is not None

    def close(self) -> None:
        """End the bar; further steps would begin another one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def step(self, done: float, total: float, doing: str) -> None:
        """``done`` of ``total``; ``doing`` says in a few words what is at hand."""
        bar = self._bar = self._bar or self._started(total)
        bar.total = total
        bar.n = done
        # Asked anew each time: windows are resized. A terminal that knows no size is taken for a usual one.
        bar.ncols = shutil.get_terminal_size((100, 24)).columns - 1
        bar.bar_format = _FORMAT + doing[:40].replace("{", "{{").replace("}", "}}")
        bar.update(0)

    def _started(self, total: float) -> tqdm[Any]:
        return tqdm(
            total=total,
            desc=self._title,
            unit=self._unit,
            file=self._out,
            leave=self._leave,
            mininterval=0.2 if self._out.isatty() else 15,
            ncols=100,
            nrows=20,
            bar_format=_FORMAT,
        )
