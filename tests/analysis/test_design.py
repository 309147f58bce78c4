"""The plan of a study keeps its promises for every shape and seed."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest

from analysis.design import (
    Checks,
    ClipFacts,
    Design,
    DesignError,
    PlannedComparison,
    UnansweredTrial,
    count_trials,
    design_rows,
    plan,
    repack,
    sample_comparisons,
)

SYSTEMS = [f"system-{letter}" for letter in "abcdef"]
PAIRS = list(itertools.combinations(SYSTEMS, 2))

# pairs, genres, clips per cell, ratings, trials per block, repeats
SHAPES = [
    (1, 4, 3, 3, 12, 2),
    (3, 4, 3, 3, 12, 1),
    (3, 4, 2, 5, 7, 0),
    (15, 2, 1, 5, 10, 0),
    (3, 1, 5, 4, 8, 1),
    (6, 1, 2, 3, 6, 0),
    (10, 4, 3, 2, 20, 3),
    (2, 2, 1, 3, 4, 1),
    (1, 2, 1, 5, 2, 0),
    (2, 9, 2, 1, 10, 1),
    (5, 3, 4, 6, 11, 2),
]


def clips_of(genres: int, per_genre: int) -> list[ClipFacts]:
    return [
        ClipFacts(f"genre-{g}-clip-{c}", f"genre-{g}", frozenset(SYSTEMS))
        for g in range(genres)
        for c in range(per_genre)
    ]


def design_of(shape: tuple[int, int, int, int, int, int], seed: int) -> Design:
    pairs, genres, clips, ratings, trials, repeats = shape
    sample = sample_comparisons(clips_of(genres, clips), PAIRS[:pairs], clips_per_cell=clips, seed=seed)
    return plan(
        sample.comparisons,
        ratings_per_comparison=ratings,
        trials_per_block=trials,
        repeats_per_block=repeats,
        seed=seed,
    )


def spread(counts: list[Counter[str]]) -> int:
    return max(
        max(c[key] for c in counts) - min(c[key] for c in counts) for key in set().union(*(set(c) for c in counts))
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_plan_keeps_every_rule(shape: tuple[int, int, int, int, int, int], seed: int) -> None:
    ratings, trials_per_block, repeats = shape[3:]
    design = design_of(shape, seed)
    tests = [[t for t in block.trials if t.kind == "test"] for block in design.blocks]
    seen: dict[int, list[tuple[bool, str]]] = {}
    for block in tests:
        assert len({t.comparison for t in block}) == len(block)
        for trial in block:
            seen.setdefault(trial.comparison, []).append((trial.left_is_1, trial.played_first))
    assert set(seen) == set(range(len(design.comparisons)))
    for shown in seen.values():
        assert len(shown) == ratings
        assert abs(2 * sum(left for left, _ in shown) - ratings) <= 1
        assert abs(2 * sum(first == "left" for _, first in shown) - ratings) <= 1
        joint = Counter(shown)
        cells = [joint[cell] for cell in itertools.product((True, False), ("left", "right"))]
        assert max(cells) - min(cells) <= 1
    sizes = [len(block) for block in tests]
    assert max(sizes) <= trials_per_block
    assert max(sizes) - min(sizes) <= 1
    assert (
        spread([Counter("/".join(design.comparisons[t.comparison].pair) for t in block) for block in tests]) <= 2
    )
    assert spread([Counter(design.comparisons[t.comparison].genre for t in block) for block in tests]) <= 3
    for block in design.blocks:
        clips = [design.comparisons[t.comparison].clip_id for t in block.trials]
        assert all(one != next_one for one, next_one in itertools.pairwise(clips))
        again = [(place, t) for place, t in enumerate(block.trials, start=1) if t.kind == "repeat"]
        assert len(again) == repeats
        for place, trial in again:
            assert trial.repeats is not None
            original = block.trials[trial.repeats - 1]
            assert trial == replace(
                original, left_is_1=not original.left_is_1, kind="repeat", repeats=trial.repeats
            )
            assert place - trial.repeats >= (3 if len(block.trials) >= 8 else 2)


@pytest.mark.parametrize("ratings", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(5))
def test_sides_are_level_over_the_study_and_its_cells(ratings: int, seed: int) -> None:
    design = design_of((3, 4, 3, ratings, 12, 0), seed)
    sides: dict[object, list[int]] = {}
    for block in design.blocks:
        for trial in block.trials:
            comparison = design.comparisons[trial.comparison]
            side = 1 if trial.left_is_1 else -1
            first = 1 if trial.played_first == "left" else -1
            for cell in ("study", comparison.pair, (comparison.pair, comparison.genre)):
                sides.setdefault(("side", cell), []).append(side)
                sides.setdefault(("first", cell), []).append(first)
    assert abs(sum(sides["side", "study"])) <= 1
    assert abs(sum(sides["first", "study"])) <= 1
    assert max(abs(sum(values)) for values in sides.values()) <= 2


def test_neighbours_change_genre_and_pair_when_there_is_a_choice() -> None:
    design = design_of((6, 5, 4, 3, 12, 0), seed=4)
    neighbours = [
        (design.comparisons[a.comparison], design.comparisons[b.comparison])
        for block in design.blocks
        for a, b in itertools.pairwise(block.trials)
    ]
    assert sum(a.genre == b.genre for a, b in neighbours) <= 0.03 * len(neighbours)
    assert sum(a.pair == b.pair for a, b in neighbours) <= 0.03 * len(neighbours)


@pytest.mark.parametrize("seed", range(10))
def test_same_seed_gives_the_same_plan_in_any_order_and_another_seed_another(seed: int) -> None:
    clips = clips_of(4, 6)
    sample = sample_comparisons(clips, PAIRS[:4], clips_per_cell=4, seed=seed)
    shuffled = random.Random(seed).sample(clips, len(clips))
    assert sample_comparisons(shuffled, PAIRS[3::-1], clips_per_cell=4, seed=seed) == sample
    again = random.Random(seed).sample(sample.comparisons, len(sample.comparisons))
    numbers = {"ratings_per_comparison": 3, "trials_per_block": 10, "repeats_per_block": 1}
    assert plan(again, **numbers, seed=seed) == plan(sample.comparisons, **numbers, seed=seed)
    assert plan(sample.comparisons, **numbers, seed=seed + 1).blocks != plan(again, **numbers, seed=seed).blocks


def test_only_clips_that_both_systems_can_score_are_drawn_and_shortfalls_are_told() -> None:
    clips = [
        ClipFacts("x1", "pop", frozenset({"a", "b"})),
        ClipFacts("x2", "pop", frozenset({"a"})),
        ClipFacts("x3", "rock", frozenset({"a", "b", "c"})),
        ClipFacts("x4", "rock", frozenset({"a", "b"})),
    ]
    sample = sample_comparisons(clips, [("a", "b"), ("c", "a")], clips_per_cell=2, seed=1)
    assert set(sample.comparisons) == {
        PlannedComparison("x1", "pop", "a", "b"),
        PlannedComparison("x3", "rock", "a", "b"),
        PlannedComparison("x4", "rock", "a", "b"),
        PlannedComparison("x3", "rock", "c", "a"),
    }
    assert [(s.pair, s.genre, s.wanted, s.found) for s in sample.shortfalls] == [
        (("a", "b"), "pop", 2, 1),
        (("c", "a"), "pop", 2, 0),
        (("c", "a"), "rock", 2, 1),
    ]


def test_another_pair_leaves_the_other_cells_as_they_were() -> None:
    few = sample_comparisons(clips_of(3, 9), PAIRS[:2], clips_per_cell=4, seed=8).comparisons
    more = sample_comparisons(clips_of(3, 9), PAIRS[:3], clips_per_cell=4, seed=8).comparisons
    assert set(few) < set(more)


def test_every_clip_has_the_same_chance() -> None:
    drawn = Counter(
        comparison.clip_id
        for seed in range(400)
        for comparison in sample_comparisons(clips_of(1, 8), PAIRS[:1], clips_per_cell=2, seed=seed).comparisons
    )
    assert len(drawn) == 8
    assert all(60 <= n <= 140 for n in drawn.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials_per_block": 13}, "set trials per block to 12 or less"),
        ({"ratings_per_comparison": 0}, "ratings per comparison is 0"),
        ({"trials_per_block": 0}, "trials per block is 0"),
        ({"repeats_per_block": 7}, "set repeats per block to 6 or less"),
        ({"repeats_per_block": -1}, "cannot be negative"),
        ({"trials_per_block": 1, "repeats_per_block": 1}, "make blocks longer"),
    ],
)
def test_impossible_numbers_say_what_to_change(change: dict[str, int], message: str) -> None:
    sample = sample_comparisons(clips_of(4, 3), PAIRS[:1], clips_per_cell=3, seed=1)
    numbers = {"ratings_per_comparison": 3, "trials_per_block": 12, "repeats_per_block": 0} | change
    with pytest.raises(DesignError, match=message):
        plan(sample.comparisons, **numbers, seed=1)
    with pytest.raises(DesignError, match=message):
        count_trials(12, **numbers)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [([], "no system pair"), ([("a", "a")], "with itself"), ([("a", "b"), ("b", "a")], "given twice")],
)
def test_impossible_pairs_are_refused(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        sample_comparisons([ClipFacts("x", "pop", frozenset("ab"))], pairs, clips_per_cell=1, seed=1)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(DesignError, match="no clip can be scored by both"):
        sample_comparisons([ClipFacts("x", "pop", frozenset("a"))], [("a", "b")], clips_per_cell=1, seed=1)
    with pytest.raises(DesignError, match="no comparison to rate"):
        plan([], ratings_per_comparison=1, trials_per_block=1, seed=1)


def test_one_clip_may_follow_itself_and_the_design_says_so() -> None:
    comparisons = [PlannedComparison("only", "pop", *pair) for pair in PAIRS[:4]]
    design = plan(comparisons, ratings_per_comparison=2, trials_per_block=4, repeats_per_block=1, seed=1)
    assert "only one clip" in design.notes[0]
    assert [len(block.trials) for block in design.blocks] == [5, 5]


def test_one_clip_too_many_is_an_error_that_names_it() -> None:
    comparisons = [PlannedComparison("often", "pop", *pair) for pair in PAIRS[:6]]
    comparisons.append(PlannedComparison("once", "pop", *PAIRS[0]))
    with pytest.raises(DesignError, match="clip 'often' twice in a row"):
        plan(comparisons, ratings_per_comparison=2, trials_per_block=7, seed=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_counts_shown_while_configuring_are_those_of_the_plan(shape: tuple[int, int, int, int, int, int]) -> None:
    pairs, genres, clips, ratings, trials, repeats = shape
    counts = count_trials(
        pairs * genres * clips,
        ratings_per_comparison=ratings,
        trials_per_block=trials,
        repeats_per_block=repeats,
    )
    design = design_of(shape, 1)
    sizes = [len(block.trials) for block in design.blocks]
    assert (counts.blocks, counts.trials) == (len(sizes), sum(sizes))
    assert (counts.shortest_block, counts.longest_block) == (min(sizes), max(sizes))
    assert counts.ratings + counts.repeats == counts.trials


def test_exported_plan_names_the_sides() -> None:
    design = design_of((2, 3, 2, 2, 6, 1), 3)
    rows = design_rows(design)
    assert len(rows) == sum(len(block.trials) for block in design.blocks)
    for row in rows:
        assert {row["system_left"], row["system_right"]} == {row["system_1"], row["system_2"]}
        if row["kind"] == "repeat":
            original = next(
                r for r in rows if (r["block"], r["position"]) == (row["block"], row["repeat_of_position"])
            )
            assert (row["system_left"], row["system_right"]) == (original["system_right"], original["system_left"])


def left_over(design: Design, every: int) -> list[UnansweredTrial]:
    trials = [t for block in design.blocks for t in block.trials if t.kind == "test"][::every]
    return [
        UnansweredTrial(
            t.comparison,
            design.comparisons[t.comparison].clip_id,
            design.comparisons[t.comparison].genre,
            design.comparisons[t.comparison].pair,
            t.left_is_1,
            t.played_first,
        )
        for t in trials
    ]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("every", [1, 2, 5])
def test_repacking_keeps_every_trial_and_its_sides(shape: tuple[int, int, int, int, int, int], every: int) -> None:
    left = left_over(design_of(shape, 2), every)
    blocks = repack(left, trials_per_block=shape[4], seed=9)
    assert Counter(t for block in blocks for t in block) == Counter(left)
    assert all(len({t.comparison_key for t in block}) == len(block) for block in blocks)
    sizes = [len(block) for block in blocks]
    assert max(sizes) <= shape[4]
    assert max(sizes) - min(sizes) <= 1
    assert repack(left[::-1], trials_per_block=shape[4], seed=9) == blocks


def test_repacking_shows_no_clip_twice_in_a_row_where_possible() -> None:
    left = left_over(design_of((3, 4, 3, 3, 12, 0), 2), 3)
    for block in repack(left, trials_per_block=12, seed=1):
        assert all(a.clip_id != b.clip_id for a, b in itertools.pairwise(block))


@pytest.mark.parametrize("ratings", [3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_wave_after_wave_of_expired_sessions_leaves_the_sides_of_every_comparison_level(
    ratings: int, seed: int
) -> None:
    rng = random.Random(seed)
    blocks: list[tuple[UnansweredTrial, ...]] = [tuple(left_over(design_of((3, 4, 3, ratings, 12, 1), seed), 1))]
    answered: dict[str | int, list[UnansweredTrial]] = {}
    for wave in range(100):
        left: list[UnansweredTrial] = []
        for block in blocks:
            stop = rng.randint(0 if wave == 0 else 1, len(block))
            for trial in block[:stop]:
                answered.setdefault(trial.comparison_key, []).append(trial)
            left += block[stop:]
        blocks = repack(left, trials_per_block=12, seed=seed + wave)
        assert all(len({trial.comparison_key for trial in block}) == len(block) for block in blocks)
        if not blocks:
            break
    assert not blocks
    for trials in answered.values():
        assert len(trials) == ratings
        assert abs(sum(1 if trial.left_is_1 else -1 for trial in trials)) <= 1
        assert abs(sum(1 if trial.played_first == "left" else -1 for trial in trials)) <= 1


def test_repacking_little_or_nothing() -> None:
    assert repack([], trials_per_block=5, seed=1) == []
    one = UnansweredTrial("key", "clip", "pop", ("a", "b"), True, "left")
    assert repack([one], trials_per_block=5, seed=1) == [(one,)]
    assert repack([one, replace(one, left_is_1=False)], trials_per_block=5, seed=1) in (
        [(one,), (replace(one, left_is_1=False),)],
        [(replace(one, left_is_1=False),), (one,)],
    )


def test_a_large_study_is_planned_in_two_seconds() -> None:
    started = time.process_time()
    design = design_of((15, 9, 10, 5, 12, 1), 1)
    assert len(design.comparisons) == 1350
    assert time.process_time() - started < 2


def test_the_web_process_can_import_the_design_without_the_heavy_packages() -> None:
    code = (
        "import sys, analysis.design; "
        "sys.exit(any(m in sys.modules for m in ('numpy','pandas','scipy','django','torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def checks_of(shape: tuple[int, int, int, int, int, int], gold: int, identical: int) -> Checks:
    clips = clips_of(shape[1], 4)
    return Checks(
        gold=tuple(PlannedComparison(c.clip_id, c.genre, "foil", "truth", expected="truth") for c in clips),
        identical=tuple(PlannedComparison(c.clip_id, c.genre, "system-a", "system-a") for c in clips),
        gold_per_block=gold,
        identical_per_block=identical,
    )


def plan_with_checks(shape: tuple[int, int, int, int, int, int], seed: int, gold: int, identical: int) -> Design:
    pairs, genres, clips, ratings, trials, repeats = shape
    sample = sample_comparisons(clips_of(genres, clips), PAIRS[:pairs], clips_per_cell=clips, seed=seed)
    return plan(
        sample.comparisons,
        ratings_per_comparison=ratings,
        trials_per_block=trials,
        repeats_per_block=repeats,
        checks=checks_of(shape, gold, identical),
        seed=seed,
    )


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[4] >= 6])
@pytest.mark.parametrize("seed", [0, 7])
def test_checks_come_in_every_block_level_and_away_from_ends_and_clip(
    shape: tuple[int, int, int, int, int, int], seed: int
) -> None:
    design = plan_with_checks(shape, seed, 2, 1)
    used: Counter[int] = Counter()
    sides: Counter[tuple[str, bool]] = Counter()
    for block in design.blocks:
        kinds = Counter(trial.kind for trial in block.trials)
        assert (kinds["gold"], kinds["identical"]) == (2, 1)
        shown = [design.comparisons[trial.comparison] for trial in block.trials]
        for place, (trial, comparison) in enumerate(zip(block.trials, shown, strict=True)):
            if trial.repeats is not None:
                original = block.trials[trial.repeats - 1]
                assert (original.comparison, original.left_is_1) == (trial.comparison, not trial.left_is_1)
                continue
            assert trial.kind == comparison.kind
            if trial.kind not in ("gold", "identical"):
                continue
            used[trial.comparison] += 1
            sides[trial.kind, trial.left_is_1] += 1
            assert 0 < place < len(shown) - 1
            assert comparison.clip_id not in (shown[place - 1].clip_id, shown[place + 1].clip_id)
        assert len({trial.comparison for trial in block.trials if trial.kind == "gold"}) == 2
    assert abs(sides["gold", True] - sides["gold", False]) <= 1
    assert sides["identical", False] == 0
    for kind in ("gold", "identical"):
        uses = [used[i] for i, comparison in enumerate(design.comparisons) if comparison.kind == kind]
        assert max(uses) - min(uses) <= 2


def test_checks_change_nothing_about_the_rest_of_the_plan() -> None:
    shape = SHAPES[0]
    without, with_checks = design_of(shape, 3), plan_with_checks(shape, 3, 2, 1)
    for bare, block in zip(without.blocks, with_checks.blocks, strict=True):
        left = [trial for trial in block.trials if trial.kind not in ("gold", "identical")]
        assert [replace(trial, repeats=None) for trial in left] == [
            replace(trial, repeats=None) for trial in bare.trials
        ]


def test_only_a_plan_with_gold_pairs_says_what_is_expected() -> None:
    assert "expected" not in design_rows(design_of(SHAPES[0], 0))[0]
    rows = design_rows(plan_with_checks(SHAPES[0], 0, 1, 1))
    assert {row["kind"]: row["expected"] for row in rows} == {
        "test": "", "repeat": "", "gold": "truth", "identical": ""
    }  # fmt: skip


def test_too_many_or_missing_checks_say_what_to_change() -> None:
    with pytest.raises(DesignError, match="lower them or lengthen the blocks"):
        plan_with_checks((1, 4, 3, 3, 4, 0), 0, 4, 1)
    with pytest.raises(
        DesignError, match="2 gold pairs a block need as many different ones, and the clips give 0"
    ):
        plan(design_of(SHAPES[0], 0).comparisons, ratings_per_comparison=3, trials_per_block=12, seed=0,
             checks=Checks(gold_per_block=2))  # fmt: skip
    counts = count_trials(12, ratings_per_comparison=3, trials_per_block=12, checks_per_block=3)
    assert (counts.checks, counts.trials, counts.longest_block) == (9, 45, 15)
