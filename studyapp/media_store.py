"""Files named by what is in them: written once, never half, found again by digest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from django.conf import settings


def root() -> Path:
    """The media folder, made when it is not there yet."""
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def keep(made: Path, room: str) -> tuple[str, str]:
    """Move a finished file below ``room`` to the name its content gives it.

    ``made`` must lie on the media folder's disk. Gives the new name, relative to the media folder, and the digest.
    """
    digest = sha256(made)
    name = f"{room}/{digest[:2]}/{digest}{made.suffix}"
    put(made, name)
    return name, digest


def put(made: Path, name: str) -> None:
    """Move a finished file to ``name``; whoever opens that name finds the whole file or none."""
    place = root() / name
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(made, place)
