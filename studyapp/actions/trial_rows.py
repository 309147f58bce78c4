"""A plan's trials as rows: for a design, a further wave and a pilot's copies alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from analysis.design import PlannedBlock
from studyapp.models import Block, Comparison, Trial


def rows_of(
    shown: PlannedBlock, block: Block, comparisons: Sequence[Comparison], *, behind: int = 0
) -> list[Trial]:
    """Rows, not stored yet, of what a block shows, ``behind`` so many trials that it begins with.

    comparisons: the rows of the plan's comparisons, in its order.
    """
    rows: list[Trial] = []
    for position, trial in enumerate(shown.trials, start=behind + 1):
        rows.append(
            Trial(
                block=block,
                position=position,
                comparison=comparisons[trial.comparison],
                left_is_1=trial.left_is_1,
                played_first=trial.played_first,
                kind=trial.kind,
                # A repeat comes after what it repeats, so that one has its row.
                repeat_of=None if trial.repeats is None else rows[trial.repeats - 1],
            )
        )
    return rows


def store_trials(rows: Collection[Trial]) -> None:
    """Store rows of which some repeat others among them: those last, for they name the others' keys."""
    Trial.objects.bulk_create(row for row in rows if row.repeat_of is None)
    Trial.objects.bulk_create(row for row in rows if row.repeat_of is not None)
