"""The answers to one question as the Bradley–Terry engine takes them, coded by what they say and not by names.

Systems are numbered by what was answered about them, pairs run from the lower number to the higher, and the side
that counts as +1 is told by the answers too. So no name, of a system or a side, decides the order of a sum or who
gets which draw: exchanging names exchanges figures, swapped sides flip the side's part, both to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis import bradley_terry as bt
from analysis.answers import Answers
from analysis.bradley_terry import Codes
from analysis.variance import Clips, dense

Covariance = Literal["clustered", "independent"]


@dataclass(frozen=True, slots=True)
class Asked:
    """N answers (N,); ``answer`` + favours the first of the pair, ``side`` is +1 where it stood on one side.

    That side is the left where ``left`` is 1, the right where it is −1; without an effect of the side, ``side`` is
    0 throughout. ``pairs`` are named as the table names them.
    """

    system_1: Codes
    system_2: Codes
    side: Codes
    answer: Codes
    rater: Codes
    clip: Codes
    systems: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    levels: tuple[int, ...]
    left: int
    clips: Clips
    covariance: Covariance

    @classmethod
    def of(
        cls,
        answers: Answers,
        question: int,
        clips: Clips = "random",
        *,
        side: bool = True,
        covariance: Covariance = "clustered",
    ) -> Asked:
        rows = np.flatnonzero(answers.question == question)
        known, pair = np.unique(answers.pair[rows], return_inverse=True)
        pairs = tuple(answers.pairs[place] for place in known)
        score = answers.score[rows]
        systems = _by_answers(pairs, pair, score)
        ends = np.array([[systems.index(one), systems.index(other)] for one, other in pairs], dtype=np.intp)
        sign = np.where(ends[:, 0] > ends[:, 1], -1, 1)[pair]
        ends.sort(axis=1)
        first, second, answer = ends[pair, 0], ends[pair, 1], score * sign
        stood = np.where(answers.left[rows], sign, -sign) if side else np.zeros(len(rows), dtype=np.intp)
        left = _turn(first * len(systems) + second, stood, answer)
        sizes = set(np.flatnonzero(np.bincount(np.abs(answer))).tolist())
        return cls(
            system_1=first,
            system_2=second,
            side=(left * stood).astype(np.intp),
            answer=answer,
            rater=dense(answers.rater[rows]),
            clip=dense(answers.clip[rows]),
            systems=systems,
            pairs=pairs,
            # Degrees that nobody used have no τ: it would run away to minus infinity.
            levels=tuple(y for y in range(-2, 3) if abs(y) in sizes),
            left=left,
            clips=clips,
            covariance=covariance,
        )

    @property
    def raters(self) -> int:
        return int(self.rater.max()) + 1

    @property
    def clip_count(self) -> int:
        return int(self.clip.max()) + 1

    @property
    def clusters(self) -> float:
        """How many independent pieces the spread is estimated from; infinitely many where it is not."""
        if self.covariance == "independent":
            return math.inf
        return min(self.raters, self.clip_count) if self.clips == "random" else self.raters

    @property
    def sided(self) -> bool:
        """Whether an effect of the side was asked for."""
        return bool(self.side.any())

    def design(self) -> tuple[bt.Design, Codes]:
        return bt.design(
            self.system_1, self.system_2, self.side, self.answer, systems=len(self.systems), levels=self.levels
        )


def _by_answers(pairs: Sequence[tuple[str, str]], pair: Codes, score: Codes) -> tuple[str, ...]:
    """Systems by net preference, then by how often each comparison got each answer; by name at the last."""
    counts = np.bincount(pair * 5 + score + 2, minlength=5 * len(pairs)).reshape(-1, 5)
    met: dict[str, list[list[int]]] = {}
    for (one, other), row in zip(pairs, counts.tolist(), strict=True):
        met.setdefault(one, []).append(row)
        met.setdefault(other, []).append(row[::-1])

    def key(name: str) -> tuple[int, list[list[int]], str]:
        total = sum(times * degree for row in met[name] for times, degree in zip(row, range(-2, 3), strict=True))
        return -total, sorted(met[name]), name

    return tuple(sorted(met, key=key))


def _turn(pair: Codes, stood: Codes, answer: Codes) -> int:
    """1, or −1 where the counts with sides exchanged come first in order: one of two mirror images."""
    keys = (pair * 3 + stood + 1) * 5 + answer + 2
    counts = np.bincount(keys, minlength=15 * (int(pair.max()) + 1)).reshape(-1, 3, 5)
    apart = (counts - counts[:, ::-1]).ravel()
    unlike = np.flatnonzero(apart)
    return -1 if len(unlike) and apart[unlike[0]] < 0 else 1
