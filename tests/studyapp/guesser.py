"""Guesses which system is on which side of a trial, from all that a browser was told about it.

It knows no leak by name. What came in for a trial becomes a few thousand numbers: how often each run of bytes
occurs (hashed n-grams), every number in a header or beside a word, every header's value and the order of headers,
the characters of every token, lengths, statuses and times. What was told of one side is taken as the difference of
A and B. The content of the videos is left out, their length is not.

The classifier is that of nearest shrunken centroids (Tibshirani et al., PNAS 99, 2002) for two classes: each
feature votes with its correlation with the label, less what chance alone reaches over so many features (Donoho and
Johnstone, Biometrika 81, 1994). Each trial is guessed from trials of other raters and other clips, so nothing can
be known by heart: only what tells a system on clips and to raters never met helps. Where nothing tells the systems
apart, exchanging them within a trial changes nothing: that gives the share that chance guesses right.

It adds features up, so a leak that shows in no feature alone (two bits to be compared) is beyond it.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tests.studyapp.walk import Exchange

Floats = NDArray[np.float64]
SIDES = ("a", "b")
_BINS = 1024
_LENGTHS = (2, 3, 5)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NAMED = re.compile(r'([A-Za-z][\w-]*)["\']?\s*[:=]\s*["\']?(-?\d+(?:\.\d+)?)')
_TOKEN = re.compile(r"[\w-]{12,}")
_FOLDS = 4
# What is in fewer trials teaches nothing about others.
_IN_TRIALS = 4


@dataclass(frozen=True, slots=True)
class Guess:
    """Share of trials guessed right, and the share of permutations that do as well, itself among them (``p``)."""

    trials: int
    right: float
    p: float


def side_of(got: Exchange) -> str | None:
    """a or b, for what belongs to one of the two versions."""
    return got.address[-5] if got.is_video else None


def features(trials: Sequence[Sequence[Exchange]]) -> Floats:
    """One row for each trial, standardised ranks in columns; what never varies is left out. Never sees a label."""
    grams = np.array([_grams_of(trial) for trial in trials])
    named = [_named(trial) for trial in trials]
    counts = Counter(name for row in named for name in row)
    names = sorted(name for name, count in counts.items() if count >= _IN_TRIALS)
    told = np.array([[row.get(name, 0.0) for name in names] for row in named])
    table = np.hstack([grams, told])
    table = table[:, np.ptp(table, axis=0) > 0]
    ranks = rankdata(table, axis=0)
    ranks -= ranks.mean(axis=0)
    standardised: Floats = ranks / ranks.std(axis=0)
    return standardised


def guess(
    table: Floats,
    label: NDArray[np.int_],
    raters: Sequence[int],
    clips: Sequence[int],
    *,
    permutations: int,
    seed: int,
) -> Guess:
    """Guess each row's ``label`` (+1 or -1) from rows of other raters and clips.

    permutations: how many times the same is done with the systems exchanged within trials at random.
    """
    rng = np.random.default_rng(seed)
    swaps = rng.choice([-1, 1], size=(len(label), permutations))
    labels = np.column_stack([label, label[:, None] * swaps]).astype(np.float32)
    table = table.astype(np.float32)
    by_rater, by_clip = _fold(raters, rng), _fold(clips, rng)
    scores = np.zeros_like(labels)
    for one in range(_FOLDS):
        for other in range(_FOLDS):
            tested = (by_rater == one) & (by_clip == other)
            known = (by_rater != one) & (by_clip != other)
            scores[tested] = table[tested] @ _votes(table[known], labels[known])
    right = np.where(scores == 0, 0.5, scores * labels > 0).mean(axis=0)
    return Guess(len(label), float(right[0]), float(np.mean(right >= right[0])))


def _votes(table: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weight of each column, for each column of labels at once; never all nought."""
    trials, columns = table.shape
    weights: NDArray[np.float32] = table.T @ (labels - labels.mean(axis=0)) / trials
    size = np.abs(weights)
    by_chance = np.sqrt(2 * np.log(columns) / trials)
    size -= np.minimum(by_chance, 0.9 * size.max(axis=0))
    np.maximum(size, 0, out=size)
    return np.copysign(size, weights, out=weights)


