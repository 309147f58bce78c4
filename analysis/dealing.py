"""Which block a trial goes to, on which side a system is shown in it, and in which order a block is.

Blocks are dealt, not drawn: every comparison gets its ratings in different blocks, and block sizes, system pairs,
clips and genres stay level while dealing.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from analysis.planned import PlannedComparison, PlannedTrial

T = TypeVar("T")

# Looking at every block for every trial is quadratic; so many of the shortest, drawn at random, level as well.
_BLOCKS_LOOKED_AT = 48


@dataclass(frozen=True, slots=True)
class Card(Generic[T]):
    """What dealing and ordering look at; ``content`` comes through untouched."""

    key: Hashable
    clip: str
    genre: str
    pair: tuple[str, str]
    content: T


def make_cards(
    comparisons: Sequence[PlannedComparison], ratings: int, rng: random.Random
) -> list[Card[PlannedTrial]]:
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
                cards.append(Card(index, comparison.clip_id, comparison.genre, pair, trial))
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


def deal(cards: Sequence[Card[T]], blocks: int, rng: random.Random) -> list[list[Card[T]]]:
    """Give each card to one of the shortest blocks, best the one with least of its pair, clip and genre.

    Cards with one key must be neighbours in ``cards`` and at most ``blocks`` of them: then a shortest block
    without that key always exists, because a round of dealing visits every block once.
    """
    hands: list[list[Card[T]]] = [[] for _ in range(blocks)]
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


def order(hand: Sequence[Card[T]], rng: random.Random) -> tuple[list[Card[T]], str | None]:
    """Order a block: no clip twice in a row, genres and pairs changing wherever they can.

    Returns the order and the clip that had to follow itself, if any. Taking a clip as soon as it fills more than
    half of what is left is enough to never get stuck when an order exists.
    """
    left = rng.sample(list(hand), len(hand))
    clips = Counter(card.clip for card in left)
    genres = Counter(card.genre for card in left)
    pairs = Counter(card.pair for card in left)
    ordered: list[Card[T]] = []
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


def clip_fits(shown: Sequence[Card[PlannedTrial]], place: int, clip: str) -> bool:
    return shown[place - 1].clip != clip and (place == len(shown) or shown[place].clip != clip)
