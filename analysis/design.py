"""Which clips a study compares, and in which order, on which side, by whom. Pure, seeded, stdlib only.

Sampling is per cell (system pair × genre), as in V2Meow's human study (appendix A3). Blocks are dealt, not drawn:
every comparison gets its ratings in different blocks, and block sizes, system pairs, clips and genres stay level
while dealing. The same facts, numbers and seed give the same plan, whatever order they come in.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from analysis import practice

Side = Literal["left", "right"]
Kind = Literal["test", "repeat", "gold", "identical", "training"]
T = TypeVar("T")
Hashed = TypeVar("Hashed", bound=Hashable)

# Looking at every block for every trial is quadratic; so many of the shortest, drawn at random, level as well.
_BLOCKS_LOOKED_AT = 48
_ATTEMPTS = 25


class DesignError(ValueError):
    """The design asked for cannot be made; the message says which number to change."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What sampling needs to know of a clip: which systems can score it."""

    clip_id: str
    genre: str
    systems: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class PlannedComparison:
    """Two systems on one clip; ``system_1`` and ``system_2`` keep the order of their pair (canonical).

    expected: the system of a gold pair that is known to be the better one; a system beside itself is an identical
    pair. Both check the rater and are never estimated from; nor is what is for practice.
    """

    clip_id: str
    genre: str
    system_1: str
    system_2: str
    expected: str = ""
    practice: bool = False

    @property
    def kind(self) -> Kind:
        """What a trial of it is for: training, gold, identical, or a test."""
        if self.practice:
            return "training"
        if self.system_1 == self.system_2:
            return "identical"
        return "gold" if self.expected else "test"

    @property
    def pair(self) -> tuple[str, str]:
        return (self.system_1, self.system_2)


@dataclass(frozen=True, slots=True)
class CellShortfall:
    """A cell with fewer clips than wanted; it gives all it has."""

    pair: tuple[str, str]
    genre: str
    wanted: int
    found: int


