"""What raters and sessions are called in everything that leaves Duet."""

from __future__ import annotations

import hashlib

from studyapp.models import Study

_LENGTH = 16


def pseudonym(study: Study, secret: str, *, prefix: str) -> str:
    """A stable name for a rater or session inside one study's exports.

    The prefix is a letter, lest a spreadsheet takes the digits of one for a number.
    ``secret`` is the random code that the browser holds: the export must neither carry it nor give it away, and
    nobody without it can link one person across two studies.
    """
    digest = hashlib.sha256(f"{study.token}/{secret}".encode()).hexdigest()
    return prefix + digest[:_LENGTH]
