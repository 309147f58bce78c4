"""When a worker last came, as the age of one file: each sweep sends one a message, and whoever takes it notes it.

Not the sweep itself: the embedded supervisor sweeps in its own process, whether a worker lives or not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings


def note() -> None:
    """Called by a worker. The file is as old as its coming, whatever the disk has free."""
    _file().touch()


def last() -> datetime | None:
    """None where none ever came."""
    try:
        return datetime.fromtimestamp(_file().stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _file() -> Path:
    return Path(settings.VAR) / "worker-came"
