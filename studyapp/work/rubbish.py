"""What a process that was killed in the middle leaves in the folders, and nobody else would ever remove."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from studyapp.media_store import root, scratch
from studyapp.models import Dataset

KEPT_FOR = timedelta(days=1)
"""Nothing that is still being made is as old as that."""
_HALF_MADE = ("render-*", "import-*", "datasets/*.part", "imported/*/.incoming-*")


def remove_rubbish(*, now: datetime) -> int:
    """Remove half-made files and folders that are older than a day; returns how many."""
    old = (now - KEPT_FOR).timestamp()
    removed = 0
    for path in [*_half_made(), *_unrecorded_datasets()]:
        try:
            if path.lstat().st_mtime >= old:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            continue  # another sweep was here first
        removed += 1
    return removed


def _half_made() -> Iterator[Path]:
    for pattern in _HALF_MADE:
        yield from root().glob(pattern)
    yield from scratch().iterdir()


def _unrecorded_datasets() -> Iterator[Path]:
    """Folders of datasets whose row knows another one or none.

    A folder whose row is not there at all stays: somebody may be restoring a backup.
    """
    known = {str(pk): folder for pk, folder in Dataset.objects.values_list("pk", "folder")}
    for path in root().glob("datasets/*-*-*"):
        pk = path.name.rsplit("-", 2)[1]
        if path.suffix != ".part" and pk in known and known[pk] != f"datasets/{path.name}":
            yield path
