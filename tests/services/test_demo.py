"""The demo on somebody's own videos: links that work, nothing left behind, a second start that reuses all."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from django.conf import settings

pytestmark = pytest.mark.services

SECONDS = 1.2


class Demo:
    """A demo in a folder of its own, followed line by line."""

    def __init__(self, var: Path, clips: Path, port: int) -> None:
        self.lines: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DUET_")}
        environment.pop("DATABASE_URL", None)
        environment.pop("CELERY_BROKER_URL", None)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "demo", f"--port={port}"),
                *(f"--clips={clips}", f"--length={SECONDS}"),
            ],
            cwd=settings.BASE_DIR,
            env={**environment, "DUET_VAR": str(var), "DUET_DEVICE": "cpu"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._follower = threading.Thread(target=self._follow)
        self._follower.start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for line in printed:
                self._new.put(line.rstrip("\n"))
        self._new.put(None)

    def until(self, start: str, seconds: float) -> str:
        """The first line that starts like this."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._new.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                pytest.fail(f"no line starting with {start!r} within {seconds} s: " + "\n".join(self.lines))
            self.lines.append(line)
            if line.startswith(start):
                return line

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(30)
        self._follower.join()
        return status


def of_this_demo(var: Path) -> list[str]:
    """Command lines of processes that run in this demo's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DUET_VAR={var}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "Holiday films"
    folder.mkdir()
    for name, tone in (("beach", 330), ("forest", 440), ("mute", 0)):
        sound = ["-f", "lavfi", "-i", f"sine={tone}:r=48000:d=2,volume=0.4"] if tone else []
        subprocess.run(
            [
                *("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=2"),
                *sound,
                str(folder / f"{name}.mp4"),
            ],
            check=True,
        )
    (folder / "broken.mp4").touch()
    return folder


@pytest.mark.timeout(400)
def test_demo_on_own_videos_can_be_rated_stopped_and_started_again(clips: Path, tmp_path: Path) -> None:
    var = tmp_path / "var"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    demo = Demo(var, clips, port)
    try:
        rater = demo.until("rater: ", 240).removeprefix("rater: ")
        first_s = time.monotonic() - began
        admin = demo.until("admin: ", 5)
        report = demo.until("report: ", 5).removeprefix("report: ")
        assert rater.startswith(f"http://127.0.0.1:{port}/take/")
        assert requests.get(rater, timeout=10).status_code == 200
        found = re.fullmatch(rf"admin: http://127\.0\.0\.1:{port}/admin/ user=admin password=(\S{{12,}})", admin)
        assert found
        assert (var / "admin-password").stat().st_mode & 0o077 == 0
        assert (var / "admin-password").read_text().strip() == found.group(1)
        assert f"http://127.0.0.1:{port}/" in report
        said = "\n".join(demo.lines)
        assert "broken.mp4: broken.mp4 is empty" in said
        assert "ground-truth leaves out mute" in said
        assert re.search(r"simulated raters +\d+\.\d s +\d+ raters, \d+ trials, marked as simulated", said)
        second = subprocess.run(
            [sys.executable, "manage.py", "demo", f"--port={port}"],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DUET_VAR": str(tmp_path / "other")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert f"Port {port} is in use; choose another: make demo PORT={port + 1}" in second.stderr
    finally:
        status = demo.stop(signal.SIGINT)
    assert status == 0
    assert of_this_demo(var) == []

    began = time.monotonic()
    again = Demo(var, clips, port)
    try:
        assert again.until("rater: ", 60) == f"rater: {rater}"
        assert again.until("admin: ", 5) == admin
        took_s = time.monotonic() - began
        said = "\n".join(again.lines)
        assert "0 new, 3 known" in said
        assert "simulated raters" not in said
        assert "soundtracks" not in said
    finally:
        status = again.stop(signal.SIGTERM)
    assert status == 0
    assert of_this_demo(var) == []
    assert took_s < first_s
