"""What is said of a clip: genre and caption until something rests on them, the rest at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from studyapp import manifest
from studyapp.errors import DuetError, WrongState
from studyapp.manifest import UNLABELLED, Entry
from studyapp.models import AuditLine, Clip, User
from studyapp.states import StudyState

STANDS = frozenset({"genre", "genre_rule", "caption"})
"""What raters, systems or the design meet; tags, labels, licence and source are for who looks things up."""


def is_settled(clip: Clip) -> bool:
    """Whether a study beyond its draft, or a rendered stimulus, already rests on what the clip says."""
    return clip.stimuli.exists() or clip.studies.exclude(state=StudyState.DRAFT).exists()


@transaction.atomic
def describe_clip(*, clip: Clip, by: User | None, **described: Any) -> Clip:
    """Give a clip another genre, caption, licence, source_url, labels (ids) or tags (words).

    A genre that comes without the rule that made it was given by a person. Raises WrongState when genre or caption
    are to change once a study beyond its draft or a soundtrack rests on them, DuetError on values that cannot be
    used.
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
    AuditLine.write("clip described anew", by=by, dataset=clip.dataset, clip=clip.clip_id, changes=described)
    return clip


@transaction.atomic
def tag_clips(*, clips: Iterable[Clip], tag: str, by: User | None) -> int:
    """Give several clips one more tag; how many did not have it. Raises DuetError on a tag that cannot be used."""
    words = manifest.tag_list(tag)
    if len(words) != 1:
        raise DuetError(f"{'Several tags were' if words else 'No tag was'} given; write one, such as music-scene.")
    (word,) = words
    changed = []
    for clip in Clip.objects.select_for_update().filter(pk__in=[clip.pk for clip in clips]):
        if word not in clip.tags:
            clip.tags = manifest.tag_list(",".join([*clip.tags, word]))
            changed.append(clip)
    Clip.objects.bulk_update(changed, ["tags"], batch_size=500)
    if changed:
        names = [f"{clip.dataset}/{clip.clip_id}" for clip in changed]
        AuditLine.write("clips tagged", by=by, tag=word, clips=names)
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
    changed = Clip.objects.filter(dataset=dataset, licence="").update(licence=licence)
    if changed:
        AuditLine.write("clips' licence said", by=by, dataset=dataset, licence=licence, clips=changed)
    return changed


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


def _check(clip: Clip, names: Collection[str]) -> None:
    others = [field.name for field in Clip._meta.fields if field.name not in names]
    try:
        clip.clean_fields(exclude=others)
    except ValidationError as error:
        wrong = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
        raise DuetError(f"the clip cannot be described like that: {wrong}") from None
