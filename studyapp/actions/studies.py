"""A study's life: its clips and pairs, and the states from draft to closed."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from studyapp import policies
from studyapp.actions.designs import (
    build_design,
    design_csv,
    design_rows,
    expected_trials,
    inputs_sha256,
    lock_draft,
    start_generation,
    summary_of,
)
from studyapp.actions.endings import stand_still
from studyapp.actions.stimuli import study_stimuli, with_lost_file
from studyapp.actions.texts import check_texts
from studyapp.errors import DuetError, NotReady, WrongState
from studyapp.models import AuditLine, Clip, Stimulus, Study, System, SystemPair, User
from studyapp.states import StimulusState, StudyState

__all__ = [
    "build_design",
    "change_study",
    "close_study",
    "create_study",
    "design_csv",
    "design_rows",
    "expected_trials",
    "open_study",
    "pause_study",
    "resume_study",
    "set_clips",
    "set_pairs",
    "start_generation",
    "summary_of",
]

MAX_LOUDNESS_DIFFERENCE_LU = 0.2
# Two files of one length may be told apart by a rounding of the container's clock, not by an ear.
_DURATION_TOLERANCE_S = 0.001
_NAMED_IN_MESSAGES = 5


@transaction.atomic
def create_study(
    *,
    title: str,
    slug: str,
    clips: Iterable[Clip],
    pairs: Iterable[tuple[System, System]],
    by: User | None,
    **numbers: Any,
) -> Study:
    """A draft. ``numbers`` are other fields of Study. Raises DuetError naming the fields that are wrong."""
    study = Study(title=title, slug=slug, created_by=by, **numbers)
    _validate(study)
    study.save()
    study.clips.set(clips)
    _replace_pairs(study, pairs)
    AuditLine.write("study made", by=by, study=study, slug=slug)
    return study


@transaction.atomic
def change_study(
    *,
    study: Study,
    clips: Iterable[Clip] | None = None,
    pairs: Iterable[tuple[System, System]] | None = None,
    by: User | None,
    **fields: Any,
) -> Study:
    """Change a draft: its clips and pairs where given, and ``fields`` of Study.

    Raises WrongState once the study is open, DuetError naming the fields that are wrong.
    """
    draft = lock_draft(study, "change it")
    if clips is not None:
        set_clips(study=draft, clips=clips, by=by)
    if pairs is not None:
        set_pairs(study=draft, pairs=pairs, by=by)
    if fields:
        for name, value in fields.items():
            setattr(draft, name, value)
        _validate(draft)
        draft.save(update_fields=list(fields))
        AuditLine.write("study changed", by=by, study=draft, fields=list(fields))
    return draft


@transaction.atomic
def set_pairs(*, study: Study, pairs: Iterable[tuple[System, System]], by: User | None) -> None:
    """Choose the system pairs anew, in either order. Raises WrongState once the study is open."""
    lock_draft(study, "choose its pairs")
    _replace_pairs(study, pairs)
    AuditLine.write("pairs chosen", by=by, study=study, pairs=[str(pair) for pair in study.pairs.all()])


@transaction.atomic
def set_clips(*, study: Study, clips: Iterable[Clip], by: User | None) -> None:
    """Choose the clips anew. Raises WrongState once the study is open."""
    lock_draft(study, "choose its clips")
    study.clips.set(clips)
    AuditLine.write("clips chosen", by=by, study=study, clips=study.clips.count())


@transaction.atomic
def open_study(*, study: Study, by: User | None) -> Study:
    """Freeze the design and let raters come.

    Raises WrongState unless the study is a draft, NotReady naming what is missing or unequal: the design, stimuli
    and their files, loudness inside a pair (0.2 LU), size and duration of the files of one clip.
    """
    draft = lock_draft(study, "open it")
    if not draft.blocks.exists():
        raise NotReady(f"{draft} has no design yet; build the design first")
    if draft.design_summary.get("inputs_sha256") != inputs_sha256(draft):
        raise NotReady(f"{draft} was changed after its design was built; build the design again")
    check_texts(draft)
    _check_stimuli(draft)
    plan_sha256 = hashlib.sha256(design_csv(draft).encode()).hexdigest()
    return _become(study, StudyState.OPEN, by=by, opened_at=timezone.now(), plan_sha256=plan_sha256)


@transaction.atomic
def pause_study(*, study: Study, by: User | None) -> Study:
    """Let nobody new start; whoever is under way may finish. Raises WrongState unless the study is open."""
    return _become(study, StudyState.PAUSED, by=by)


@transaction.atomic
def resume_study(*, study: Study, by: User | None) -> Study:
    """Let raters come again. Raises WrongState unless the study is paused."""
    if Study.objects.filter(pk=study.pk, state=StudyState.DRAFT).exists():
        raise WrongState(f"{study} is a draft; open it instead")
    return _become(study, StudyState.OPEN, by=by)


@transaction.atomic
def close_study(*, study: Study, by: User | None) -> Study:
    """Take no answer any more, for good. Raises WrongState unless the study is open or paused.

    Answers in flight come before it, and their time before ``closed_at``: a dataset frozen now misses none.
    """
    stand_still(study=study)
    return _become(study, StudyState.CLOSED, by=by, closed_at=timezone.now())


def _validate(study: Study) -> None:
    try:
        study.full_clean()
    except ValidationError as error:
        wrong = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
        raise DuetError(f"the study cannot be like that: {wrong}") from None


def _become(study: Study, then: StudyState, *, by: User | None, **fields: Any) -> Study:
    allowed = [state for state in StudyState if policies.may_become(state, then)]
    # Conditional: of two who ask at once, one finds the row already changed.
    if not Study.objects.filter(pk=study.pk, state__in=allowed).update(state=then, **fields):
        state = Study.objects.get(pk=study.pk).get_state_display().lower()
        options = " or ".join(name.label.lower() for name in allowed)
        raise WrongState(f"{study} is {state}; only a study that is {options} can become {then.label.lower()}")
    AuditLine.write(f"study {then.value}", by=by, study=study)
    study.refresh_from_db()
    return study


def _replace_pairs(study: Study, pairs: Iterable[tuple[System, System]]) -> None:
    chosen: dict[tuple[int, int], tuple[System, System]] = {}
    for one, other in pairs:
        if one.pk == other.pk:
            raise DuetError(f"{one} is paired with itself; a pair needs two different systems")
        first, second = sorted((one, other), key=lambda system: system.pk)
        chosen[first.pk, second.pk] = (first, second)
    study.pairs.all().delete()
    SystemPair.objects.bulk_create(
        SystemPair(study=study, system_1=first, system_2=second) for first, second in chosen.values()
    )


def _check_stimuli(study: Study) -> None:
    comparisons = study.comparisons.select_related("clip", "stimulus_1__system", "stimulus_2__system")
    stimuli: dict[str, set[Stimulus]] = defaultdict(set)
    wrong: list[str] = []
    for row in comparisons:
        pair = row.stimulus_1, row.stimulus_2
        stimuli[row.clip.clip_id].update(pair)
        if row.stimulus_1.lufs is None or row.stimulus_2.lufs is None:
            continue
        difference = abs(row.stimulus_1.lufs - row.stimulus_2.lufs)
        if difference > MAX_LOUDNESS_DIFFERENCE_LU:
            names = " and ".join(stimulus.system.slug for stimulus in pair)
            wrong.append(f"{row.clip}: {names} differ by {difference:.2f} LU")
    unready = Counter(one.state for group in stimuli.values() for one in group if one.state != StimulusState.READY)
    if unready:
        counts = ", ".join(f"{count} {StimulusState(state).label.lower()}" for state, count in unready.items())
        raise NotReady(f"not every stimulus is ready ({counts}); generate them, or retry the failed ones")
    lost = [str(stimulus) for stimulus in with_lost_file(study_stimuli(study))]
    if lost:
        raise NotReady(f"the files of {_named(lost, ', ')} are lost; start generation, which makes them again")
    for clip_id, group in stimuli.items():
        sizes = sorted({stimulus.file_bytes or 0 for stimulus in group})
        if len(sizes) > 1:
            wrong.append(f"{clip_id}: files of {sizes[0]} to {sizes[-1]} bytes")
        durations = sorted(stimulus.duration_s or 0.0 for stimulus in group)
        if durations[-1] - durations[0] > _DURATION_TOLERANCE_S:
            wrong.append(f"{clip_id}: durations of {durations[0]:.3f} to {durations[-1]:.3f} s")
    if wrong:
        raise NotReady(f"raters could tell versions apart: {_named(wrong, '; ')}; generate these stimuli again")


def _named(things: Sequence[str], between: str) -> str:
    more = f" and {len(things) - _NAMED_IN_MESSAGES} more" if len(things) > _NAMED_IN_MESSAGES else ""
    return between.join(things[:_NAMED_IN_MESSAGES]) + more
