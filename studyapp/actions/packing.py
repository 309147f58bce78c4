"""What expired sessions left unanswered, packed into new blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from analysis import design
from studyapp.models import Block, Response, Study, Trial


def unanswered() -> QuerySet[Trial]:
    return Trial.objects.filter(~Exists(Response.objects.filter(trial=OuterRef("pk"))))


def unclaimed_remainders(study: Study) -> list[Block]:
    """Blocks of earlier packings that are shorter than a full one and that nobody has claimed.

    Call under the study's row lock: whoever claims one holds it too.
    """
    tests = Count("trials", filter=Q(trials__kind=Trial.Kind.TEST))
    packed = Block.objects.free().filter(study=study, wave__gt=0).annotate(tests=tests)
    return list(packed.filter(tests__lt=study.trials_per_block).order_by("pk"))


def pack_again(study: Study, sources: Sequence[Block]) -> list[int]:
    """Put the sources' unanswered trials but repeats into new blocks, sides and first player unchanged.

    Call under the study's row lock: it numbers the blocks. Returns their numbers.
    """
    left = (
        unanswered()
        .filter(block__in=sources)
        .exclude(kind=Trial.Kind.REPEAT)
        .select_related("comparison__clip", "comparison__stimulus_1", "comparison__stimulus_2")
        .order_by("block__number", "position")
    )
    last = Block.objects.filter(study=study).aggregate(number=Max("number"))["number"]
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
    wave = 1 + max(block.wave for block in sources)
    kinds = {trial.comparison_id: trial.comparison.kind for trial in left}
    blocks = Block.objects.bulk_create(
        Block(study=study, number=number, wave=wave) for number in range(last + 1, last + 1 + len(packed))
    )
    Trial.objects.bulk_create(
        Trial(
            block=block,
            position=position,
            comparison_id=int(trial.comparison_key),
            left_is_1=trial.left_is_1,
            played_first=trial.played_first,
            kind=kinds[int(trial.comparison_key)],
        )
        for block, trials in zip(blocks, packed, strict=True)
        for position, trial in enumerate(trials, start=1)
    )
    return [block.number for block in blocks]
