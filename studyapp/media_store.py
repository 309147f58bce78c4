"""Files named by what is in them: written once, never half, found again by digest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from django.conf import settings

from studyapp.errors import DuetError

IMPORTED = "imported"
"""The room of the media folder that holds finished soundtracks of outside models, a folder for each of them."""


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
    """Move a finished file to ``name``; whoever opens that name finds the whole file or none.

    It is on the disk when this returns: a row that says so must not outlive its file when the power fails.
    """
    place = root() / name
    place.parent.mkdir(parents=True, exist_ok=True)
    _to_disk(made)
    os.replace(made, place)
    _to_disk(place.parent)
    _to_disk(place.parent.parent)


def put_folder(made: Path, name: str) -> None:
    """Move a folder of finished files to ``name``, all of it on the disk when this returns."""
    place = root() / name
    for file in made.iterdir():
        _to_disk(file)
    _to_disk(made)
    os.replace(made, place)
    _to_disk(place.parent)


def imported(folder: str) -> Path:
    """Where files that were brought lie, of a name relative to the media folder.

    Raises DuetError for a name that leads elsewhere: its files would be listed, and played to raters.
    """
    home = (root() / IMPORTED).resolve()
    place = home if "\0" in folder else (root() / folder).resolve()
    if home not in place.parents:
        raise DuetError(f"{folder[:200]!r} is no folder of imported files; bring the files under Systems")
    return place


def scratch() -> Path:
    """Where uploads and half-made things lie: on the disk, beside the media folder, never in /tmp."""
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
