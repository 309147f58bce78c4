"""What a block holds beside its test trials: repeats, gold and identical pairs, and training in front."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from analysis import practice
from analysis.dealing import Card, clip_fits
from analysis.planned import Checks, DesignError, Kind, PlannedBlock, PlannedComparison, PlannedTrial, Side

Hashed = TypeVar("Hashed", bound=Hashable)


def check_repeats(repeats_per_block: int, shortest_block: int) -> None:
    if repeats_per_block < 0:
        raise DesignError(f"repeats per block is {repeats_per_block}; it cannot be negative")
    if repeats_per_block and shortest_block < 2:
        raise DesignError(
            "a repeat needs another trial between it and its original; make blocks longer than 1 trial"
        )
    if repeats_per_block > shortest_block // 2:
        raise DesignError(
            f"{repeats_per_block} repeats are more than half of a block of {shortest_block} trials; "
            f"set repeats per block to {shortest_block // 2} or less"
        )


def check_checks(checks_per_block: int, shortest_block: int) -> None:
    if checks_per_block < 0:
        raise DesignError(f"gold and identical pairs per block are {checks_per_block}; they cannot be negative")
    if checks_per_block > shortest_block:
        raise DesignError(
            f"{checks_per_block} gold and identical pairs are more than the {shortest_block} trials of a block; "
            "lower them or lengthen the blocks"
        )


def with_repeats(
    ordered: Sequence[Card[PlannedTrial]],
    repeats: int,
    one_clip: bool,
    repeated: Counter[Hashable],
    rng: random.Random,
) -> PlannedBlock:
    """Put ``repeats`` swapped copies behind their originals, comparisons repeated least so far first."""
    shown = list(ordered)
    taken: set[Hashable] = set()
    for _ in range(repeats):
        places = [
            (distance < 3, repeated[card.key], 2 * distance < len(shown), rng.random(), original, place)
            for original, card in enumerate(shown)
            if card.content.kind == "test" and card.key not in taken
            for place in range(original + 2, len(shown) + 1)
            if (distance := place - original) and (one_clip or clip_fits(shown, place, card.clip))
        ]
        if not places:
            raise DesignError(
                f"a block of {len(ordered)} trials has no room for {repeats} repeats away from their originals; "
                "lower repeats per block, lengthen the blocks or add clips"
            )
        *_, original, place = min(places)
        card = shown[original]
        trial = replace(card.content, left_is_1=not card.content.left_is_1, kind="repeat")
        shown.insert(place, replace(card, content=trial))
        taken.add(card.key)
        repeated[card.key] += 1
    position = {card.key: index for index, card in enumerate(shown, start=1) if card.content.kind == "test"}
    return PlannedBlock(
        tuple(
            replace(card.content, repeats=position[card.key]) if card.content.kind == "repeat" else card.content
            for card in shown
        )
    )


def checking_comparisons(checks: Checks) -> tuple[PlannedComparison, ...]:
    """The comparisons that check raters, gold ones first. Raises DesignError where there are too few."""
    for name, wanted, given in (
        ("gold", checks.gold_per_block, checks.gold),
        ("identical", checks.identical_per_block, checks.identical),
    ):
        if wanted > len(given):
            raise DesignError(
                f"{wanted} {name} pairs a block need as many different ones, and the clips give {len(given)}; "
                f"lower {name} pairs per block or add clips"
            )
    gold = tuple(sorted(checks.gold)) if checks.gold_per_block else ()
    return (*gold, *(sorted(checks.identical) if checks.identical_per_block else ()))


def with_checks(
    blocks: Sequence[PlannedBlock],
    comparisons: Sequence[PlannedComparison],
    ordinary: int,
    checks: Checks,
    one_clip: bool,
    rng: random.Random,
) -> tuple[PlannedBlock, ...]:
    """Put gold and identical pairs into every block, those used least so far first.

    ``comparisons`` from number ``ordinary`` on are those of the checks.
    """
    used: Counter[int] = Counter()
    lefts: Counter[tuple[Kind, bool]] = Counter()
    firsts: Counter[tuple[Kind, Side]] = Counter()
    by_kind: dict[Kind, list[int]] = defaultdict(list)
    for index in range(ordinary, len(comparisons)):
        by_kind[comparisons[index].kind].append(index)
    gold: list[Kind] = ["gold"]
    identical: list[Kind] = ["identical"]
    wanted = gold * checks.gold_per_block + identical * checks.identical_per_block
    made = []
    for block in blocks:
        shown = list(block.trials)
        for kind in wanted:
            place, index = _free_place(shown, by_kind[kind], comparisons, used, one_clip, rng)
            # A version beside itself has no sides to be changed.
            side = _rarer(lefts, [(kind, True)] if kind == "identical" else [(kind, True), (kind, False)], rng)
            sooner: Sequence[tuple[Kind, Side]] = [(kind, "left"), (kind, "right")]
            first = _rarer(firsts, sooner, rng)
            used[index] += 1
            lefts[side] += 1
            firsts[first] += 1
            shown.insert(place, PlannedTrial(index, side[1], first[1], kind))
            shown = [
                replace(trial, repeats=trial.repeats + 1) if trial.repeats and trial.repeats > place else trial
                for trial in shown
            ]
        made.append(PlannedBlock(tuple(shown)))
    return tuple(made)


def with_training(
    tests: Sequence[PlannedComparison],
    comparisons: Sequence[PlannedComparison],
    blocks: Sequence[PlannedBlock],
    per_block: int,
    seed: int,
) -> tuple[tuple[PlannedComparison, ...], tuple[PlannedBlock, ...]]:
    """Put practice in front of every block; the comparisons it is made of, and the blocks."""
    held = [
        [(comparisons[trial.comparison].clip_id, comparisons[trial.comparison].pair) for trial in block.trials]
        for block in blocks
    ]
    candidates = [practice.Candidate(comparison.clip_id, comparison.pair) for comparison in tests]
    drawn = practice.draw(candidates, held, per_block=per_block, seed=repr((seed, "training")))
    used = sorted({one.candidate for row in drawn for one in row})
    number = {candidate: len(comparisons) + place for place, candidate in enumerate(used)}
    made = []
    for block, row in zip(blocks, drawn, strict=True):
        first = [PlannedTrial(number[one.candidate], one.left_is_1, one.played_first, "training") for one in row]
        later = len(first)
        rest = [
            replace(trial, repeats=trial.repeats + later) if trial.repeats else trial for trial in block.trials
        ]
        made.append(PlannedBlock((*first, *rest)))
    return tuple(replace(tests[candidate], practice=True) for candidate in used), tuple(made)


def _free_place(
    shown: Sequence[PlannedTrial],
    candidates: Sequence[int],
    comparisons: Sequence[PlannedComparison],
    used: Counter[int],
    one_clip: bool,
    rng: random.Random,
) -> tuple[int, int]:
    """Where in a block a check goes, and which: not at its ends, away from other checks and from its own clip."""
    here = {trial.comparison for trial in shown}
    clips = [comparisons[trial.comparison].clip_id for trial in shown]
    checked = [place for place, trial in enumerate(shown) if trial.kind in ("gold", "identical")]
    places = [
        (
            place in (0, len(shown)),
            used[index],
            any(abs(place - other) < 2 for other in checked),
            rng.random(),
            place,
            index,
        )
        for place in range(len(shown) + 1)
        for index in candidates
        if index not in here
        and (one_clip or comparisons[index].clip_id not in clips[max(0, place - 1) : place + 1])
    ]
    if not places:
        raise DesignError(
            f"a block of {len(shown)} trials has no room for another gold or identical pair away from its clip; "
            "lower them, lengthen the blocks or add clips"
        )
    *_, place, index = min(places)
    return place, index


def _rarer(counts: Counter[Hashed], options: Sequence[Hashed], rng: random.Random) -> Hashed:
    return min(options, key=lambda option: (counts[option], rng.random()))
