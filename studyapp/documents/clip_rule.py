"""Clips drawn by a rule from those that are there, level over genres, and how many a rule wants of each."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from studyapp.clips import sampling as clip_sampling
from studyapp.clips.sampling import Candidate, Wanted
from studyapp.documents.schema import ClipRule
from studyapp.manifest import UNLABELLED
from studyapp.models import Clip

_UNLABELLED = "without a genre"
"""Where a rule names no genres, these are one; by their own name they are never drawn."""


@dataclass(frozen=True, slots=True)
class GenreShare:
    """How many clips of a genre a rule wants, takes, and could take. wanted: None for as many as there are."""

    genre: str
    wanted: int | None
    taken: int
    there: int

    @property
    def short(self) -> bool:
        return self.wanted is not None and self.there < self.wanted

    def __str__(self) -> str:
        return f"{self.genre}: {self.there} of {self.wanted or self.there} clips"


@dataclass(frozen=True, slots=True)
class Drawn:
    """clip_pks: the rows drawn. shares: a line for each genre of the rule, or of the clips where it names none."""

    clip_pks: tuple[int, ...]
    shares: tuple[GenreShare, ...]

    @property
    def shortfalls(self) -> tuple[GenreShare, ...]:
        return tuple(share for share in self.shares if share.short)


def draw(rule: ClipRule) -> Drawn:
    """The clips of a rule, drawn as everywhere in Duet (``studyapp.clips.sampling``)."""
    asked = {same_genre(name): name for name in rule.genres}
    rows = Clip.objects.order_by("dataset", "clip_id")
    if rule.datasets:
        rows = rows.filter(dataset__in=rule.datasets)
    candidates: list[Candidate] = []
    taken: set[str] = set()
    names: dict[str, str] = {}
    for pk, dataset, clip_id, genre, content, tags in rows.values_list(
        "pk", "dataset", "clip_id", "genre", "master_sha256", "tags"
    ):
        key = same_genre(genre)
        # Within one study a clip's id names it: of two datasets with the same id the first has it.
        if (asked and key not in asked) or clip_id in taken or (rule.tags and not set(rule.tags) & set(tags)):
            continue
        taken.add(clip_id)
        name = asked.get(key) or names.setdefault(key, _UNLABELLED if genre == UNLABELLED else genre)
        candidates.append(Candidate(pk, dataset, clip_id, name, content))
    drawn = clip_sampling.draw(
        candidates, Wanted(genres=rule.genres, per_genre=rule.per_genre or len(candidates), seed=rule.seed)
    ).genres
    counts = sizes(rule, {one.genre: one.there for one in drawn})
    return Drawn(
        tuple(sorted(clip.pk for one in drawn for clip in one.clips[: counts[one.genre]])),
        tuple(GenreShare(one.genre, rule.per_genre, counts[one.genre], one.there) for one in drawn),
    )


def sizes(rule: ClipRule, there: Mapping[str, int]) -> Mapping[str, int]:
    """How many clips the rule takes of each genre, out of so many: ``per_genre``, and no more than ``in_all``.

    What is too many in all is left out of the largest genres, one clip each; of which ones, the seed decides.
    """
    counts = {
        genre: number if rule.per_genre is None else min(number, rule.per_genre) for genre, number in there.items()
    }
    order = random.Random(f"{rule.seed}/in all").sample(sorted(counts), len(counts))
    total = sum(counts.values())
    while rule.in_all is not None and total > rule.in_all:
        most = max(counts.values())
        counts[next(genre for genre in order if counts[genre] == most)] -= 1
        total -= 1
    return counts


def same_genre(name: str) -> str:
    """A genre's name without what people leave out: “Hip hop music”, “hip-hop” and “Hip Hop” are one."""
    words = re.sub(r"[^\w]+", " ", name.casefold()).strip()
    words = words.removeprefix("music of ").removesuffix(" music")
    return words


def datasets_there() -> list[tuple[str, int]]:
    """Name and number of clips of every dataset."""
    return sorted(Counter(Clip.objects.order_by().values_list("dataset", flat=True)).items())
