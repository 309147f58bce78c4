"""Whether versions of a clip could be told apart by more than their music: the one check of launch and pages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from generation import registry
from studyapp.models import Comparison
from studyapp.models.design import ComparisonQuerySet
from studyapp.states import StimulusState

MAX_LOUDNESS_DIFFERENCE_LU = 0.2
# Two files of one length may be told apart by a rounding of the container's clock, not by an ear.
DURATION_TOLERANCE_S = 0.001


class Kind(StrEnum):
    LOUDNESS = "loudness"
    SIZE = "size"
    DURATION = "duration"
    SAME = "same file"


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which versions of a clip do not agree; ``systems`` are the slugs of those that stand out.

    clip: the clip's row id.
    """

    kind: Kind
    clip: int
    systems: tuple[str, ...]
    text: str

    @property
    def blocks(self) -> bool:
        """Whether a study must not open with it. Two systems may have chosen the very same music."""
        return self.kind != Kind.SAME


@dataclass(frozen=True, slots=True)
class _Version:
    slug: str
    key: str
    state: str
    lufs: float | None
    file_bytes: int | None
    duration_s: float | None
    file_sha256: str

    @property
    def is_ready(self) -> bool:
        return self.state == StimulusState.READY

    @property
    def has_loudness(self) -> bool:
        return self.lufs is not None and registry.spec(self.key).loudness_matched


_COLUMNS = ("system__slug", "system__key", "state", "lufs", "file_bytes", "duration_s", "file_sha256")


def disagreements(comparisons: ComparisonQuerySet) -> list[Finding]:
    """What does not agree among the finished versions that these comparisons show; one query.

    Loudness (0.2 LU) and content inside a pair, size and duration (1 ms) of all files of a clip.
    """
    sides = [f"{side}__{column}" for side in ("stimulus_1", "stimulus_2") for column in _COLUMNS]
    rows = comparisons.order_by("clip__genre", "clip__clip_id", "pk")
    found: list[Finding] = []
    versions: dict[tuple[int, str], dict[str, _Version]] = defaultdict(dict)
    for clip, name, kind, *values in rows.values_list("clip_id", "clip__clip_id", "kind", *sides):
        pair = _Version(*values[: len(_COLUMNS)]), _Version(*values[len(_COLUMNS) :])
        versions[clip, name].update({one.slug: one for one in pair if one.is_ready})
        if all(one.is_ready for one in pair) and kind != Comparison.Kind.IDENTICAL:
            found += _inside(clip, name, *pair)
    for (clip, name), of_clip in versions.items():
        found += _among(clip, name, of_clip)
    return found


def _inside(clip: int, name: str, one: _Version, other: _Version) -> Iterable[Finding]:
    slugs = one.slug, other.slug
    if one.has_loudness and other.has_loudness:
        assert one.lufs is not None  # has_loudness
        assert other.lufs is not None
        difference = abs(one.lufs - other.lufs)
        if difference > MAX_LOUDNESS_DIFFERENCE_LU:
            text = f"{name}: {' and '.join(slugs)} differ by {difference:.2f} LU"
            yield Finding(Kind.LOUDNESS, clip, slugs, text)
    if one.file_sha256 == other.file_sha256:
        yield Finding(Kind.SAME, clip, slugs, f"{name}: {' and '.join(slugs)} are one and the same file")


def _among(clip: int, name: str, versions: Mapping[str, _Version]) -> Iterable[Finding]:
    sizes = {slug: one.file_bytes or 0 for slug, one in versions.items()}
    if len(set(sizes.values())) > 1:
        text = f"{name}: files of {min(sizes.values())} to {max(sizes.values())} bytes"
        yield Finding(Kind.SIZE, clip, _standing_out(sizes), text)
    durations = {slug: one.duration_s or 0.0 for slug, one in versions.items()}
    shortest, longest = min(durations.values(), default=0.0), max(durations.values(), default=0.0)
    if longest - shortest > DURATION_TOLERANCE_S:
        text = f"{name}: durations of {shortest:.3f} to {longest:.3f} s"
        yield Finding(Kind.DURATION, clip, _standing_out(durations), text)


def _standing_out(values: Mapping[str, float]) -> tuple[str, ...]:
    """Those that are not as most are; all of them where no value is the commonest."""
    counts = Counter(values.values()).most_common(2)
    usual = counts[0][0] if counts[0][1] > counts[1][1] else None
    return tuple(slug for slug, value in values.items() if value != usual)
