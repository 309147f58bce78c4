"""A study's life: its clips and pairs, and the states from draft to closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from studyapp import field_values
from studyapp.actions.designs import (
    build_design,
    design_csv,
    design_rows,
    expected_trials,
    lock_draft,
    start_generation,
    summary_of,
)
from studyapp.actions.endings import stand_still
from studyapp.actions.opening import become, must_be_ready, read_beforehand
from studyapp.actions.pilots import put_away
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Clip, Study, StudyMember, System, SystemPair, User
from studyapp.plan import analysis_plan
from studyapp.plan.amendable import KEPT_BACK, SECRET
from studyapp.plan.freezing import frozen_parts
from studyapp.states import StudyState

if TYPE_CHECKING:
    from django.db.models import Field

__all__ = [
    "archive_study",
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
    study = Study(created_by=by, **_read({"title": title, "slug": slug, **numbers}))
    _validate(study)
    study.save()
    study.clips.set(clips)
    _replace_pairs(study, pairs)
    if by is not None:
        StudyMember.objects.create(study=study, user=by, role=StudyMember.Role.OWNER, sees_names=True)
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
    draft = lock_draft(study, "only a draft can be changed")
    if clips is not None:
        set_clips(study=draft, clips=clips, by=by)
    if pairs is not None:
        set_pairs(study=draft, pairs=pairs, by=by)
    if fields:
        fields = _read(fields)
        before = {name: _told(name, getattr(draft, name)) for name in fields}
        same = {name for name, value in fields.items() if getattr(draft, name) == value}
        for name, value in fields.items():
            setattr(draft, name, value)
        _validate(draft)
        draft.save(update_fields=list(fields))
        after = {name: _told(name, value) for name, value in fields.items()}
        changed = [name for name in fields if name not in same]
        AuditLine.write(
            "study changed",
            by=by,
            study=draft,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
    return draft


@transaction.atomic
def set_pairs(*, study: Study, pairs: Iterable[tuple[System, System]], by: User | None) -> None:
    """Choose the system pairs anew, in either order. Raises WrongState once the study is open."""
    lock_draft(study, "only a draft's pairs can be chosen")
    before = [str(pair) for pair in study.pairs.all()]
    _replace_pairs(study, pairs)
    after = [str(pair) for pair in study.pairs.all()]
    AuditLine.write("pairs chosen", by=by, study=study, before={"pairs": before}, after={"pairs": after})


@transaction.atomic
def set_clips(*, study: Study, clips: Iterable[Clip], by: User | None) -> None:
    """Choose the clips anew. Raises WrongState once the study is open."""
    lock_draft(study, "only a draft's clips can be chosen")
    before = study.clips.count()
    study.clips.set(clips)
    AuditLine.write(
        "clips chosen", by=by, study=study, before={"clips": before}, after={"clips": study.clips.count()}
    )


def open_study(*, study: Study, by: User | None) -> Study:
    """Freeze the design and let raters come.

    A pilot under way ends with it. Raises WrongState unless the study is a draft or piloted, NotReady naming what
    is missing or unequal: the design, stimuli and their files, loudness inside a pair (0.2 LU), size and duration
    of the files of one clip. Files are read before its transaction, so call it outside of any.
    """
    rule = "only a study that is a draft or being piloted can be opened"
    read = read_beforehand(study, rule)
    with transaction.atomic(durable=True):
        draft = must_be_ready(study, rule, read=read)
        if draft.state == StudyState.PILOT:
            put_away(draft)
        frozen = frozen_parts(draft)
        return become(
            study,
            StudyState.OPEN,
            by=by,
            opened_at=timezone.now(),
            plan_sha256=frozen["design"],
            frozen=frozen,
        )


@transaction.atomic
def pause_study(*, study: Study, by: User | None) -> Study:
    """Let nobody new start; whoever is under way may finish. Raises WrongState unless the study is open."""
    return become(study, StudyState.PAUSED, by=by)


@transaction.atomic
def resume_study(*, study: Study, by: User | None) -> Study:
    """Let raters come again. Raises WrongState unless the study is paused."""
    if Study.objects.filter(pk=study.pk, state__in=[StudyState.DRAFT, StudyState.PILOT]).exists():
        raise WrongState(f"{study} is not open yet; open it instead")
    return become(study, StudyState.OPEN, by=by)


@transaction.atomic
def close_study(*, study: Study, by: User | None) -> Study:
    """Take no answer any more, for good. Raises WrongState unless the study is open or paused.

    Answers in flight come before it, and their time before ``closed_at``: a dataset frozen now misses none.
    """
    stand_still(study=study)
    return become(study, StudyState.CLOSED, by=by, closed_at=timezone.now())


@transaction.atomic
def archive_study(*, study: Study, by: User | None) -> Study:
    """Put a closed study away: it stays readable and exportable. Raises WrongState unless it is closed."""
    return become(study, StudyState.ARCHIVED, by=by, archived_at=timezone.now())


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of Study as they take what was given. Raises DuetError naming those of another shape."""
    found: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, value in given.items():
        field = Study._meta.get_field(name)
        try:
            # Systems come as rows.
            found[name] = value if field.is_relation else field_values.read(cast("Field[Any, Any]", field), value)
        except ValidationError as error:
            wrong[name] = error.messages
    if "primary_pairs" in found and (words := analysis_plan.pairs_problem(found["primary_pairs"])):
        wrong["primary_pairs"] = [words]
    if (day := found.get("keep_ids_until")) is not None and day <= timezone.localdate():
        wrong["keep_ids_until"] = [f"{day:%d %b %Y} has come already; choose a later day"]
    if wrong:
        raise _refusal(wrong)
    return found


def _validate(study: Study) -> None:
    try:
        study.full_clean()
    except ValidationError as error:
        raise _refusal(error.message_dict) from None


def _refusal(wrong: Mapping[str, Iterable[str]]) -> DuetError:
    told = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in wrong.items())
    return DuetError(f"the study cannot be like that: {told}")


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


def _told(name: str, value: Any) -> Any:
    """A field's value as the audit log keeps it, which every member reads and archives hold."""
    if name in SECRET and value:
        return KEPT_BACK
    return value if value is None or isinstance(value, bool | int | float | str | list | dict) else str(value)
