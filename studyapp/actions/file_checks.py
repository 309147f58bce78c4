"""Finished files against what their rows say: digests read again on demand, waveforms drawn where none is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from generation.contracts import GenerationError
from generation.media.outline import outline
from studyapp import policies
from studyapp.actions.files_as_rendered import CHECK_HOLDS, covered
from studyapp.actions.stimuli import is_whole, must_not_be_archived, study_stimuli
from studyapp.media_store import sha256
from studyapp.models import AuditLine, Comparison, FileCheck, Stimulus, StimulusHold, Study, User
from studyapp.states import StimulusState, StudyState

SLICE_S = 2.0
"""How long one slice of a check reads; a page waits for it."""
DRAWN_AT_ONCE = 10
_ALTERED = (
    "The file on the disk is not the one that was rendered: its SHA-256 is another. Restore it from a backup, or "
    "just retry: the file is looked at again, and made anew where it is still another."
)


@dataclass(frozen=True, slots=True)
class CheckedSlice:
    """A part of a study's files that was read.

    checked: how many. wrong: names of stimuli whose file has another digest; they failed with it. lost: those
    whose file is gone or of another size. read, bad: all that the check has read so far, and how many of these
    were wrong or lost. left: how many are still unread.
    """

    checked: int
    wrong: tuple[str, ...]
    lost: tuple[str, ...]
    read: int
    bad: int
    left: int


def check_files(*, study: Study, by: User | None, now: datetime, slice_s: float = SLICE_S) -> CheckedSlice:
    """Begin to read the finished files of a study, and read for about ``slice_s`` seconds.

    A file with another digest makes its stimulus fail, so that the study does not open and a retry mends it; where
    raters may be under way it is held back from them at once. Harmless to repeat. Raises WrongState for an
    archived study.
    """
    must_not_be_archived(study)
    rows = study_stimuli(study).ready().order_by().values_list("pk", "file_sha256")
    begun = {"began_at": now, "covers": covered(rows), "after": 0, "files": 0, "bad": 0, "ended_at": None}
    check, _ = FileCheck.objects.update_or_create(study=study, defaults=begun)
    return _read_on(check, by=by, now=now, slice_s=slice_s)


def go_on_checking(*, study: Study, by: User | None, now: datetime, slice_s: float = SLICE_S) -> CheckedSlice:
    """The next slice of the latest check, whoever began it; begins one where none is young enough to count.

    Raises WrongState for an archived study.
    """
    must_not_be_archived(study)
    check = FileCheck.objects.filter(study=study, began_at__gte=now - CHECK_HOLDS).first()
    if check is None:
        return check_files(study=study, by=by, now=now, slice_s=slice_s)
    return _read_on(check, by=by, now=now, slice_s=slice_s)


def is_under_way(study: Study, *, now: datetime) -> bool:
    """Whether a check has begun that somebody may go on with."""
    begun = FileCheck.objects.filter(study=study, ended_at=None, began_at__gte=now - CHECK_HOLDS)
    return begun.filter(files__gt=0).exists()


def _read_on(check: FileCheck, *, by: User | None, now: datetime, slice_s: float) -> CheckedSlice:
    study = check.study
    waiting = study_stimuli(study).ready().filter(pk__gt=check.after).select_related("clip", "system")
    columns = ("file", "file_sha256", "file_bytes", "clip__clip_id", "system__slug")
    rows = list(waiting.only(*columns).order_by("pk"))
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
    _note(check, rows[:checked], bad=len(wrong) + len(lost), ended_at=None if left else timezone.now(), by=by)
    return CheckedSlice(
        checked=checked,
        wrong=tuple(map(str, wrong)),
        lost=tuple(map(str, lost)),
        read=check.files + checked,
        bad=check.bad + len(wrong) + len(lost),
        left=left,
    )


@transaction.atomic
def _note(check: FileCheck, read: list[Stimulus], *, bad: int, ended_at: datetime | None, by: User | None) -> None:
    # Conditional: of two who read one slice at once, one takes the check on; and somebody may have begun anew.
    as_seen = FileCheck.objects.filter(
        pk=check.pk, began_at=check.began_at, after=check.after, files=check.files, ended_at=None
    )
    moved = as_seen.update(
        after=read[-1].pk if read else check.after,
        files=check.files + len(read),
        bad=check.bad + bad,
        ended_at=ended_at,
    )
    if moved and ended_at:
        good = check.files + len(read) - check.bad - bad
        AuditLine.write("files checked", by=by, study=check.study, files=good, began=check.began_at.isoformat())


def last_check(study: Study) -> AuditLine | None:
    """The end of the last check, and by whom."""
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
