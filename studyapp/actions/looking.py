"""What was looked at or taken away, and not changed: the audit log has it too."""

from __future__ import annotations

from datetime import datetime, timedelta

from studyapp.models import AuditLine, Dataset, Study, User

ONE_LOOK = timedelta(hours=1)
"""Pages that show themselves anew every few seconds are one look."""


def note_names_seen(*, study: Study, page: str, by: User, now: datetime) -> None:
    """Somebody asked which system is which, on a page of this name; once an hour for each person and page."""
    verb = "names looked at"
    lately = AuditLine.objects.filter(study=study, by=by, verb=verb, at__gt=now - ONE_LOOK)
    if not lately.filter(details__page=page).exists():
        AuditLine.write(verb, by=by, study=study, page=page)


def note_download(*, dataset: Dataset, file: str, by: User) -> None:
    """Somebody took a file of a dataset away."""
    AuditLine.write("dataset downloaded", by=by, study=dataset.study, dataset=dataset.pk, file=file)
