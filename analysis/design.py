"""Which clips a study compares, and in which order, on which side, by whom. Pure, seeded, stdlib only.

Sampling is per cell (system pair × genre), as in V2Meow's human study (appendix A3). The same facts, numbers and
seed give the same plan, whatever order they come in.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

from analysis.dealing import Card, deal, make_cards, order
from analysis.extra_trials import (
    check_checks,
    check_repeats,
    checking_comparisons,
    with_checks,
    with_repeats,
    with_training,
)
from analysis.planned import (
    CellShortfall,
    Checks,
    ClipFacts,
    Design,
    DesignError,
    Kind,
    PlannedBlock,
    PlannedComparison,
    PlannedTrial,
    Sample,
    Side,
    TrialCounts,
    UnansweredTrial,
)

__all__ = [
    "CellShortfall",
    "Checks",
    "ClipFacts",
    "Design",
    "DesignError",
    "Kind",
    "PlannedBlock",
    "PlannedComparison",
    "PlannedTrial",
    "Sample",
    "Side",
    "TrialCounts",
    "UnansweredTrial",
    "count_trials",
    "design_rows",
    "plan",
    "repack",
    "sample_comparisons",
]

_ATTEMPTS = 25
_NO_CHECKS = Checks()


def sample_comparisons(
    clips: Iterable[ClipFacts], pairs: Iterable[tuple[str, str]], *, clips_per_cell: int, seed: int
) -> Sample:
    """Draw ``clips_per_cell`` clips without replacement for every system pair and genre.

    Only clips that both systems can score are drawn. A cell's draw depends on the seed, its pair and its genre
    alone, so adding a pair changes no other cell.
    """
    if clips_per_cell < 1:
        raise DesignError(f"clips per cell is {clips_per_cell}; it must be at least 1")
    facts = sorted(clips, key=lambda clip: clip.clip_id)
    twice = [clip_id for clip_id, n in Counter(clip.clip_id for clip in facts).items() if n > 1]
    if twice:
        raise DesignError(f"clip {twice[0]!r} is given more than once; clip ids must be unique")
    pairs = sorted(pairs)
    _check_pairs(pairs)
    genres = sorted({clip.genre for clip in facts})
    comparisons: list[PlannedComparison] = []
    shortfalls: list[CellShortfall] = []
    for pair in pairs:
        for genre in genres:
            able = [clip for clip in facts if clip.genre == genre and clip.systems.issuperset(pair)]
            if len(able) < clips_per_cell:
                shortfalls.append(CellShortfall(pair, genre, clips_per_cell, len(able)))
            drawn = random.Random(repr((seed, pair, genre))).sample(able, min(clips_per_cell, len(able)))
            comparisons += [PlannedComparison(clip.clip_id, genre, *pair) for clip in drawn]
    if not comparisons:
        raise DesignError("no clip can be scored by both systems of any pair; add clips or choose other systems")
    return Sample(tuple(sorted(comparisons)), tuple(shortfalls))


def _check_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    if not pairs:
        raise DesignError("no system pair is given; choose at least one")
    seen: set[frozenset[str]] = set()
    for first, second in pairs:
        if first == second:
            raise DesignError(f"system {first!r} is paired with itself; a pair needs two different systems")
        if frozenset((first, second)) in seen:
            raise DesignError(f"the pair {first!r} and {second!r} is given twice; keep one order of it")
        seen.add(frozenset((first, second)))


def count_trials(
    comparisons: int,
    *,
    ratings_per_comparison: int,
    trials_per_block: int,
    repeats_per_block: int = 0,
    checks_per_block: int = 0,
    training_per_block: int = 0,
) -> TrialCounts:
    """What ``plan`` would make of so many comparisons, without making it. Raises DesignError as ``plan`` does."""
    blocks = _block_count(comparisons, ratings_per_comparison, trials_per_block)
    ratings = comparisons * ratings_per_comparison
    shortest, longest = ratings // blocks, -(-ratings // blocks)
    check_repeats(repeats_per_block, shortest)
    check_checks(checks_per_block, shortest)
    more = repeats_per_block + checks_per_block + training_per_block
    return TrialCounts(
        comparisons=comparisons,
        ratings=ratings,
        repeats=blocks * repeats_per_block,
        checks=blocks * checks_per_block,
        training=blocks * training_per_block,
        trials=ratings + blocks * more,
        blocks=blocks,
        shortest_block=shortest + more,
        longest_block=longest + more,
    )


def _block_count(comparisons: int, ratings_per_comparison: int, trials_per_block: int) -> int:
    if comparisons < 1:
        raise DesignError("there is no comparison to rate; add clips or system pairs")
    if ratings_per_comparison < 1:
        raise DesignError(f"ratings per comparison is {ratings_per_comparison}; it must be at least 1")
    if trials_per_block < 1:
        raise DesignError(f"trials per block is {trials_per_block}; it must be at least 1")
    if trials_per_block > comparisons:
        raise DesignError(
            f"a block of {trials_per_block} trials needs as many different comparisons, but there are "
            f"{comparisons}; set trials per block to {comparisons} or less, or add clips or system pairs"
        )
    return -(-comparisons * ratings_per_comparison // trials_per_block)


def plan(
    comparisons: Iterable[PlannedComparison],
    *,
    ratings_per_comparison: int,
    trials_per_block: int,
    repeats_per_block: int = 0,
    checks: Checks = _NO_CHECKS,
    training_per_block: int = 0,
    seed: int,
    shortfalls: Sequence[CellShortfall] = (),
) -> Design:
    """Deal every comparison's ratings into blocks, each block in an order fit to be shown.

    ``trials_per_block`` counts test trials and is an upper bound: blocks are levelled to within one trial of each
    other. A repeat is its original with the sides swapped, at least two trials apart where the block allows it.
    Gold and identical pairs come neither first nor last, where a block is long enough for that, nor beside a trial
    of their clip, and look like any other trial. Training comes first.
    Raises DesignError saying what to change when no such design exists.
    """
    ordered = tuple(sorted(comparisons))
    if len(set(ordered)) < len(ordered):
        twice = next(comparison for comparison, n in Counter(ordered).items() if n > 1)
        raise DesignError(f"the comparison {twice} is given more than once; raise ratings per comparison instead")
    blocks = _block_count(len(ordered), ratings_per_comparison, trials_per_block)
    shortest = len(ordered) * ratings_per_comparison // blocks
    check_repeats(repeats_per_block, shortest)
    check_checks(checks.per_block, shortest)
    checking = checking_comparisons(checks)
    one_clip = len({comparison.clip_id for comparison in ordered}) == 1
    notes = ("there is only one clip, so the same clip follows itself in every block",) if one_clip else ()
    fault = ""
    for attempt in range(_ATTEMPTS):
        rng = random.Random(repr((seed, attempt)))
        hands = deal(make_cards(ordered, ratings_per_comparison, rng), blocks, rng)
        try:
            planned = _show_in_order(hands, repeats_per_block, one_clip, rng)
            planned = with_checks(planned, (*ordered, *checking), len(ordered), checks, one_clip, rng)
        except DesignError as error:
            fault = str(error)
            continue
        practised, planned = with_training(ordered, (*ordered, *checking), planned, training_per_block, seed)
        return Design(seed, (*ordered, *checking, *practised), planned, tuple(shortfalls), notes)
    raise DesignError(fault)


def _show_in_order(
    hands: Sequence[Sequence[Card[PlannedTrial]]], repeats: int, one_clip: bool, rng: random.Random
) -> tuple[PlannedBlock, ...]:
    repeated: Counter[Hashable] = Counter()
    blocks = []
    for hand in hands:
        ordered, clash = order(hand, rng)
        if clash and not one_clip:
            raise DesignError(
                f"a block of {len(hand)} trials would have to show clip {clash!r} twice in a row; "
                "add clips, shorten the blocks, or compare that clip in fewer system pairs"
            )
        blocks.append(with_repeats(ordered, repeats, one_clip, repeated, rng))
    return tuple(blocks)


def repack(
    unanswered: Iterable[UnansweredTrial], *, trials_per_block: int, seed: int
) -> list[tuple[UnansweredTrial, ...]]:
    """Pack what expired sessions left into as few new blocks as the rules allow, of nearly equal size.

    Sides and first player stay as planned, so the balance of the study is kept. No comparison comes twice in a
    block; a clip follows itself only where the trials left offer no other.
    """
    if trials_per_block < 1:
        raise DesignError(f"trials per block is {trials_per_block}; it must be at least 1")
    trials = sorted(unanswered, key=repr)
    if not trials:
        return []
    rng = random.Random(repr((seed, "repack")))
    most = max(Counter(trial.comparison_key for trial in trials).values())
    blocks = max(most, -(-len(trials) // trials_per_block))
    by_key: Mapping[Hashable, list[Card[UnansweredTrial]]] = defaultdict(list)
    for trial in trials:
        card: Card[UnansweredTrial] = Card(trial.comparison_key, trial.clip_id, trial.genre, trial.pair, trial)
        by_key[trial.comparison_key].append(card)
    groups = sorted(rng.sample(list(by_key.values()), len(by_key)), key=lambda group: group[0].pair)
    hands = deal([card for group in groups for card in group], blocks, rng)
    return [tuple(card.content for card in order(hand, rng)[0]) for hand in hands]


def design_rows(design: Design) -> list[dict[str, str | int]]:
    """The plan as flat rows for the exported design file, one row per trial, blocks and positions from 1.

    A plan with gold pairs also says which system is expected to be preferred.
    """
    checked = any(comparison.expected for comparison in design.comparisons)
    rows: list[dict[str, str | int]] = []
    for number, block in enumerate(design.blocks, start=1):
        for position, trial in enumerate(block.trials, start=1):
            comparison = design.comparisons[trial.comparison]
            left, right = comparison.pair if trial.left_is_1 else reversed(comparison.pair)
            rows.append(
                {
                    "seed": design.seed,
                    "block": number,
                    "position": position,
                    "kind": trial.kind,
                    "repeat_of_position": trial.repeats or "",
                    "clip_id": comparison.clip_id,
                    "genre": comparison.genre,
                    "system_1": comparison.system_1,
                    "system_2": comparison.system_2,
                    "system_left": left,
                    "system_right": right,
                    "played_first": trial.played_first,
                }
            )
            if checked:
                rows[-1]["expected"] = comparison.expected
    return rows
