"""Whether a design treats systems, genres, sides and places alike: tables from its rows, and the worst in words.

Counts are of test trials of the blocks as planned; what checks a rater, and what came later, is left out. They are
taken when a design is built and kept with its summary: a page need not count half a million trials.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db.models import Count, QuerySet, Sum

from studyapp.models import Block, Study, Trial

Pair = tuple[str, str]
LEVEL = 0.02
"""Below so small a share nobody would call it an imbalance."""


@dataclass(frozen=True, slots=True)
class SystemLine:
    """Where one system stands: how often on the left, how often first, and how far into a block on average."""

    system: str
    trials: int
    left: int
    first: int
    mean_position: float

    @property
    def right(self) -> int:
        return self.trials - self.left

    @property
    def second(self) -> int:
        return self.trials - self.first


@dataclass(frozen=True, slots=True)
class PairLine:
    """One pair: its trials in each genre, in the order of ``Balance.genres``, and its mean place in a block."""

    pair: Pair
    trials: tuple[int, ...]
    mean_position: float

    @property
    def name(self) -> str:
        return " vs ".join(self.pair)

    @property
    def total(self) -> int:
        return sum(self.trials)


@dataclass(frozen=True, slots=True)
class GenreLine:
    """How many trials of one genre a block has."""

    genre: str
    fewest: int
    most: int
    mean: float


@dataclass(frozen=True, slots=True)
class Imbalance:
    """One kind of imbalance at its worst. ``share`` is 0 for none; how it is reckoned depends on the kind."""

    kind: str
    share: float
    words: str

    @property
    def matters(self) -> bool:
        return self.share > LEVEL


@dataclass(frozen=True, slots=True)
class Balance:
    """The tables. ``imbalances`` are the worst of each kind, the largest share first."""

    genres: tuple[str, ...]
    systems: tuple[SystemLine, ...]
    pairs: tuple[PairLine, ...]
    mix: tuple[GenreLine, ...]
    blocks: int
    imbalances: tuple[Imbalance, ...]

    @property
    def in_words(self) -> str:
        worst = self.imbalances[0]
        return f"The largest imbalance: {worst.words}" if worst.matters else f"As level as it gets: {worst.words}"

    def called(self, names: Mapping[str, str]) -> Balance:
        """The same with other names for the systems, in an order that follows from those alone."""
        systems = (replace(line, system=names[line.system]) for line in self.systems)
        pairs = (replace(line, pair=_in_order(names[one] for one in line.pair)) for line in self.pairs)
        return _of(
            self.genres,
            tuple(sorted(systems, key=lambda line: line.system)),
            tuple(sorted(pairs, key=lambda line: line.pair)),
            self.mix,
            self.blocks,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Balance:
        return cls(
            genres=tuple(stored["genres"]),
            systems=tuple(SystemLine(**line) for line in stored["systems"]),
            pairs=tuple(
                PairLine((first, second), tuple(line["trials"]), line["mean_position"])
                for line in stored["pairs"]
                for first, second in [line["pair"]]
            ),
            mix=tuple(GenreLine(**line) for line in stored["mix"]),
            blocks=stored["blocks"],
            imbalances=tuple(Imbalance(**line) for line in stored["imbalances"]),
        )


@dataclass(frozen=True, slots=True)
class _Cell:
    """Trials of one comparison with one side and order."""

    pair: Pair
    genre: str
    left_is_1: bool
    left_first: bool
    trials: int
    positions: int


def kept_balance(study: Study) -> Balance | None:
    """The balance as counted when the design was built; None without one, or where an older Duet built it."""
    stored = study.design_summary.get("balance")
    return Balance.from_json(stored) if stored else None


def balance(study: Study) -> Balance | None:
    """The balance of the design as its rows are now, draft or frozen; None without one. Four queries."""
    cells = list(_cells(study))
    if not cells:
        return None
    genres = tuple(sorted({cell.genre for cell in cells}))
    systems, pairs = _systems(cells), _pairs(cells, genres)
    mix, blocks = _mix(study, genres)
    return _of(genres, systems, pairs, mix, blocks)


def _of(
    genres: tuple[str, ...],
    systems: tuple[SystemLine, ...],
    pairs: tuple[PairLine, ...],
    mix: tuple[GenreLine, ...],
    blocks: int,
) -> Balance:
    imbalances = (_sides(systems), _order(systems), _places(pairs), _counts(pairs, genres), _genres(mix))
    ranked = tuple(sorted(imbalances, key=lambda one: -one.share))
    return Balance(genres, systems, pairs, mix, blocks, ranked)


def _in_order(names: Iterable[str]) -> Pair:
    first, second = sorted(names)
    return first, second


def _cells(study: Study) -> Iterable[_Cell]:
    known: Mapping[int, tuple[Pair, str]] = {
        pk: ((first, second), genre)
        for pk, genre, first, second in study.comparisons.designed().values_list(
            "pk", "clip__genre", "stimulus_1__system__slug", "stimulus_2__system__slug"
        )
    }
    # Grouped without a join: at half a million trials that is what counts.
    grouped = _planned(study).values_list("comparison_id", "left_is_1", "played_first")
    for comparison, left_is_1, first, trials, positions in grouped.annotate(Count("pk"), Sum("position")):
        yield _Cell(*known[comparison], left_is_1, first == "left", trials, positions)


def _planned(study: Study) -> QuerySet[Trial]:
    blocks = Block.objects.filter(study=study, origin=Block.Origin.PLANNED)
    return Trial.objects.filter(block__in=blocks, kind=Trial.Kind.TEST).order_by()


def _systems(cells: Iterable[_Cell]) -> tuple[SystemLine, ...]:
    trials: Counter[str] = Counter()
    left: Counter[str] = Counter()
    first: Counter[str] = Counter()
    positions: Counter[str] = Counter()
    for cell in cells:
        on_left, on_right = cell.pair if cell.left_is_1 else cell.pair[::-1]
        for slug in cell.pair:
            trials[slug] += cell.trials
            positions[slug] += cell.positions
        left[on_left] += cell.trials
        first[on_left if cell.left_first else on_right] += cell.trials
    return tuple(
        SystemLine(slug, count, left[slug], first[slug], positions[slug] / count)
        for slug, count in sorted(trials.items())
    )


def _pairs(cells: Iterable[_Cell], genres: Sequence[str]) -> tuple[PairLine, ...]:
    counts: dict[Pair, Counter[str]] = defaultdict(Counter)
    positions: Counter[Pair] = Counter()
    for cell in cells:
        counts[cell.pair][cell.genre] += cell.trials
        positions[cell.pair] += cell.positions
    return tuple(
        PairLine(pair, tuple(found[genre] for genre in genres), positions[pair] / found.total())
        for pair, found in sorted(counts.items())
    )


def _mix(study: Study, genres: Sequence[str]) -> tuple[tuple[GenreLine, ...], int]:
    found: dict[str, list[int]] = {genre: [] for genre in genres}
    blocks = Block.objects.filter(study=study, origin=Block.Origin.PLANNED).count()
    shown_of = _planned(study).values_list("block_id", "comparison__clip__genre").annotate(Count("pk"))
    for _, genre, trials in shown_of:
        found[genre].append(trials)
    lines = [
        GenreLine(genre, min(shown) if len(shown) == blocks else 0, max(shown), sum(shown) / blocks)
        for genre, shown in found.items()
    ]
    return tuple(lines), blocks


def _sides(systems: Sequence[SystemLine]) -> Imbalance:
    worst = max(systems, key=lambda line: abs(line.left / line.trials - 0.5))
    share = abs(worst.left / worst.trials - 0.5)
    words = f"{worst.system} is on the left in {worst.left} of {worst.trials} trials."
    return Imbalance("side", share, words)


def _order(systems: Sequence[SystemLine]) -> Imbalance:
    worst = max(systems, key=lambda line: abs(line.first / line.trials - 0.5))
    share = abs(worst.first / worst.trials - 0.5)
    words = f"{worst.system} is played first in {worst.first} of {worst.trials} trials."
    return Imbalance("first", share, words)


def _places(pairs: Sequence[PairLine]) -> Imbalance:
    mean = sum(line.mean_position * line.total for line in pairs) / sum(line.total for line in pairs)
    worst = max(pairs, key=lambda line: abs(line.mean_position - mean))
    share = abs(worst.mean_position - mean) / (2 * mean)
    words = (
        f"{worst.name} stands at place {worst.mean_position:.1f} of a block on average, all pairs at {mean:.1f}."
    )
    return Imbalance("place", share, words)


def _counts(pairs: Sequence[PairLine], genres: Sequence[str]) -> Imbalance:
    cells = [(line, genre, count) for line in pairs for genre, count in zip(genres, line.trials, strict=True)]
    mean = sum(count for _, _, count in cells) / len(cells)
    line, genre, count = max(cells, key=lambda cell: abs(cell[2] - mean))
    words = f"{line.name} has {count} trials in {genre}, a pair and genre {mean:.1f} on average."
    return Imbalance("pair and genre", abs(count - mean) / mean, words)


def _genres(mix: Sequence[GenreLine]) -> Imbalance:
    worst = max(mix, key=lambda line: max(line.most - line.mean, line.mean - line.fewest))
    away = max(worst.most - worst.mean, worst.mean - worst.fewest)
    length = sum(line.mean for line in mix)
    # A block cannot hold a part of a trial: up to one is no imbalance.
    share = max(0.0, away - 1) / length
    words = f"a block has {worst.fewest} to {worst.most} trials of {worst.genre}, {worst.mean:.1f} on average."
    return Imbalance("genres of a block", share, words)
