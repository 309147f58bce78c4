"""Before raters come: every finished file still is the one that was rendered.

Files are read before the transaction that opens a study, and only compared inside it: SQLite has one writer, and
raters of other studies would wait while gigabytes are hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Sum

from studyapp.actions.stimuli import study_stimuli
from studyapp.errors import NotReady
from studyapp.media_store import sha256
from studyapp.models import FileCheck, Stimulus, Study

READ_AT_ONCE = 2 << 30
"""Bytes of files that are read while somebody waits for a study to open: a few seconds."""
CHECK_HOLDS = timedelta(hours=6)
"""How long a check of more files counts, from its beginning: time for a terabyte, and to open the study."""
_CHECK = "press Check files on the page Check by ear"


@dataclass(frozen=True, slots=True)
class FileRead:
    """What was read. ``changed_ns`` is the time of the last change of the file or its entry (ctime), which, unlike
    the time of its content, nobody can set back."""

    sha256: str
    size_bytes: int
    changed_ns: int


def read_files(study: Study) -> dict[int, FileRead] | None:
    """Finished files by row id, those that cannot be read left out; None for more than ``READ_AT_ONCE``.

    To be called outside of a transaction.
    """
    ready = study_stimuli(study).ready()
    if (ready.order_by().aggregate(bytes=Sum("file_bytes"))["bytes"] or 0) > READ_AT_ONCE:
        return None
    found = ((row.pk, _read(row.path)) for row in ready.only("file"))
    return {pk: read for pk, read in found if read is not None}


def must_be_as_rendered(study: Study, read: Mapping[int, FileRead] | None, *, now: datetime) -> None:
    """Compare files that were read, or the last check of more, with rows and disk as they are now; reads none.

    Raises NotReady for an altered file, one that changed after it was read, and more files than are read while
    somebody waits without a check that ended well: of just these, begun after the last was made and not long ago.
    """
    rows = list(study_stimuli(study).ready().select_related("clip", "system").only(*_COLUMNS).order_by("pk"))
    if read is None:
        _must_be_checked(study, rows, now)
        return
    for row in rows:
        one = read.get(row.pk)
        if one is None or _size_and_change(row.path) != (one.size_bytes, one.changed_ns):
            raise NotReady(f"the file of {row} changed while files were read; try again")
    if other := [str(row) for row in rows if read[row.pk].sha256 != row.file_sha256]:
        named = f"{other[0]} and {len(other) - 1} more" if len(other) > 1 else other[0]
        raise NotReady(f"the file of {named} is not the one that was rendered; {_CHECK}")


def covered(rows: Iterable[tuple[int, str]]) -> str:
    """SHA-256 over row ids and digests of files, in any order: whether a check was of just these."""
    return hashlib.sha256("\n".join(f"{pk} {digest}" for pk, digest in sorted(rows)).encode()).hexdigest()


_COLUMNS = ("file", "file_sha256", "ready_at", "clip__clip_id", "system__slug")


def _must_be_checked(study: Study, rows: list[Stimulus], now: datetime) -> None:
    check = FileCheck.objects.filter(study=study, ended_at__isnull=False, bad=0).first()
    if check is None:
        raise NotReady(f"files are too many to be read now, and no check of all of them ended well; {_CHECK}")
    if now - check.began_at > CHECK_HOLDS:
        raise NotReady(f"the last check began more than {CHECK_HOLDS // timedelta(hours=1)} hours ago; {_CHECK}")
    if check.covers != covered((row.pk, row.file_sha256) for row in rows):
        raise NotReady(f"the last check was of other files than the design has now; {_CHECK}")
    began_ns = int(check.began_at.timestamp() * 1e9)
    for row in rows:
        found = _size_and_change(row.path)
        made_since = row.ready_at is None or row.ready_at >= check.began_at
        if made_since or found is None or found[1] > began_ns:
            raise NotReady(f"the file of {row} changed after files were checked; {_CHECK}")


def _read(path: Path) -> FileRead | None:
    # Looked at before it is read: a change in between is seen when it is looked at again.
    before = _size_and_change(path)
    if before is None:
        return None
    try:
        return FileRead(sha256(path), *before)
    except OSError:
        return None


def _size_and_change(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_ctime_ns
