"""Processes that live and die together: with logs, started again when they crash, ended with all below them."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from studyapp.celery import SWEEP_EVERY_S
from studyapp.errors import DuetError
from studyapp.work import device
from studyapp.work.queues import CPU, GPU, QUEUES, SHORT
from studyapp.work.sweeper import sweep

logger = logging.getLogger(__name__)

GRACE_S = 5.0
"""How long processes may take to end before they are killed; what they were at is done again next time."""
TOO_SOON_S = 5.0
MOST_FAILED_STARTS = 3
LOOK_EVERY_S = 0.2
_ENDING = (signal.SIGINT, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Program:
    """Something to keep running; ``name`` is also that of its log file."""

    name: str
    command: Sequence[str]


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    started: float
    failed_starts: int = 0


@dataclass(slots=True)
class Supervisor:
    """Context manager: leaving it ends every program with its children, whatever the reason for leaving.

    Inside it Ctrl-C and SIGTERM both arrive as KeyboardInterrupt.
    """

    logs: Path
    _running: list[_Running] = field(default_factory=list)
    _swept: float = 0.0
    _previous: dict[signal.Signals, Any] = field(default_factory=dict)

    def __enter__(self) -> Supervisor:
        self.logs.mkdir(parents=True, exist_ok=True)
        # Ctrl-C as well: a shell starts background jobs with it ignored, and that is inherited.
        self._previous = {number: signal.signal(number, _interrupt) for number in _ENDING}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second, impatient Ctrl-C must not leave anything behind.
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        try:
            self._end_all()
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def start(self, program: Program) -> None:
        self._running.append(_Running(program, self._spawn(program), time.monotonic()))

    def log_of(self, program: Program) -> Path:
        return self.logs / f"{program.name}.log"

    def look(self) -> None:
        """Restart what has crashed. Raises DuetError naming the log of what will not stay up."""
        for running in self._running:
            status = running.process.poll()
            if status is None:
                continue
            soon = time.monotonic() - running.started < TOO_SOON_S
            running.failed_starts = running.failed_starts + 1 if soon else 0
            log = self.log_of(running.program)
            if running.failed_starts >= MOST_FAILED_STARTS:
                raise DuetError(f"{running.program.name} does not stay up (status {status}); its log is {log}.")
            logger.warning("%s ended with status %s and is started again", running.program.name, status)
            _end_group(running.process.pid)
            running.process = self._spawn(running.program)
            running.started = time.monotonic()

    def sweep_when_due(self) -> None:
        """In this process, so that it comes about whatever the workers are at; deployed, celery beat sends for it.

        A database that is away now may be back next time.
        """
        if time.monotonic() - self._swept < SWEEP_EVERY_S:
            return
        self._swept = time.monotonic()
        try:
            sweep(now=timezone.now())
        except Exception:
            logger.exception("The sweep failed; it is tried again in %s s", SWEEP_EVERY_S)
            connection.close()

    def wait_until(self, condition: Callable[[], bool], *, look_every_s: float = LOOK_EVERY_S) -> None:
        """Keep everything running until the condition holds."""
        while not condition():
            self.look()
            self.sweep_when_due()
            time.sleep(look_every_s)

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with self.log_of(program).open("ab") as log:
            return subprocess.Popen(
                list(program.command),
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches only us, and we end it in order.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def _end_all(self) -> None:
        # First the leaders alone: a worker whose ffmpeg is ended beneath it would take that for a failure.
        for running in self._running:
            running.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for running in self._running:
            try:
                running.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
        for running in self._running:
            # Also when the leader ended well: what it started may still be there.
            _end_group(running.process.pid)
        self._running.clear()


def worker_programs() -> list[Program]:
    """The workers this machine wants: one a GPU task at a time beside the others, or one for everything."""
    if device.may_have_cuda():
        return [_worker("worker-gpu", (GPU,)), _worker("worker-cpu", (CPU, SHORT))]
    return [_worker("worker", QUEUES)]


def _worker(name: str, queues: Sequence[str]) -> Program:
    return Program(
        name,
        [
            *(sys.executable, "-m", "celery", "--app=studyapp", "worker", f"--queues={','.join(queues)}"),
            *(f"--hostname={name}@%h", "--pool=threads", "--concurrency=1", "--loglevel=WARNING"),
            *("--without-mingle", "--without-gossip", "--without-heartbeat"),
        ],
    )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _die_with_parent() -> None:
    """Even a supervisor killed with -9 leaves nothing running behind it."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
