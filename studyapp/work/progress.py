"""Progress on a terminal: what is being done, how far it is, and how long is left."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

_FORMAT = "{desc} {bar:24} {n:.0f}/{total:.0f} {unit}s, {elapsed} gone, {remaining} left   "

_LOG_FORMAT = _FORMAT.replace("{desc} {bar:24} ", "")
LOG_EVERY_S = 15.0


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
        self._began: float | None = None
        self._logged = 0.0
        self._initial = 0.0

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def shown(self) -> bool:
        """Whether there was anything to show."""
        return self._began is not None

    def close(self) -> None:
        """End the bar; further steps would begin another one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def step(self, done: float, total: float, doing: str) -> None:
        """``done`` of ``total``; ``doing`` says in a few words what is at hand."""
        if self._began is None:
            self._began = self._logged = time.monotonic()
            # What was done before says nothing about the pace.
            self._initial = done
        if not self._out.isatty():
            self._log(done, total, doing, self._began)
            return
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
            initial=self._initial,
            desc=self._title,
            unit=self._unit,
            file=self._out,
            leave=self._leave,
            mininterval=0.2,
            ncols=100,
            nrows=20,
            bar_format=_FORMAT,
        )

    def _log(self, done: float, total: float, doing: str, began: float) -> None:
        now = time.monotonic()
        if now - self._logged < LOG_EVERY_S:
            return
        self._logged = now
        line = tqdm.format_meter(
            done,
            total,
            now - began,
            ncols=200,
            unit=self._unit,
            initial=self._initial,
            bar_format=_LOG_FORMAT,
        )
        self._out.write(f"{self._title}: {line}{doing}\n")
        self._out.flush()
