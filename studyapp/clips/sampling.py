"""So many clips of each genre, drawn by a seed: the same seed gives the same clips, whoever draws them.

A clip's place in the draw is the SHA-256 of seed, dataset and clip id. So it depends neither on the database nor
on the other clips: eight clips of a genre are the first eight of its ten, and clips imported later leave most as
they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from studyapp.manifest import UNLABELLED
from studyapp.models import Clip

_COLUMNS = ("pk", "dataset", "clip_id", "genre", "master_sha256")
"""Of a clip, in the order of Candidate's fields."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Of several datasets, genres or tags a clip needs one; with none named, any will do.

    Clips without a genre are never drawn: there is nothing to balance them by.
    """

    datasets: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    per_genre: int = 10
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip that could be drawn. content: SHA-256 of its picture; of clips with one picture, one is drawn."""

    pk: int
    dataset: str
    clip_id: str
    genre: str
    content: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came out for one genre; there: how many different clips could have been drawn."""

    genre: str
    clips: tuple[Candidate, ...]
    there: int
    wanted: int

    @property
    def short(self) -> int:
        return self.wanted - len(self.clips)


@dataclass(frozen=True, slots=True)
class Sample:
    """The clips of every genre. digest: of names and content, to notice that others would come out by now."""

    genres: tuple[Drawn, ...]
    digest: str

    @property
    def pks(self) -> list[int]:
        return [clip.pk for drawn in self.genres for clip in drawn.clips]

    @property
    def shortfalls(self) -> list[Drawn]:
        return [drawn for drawn in self.genres if drawn.short]


def draw(candidates: Iterable[Candidate], wanted: Wanted) -> Sample:
    """Draw from candidates. A genre that is asked for and has no clip is in the sample, empty."""
    by_genre: dict[str, dict[str, Candidate]] = {genre: {} for genre in wanted.genres}
    for clip in sorted(candidates, key=lambda clip: _place(clip, wanted.seed)):
        if clip.genre != UNLABELLED and _asked_for(clip, wanted):
            by_genre.setdefault(clip.genre, {}).setdefault(clip.content, clip)
    drawn = tuple(
        Drawn(genre, tuple(clips.values())[: wanted.per_genre], len(clips), wanted.per_genre)
        for genre, clips in sorted(by_genre.items())
    )
    names = sorted(f"{clip.dataset}/{clip.clip_id}/{clip.content}" for one in drawn for clip in one.clips)
    return Sample(drawn, hashlib.sha256("\n".join(names).encode()).hexdigest())


def sample(wanted: Wanted) -> Sample:
    """Draw from the clips that there are, in one query."""
    return draw(_candidates(wanted), wanted)


def known_tags() -> list[str]:
    """Every tag that some clip has."""
    used = Clip.objects.exclude(tags=[]).order_by().values_list("tags", flat=True).distinct()
    return sorted({tag for tags in used for tag in tags})


def counts() -> list[tuple[str, str, int]]:
    """Dataset, genre and number of clips."""
    rows = Clip.objects.order_by("dataset", "genre").values_list("dataset", "genre")
    return list(rows.annotate(Count("pk")))


def _candidates(wanted: Wanted) -> list[Candidate]:
    clips: QuerySet[Clip] = Clip.objects.order_by().exclude(genre=UNLABELLED)
    if wanted.datasets:
        clips = clips.filter(dataset__in=wanted.datasets)
    if wanted.genres:
        clips = clips.filter(genre__in=wanted.genres)
    if not wanted.tags:
        return [Candidate(*row) for row in clips.values_list(*_COLUMNS)]
    # Read where they are asked for only: taking lists apart is most of the work.
    return [
        Candidate(pk, dataset, clip_id, genre, content, tuple(tags))
        for pk, dataset, clip_id, genre, content, tags in clips.values_list(*_COLUMNS, "tags")
    ]


def _asked_for(clip: Candidate, wanted: Wanted) -> bool:
    return (
        (not wanted.datasets or clip.dataset in wanted.datasets)
        and (not wanted.genres or clip.genre in wanted.genres)
        and (not wanted.tags or bool(set(wanted.tags) & set(clip.tags)))
    )


def _place(clip: Candidate, seed: int) -> bytes:
    # No dataset's name holds a slash.
    return hashlib.sha256(f"{seed}/{clip.dataset}/{clip.clip_id}".encode()).digest()