def _fold(groups: Sequence[int], rng: np.random.Generator) -> NDArray[np.int_]:
    """Which of the folds each row is in; a group is never divided."""
    known = sorted(set(groups))
    fold = dict(zip(known, rng.permutation(len(known)) % _FOLDS, strict=True))
    return np.array([fold[group] for group in groups])


def _grams_of(trial: Sequence[Exchange]) -> Floats:
    sides = {side: "\n".join(_side_texts(trial, side)).encode() for side in SIDES}
    whole = "\n".join(got.text for got in trial if not got.is_video).encode()
    return np.concatenate([_grams(sides["a"]) - _grams(sides["b"]), _grams(whole)])


def _side_texts(trial: Iterable[Exchange], side: str) -> Iterable[str]:
    """What was told of one version: its video's headers and its part of the page."""
    for got in trial:
        if side_of(got) == side:
            yield "\n".join(f"{name}: {value}" for name, value in got.headers)
        elif not got.is_video:
            yield from re.findall(rf'<section[^>]* data-letter="{side.upper()}".*?</section>', got.text, re.DOTALL)


def _grams(text: bytes) -> Floats:
    """Counts of single bytes, and of runs of a few lengths by their hash."""
    data = np.frombuffer(text, dtype=np.uint8).astype(np.uint64)
    parts = [np.bincount(data.astype(np.intp), minlength=256)]
    for length in _LENGTHS:
        mixed = np.zeros(max(0, len(data) - length + 1), dtype=np.uint64)
        for offset in range(length):
            mixed = mixed * np.uint64(1_000_003) + data[offset : offset + len(mixed)]
        mixed = (mixed * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(54)
        parts.append(np.bincount(mixed.astype(np.intp), minlength=_BINS))
    return np.concatenate(parts).astype(np.float64)


def _named(trial: Sequence[Exchange]) -> dict[str, float]:
    """Numbers with names. Of a side: what A has more than B."""
    told: dict[str, float] = {}
    for place, got in enumerate(trial):
        side = side_of(got)
        # The same question about either version has one name.
        name = f"{got.asked} video" if side else f"{got.asked} {re.sub(_TOKEN, '#', got.address)}"
        values = {**_of_reply(got), "place": float(place)}
        if side is None:
            values |= {f"{text} of {side}": value for text, value in _of_sides(got).items()}
        sign = -1.0 if side == "b" else 1.0
        for key, value in values.items():
            told[f"{name} {key}"] = told.get(f"{name} {key}", 0.0) + sign * value
    return told


def _of_reply(got: Exchange) -> dict[str, float]:
    values = {"seconds": got.seconds, "status": float(got.status), "bytes": float(len(got.body))}
    values["order " + " ".join(name for name, _ in got.headers)] = 1.0
    for header, value in got.headers:
        values[f"{header}={value}"] = 1.0
        values |= {f"{header} #{n}": float(number) for n, number in enumerate(_NUMBER.findall(value))}
    if not got.is_video:
        values |= _sums(got.text)
    for n, token in enumerate(_TOKEN.findall(got.address)):
        values |= _of_token(f"token {n}", token)
    for n, token in enumerate(_TOKEN.findall(got.cookies)):
        values |= _of_token(f"cookie {n}", token)
    return values


def _of_sides(got: Exchange) -> Mapping[str, float]:
    """Numbers that the page names in one version's part: A's less B's."""
    values: dict[str, float] = {}
    for side, sign in (("a", 1.0), ("b", -1.0)):
        for part in _side_texts([got], side):
            for name, value in _sums(part).items():
                values[name] = values.get(name, 0.0) + sign * value
    return values


# A page is read once, however many leaks are planted elsewhere.
@functools.lru_cache(maxsize=2048)
def _sums(text: str) -> Mapping[str, float]:
    """Every number that stands beside a name; of a name that comes often, the sum."""
    values: dict[str, float] = {}
    for name, number in _NAMED.findall(text):
        values[name] = values.get(name, 0.0) + float(number)
    return values


def _of_token(name: str, token: str) -> dict[str, float]:
    values = {
        f"{name} begins {token[0]}": 1.0,
        f"{name} ends {token[-1]}": 1.0,
        f"{name} length": float(len(token)),
    }
    for character in token:
        values[f"{name} has {character}"] = values.get(f"{name} has {character}", 0.0) + 1.0
    digits = [int(character) for character in token if character.isdigit()]
    return {**values, f"{name} digits": float(len(digits)), f"{name} sum": float(sum(digits))}
