"""The deployed shape, started for real: the compose file's own commands, settings and nginx configuration,
with the servers out of wheels and the paths and ports of one test."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

ROOT = Path(__file__).parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
HOST = "study.example.org"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def interpolate(text: str, given: Mapping[str, str]) -> str:
    """Compose's ``${NAME:?message}``, ``${NAME:-default}`` and ``$$``."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if given.get(match["name"]):
            return given[match["name"]]
        if match["operator"] == ":?":
            raise KeyError(f"{match['name']}: {match['rest']}")
        return match["rest"] or ""

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?P<operator>:[-?])?(?P<rest>[^}]*)\}", value, text)


def wait_for(what: str, ready: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return
        time.sleep(0.1)
    raise TimeoutError(f"{what} did not happen within {seconds} s")


@dataclass(slots=True)
class Server:
    """One started process and where its output goes."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """kill -9 of the process and everything it started: what a power cut does."""
        if self.running:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def ask_to_stop(self) -> None:
        if self.running:
            os.killpg(self.process.pid, signal.SIGTERM)

    def stop(self) -> None:
        self.ask_to_stop()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass(slots=True)
class Stack:
    """Duet's services around one database, one broker and one folder."""

    folder: Path
    database_url: str
    broker_url: str
    web_port: int = field(default_factory=free_port)
    servers: list[Server] = field(default_factory=list)

    @property
    def var(self) -> Path:
        return self.folder / "var"

    @property
    def given(self) -> dict[str, str]:
        """What .env would hold."""
        return {
            "DUET_SECRET_KEY": self._secret,
            "POSTGRES_PASSWORD": "letters-only",
            "DUET_ALLOWED_HOSTS": f"{HOST},127.0.0.1",
            "DUET_CSRF_TRUSTED_ORIGINS": f"https://{HOST},https://127.0.0.1",
        }

    @property
    def _secret(self) -> str:
        file = self.folder / "secret"
        if not file.exists():
            file.write_text(secrets.token_urlsafe(50))
        return file.read_text()

    def environment(self, service: str = "web") -> dict[str, str]:
        """The compose file's environment of a service, with this machine's addresses and folder put in."""
        asked = COMPOSE["services"][service]["environment"]
        here = {"DATABASE_URL": self.database_url, "CELERY_BROKER_URL": self.broker_url, "DUET_VAR": str(self.var)}
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        inherited["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}"
        return {
            **inherited,
            **{name: interpolate(str(value), self.given) for name, value in asked.items()},
            **here,
            "OMP_NUM_THREADS": "1",
            "C_FORCE_ROOT": "1",
        }

    def command(self, service: str, *, replacing: Mapping[str, str]) -> list[str]:
        """The compose file's command of a service, with a few words changed for this machine."""
        words = [interpolate(word, self.given) for word in COMPOSE["services"][service]["command"]]
        missing = [old for old in replacing if not any(old in word for word in words)]
        assert not missing, f"{service} no longer says {missing}"
        for old, new in replacing.items():
            words = [word.replace(old, new) for word in words]
        return words

    def start(self, name: str, command: list[str], *, environment: Mapping[str, str] | None = None) -> Server:
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment or self.environment()),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(process, log)
        self.servers.append(server)
        return server

    def manage(self, *arguments: str) -> str:
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> str:
        """Runs Python in the stack's settings; its output. Raises with the output when it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{shlex.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def script(self, text: str) -> str:
        """Runs a few lines with Django set up."""
        return self.manage("shell", "--no-imports", "--command", text)

    def start_web(self) -> Server:
        command = self.command("web", replacing={"0.0.0.0:8000": f"127.0.0.1:{self.web_port}"})
        server = self.start("web", command)
        wait_for("the web process", lambda: self._answers(server), seconds=60)
        return server

    def _answers(self, server: Server) -> bool:
        if not server.running:
            raise RuntimeError(f"gunicorn ended at once:\n{server.log.read_text()}")
        try:
            return requests.get(f"{self.web_url}health/", headers={"Host": HOST}, timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"

    def launch_worker(self, service: str) -> Server:
        return self.start(service, self.command(service, replacing={}), environment=self.environment(service))

    def start_worker(self, service: str) -> Server:
        """Launched, and healthy by its own health check."""
        server = self.launch_worker(service)
        wait_for(service, lambda: self.is_healthy(service) or not server.running, seconds=60)
        assert server.running, server.log.read_text()
        return server

    def is_healthy(self, service: str) -> bool:
        """The compose file's health check of a worker, with a shorter patience."""
        _, command = COMPOSE["services"][service]["healthcheck"]["test"]
        command = interpolate(command, self.given).replace("$HOSTNAME", "$(hostname)")
        command = command.replace("--timeout=10", "--timeout=2")
        done = subprocess.run(
            ["sh", "-c", command], cwd=ROOT, env=self.environment(service), capture_output=True, check=False
        )
        return done.returncode == 0

    def start_scheduler(self) -> Server:
        command = self.command("scheduler", replacing={"/tmp/beat": str(self.folder / "beat")})
        return self.start("scheduler", command)

    def browser(self) -> requests.Session:
        """A client as nginx would pass it on: it came over HTTPS, to the public name."""
        session = requests.Session()
        session.headers.update({"Host": HOST, "X-Forwarded-Proto": "https", "Referer": f"https://{HOST}/"})
        return session

    def stop(self) -> None:
        for server in self.servers:
            server.ask_to_stop()
        for server in self.servers:
            server.stop()
