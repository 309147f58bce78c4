"""Every line that an import refused, as a file to be taken away: a page shows the first few of each kind."""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from django.http import Http404, HttpResponse

from studyapp.manifest import Refusal, is_formula
from studyapp.media_store import scratch

LISTED = 20
"""So many fit on the page whole."""
_KEY = re.compile(r"[\w-]{20,40}")


def written(refused: Iterable[Refusal]) -> str:
    """Write the file; gives the key to it. Whoever cleans up the scratch folder removes it after a day."""
    key = secrets.token_urlsafe(18)
    with _path(key).open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(["where", "why, and what to do"])
        out.writerows([_plain(refusal.where), _plain(refusal.reason)] for refusal in refused)
    return key


def response(key: str) -> HttpResponse:
    """The file of a key. Raises Http404 when there is none any more."""
    if not _KEY.fullmatch(key) or not _path(key).is_file():
        raise Http404("The list is kept for a day. Import again to see what is refused.")
    headers = {"Content-Disposition": 'attachment; filename="refused.csv"'}
    return HttpResponse(_path(key).read_bytes(), content_type="text/csv", headers=headers)


def _path(key: str) -> Path:
    return scratch() / f"refused-{key}.csv"


def _plain(cell: str) -> str:
    """A cell that no spreadsheet reckons with: names of files are whatever somebody sent."""
    return f"'{cell}" if is_formula(cell) else cell
