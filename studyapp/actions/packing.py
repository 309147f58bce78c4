"""What ended sessions left unanswered, packed into new blocks.

Unanswered is what an expired session did not reach, and what was void in any session. What holds a stimulus that a
researcher has to look at first waits as a void trial until it is let back in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from analysis import design, practice
from studyapp.models import Block, Comparison, Response, Study, Trial, VoidedTrial
from studyapp.models.marks import held
from studyapp.states import LIVE_SESSIONS


def unanswered() -> QuerySet[Trial]:
    """Neither answered nor void: what a rater is still asked."""
    return _without_answer().filter(voided__isnull=True)


def _without_answer() -> QuerySet[Trial]:
    return Trial.objects.filter(~Exists(Response.objects.filter(trial=OuterRef("pk"))))


def waiting() -> QuerySet[VoidedTrial]:
    """Void test trials of ended sessions and retired blocks whose comparison can go to another block now."""
    trials = Trial.objects.filter(kind=Trial.Kind.TEST).exclude(held())
    return (
        VoidedTrial.objects.filter(packed_at=None, trial__in=trials)
        .exclude(trial__block__session__state__in=LIVE_SESSIONS)
        # What a pilot leaves is asked of nobody.
        .exclude(trial__block__origin=Block.Origin.PILOT)
        .order_by("pk")
    )


def unclaimed_remainders(study: Study) -> list[Block]:
    """Blocks of earlier packings that are shorter than a full one and that nobody has claimed.

    Call under the study's row lock: whoever claims one holds it too.
    """
    tests = Count("trials", filter=Q(trials__kind=Trial.Kind.TEST))
    packed = Block.objects.free().filter(study=study, origin=Block.Origin.PACKED).annotate(tests=tests)
    return list(packed.filter(tests__lt=study.trials_per_block).order_by("pk"))


def pack_again(study: Study, sources: Sequence[Block], *, now: datetime, erased: Sequence[int] = ()) -> list[int]:
    """Put the sources' unanswered trials but repeats, and what waits, into new blocks.

    erased: trials whose answers are gone, of blocks that were packed before and are no sources any more.
    Sides and first player stay as they were. Call under the study's row lock: it numbers the blocks. Returns their
    numbers.
    """
    _set_aside_what_is_held(sources, erased, now)
    # Read before anything is marked as packed: a live block's void trials wait until its session ends.
    freed = list(waiting().filter(trial__block__study=study).values_list("trial_id", flat=True))
    left = list(
        _without_answer()
        .filter(
            Q(block__in=sources, voided__isnull=True) | Q(pk__in=erased, voided__isnull=True) | Q(pk__in=freed)
        )
        .exclude(kind__in=[Trial.Kind.REPEAT, Trial.Kind.TRAINING])
        .select_related("block", "comparison__clip", "comparison__stimulus_1", "comparison__stimulus_2")
        .order_by("block__number", "position")
    )
    # Checks alone would ask a rater for nothing that counts.
    if all(trial.kind != Trial.Kind.TEST for trial in left):
        return []
    VoidedTrial.objects.filter(trial__in=freed).update(packed_at=now)
    last = Block.objects.counted().filter(study=study).aggregate(number=Max("number"))["number"]
    packed = design.repack(
        [
            design.UnansweredTrial(
                comparison_key=trial.comparison_id,
                clip_id=str(trial.comparison.clip_id),
                genre=trial.comparison.clip.genre,
                pair=(str(trial.comparison.stimulus_1.system_id), str(trial.comparison.stimulus_2.system_id)),
                left_is_1=trial.left_is_1,
                played_first=cast(design.Side, trial.played_first),
            )
            for trial in left
        ],
        trials_per_block=study.trials_per_block,
        seed=study.seed + last,
    )
    wave = 1 + max(trial.block.wave for trial in left)
    kinds = {trial.comparison_id: trial.comparison.kind for trial in left}
    blocks = Block.objects.bulk_create(
        Block(study=study, number=number, origin=Block.Origin.PACKED, wave=wave)
        for number in range(last + 1, last + 1 + len(packed))
    )
    practised = _practice(study, packed, seed=study.seed + last)
    Trial.objects.bulk_create(
        Trial(
            block=block,
            position=position,
            comparison_id=int(trial.comparison_key),
            left_is_1=trial.left_is_1,
            played_first=trial.played_first,
            kind=kinds[int(trial.comparison_key)],
        )
        for block, trials, first in zip(blocks, packed, practised, strict=True)
        for position, trial in enumerate(trials, start=1 + len(first))
    )
    Trial.objects.bulk_create(
        Trial(block=block, position=position, kind=Trial.Kind.TRAINING, **fields)
        for block, first in zip(blocks, practised, strict=True)
        for position, fields in enumerate(first, start=1)
    )
    return [block.number for block in blocks]


def _practice(
    study: Study, packed: Sequence[Sequence[design.UnansweredTrial]], *, seed: int
) -> list[list[dict[str, Any]]]:
    """Fields of the training trials that every new block begins with: whoever gets it has not practised yet."""
    if not study.training_per_block:
        return [[] for _ in packed]
    known = (
        study.comparisons.designed()
        .filter(kind=Comparison.Kind.TRAINING)
        .select_related("stimulus_1", "stimulus_2")
    )
    rows = list(known.order_by("pk"))
    candidates = [
        practice.Candidate(str(row.clip_id), (str(row.stimulus_1.system_id), str(row.stimulus_2.system_id)))
        for row in rows
    ]
    held = [[(trial.clip_id, trial.pair) for trial in trials] for trials in packed]
    drawn = practice.draw(
        candidates, held, per_block=study.training_per_block, seed=repr((seed, "training again"))
    )
    return [
        [
            {"comparison": rows[one.candidate], "left_is_1": one.left_is_1, "played_first": one.played_first}
            for one in chosen
        ]
        for chosen in drawn
    ]


def _set_aside_what_is_held(sources: Sequence[Block], erased: Sequence[int], now: datetime) -> None:
    aside = unanswered().filter(held(), Q(block__in=sources) | Q(pk__in=erased))
    VoidedTrial.objects.bulk_create(
        VoidedTrial(trial=trial, reason=VoidedTrial.Reason.HELD, voided_at=now) for trial in aside
    )
