"""A plan's trials as rows: repeats name the row that they repeat, also behind practice and in a pilot's copy."""

from __future__ import annotations

import pytest

from analysis.design import PlannedBlock, PlannedTrial
from studyapp.actions.pilots import start_pilot
from studyapp.actions.trial_rows import rows_of, store_trials
from studyapp.models import Block, Trial
from tests.studyapp.factories import open_study
from tests.studyapp.test_pilots import built

pytestmark = pytest.mark.django_db


def test_repeats_name_the_row_that_they_repeat_behind_what_the_block_begins_with() -> None:
    study = open_study(clips=2, blocks=1)
    comparisons = list(study.comparisons.order_by("pk"))
    block = Block.objects.create(study=study, number=9)
    shown = PlannedBlock(
        (
            PlannedTrial(1, left_is_1=True, played_first="left"),
            PlannedTrial(0, left_is_1=False, played_first="right"),
            PlannedTrial(1, left_is_1=False, played_first="left", kind="repeat", repeats=1),
        )
    )
    store_trials(rows_of(shown, block, comparisons, behind=2))
    first, second, again = block.trials.order_by("position")
    assert [(row.position, row.comparison) for row in (first, second, again)] == [
        (3, comparisons[1]),
        (4, comparisons[0]),
        (5, comparisons[1]),
    ]
    assert (first.repeat_of, second.repeat_of, again.repeat_of) == (None, None, first)
    assert (second.left_is_1, second.played_first, again.kind) == (False, "right", Trial.Kind.REPEAT)


def test_a_pilots_copy_repeats_its_own_trials() -> None:
    study = built(repeats_per_block=1)
    start_pilot(study=study, by=None)
    repeats = Trial.objects.filter(block__in=study.blocks.of_pilot(), kind=Trial.Kind.REPEAT)
    assert repeats.exists()
    for repeat in repeats:
        assert repeat.repeat_of is not None
        assert (repeat.repeat_of.block, repeat.repeat_of.comparison) == (repeat.block, repeat.comparison)
