"""Running a program that may hang, flood, swallow memory, fill the disk or leave children behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

KEPT_BYTES = 64 * 1024
GRACE_S = 0.5
"""Between asking a program to end and ending it."""

LOOK_S = 0.05
TICK_S = 1.0
MIB = 2**20
BLOCK_BYTES = 512
"""What st_blocks counts in, whatever the file system's own blocks are."""

LIMITED = Path(__file__).with_name("limited.py")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended.

    status: its exit status, negative for the signal that ended it, None where it was stopped.
    stopped: why it was: its time was up, or its folder held more than it may.
    stdout, stderr: the last 64 KiB of each.
    """

    status: int | None
    stopped: Literal["", "time", "disk"]
    stdout: bytes
    stderr: bytes


def run(
    argv: list[str],
    *,
    folder: Path,
    timeout_s: float,
    memory_mib: int,
    disk_mib: int,
    tick: Callable[[float], None],
) -> Ending:
    """Run ``argv`` (the program's whole path first) in ``folder`` until it ends, its time is up or its room full.

    No shell, no stdin, an environment of PATH, HOME, TMPDIR and LANG. It leads a process group of its own; what is
    left of that is killed before this returns or raises. memory_mib: of address space for each process.
    disk_mib: for each file, wherever it lies, and for all in ``folder``, looked at every second. 0 is no limit.
    tick: called every second with the seconds that passed; what it raises ends the program as well. Raises OSError
    where the program cannot be started at all.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(LIMITED), str(memory_mib * MIB), str(disk_mib * MIB), *argv],
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )

    def overfull(passed_s: float) -> bool:
        tick(passed_s)
        return bool(disk_mib) and _holds_more(folder, disk_mib * MIB)

    with process, _Tails(process) as tails:
        try:
            stopped = _wait(process, tails, timeout_s, overfull)
        finally:
            _kill(process)
        tails.read(0.0)
    return Ending(None if stopped else process.returncode, stopped, tails.stdout, tails.stderr)


class _Tails:
    """The last bytes of both outputs, read in one thread so that a flood neither blocks nor piles up."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._selector = selectors.DefaultSelector()
        self._tails = (bytearray(), bytearray())
        for pipe, tail in zip((process.stdout, process.stderr), self._tails, strict=True):
            self._selector.register(pipe.fileno(), selectors.EVENT_READ, tail)

    def __enter__(self) -> _Tails:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    def read(self, wait_s: float) -> None:
        """Take what is there, waiting for the first of it only; at most a few MiB, so that time goes on."""
        for _ in range(100):
            ready = self._selector.select(wait_s)
            if not ready:
                return
            for key, _events in ready:
                chunk = os.read(key.fd, KEPT_BYTES)
                if not chunk:
                    self._selector.unregister(key.fd)
                key.data.extend(chunk)
                del key.data[:-KEPT_BYTES]
            wait_s = 0.0

    @property
    def stdout(self) -> bytes:
        return bytes(self._tails[0])

    @property
    def stderr(self) -> bytes:
        return bytes(self._tails[1])


def _wait(
    process: subprocess.Popen[bytes], tails: _Tails, timeout_s: float, overfull: Callable[[float], bool]
) -> Literal["", "time", "disk"]:
    """Why the program must be stopped; empty once it has ended.

    It is left unreaped, so that nobody else is given its number. overfull: asked every second.
    """
    began = time.monotonic()
    ticked = 0.0
    while not _has_ended(process):
        passed = time.monotonic() - began
        if passed > timeout_s:
            return "time"
        if passed - ticked > TICK_S:
            ticked = passed
            if overfull(passed):
                return "disk"
        tails.read(min(LOOK_S, timeout_s - passed))
    return ""


def _holds_more(folder: Path, most: int) -> bool:
    """Whether the files of a folder take more bytes of the disk; those that come meanwhile may be missed."""
    taken = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                taken += os.lstat(os.path.join(inside, name)).st_blocks * BLOCK_BYTES
        if taken > most:
            return True
    return False


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, children that outlive their parent too: asked first, then not asked."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        asked = time.monotonic()
        while not _has_ended(process) and time.monotonic() - asked < GRACE_S:
            time.sleep(LOOK_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
