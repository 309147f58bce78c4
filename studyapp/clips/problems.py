"""What is wrong or missing with the clips that there are, and the way out of each: read anew whenever asked."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from studyapp.clips.genres import name_of, one_genre
from studyapp.manifest import UNLABELLED
from studyapp.models import Clip, Stimulus, Study
from studyapp.states import StudyState

SHORT_S = 5.0
"""ITU-T P.910 takes sequences of 5 to 20 s, most often 8 to 10; the paper's clips have 10."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be wrong with a clip, and what to do."""

    key: str
    title: str
    way_out: str


KINDS = (
    Kind(
        "lost",
        "Files lost",
        "The picture or the sound is gone from the media folder. Import the same videos into the same dataset "
        "again: the files are made anew, and nothing else changes.",
    ),
    Kind(
        "tied",
        "Several genres alike",
        "The labels name several genres, none of them more specific. Choose one here, or give the column genre in "
        "a manifest and import again.",
    ),
    Kind(
        "genre",
        "No genre",
        "Results are split by genre, and sampling leaves these clips out. Give the genre on the clip's page, or "
        "with the column genre or labels in a manifest that is imported again.",
    ),
    Kind(
        "licence",
        "No licence",
        "Nothing says under which terms the video may be shown to raters. Say it for all of a dataset here, for "
        "one on its page, or with the column licence in a manifest.",
    ),
    Kind(
        "twice",
        "The same picture twice",
        "Two clips show the same picture, byte for byte; raters would meet it twice. Sampling draws one of them. "
        "Delete the other on its page, unless both are meant.",
    ),
    Kind(
        "short",
        f"Shorter than {SHORT_S:g} s",
        "There is little to judge in so short a clip. Import the video with more length into another dataset.",
    ),
    Kind(
        "silent",
        "No original audio",
        "The video has no sound, or nothing but silence: the ground truth and the random shuffle cannot use it. "
        "Take another copy of the video, or leave the clip to systems that need none.",
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A clip with a problem. note: what exactly. choices: genres to choose from; none where the genre stands."""

    pk: int
    dataset: str
    clip_id: str
    studies: int
    note: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem and the clips that have it."""

    kind: Kind
    clips: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    pk: int
    dataset: str
    clip_id: str
    genre: str
    labels: list[str]
    licence: str
    duration_s: float
    master_file: str
    master_sha256: str
    audio_file: str
    studies: int
    rendered: bool
    beyond_draft: bool

    @property
    def settled(self) -> bool:
        return self.rendered or self.beyond_draft


def problems(dataset: str = "", *, visible: QuerySet[Study]) -> list[Problem]:
    """What is found in one dataset, or in all, in the order of KINDS; kinds without a clip are left out.

    visible: the studies that somebody may know of; a clip's are counted among them.
    One query, and a look at the disk for each file.
    """
    rows = _rows(visible)
    twins = _twins(rows)
    found: Mapping[str, list[Found]] = defaultdict(list)
    for row in rows:
        if dataset and row.dataset != dataset:
            continue
        for key, note, choices in _of(row, twins):
            found[key].append(Found(row.pk, row.dataset, row.clip_id, row.studies, note, choices))
    return [Problem(kind, tuple(found[kind.key])) for kind in KINDS if found[kind.key]]


def _of(row: _Row, twins: Mapping[str, list[_Row]]) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    if row.genre == UNLABELLED:
        candidates = one_genre(row.labels).candidates
        named = ", ".join(map(name_of, row.labels))
        key = "tied" if candidates else "genre"
        choices = () if row.settled else candidates
        yield key, " or ".join(candidates) or (f"labels: {named}" if named else "no labels"), choices
    if not row.licence:
        yield "licence", "", ()
    if others := [other for other in twins.get(row.master_sha256, []) if other.pk != row.pk]:
        yield "twice", "like " + ", ".join(f"{other.dataset}/{other.clip_id}" for other in others[:3]), ()
    if row.duration_s < SHORT_S:
        yield "short", f"{row.duration_s:g} s", ()
    if not row.audio_file:
        yield "silent", "", ()
    if lost := [name for name in (row.master_file, row.audio_file) if name and not _is_there(name)]:
        yield "lost", ", ".join(lost), ()


def _rows(visible: QuerySet[Study]) -> list[_Row]:
    """All clips, for one picture may be in two datasets."""
    clips = Clip.objects.order_by("dataset", "clip_id")
    beyond_draft = Study.clips.through.objects.filter(clip=OuterRef("pk")).exclude(study__state=StudyState.DRAFT)
    rows = clips.annotate(
        used=Count("studies", filter=Q(studies__in=visible.order_by().values("pk"))),
        rendered=Exists(Stimulus.objects.filter(clip=OuterRef("pk"))),
        beyond=Exists(beyond_draft),
    ).values_list(
        *("pk", "dataset", "clip_id", "genre", "labels", "licence", "duration_s", "master_file", "master_sha256"),
        *("audio_file", "used", "rendered", "beyond"),
    )
    return [_Row(*values) for values in rows]


def _twins(rows: list[_Row]) -> Mapping[str, list[_Row]]:
    """Clips by picture; only pictures that several clips have."""
    same: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        same[row.master_sha256].append(row)
    return {digest: members for digest, members in same.items() if len(members) > 1}


def _is_there(name: str) -> bool:
    # Twice for each clip: paths as objects would take longer than the disk.
    return os.path.isfile(f"{settings.MEDIA_ROOT}/{name}")
