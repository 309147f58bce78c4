"""Practice comes first, of clips that the block does not hold, and changes nothing else of a plan."""

from __future__ import annotations

from collections import Counter

import pytest

from analysis import design
from analysis.design import PlannedComparison, plan
from analysis.practice import Candidate, draw

COMPARISONS = [
    PlannedComparison(f"clip{number}", "Rock", first, second)
    for number in range(8)
    for first, second in (("a", "b"), ("a", "c"))
]


def planned(training: int, **options: int) -> design.Design:
    values = {"ratings_per_comparison": 3, "trials_per_block": 4, "seed": 5, **options}
    return plan(COMPARISONS, training_per_block=training, **values)


def test_practice_stands_in_front_and_the_rest_is_as_it_was() -> None:
    plain, practised = planned(0, repeats_per_block=1), planned(2, repeats_per_block=1)
    assert practised.comparisons[: len(plain.comparisons)] == plain.comparisons
    for before, after in zip(plain.blocks, practised.blocks, strict=True):
        assert [trial.kind for trial in after.trials[:2]] == ["training", "training"]
        rest = after.trials[2:]
        assert [(t.comparison, t.left_is_1, t.played_first, t.kind) for t in rest] == [
            (t.comparison, t.left_is_1, t.played_first, t.kind) for t in before.trials
        ]
        assert [t.repeats and t.repeats - 2 for t in rest] == [t.repeats for t in before.trials]


def test_practice_shows_no_clip_of_its_block_and_is_spread_over_blocks() -> None:
    made = planned(2)
    uses: Counter[int] = Counter()
    for block in made.blocks:
        practice = [trial for trial in block.trials if trial.kind == "training"]
        clips = [made.comparisons[trial.comparison].clip_id for trial in practice]
        assert len(set(clips)) == 2
        assert not set(clips) & {made.comparisons[t.comparison].clip_id for t in block.trials if t.kind == "test"}
        uses.update(trial.comparison for trial in practice)
    assert max(uses.values()) - min(uses.values()) <= 2
    assert all(made.comparisons[index].kind == "training" for index in uses)


def test_where_every_clip_is_in_the_block_another_pair_of_it_is_taken() -> None:
    candidates = [Candidate("one", ("a", "b")), Candidate("one", ("a", "c"))]
    ((only,),) = draw(candidates, [[("one", ("a", "b"))]], per_block=1, seed="s")
    assert candidates[only.candidate].pair == ("a", "c")


def test_too_few_clips_give_less_practice_and_none_gives_none() -> None:
    assert [len(row) for row in draw([Candidate("one", ("a", "b"))], [[], []], per_block=3, seed="s")] == [1, 1]
    assert draw([], [[]], per_block=1, seed="s") == [()]


def test_the_same_seed_gives_the_same_practice() -> None:
    assert planned(1) == planned(1)
    assert planned(1).blocks != planned(1, seed=6).blocks


def test_the_plan_file_names_practice_as_such() -> None:
    rows = design.design_rows(planned(1))
    assert Counter(row["kind"] for row in rows)["training"] == len(planned(1).blocks)
    assert [row["position"] for row in rows if row["kind"] == "training"] == [1] * len(planned(1).blocks)


def test_counts_foresee_practice() -> None:
    counts = design.count_trials(16, ratings_per_comparison=3, trials_per_block=4, training_per_block=2)
    made = planned(2)
    assert (counts.training, counts.trials) == (24, sum(len(block.trials) for block in made.blocks))
    assert counts.longest_block == max(len(block.trials) for block in made.blocks)


@pytest.mark.parametrize("training", [0, 1, 3])
def test_only_what_is_practised_is_listed(training: int) -> None:
    made = planned(training)
    used = {trial.comparison for block in made.blocks for trial in block.trials}
    assert used == set(range(len(made.comparisons)))
