"""What is said of a clip: genre and caption until something rests on them, the rest at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from studyapp import manifest
from studyapp.errors import DuetError, WrongState
from studyapp.manifest import UNLABELLED, Entry
from studyapp.models import AuditLine, Clip, Comparison, Study, User
from studyapp.policies import design_is_frozen
from studyapp.states import StudyState

STANDS = frozenset({"genre", "genre_rule", "caption"})
"""What raters, systems or the design meet; labels, licence and source are for who looks things up."""
_NAMED = 5
_AT_ONCE = 10_000
"""Keys in one statement: SQLite takes 32,766 values, and a dataset may have more clips."""
_FROZEN = [state for state in StudyState if design_is_frozen(state)]
_TAGS_STAND = (
    "in the design of a study that has opened, and its results are split by tag: the tags stay as they are."
)


def is_settled(clip: Clip) -> bool:
    """Whether a study beyond its draft, or a rendered stimulus, already rests on what the clip says."""
    return clip.stimuli.exists() or clip.studies.exclude(state=StudyState.DRAFT).exists()


def with_standing_tags(clips: QuerySet[Clip]) -> QuerySet[Clip]:
    """Those in the design of a study that has opened: its results are split by what they are tagged with."""
    shown = Comparison.objects.filter(study__state__in=_FROZEN).values("clip")
    chosen = Study.clips.through.objects.filter(study__state__in=_FROZEN).values("clip")
    return clips.filter(Q(pk__in=shown) | Q(pk__in=chosen))


@transaction.atomic
def describe_clip(*, clip: Clip, by: User | None, **described: Any) -> Clip:
    """Give a clip another genre, caption, licence, source_url, labels (ids) or tags (words).

    A genre that comes without the rule that made it was given by a person. Raises WrongState when genre or caption
    are to change once a study beyond its draft or a soundtrack rests on them, or tags once the clip is in a study
    that has opened; DuetError on values that cannot be used.
    """
    # A new soundtrack or study points at the row, and so waits for the lock or is seen here.
    clip = Clip.objects.select_for_update().get(pk=clip.pk)
    described = {name: value for name, value in described.items() if getattr(clip, name) != value}
    if not described:
        return clip
    if STANDS & set(described) and is_settled(clip):
        kept = [name for name in described if name in STANDS - {"genre_rule"}]
        raise WrongState(
            f"the clip is in use with another {' and '.join(kept)}; what raters or systems have already met "
            "stands."
        )
    if "tags" in described and with_standing_tags(Clip.objects.filter(pk=clip.pk)).exists():
        raise WrongState(f"the clip is {_TAGS_STAND}")
    if "genre" in described and clip.genre_rule:
        described.setdefault("genre_rule", "")
    for name, value in described.items():
        if name in manifest.EXPORTED and manifest.is_formula(value):
            raise DuetError(manifest.formula_refused(name, value))
        if name == "tags":
            described[name] = value = manifest.tag_list(",".join(value))
        setattr(clip, name, value)
    _check(clip, described)
    clip.save(update_fields=list(described))
    studies = Study.objects.with_clip(clip)
    about = {"dataset": clip.dataset, "clip": clip.clip_id}
    AuditLine.write_for(studies, "clip described anew", by=by, **about, changes=described)
    return clip


@transaction.atomic
def tag_clips(*, clips: QuerySet[Clip], tag: str, by: User | None) -> int:
    """Give several clips one more tag; how many did not have it.

    Raises DuetError on a tag that cannot be used, WrongState where the tags of one of them stand; none changes.
    """
    words = manifest.tag_list(tag)
    if len(words) != 1:
        raise DuetError(f"{'Several tags were' if words else 'No tag was'} given; write one, such as music-scene.")
    (word,) = words
    changed = {clip.pk: clip for clip in clips.select_for_update() if word not in clip.tags}
    if standing := [clip for clip in with_standing_tags(clips) if clip.pk in changed]:
        named = ", ".join(f"{clip.dataset}/{clip.clip_id}" for clip in standing[:_NAMED])
        more = f" and {len(standing) - _NAMED} more" if len(standing) > _NAMED else ""
        raise WrongState(f"{named}{more}: {_TAGS_STAND} Leave them out; no clip was tagged")
    for clip in changed.values():
        clip.tags = manifest.tag_list(",".join([*clip.tags, word]))
    Clip.objects.bulk_update(changed.values(), ["tags"], batch_size=500)
    for study, mine in _by_study(list(changed)):
        names = [f"{changed[pk].dataset}/{changed[pk].clip_id}" for pk in mine]
        AuditLine.write("clips tagged", by=by, study=study, tag=word, clips=names)
    return len(changed)


@transaction.atomic
def license_clips(*, dataset: str, licence: str, by: User | None) -> int:
    """Say the licence of every clip of a dataset that says none; how many those were. Raises DuetError."""
    licence = licence.strip()
    if not licence:
        raise DuetError(
            "No licence was given; write its short name, such as CC-BY-4.0, or under which terms it is."
        )
    _check(Clip(licence=licence), {"licence"})
    silent = Clip.objects.filter(dataset=dataset, licence="")
    changed = list(silent.select_for_update().values_list("pk", flat=True))
    silent.update(licence=licence)
    for study, mine in _by_study(changed):
        about = {"dataset": dataset, "licence": licence, "clips": len(mine)}
        AuditLine.write("clips' licence said", by=by, study=study, **about)
    return len(changed)


def changes(clip: Clip, entry: Entry) -> dict[str, Any]:
    """What an imported line says otherwise; what it leaves open may have been filled in by a researcher.

    Tags come together. A genre made by a rule does not replace one that a person gave.
    """
    wanted: dict[str, Any] = {
        "genre": entry.genre,
        "caption": entry.caption,
        "licence": entry.licence,
        "source_url": entry.source_url,
        "labels": list(entry.labels),
        "tags": sorted({*clip.tags, *entry.tags}),
    }
    if entry.genre_rule and not clip.genre_rule and clip.genre != UNLABELLED:
        del wanted["genre"]
    found = {name: value for name, value in wanted.items() if value and getattr(clip, name) != value}
    if "genre" in found:
        found["genre_rule"] = entry.genre_rule
    return found


def _by_study(changed: Sequence[int]) -> Iterator[tuple[Study | None, Sequence[int]]]:
    """The changed clips of each study that has one, and those that no study has, by their keys."""
    has: dict[int, set[int]] = defaultdict(set)
    for start in range(0, len(changed), _AT_ONCE):
        some = changed[start : start + _AT_ONCE]
        chose = Study.clips.through.objects.filter(clip__in=some).values_list("study_id", "clip_id")
        shows = Comparison.objects.filter(clip__in=some).values_list("study_id", "clip_id")
        for owner, clip in chain(chose, shows.order_by().distinct()):
            has[owner].add(clip)
    for study in Study.objects.filter(pk__in=has).order_by("pk"):
        yield study, [clip for clip in changed if clip in has[study.pk]]
    if free := set(changed).difference(*has.values()):
        yield None, [clip for clip in changed if clip in free]


def _check(clip: Clip, names: Collection[str]) -> None:
    others = [field.name for field in Clip._meta.fields if field.name not in names]
    try:
        clip.clean_fields(exclude=others)
    except ValidationError as error:
        wrong = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
        raise DuetError(f"the clip cannot be described like that: {wrong}") from None
