"""The embedded shape, started for real on an empty folder: SQLite, the file broker, gunicorn and one worker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
NAME, PASSPHRASE = "ada", "a-long-passphrase"


@dataclass(slots=True)
class Site:
    """One started site; ``manage`` runs a command against its database."""

    folder: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DUET_", "DJANGO_"))}
        kept.pop("DATABASE_URL", None)
        kept.pop("CELERY_BROKER_URL", None)
        return {
            **kept,
            "DUET_VAR": str(self.folder),
            "DJANGO_SUPERUSER_PASSWORD": PASSPHRASE,
            "OMP_NUM_THREADS": "1",
            "C_FORCE_ROOT": "1",
        }

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", *arguments]
            self.processes.append(
                subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT)
            )

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/admin/login/", timeout=2) as response:  # noqa: S310
                    assert response.status == 200
                    return
            except OSError:  # refused, or too slow while it starts
                time.sleep(0.2)
        raise TimeoutError((self.folder / "web.log").read_text())


@contextmanager
def embedded_site(folder: Path) -> Iterator[Site]:
    """An empty database with one administrator, served until the block ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(folder, port)
    site.manage("migrate", "--verbosity=0")
    site.manage("collectstatic", "--noinput", "--verbosity=0")
    site.manage("createsuperuser", "--noinput", "--username", NAME, "--email", "ada@example.com")
    site.start("web", "gunicorn", f"--bind=127.0.0.1:{port}", "--threads=4", "studyapp.wsgi")
    worker = ("celery", "--app=studyapp", "worker", "--queues=cpu,gpu,short", "--pool=threads", "--concurrency=2")
    site.start("worker", *worker, "--without-mingle", "--without-gossip", "--without-heartbeat")
    try:
        site.wait_until_it_answers()
        yield site
    finally:
        for process in site.processes:
            process.terminate()
        for process in site.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
