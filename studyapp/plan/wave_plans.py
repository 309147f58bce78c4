"""How a further wave of a study is planned: as its design was, and levelled over everything planned so far."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from django.db.models import Count

from analysis import design, practice
from studyapp.errors import DuetError
from studyapp.models import Block, Comparison, Study, Trial
from studyapp.presentation import Side

Pair = tuple[str, str]
PLANNED = (Block.Origin.PLANNED, Block.Origin.EXTENDED)
"""Blocks that were planned as they are; those packed again hold trials of these."""
_SIDES: tuple[tuple[bool, Side], ...] = ((True, "left"), (True, "right"), (False, "left"), (False, "right"))


@dataclass(frozen=True, slots=True)
class Known:
    """The comparisons of a design by what planning calls them, and their rows."""

    rows: Mapping[design.PlannedComparison, Comparison]

    @classmethod
    def of(cls, study: Study) -> Known:
        found = study.comparisons.designed().select_related(
            *("clip", "expected", "stimulus_1__system", "stimulus_2__system")
        )
        return cls({_planned(row): row for row in found.order_by("pk")})

    def of_kind(self, kind: design.Kind) -> list[design.PlannedComparison]:
        return [planned for planned in self.rows if planned.kind == kind]

    @property
    def pairs(self) -> list[Pair]:
        return sorted({planned.pair for planned in self.of_kind("test")})


def seed_of(study: Study, number: int) -> int:
    """The seed of a study's wave, which follows from its own."""
    return int.from_bytes(hashlib.sha256(f"{study.seed}/wave {number}".encode()).digest()[:4])


def planned_wave(
    study: Study, known: Known, tests: Sequence[design.PlannedComparison], ratings: int, seed: int
) -> design.Design:
    try:
        return design.plan(
            tests,
            ratings_per_comparison=ratings,
            trials_per_block=min(study.trials_per_block, max(len(tests), 1)),
            repeats_per_block=study.repeats_per_block,
            checks=design.Checks(
                tuple(known.of_kind("gold")),
                tuple(known.of_kind("identical")),
                study.gold_per_block,
                study.identical_per_block,
            ),
            seed=seed,
        )
    except design.DesignError as error:
        raise DuetError(
            f"{error}. The numbers of an open study stand still: take more pairs into the wave, or other ratings"
        ) from None


def levelled(planned: design.Design, known: Known, study: Study, seed: int) -> design.Design:
    """The same blocks with sides and first players that level the study's trials, those planned before included.

    Each comparison takes what it has least of; where it has the same of all, what its pair has least of.
    """
    rng = random.Random(repr((seed, "sides")))
    counts = _sides_so_far(study, known)
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, block in enumerate(planned.blocks):
        for index, trial in enumerate(block.trials):
            if trial.kind == "test":
                places[trial.comparison].append((number, index))
    blocks = [list(block.trials) for block in planned.blocks]
    for comparison, mine in places.items():
        one = planned.comparisons[comparison]
        drawn = [_rarest(counts, one, rng) for _ in mine]
        rng.shuffle(drawn)
        for (number, index), (left_is_1, first) in zip(mine, drawn, strict=True):
            blocks[number][index] = replace(blocks[number][index], left_is_1=left_is_1, played_first=first)
    return replace(planned, blocks=tuple(design.PlannedBlock(tuple(_repeats_follow(shown))) for shown in blocks))


def _sides_so_far(study: Study, known: Known) -> Counter[Hashable]:
    """How often each comparison, and each pair, was planned with each side and first player."""
    named = {row.pk: planned for planned, row in known.rows.items()}
    counts: Counter[Hashable] = Counter()
    trials = Trial.objects.filter(block__study=study, block__origin__in=PLANNED, kind=Trial.Kind.TEST)
    sides = trials.order_by().values_list("comparison_id", "left_is_1", "played_first")
    for pk, left_is_1, first, count in sides.annotate(Count("pk")):
        _count(counts, named[pk], (left_is_1, cast(Side, first)), count)
    return counts


def _count(
    counts: Counter[Hashable], one: design.PlannedComparison, sides: tuple[bool, Side], count: int = 1
) -> None:
    for unit in (one, one.pair):
        for part in (sides, *sides):
            counts[unit, part] += count


def _rarest(counts: Counter[Hashable], one: design.PlannedComparison, rng: random.Random) -> tuple[bool, Side]:
    def so_far(unit: Hashable, sides: tuple[bool, Side]) -> tuple[int, int]:
        return sum(counts[unit, part] for part in sides), counts[unit, sides]

    chosen = min(_SIDES, key=lambda sides: (so_far(one, sides), so_far(one.pair, sides), rng.random()))
    _count(counts, one, chosen)
    return chosen


def _repeats_follow(shown: Sequence[design.PlannedTrial]) -> Iterator[design.PlannedTrial]:
    """A block whose repeats are their originals again: sides swapped, the same first player."""
    for trial in shown:
        if trial.repeats is None:
            yield trial
        else:
            original = shown[trial.repeats - 1]
            yield replace(trial, left_is_1=not original.left_is_1, played_first=original.played_first)


def practice_for(study: Study, planned: design.Design, known: Known) -> list[tuple[practice.Practice, ...]]:
    """What each new block begins with, out of what the design lets raters practise with."""
    candidates = [practice.Candidate(one.clip_id, one.pair) for one in known.of_kind("training")]
    held = [
        [
            (planned.comparisons[trial.comparison].clip_id, planned.comparisons[trial.comparison].pair)
            for trial in trials
        ]
        for trials in (block.trials for block in planned.blocks)
    ]
    return practice.draw(
        candidates, held, per_block=study.training_per_block, seed=repr((planned.seed, "training"))
    )


def _planned(row: Comparison) -> design.PlannedComparison:
    return design.PlannedComparison(
        row.clip.clip_id,
        row.clip.genre,
        row.stimulus_1.system.slug,
        row.stimulus_2.system.slug,
        expected=row.expected.slug if row.expected else "",
        practice=row.kind == Comparison.Kind.TRAINING,
    )