@dataclass(frozen=True, slots=True)
class Sample:
    comparisons: tuple[PlannedComparison, ...]
    shortfalls: tuple[CellShortfall, ...]


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One presentation. ``comparison`` indexes ``Design.comparisons``.

    ``repeats`` is the position (from 1, in the same block) of the trial this one repeats, else None.
    """

    comparison: int
    left_is_1: bool
    played_first: Side
    kind: Kind = "test"
    repeats: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedBlock:
    """The ordered trials of one session; a trial's position is its index + 1."""

    trials: tuple[PlannedTrial, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """The whole plan. ``notes`` says which rule had to be relaxed, and why."""

    seed: int
    comparisons: tuple[PlannedComparison, ...]
    blocks: tuple[PlannedBlock, ...]
    shortfalls: tuple[CellShortfall, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnansweredTrial:
    """A test trial that an expired session left; ``comparison_key`` is the caller's identity of the comparison."""

    comparison_key: str | int
    clip_id: str
    genre: str
    pair: tuple[str, str]
    left_is_1: bool
    played_first: Side


@dataclass(frozen=True, slots=True)
class TrialCounts:
    """What a configuration asks of raters. One block is one session; ``ratings`` are the test trials."""

    comparisons: int
    ratings: int
    repeats: int
    checks: int
    training: int
    trials: int
    blocks: int
    shortest_block: int
    longest_block: int


@dataclass(frozen=True, slots=True)
class Checks:
    """Comparisons that check the rater, and how many of a kind each block gets; drawn from level over blocks."""

    gold: tuple[PlannedComparison, ...] = ()
    identical: tuple[PlannedComparison, ...] = ()
    gold_per_block: int = 0
    identical_per_block: int = 0

    @property
    def per_block(self) -> int:
        return self.gold_per_block + self.identical_per_block


@dataclass(frozen=True, slots=True)
class _Card(Generic[T]):
    """What dealing and ordering look at; ``content`` comes through untouched."""

    key: Hashable
    clip: str
    genre: str
    pair: tuple[str, str]
    content: T


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
    _check_repeats(repeats_per_block, shortest)
    _check_checks(checks_per_block, shortest)
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


def _check_repeats(repeats_per_block: int, shortest_block: int) -> None:
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


def _check_checks(checks_per_block: int, shortest_block: int) -> None:
    if checks_per_block < 0:
        raise DesignError(f"gold and identical pairs per block are {checks_per_block}; they cannot be negative")
    if checks_per_block > shortest_block:
        raise DesignError(
            f"{checks_per_block} gold and identical pairs are more than the {shortest_block} trials of a block; "
            "lower them or lengthen the blocks"
        )


def plan(
    comparisons: Iterable[PlannedComparison],
    *,
    ratings_per_comparison: int,
    trials_per_block: int,
    repeats_per_block: int = 0,
    checks: Checks = Checks(),
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
    _check_repeats(repeats_per_block, shortest)
    _check_checks(checks.per_block, shortest)
    checking = _checking(checks)
    one_clip = len({comparison.clip_id for comparison in ordered}) == 1
    notes = ("there is only one clip, so the same clip follows itself in every block",) if one_clip else ()
    fault = ""
    for attempt in range(_ATTEMPTS):
        rng = random.Random(repr((seed, attempt)))
        hands = _deal(_cards(ordered, ratings_per_comparison, rng), blocks, rng)
        try:
            planned = _show_in_order(hands, repeats_per_block, one_clip, rng)
            planned = _with_checks(planned, (*ordered, *checking), len(ordered), checks, one_clip, rng)
        except DesignError as error:
            fault = str(error)
            continue
        practised, planned = _with_training(ordered, (*ordered, *checking), planned, training_per_block, seed)
        return Design(seed, (*ordered, *checking, *practised), planned, tuple(shortfalls), notes)
    raise DesignError(fault)


def _cards(
    comparisons: Sequence[PlannedComparison], ratings: int, rng: random.Random
) -> list[_Card[PlannedTrial]]:
    """Every test trial with its sides, a comparison's trials together, a pair's comparisons together."""
    by_pair: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in rng.sample(range(len(comparisons)), len(comparisons)):
        by_pair[comparisons[index].pair].append(index)
    pairs = sorted(by_pair)
    rng.shuffle(pairs)
    swap_side, swap_first = rng.random() < 0.5, rng.random() < 0.5
    by_cell = {pair: sorted(by_pair[pair], key=lambda index: comparisons[index].genre) for pair in pairs}
    place = {index: n for n, index in enumerate(index for pair in pairs for index in by_cell[pair])}
    cards = []
    for pair in pairs:
        for index in _genres_in_turn(by_pair[pair], comparisons):
            comparison = comparisons[index]
            sides = _sides(ratings, place[index])
            rng.shuffle(sides)
            for left_is_1, left_first in sides:
                trial = PlannedTrial(
                    index, left_is_1 != swap_side, "left" if left_first != swap_first else "right"
                )
                cards.append(_Card(index, comparison.clip_id, comparison.genre, pair, trial))
    return cards


def _genres_in_turn(indices: Sequence[int], comparisons: Sequence[PlannedComparison]) -> list[int]:
    queues: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        queues[comparisons[index].genre].append(index)
    turns = [(turn, genre, index) for genre, queue in queues.items() for turn, index in enumerate(queue)]
    return [index for _, _, index in sorted(turns)]


def _sides(ratings: int, place: int) -> list[tuple[bool, bool]]:
    """``ratings`` presentations (system 1 left?, left played first?) of the comparison at ``place`` in the study.

    Both marginals differ by at most one, and so do the four joint cells. What is left over after full fours goes
    round from one comparison to the next, so the study is level to within one and its cells to within two.
    Neighbouring places are comparisons of one pair and genre.
    """
    four = [(True, True), (False, False), (True, False), (False, True)]
    whole, rest = divmod(ratings, 4)
    if rest == 1:
        extra = [four[place % 4]]
    elif rest == 2:
        extra = four[:2] if place % 2 == 0 else four[2:]
    elif rest == 3:
        extra = [cell for cell in four if cell != four[place % 4]]
    else:
        extra = []
    return four * whole + extra


def _deal(cards: Sequence[_Card[T]], blocks: int, rng: random.Random) -> list[list[_Card[T]]]:
    """Give each card to one of the shortest blocks, best the one with least of its pair, clip and genre.

    Cards with one key must be neighbours in ``cards`` and at most ``blocks`` of them: then a shortest block
    without that key always exists, because a round of dealing visits every block once.
    """
    hands: list[list[_Card[T]]] = [[] for _ in range(blocks)]
    keys: list[set[Hashable]] = [set() for _ in range(blocks)]
    counts: list[Counter[Hashable]] = [Counter() for _ in range(blocks)]
    size = -(-len(cards) // blocks)
    waiting: list[int] = []
    for card in cards:
        if not waiting:
            waiting = rng.sample(range(blocks), blocks)
        looked_at = waiting if len(waiting) <= _BLOCKS_LOOKED_AT else rng.sample(waiting, _BLOCKS_LOOKED_AT)
        fit = [block for block in looked_at if card.key not in keys[block]]
        if not fit:
            fit = [block for block in waiting if card.key not in keys[block]]
        clip, pair, genre = ("clip", card.clip), ("pair", card.pair), ("genre", card.genre)
        block = min(
            fit,
            key=lambda b: (  # a clip in more than half of a block would have to follow itself
                counts[b][clip] >= (size + 1) // 2,
                counts[b][pair],
                counts[b][clip],
                counts[b][genre],
            ),
        )
        waiting.remove(block)
        hands[block].append(card)
        keys[block].add(card.key)
        counts[block].update((clip, pair, genre))
    return hands


def _show_in_order(
    hands: Sequence[Sequence[_Card[PlannedTrial]]], repeats: int, one_clip: bool, rng: random.Random
) -> tuple[PlannedBlock, ...]:
    repeated: Counter[Hashable] = Counter()
    blocks = []
    for hand in hands:
        ordered, clash = _order(hand, rng)
        if clash and not one_clip:
            raise DesignError(
                f"a block of {len(hand)} trials would have to show clip {clash!r} twice in a row; "
                "add clips, shorten the blocks, or compare that clip in fewer system pairs"
            )
        blocks.append(_with_repeats(ordered, repeats, one_clip, repeated, rng))
    return tuple(blocks)


def _order(hand: Sequence[_Card[T]], rng: random.Random) -> tuple[list[_Card[T]], str | None]:
    """Order a block: no clip twice in a row, genres and pairs changing wherever they can.

    Returns the order and the clip that had to follow itself, if any. Taking a clip as soon as it fills more than
    half of what is left is enough to never get stuck when an order exists.
    """
    left = rng.sample(list(hand), len(hand))
    clips = Counter(card.clip for card in left)
    genres = Counter(card.genre for card in left)
    pairs = Counter(card.pair for card in left)
    ordered: list[_Card[T]] = []
    clash = None
    while left:
        last = ordered[-1] if ordered else None
        other = [card for card in left if last is None or card.clip != last.clip]
        if not other:
            assert last is not None
            clash, other = last.clip, left
        urgent = [card for card in other if 2 * clips[card.clip] > len(left)]
        chosen = min(
            urgent or other,
            key=lambda card: (
                last is not None and card.genre == last.genre,
                last is not None and card.pair == last.pair,
                -2 * genres[card.genre] - pairs[card.pair] - clips[card.clip],
            ),
        )
        left.remove(chosen)
        clips[chosen.clip] -= 1
        genres[chosen.genre] -= 1
        pairs[chosen.pair] -= 1
        ordered.append(chosen)
    return ordered, clash


def _with_repeats(
    ordered: Sequence[_Card[PlannedTrial]],
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
            if (distance := place - original) and (one_clip or _clip_fits(shown, place, card.clip))
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


def _checking(checks: Checks) -> tuple[PlannedComparison, ...]:
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


def _with_checks(
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


def _with_training(
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


def _clip_fits(shown: Sequence[_Card[PlannedTrial]], place: int, clip: str) -> bool:
    return shown[place - 1].clip != clip and (place == len(shown) or shown[place].clip != clip)


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
    by_key: Mapping[Hashable, list[_Card[UnansweredTrial]]] = defaultdict(list)
    for trial in trials:
        card: _Card[UnansweredTrial] = _Card(trial.comparison_key, trial.clip_id, trial.genre, trial.pair, trial)
        by_key[trial.comparison_key].append(card)
    groups = sorted(rng.sample(list(by_key.values()), len(by_key)), key=lambda group: group[0].pair)
    hands = _deal([card for group in groups for card in group], blocks, rng)
    return [tuple(card.content for card in _order(hand, rng)[0]) for hand in hands]


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
