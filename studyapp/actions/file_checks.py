"""Finished files against what their rows say: digests read again on demand, waveforms drawn where none is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Sum

from generation.contracts import GenerationError
from generation.media.outline import outline
from studyapp import policies
from studyapp.actions.stimuli import is_whole, study_stimuli
from studyapp.errors import NotReady
from studyapp.media_store import sha256
from studyapp.models import AuditLine, Comparison, Stimulus, StimulusHold, Study, User
from studyapp.states import StimulusState, StudyState

SLICE_S = 2.0
"""How long one slice of a check reads; a page waits for it."""
READ_AT_ONCE = 2 << 30
"""Bytes of files that are read while somebody waits for a study to open: a few seconds."""
DRAWN_AT_ONCE = 10
_CHECK = "press Check files on the page Check by ear"
_ALTERED = (
    "The file on the disk is not the one that was rendered: its SHA-256 is another. Restore it from a backup, or "
    "just retry: the file is looked at again, and made anew where it is still another."
)


@dataclass(frozen=True, slots=True)
class CheckedSlice:
    """A part of a study's files that was read.

    wrong: names of stimuli whose file has another digest; they failed with it. lost: those whose file is gone or
    of another size. after: where to go on, None when every file has been read. left: how many are still unread.
    """

    checked: int
    wrong: tuple[str, ...]
    lost: tuple[str, ...]
    after: int | None
    left: int


def check_files(
    *, study: Study, after: int = 0, by: User | None, now: datetime, slice_s: float = SLICE_S
) -> CheckedSlice:
    """Read finished files of a study, those of row ids above ``after``, for about ``slice_s`` seconds.

    A file with another digest makes its stimulus fail, so that the study does not open and a retry mends it; where
    raters may be under way it is held back from them at once. Harmless to repeat.
    """
    waiting = study_stimuli(study).ready().filter(pk__gt=after).select_related("clip", "system").order_by("pk")
    rows = list(waiting.only("file", "file_sha256", "file_bytes", "clip__clip_id", "system__slug"))
    wrong: list[Stimulus] = []
    lost: list[Stimulus] = []
    checked = 0
    until = time.monotonic() + slice_s
    for row in rows:
        # At least one, or a slow disk would never come to an end.
        if checked and time.monotonic() > until:
            break
        checked += 1
        digest = _digest(row)
        if digest is None:
            lost.append(row)
        elif digest != row.file_sha256 and _fails(study, row, digest, by=by, now=now):
            wrong.append(row)
    left = len(rows) - checked
    if not left:
        AuditLine.write("files checked", by=by, study=study, files=study_stimuli(study).ready().count())
    return CheckedSlice(
        checked=checked,
        wrong=tuple(map(str, wrong)),
        lost=tuple(map(str, lost)),
        after=rows[checked - 1].pk if left else None,
        left=left,
    )


def must_be_as_rendered(study: Study) -> None:
    """Every finished file still has the digest that it was rendered with, by reading it or by a check since.

    Raises NotReady for an altered file, and for more files than are read while somebody waits.
    """
    ready = study_stimuli(study).ready()
    told = ready.order_by().aggregate(bytes=Sum("file_bytes"), last=Max("ready_at"))
    check = last_check(study)
    if check is not None and told["last"] is not None and check.at > told["last"]:
        return
    if (told["bytes"] or 0) > READ_AT_ONCE:
        raise NotReady(f"files were not checked since the last one was made; {_CHECK}")
    rows = ready.select_related("clip", "system")
    some = rows.only("file", "file_sha256", "file_bytes", "clip__clip_id", "system__slug")
    if other := [str(row) for row in some if _digest(row) != row.file_sha256]:
        named = f"{other[0]} and {len(other) - 1} more" if len(other) > 1 else other[0]
        raise NotReady(f"the file of {named} is not the one that was rendered; {_CHECK}")


def last_check(study: Study) -> AuditLine | None:
    """When every file was last read, and by whom."""
    return study.audit_lines.filter(verb="files checked").select_related("by").first()


def draw_missing(*, now: datetime) -> int:
    """Draw the waveforms of a few files that were rendered before there were any; returns how many."""
    undrawn = Stimulus.objects.ready().filter(peaks=[]).order_by("pk").only("file", "file_bytes", "file_sha256")
    drawn = 0
    for row in undrawn.iterator(100):
        if not is_whole(row.file, row.file_bytes):
            continue
        as_drawn = Stimulus.objects.filter(pk=row.pk, file_sha256=row.file_sha256, peaks=[])
        drawn += as_drawn.update(peaks=_drawn(row))
        if drawn >= DRAWN_AT_ONCE:
            break
    return drawn


def _drawn(row: Stimulus) -> list[float]:
    """What cannot be decoded gets a flat line, lest each sweep try it again; checking files says what is wrong."""
    try:
        return outline(row.path) or [0.0]
    except GenerationError:
        return [0.0]


def _digest(row: Stimulus) -> str | None:
    """None where the file is gone or of another size, also when it goes while it is read."""
    try:
        return sha256(row.path) if is_whole(row.file, row.file_bytes) else None
    except OSError:
        return None


@transaction.atomic
def _fails(study: Study, row: Stimulus, digest: str, *, by: User | None, now: datetime) -> bool:
    """Whether the row failed now. Conditional: meanwhile a worker may have rendered another file."""
    as_read = Stimulus.objects.ready().filter(pk=row.pk, file_sha256=row.file_sha256)
    if not as_read.update(state=StimulusState.FAILED, error=_ALTERED, doing=""):
        return False
    AuditLine.write(
        "file found altered", by=by, study=study, stimulus=row.pk, found=digest, rendered=row.file_sha256
    )
    if _may_be_heard(row):
        StimulusHold.objects.get_or_create(
            stimulus=row, lifted_at=None, defaults={"reason": StimulusHold.Reason.FILE, "held_at": now}
        )
    return True


def _may_be_heard(row: Stimulus) -> bool:
    live = [state for state in StudyState if policies.takes_answers(state)]
    shown = Comparison.objects.filter(study__state__in=live)
    return shown.filter(stimulus_1=row).exists() or shown.filter(stimulus_2=row).exists()
