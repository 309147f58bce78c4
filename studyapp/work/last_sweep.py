"""When the sweep last ran, as the age of one file: a worker runs it, so its age tells whether any comes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings


def note(*, now: datetime) -> int:
    """Part of the sweep. The file is as old as the sweep, whatever the disk has free."""
    _file().touch()
    return 1


def last() -> datetime | None:
    """None where none ever ran."""
    try:
        return datetime.fromtimestamp(_file().stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _file() -> Path:
    return Path(settings.VAR) / "swept"
