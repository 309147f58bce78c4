"""Programs under the supervisor: started again when they crash, and gone, with all below them, when it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studyapp.errors import DuetError
from studyapp.work import supervisor
from studyapp.work.supervisor import Program, Supervisor, worker_programs


def shell(name: str, script: str) -> Program:
    return Program(name, ["/bin/sh", "-c", script])


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def number_in(file: Path) -> int:
    assert within(10, lambda: file.exists() and file.read_text().strip().isdigit())
    return int(file.read_text())


def test_leaving_ends_children_and_grandchildren(tmp_path: Path) -> None:
    with Supervisor(logs=tmp_path) as held:
        held.start(shell("family", f"sleep 600 & echo $! > {tmp_path}/below; echo $$ > {tmp_path}/child; wait"))
        child, grandchild = number_in(tmp_path / "child"), number_in(tmp_path / "below")
        assert runs(child)
        assert runs(grandchild)
    assert not runs(child)
    assert within(5, lambda: not runs(grandchild))


def test_grandchild_is_ended_even_when_its_parent_has_gone_before(tmp_path: Path) -> None:
    with Supervisor(logs=tmp_path) as held:
        held.start(shell("orphan", f"sleep 600 & echo $! > {tmp_path}/grandchild"))
        grandchild = number_in(tmp_path / "grandchild")
    assert within(5, lambda: not runs(grandchild))


def test_stubborn_program_is_killed_after_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_S", 0.3)
    with Supervisor(logs=tmp_path) as held:
        held.start(shell("stubborn", f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 0.1; done"))
        stubborn = number_in(tmp_path / "pid")
        began = time.monotonic()
    assert not runs(stubborn)
    assert time.monotonic() - began < 5


def test_crashed_program_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Supervisor(logs=tmp_path) as held:
        held.start(shell("web", f"echo $$ > {tmp_path}/pid; exec sleep 600"))
        first = number_in(tmp_path / "pid")
        (tmp_path / "pid").unlink()
        os.kill(first, signal.SIGKILL)
        assert within(5, lambda: not runs(first))
        held.look()
        assert number_in(tmp_path / "pid") != first
    assert "web ended with status -9 and is started again" in caplog.text


def test_program_that_does_not_stay_up_ends_the_whole_with_its_log_named(tmp_path: Path) -> None:
    with Supervisor(logs=tmp_path / "log") as held:
        held.start(shell("broken", "echo no such module; exit 3"))
        with pytest.raises(
            DuetError, match=r"broken does not stay up \(status 3\); its log is .*broken\.log"
        ) as said:
            within(10, lambda: bool(held.look()))
    log = Path(str(said.value).removesuffix(".").rpartition(" ")[2])
    assert log.read_text().splitlines() == ["no such module"] * 3


SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts its background jobs
from pathlib import Path
import django
django.setup()
from studyapp.work.supervisor import Program, Supervisor
folder = Path(sys.argv[1])
try:
    with Supervisor(logs=folder) as held:
        held.start(Program("child", ["/bin/sh", "-c", f"echo $$ > {folder}/pid; exec sleep 600"]))
        while True:
            time.sleep(0.05)
except KeyboardInterrupt:
    print("stopped in order")
"""


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGTERM, "stopped in order\n"), (signal.SIGINT, "stopped in order\n"), (signal.SIGKILL, "")],
)
def test_whatever_ends_the_supervisor_ends_its_programs(tmp_path: Path, number: signal.Signals, said: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "studyapp.settings", "DUET_VAR": str(tmp_path / "var")},
        start_new_session=True,
    ) as process:
        child = number_in(tmp_path / "pid")
        process.send_signal(number)
        printed, _ = process.communicate(timeout=20)
    assert printed == said
    assert within(5, lambda: not runs(child))


def test_one_worker_serves_every_queue_without_a_gpu_and_two_share_them_with_one(
    settings: pytest.FixtureRequest,
) -> None:
    settings.GENERATION_DEVICE = "cpu"  # type: ignore[attr-defined]
    (alone,) = worker_programs()
    assert "--queues=gpu,cpu,short" in alone.command
    settings.GENERATION_DEVICE = "cuda"  # type: ignore[attr-defined]
    gpu, cpu = worker_programs()
    assert "--queues=gpu" in gpu.command
    assert "--queues=cpu,short" in cpu.command
    assert "--concurrency=1" in gpu.command
    settings.GENERATION_DEVICE = "toaster"  # type: ignore[attr-defined]
    with pytest.raises(DuetError, match="use one of auto, cpu, cuda"):
        worker_programs()
