"""Asking again for what failed, by system or by cause: what was mended for one is mended for all of its group."""

from __future__ import annotations

from django.db import transaction

from studyapp.actions.stimuli import BULKY, ask_again, must_not_be_archived, study_stimuli
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Stimulus, Study, System, User
from studyapp.soundtracks.failures import cause as cause_of
from studyapp.soundtracks.failures import key_of
from studyapp.states import StimulusState


@transaction.atomic
def retry_system(*, study: Study, system: System, by: User | None) -> int:
    """Ask again for every stimulus of the study that one system failed at; returns how many.

    Raises WrongState for an archived study.
    """
    must_not_be_archived(study)
    failed = study_stimuli(study).filter(state=StimulusState.FAILED, system=system)
    again = ask_again(failed)
    AuditLine.write("failed stimuli asked for again", by=by, study=study, stimuli=len(again), of="one system")
    return len(again)


@transaction.atomic
def retry_cause(*, study: Study, cause: str, by: User | None) -> int:
    """Ask again for every stimulus of the study that failed for one cause, by its ``failures.key_of``; how many.

    Raises DuetError when none has, or not any more, WrongState for an archived study.
    """
    must_not_be_archived(study)
    alike = failed_alike(study).get(cause, [])
    again = ask_again(Stimulus.objects.filter(pk__in=[stimulus.pk for stimulus in alike]))
    if not again:
        raise DuetError("nothing fails for that reason any more; look at the page again")
    # Neither the sentence nor the system: members who work blind read a study's history too.
    AuditLine.write("failed stimuli asked for again", by=by, study=study, stimuli=len(again), of="one cause")
    return len(again)


def failed_alike(study: Study) -> dict[str, list[Stimulus]]:
    """The failed stimuli of a study by the key of their failure's cause, the most frequent first."""
    failed = study_stimuli(study).filter(state=StimulusState.FAILED).select_related("clip", "system").defer(*BULKY)
    rows = list(failed.order_by("clip__genre", "clip__clip_id", "pk"))
    # A sentence may name another clip of the study, as where a system borrows from one.
    names = frozenset(study.clips.values_list("clip_id", flat=True)) if rows else frozenset[str]()
    groups: dict[str, list[Stimulus]] = {}
    for row in rows:
        groups.setdefault(key_of(study.salt, cause_of(row.error, row.clip.clip_id, names)), []).append(row)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))
