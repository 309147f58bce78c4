"""Settings from the environment: a typo or a missing secret fails at start, with the repair in the message."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in _TRUE:
        return True
    if value.strip().lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no; use 1 or 0.")


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None


def listing(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def hosts(name: str, default: str) -> list[str]:
    """A listing that must not be empty: without a host every page would be a 400 and no log would say why."""
    names = listing(name, default)
    if not names:
        raise ImproperlyConfigured(f"{name} is not set; name the hosts under which people reach the site.")
    return names


def folder(path: Path) -> Path:
    """A folder that Django wants to find, made when it is not there yet."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be made ({error.strerror}); set DUET_VAR to a folder that can be written."
        ) from None
    return path


def secret(name: str, *, embedded_file: Path | None) -> str:
    """A secret from the environment, or, in the embedded shape, from a private file made on first use."""
    value = text(name)
    if value:
        return value
    if embedded_file is None:
        raise ImproperlyConfigured(
            f"{name} is not set. Make one with: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    if embedded_file.is_file() and (known := embedded_file.read_text().strip()):
        return known
    embedded_file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(embedded_file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as handle:
        # The web process and the worker may start at the same moment: the second waits and reads the first one's.
        # What a process stopped in between left empty is filled in.
        fcntl.flock(handle, fcntl.LOCK_EX)
        known = handle.read().strip()
        if not known:
            known = secrets.token_urlsafe(50)
            handle.write(known)
    return known
