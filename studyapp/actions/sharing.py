"""Links that show one dataset to whoever has them, until they expire or are taken back."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from studyapp.errors import DuetError, NotReady
from studyapp.models import AuditLine, Dataset, ShareLink, User
from studyapp.states import DatasetState

MOST_DAYS = 366
MOST_NOTE = 120
NOTED_EVERY = timedelta(minutes=1)
_CODE_BYTES = 18


@dataclass(frozen=True, slots=True)
class Shared:
    """What a code opens. ``valid`` is False once it has expired or was taken back."""

    link: ShareLink
    valid: bool


@transaction.atomic
def share_dataset(
    *, dataset: Dataset, by: User | None, note: str = "", days: int = 30, with_ratings: bool = False
) -> tuple[ShareLink, str]:
    """A link to the dataset's report and tables, and its code, which is kept nowhere: only its digest is.

    ``with_ratings`` opens the single answers, raters' comments among them, too. Raises NotReady for a dataset that
    is not built, DuetError for a time that is no time.
    """
    if dataset.state != DatasetState.READY:
        raise NotReady("this dataset is not built yet; share it once its report is there")
    if not 1 <= days <= MOST_DAYS:
        raise DuetError(f"a link for {days} days cannot be made; choose 1 to {MOST_DAYS}")
    if len(note) > MOST_NOTE:
        raise DuetError(f"the note is {len(note)} characters long; {MOST_NOTE} are the most")
    code = secrets.token_urlsafe(_CODE_BYTES)
    link = ShareLink.objects.create(
        dataset=dataset,
        digest=_digest(code),
        note=note.strip(),
        with_ratings=with_ratings,
        created_by=by,
        expires_at=timezone.now() + timedelta(days=days),
    )
    AuditLine.write(
        "dataset shared",
        by=by,
        study=dataset.study,
        link=link.pk,
        dataset=dataset.pk,
        days=days,
        with_ratings=with_ratings,
        note=link.note,
    )
    return link, code


@transaction.atomic
def revoke_share(*, link: ShareLink, by: User | None) -> None:
    """Let it open nothing any more. Taken back twice, nothing changes."""
    if ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now()):
        AuditLine.write("share link revoked", by=by, study=link.dataset.study, link=link.pk)


def find_shared(code: str, *, now: datetime) -> Shared | None:
    """What a code opens, or None for one that nobody was given; its use is noted once a minute at most."""
    digest = _digest(code)
    link = ShareLink.objects.select_related("dataset__study").filter(digest=digest).first()
    # Found by digest, so how long that takes says nothing of any code; compared again in constant time.
    if link is None or not hmac.compare_digest(link.digest, digest):
        return None
    valid = link.is_valid(now) and link.dataset.state == DatasetState.READY
    if valid:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTED_EVERY)
        ShareLink.objects.filter(unnoted, pk=link.pk).update(last_used_at=now)
    return Shared(link, valid=valid)


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
