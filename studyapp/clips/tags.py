"""The tags of a study's clips as columns of its tables, so that results can be split by any of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.utils.text import slugify

from studyapp.models import Clip, Study

if TYPE_CHECKING:
    from analysis.schema import Column

PREFIX = "tag_"
Tags = Mapping[str, frozenset[str]]
"""Column name to the tags that it stands for."""


def tags_of(study: Study) -> Tags:
    """Those of clips that are compared, by name.

    Tags that differ only in what a column's name cannot hold share one.
    """
    compared = Clip.objects.filter(pk__in=study.comparisons.values("clip"))
    named: dict[str, set[str]] = defaultdict(set)
    for tags in compared.values_list("tags", flat=True):
        for tag in tags:
            named[_name(str(tag))].add(tag)
    return {name: frozenset(named[name]) for name in sorted(named)}


def columns(tags: Tags) -> tuple[Column, ...]:
    """One column of true and false for each."""
    from analysis.schema import Column

    return tuple(
        Column(name, "boolean", f"Whether the clip is tagged {' or '.join(map(repr, sorted(held)))}.")
        for name, held in tags.items()
    )


def values(tags: Tags, of_clip: Iterable[str]) -> dict[str, bool]:
    """What the columns hold for a clip with these tags."""
    own = set(of_clip)
    return {name: not held.isdisjoint(own) for name, held in tags.items()}


def _name(tag: str) -> str:
    # A dash would be an operator in R, and SPSS takes none.
    word = slugify(tag).replace("-", "_") or hashlib.sha256(tag.encode()).hexdigest()[:8]
    return PREFIX + word
