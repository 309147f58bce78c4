"""The web server on this machine, and what it needs first: a free port, static files, an administrator."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from studyapp.errors import DuetError
from studyapp.models import User
from studyapp.work.supervisor import Program

HOST = "127.0.0.1"
ADMINISTRATOR = "admin"


def check_port(port: int) -> None:
    """Raises DuetError when nothing could listen on the port."""
    if not 1 <= port <= 65535:
        raise DuetError(f"{port} is no port; choose one between 1024 and 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise DuetError(f"Port {port} needs root; choose one above 1023: make demo PORT=8000") from None
        except OSError:
            raise DuetError(f"Port {port} is in use; choose another: make demo PORT={port + 1}") from None


def web_program(port: int) -> Program:
    shared_memory = ["--worker-tmp-dir=/dev/shm"] if Path("/dev/shm").is_dir() else []  # noqa: S108 - a heartbeat file
    return Program(
        "web",
        [
            *(
                sys.executable,
                "-m",
                "gunicorn",
                "studyapp.wsgi",
                f"--bind={HOST}:{port}",
                "--worker-class=gthread",
            ),
            *(
                "--workers=2",
                "--threads=4",
                "--graceful-timeout=2",
                "--log-level=warning",
                "--no-control-socket",
                *shared_memory,
            ),
        ],
    )


def answers(port: int) -> bool:
    """Whether the site on this port says that it is well."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def collect_static() -> bool:
    """Collect and compress the static files, unless nothing has changed since; True when it was done."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    state = _static_state()
    if stamp.is_file() and stamp.read_text() == state:
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(state)
    return True


def administrator() -> tuple[User, str]:
    """The administrator of the embedded site and the password, made on first use and kept in a private file.

    The password is empty when somebody has changed it since.
    """
    file = Path(settings.VAR) / "admin-password"
    user = User.objects.filter(username=ADMINISTRATOR).first()
    if user is not None and file.is_file():
        password = file.read_text().strip()
        return user, password if user.check_password(password) else ""
    if user is not None:
        return user, ""
    password = secrets.token_urlsafe(12)
    # Nobody else on the machine may read it, from the first byte on.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(f"{password}\n")
    user = User.objects.create_superuser(ADMINISTRATOR, email="admin@example.com", password=password)
    return user, password


def _static_state() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = os.stat(storage.path(name))
            digest.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
