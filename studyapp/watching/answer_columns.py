"""A study's answers as columns, for figures over all of them: read once, without a model object for each.

Only workers import this module: it brings numpy, and pandas with ``analysis``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import IntegerField
from django.db.models.functions import Cast

from analysis.looks import watch_line
from analysis.raters import FIT, NEAR
from analysis.sequential import StoppingRule, Watched
from studyapp.models import Response, Study, Trial
from studyapp.questions import Question

Rows = np.ndarray[Any, np.dtype[Any]]
QUESTIONS = tuple(Question.values)
_KINDS = {name: code for code, name in enumerate(Trial.Kind.values)}
_TEST, _GOLD, _IDENTICAL = (_KINDS[kind] for kind in (Trial.Kind.TEST, Trial.Kind.GOLD, Trial.Kind.IDENTICAL))
_ROW = np.dtype(
    [
        ("pk", "i8"),
        ("session", "i8"),
        ("comparison", "i8"),
        ("kind", "u1"),
        ("left_is_1", "?"),
        ("question", "u1"),
        ("choice", "i1"),
        ("response_ms", "i8"),
    ]
)
_AT_ONCE = 20_000
FEWEST_TESTS = 5
"""Test trials below which nothing is said of how alike or how quick a rater's answers are."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison is of: systems by slug in canonical order; ``expected`` for a gold pair."""

    system_1: str
    system_2: str
    genre: str
    expected: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        return (self.system_1, self.system_2)


@dataclass(frozen=True, slots=True)
class Answers:
    """N answers as a structured array (N,), in the order in which they were stored."""

    rows: Rows

    @classmethod
    def read(cls, study: Study) -> Answers:
        """Every answer of the study, a pilot's and simulated ones included."""
        found = Response.objects.filter(session__study=study).order_by()
        columns = found.values_list(
            *("pk", "session_id", "trial__comparison_id", "trial__kind"),
            # As a number: Django would convert each of a million booleans.
            Cast("trial__left_is_1", IntegerField()),
            *("question", "choice", "response_time_ms"),
        )
        codes = {name: code for code, name in enumerate(QUESTIONS)}
        rows = np.fromiter(
            (
                (pk, session, comparison, _KINDS[kind], left_is_1, codes[question], choice, response_ms)
                for pk, session, comparison, kind, left_is_1, question, choice, response_ms in columns.iterator(
                    _AT_ONCE
                )
            ),
            dtype=_ROW,
        )
        return cls(rows[np.argsort(rows["pk"], kind="stable")])

    def of(self, sessions: Sequence[int]) -> Answers:
        return Answers(self.rows[np.isin(self.rows["session"], np.asarray(sessions, dtype=np.int64))])

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def tests(self) -> Rows:
        tests: Rows = self.rows[self.rows["kind"] == _TEST]
        return tests

    def ratings(self) -> dict[int, int]:
        """Test trials answered of each comparison; a trial is answered as a whole."""
        tests = self.tests
        asked, counts = np.unique(tests["comparison"][tests["question"] == 0], return_counts=True)
        return dict(zip(asked.tolist(), counts.tolist(), strict=True))

    def last_pks(self, count: int) -> list[int]:
        """Keys of the first question's answers to the last so many trials, practice left out."""
        counted = self.rows["pk"][(self.rows["question"] == 0) & (self.rows["kind"] != _KINDS["training"])]
        return [int(pk) for pk in counted[-count:]]

    def gold_wrong(self, compared: Mapping[int, Compared]) -> tuple[int, int]:
        """Answers for visual relevance that did not prefer the known better side, and all to gold pairs."""
        gold = self.rows[(self.rows["kind"] == _GOLD) & (self.rows["question"] == QUESTIONS.index(FIT))]
        expected_1 = np.asarray(
            [compared[pk].expected == compared[pk].system_1 for pk in gold["comparison"]], bool
        )
        # On the left with system 1 on the left, or neither: then the better one is read as A.
        better_left = gold["left_is_1"] == expected_1
        right = np.where(better_left, gold["choice"] < 3, gold["choice"] > 3)
        return int(len(gold) - right.sum()), len(gold)

    def identical_far(self) -> tuple[int, int]:
        """Answers to identical pairs more than a step from the middle, and all."""
        identical = self.rows[self.rows["kind"] == _IDENTICAL]
        return int((np.abs(identical["choice"] - 3) > NEAR).sum()), len(identical)

    def raters_alike(self, at_most: float) -> tuple[int, int]:
        """Raters whose commonest choice among one question's test answers has a larger share, and all."""
        tests, rater, count = self._by_rater()
        key = (rater * len(QUESTIONS) + tests["question"]) * 5 + tests["choice"] - 1
        table = np.bincount(key, minlength=count * len(QUESTIONS) * 5).reshape(count, len(QUESTIONS), 5)
        totals = table.sum(axis=2)
        shares = np.where(totals > 0, table.max(axis=2) / np.maximum(totals, 1), 0.0).max(axis=1)
        enough = totals[:, 0] >= FEWEST_TESTS
        return int((shares[enough] > at_most).sum()), int(enough.sum())

    def raters_fast(self, at_least_ms: float) -> tuple[int, int]:
        """Raters whose median time to answer test trials is shorter, and all."""
        tests, rater, count = self._by_rater()
        order = np.lexsort((tests["response_ms"], rater))
        times = tests["response_ms"][order]
        sizes = np.bincount(rater, minlength=count)
        begins = np.cumsum(sizes) - sizes
        enough = sizes >= FEWEST_TESTS * len(QUESTIONS)
        low, high = begins + (sizes - 1) // 2, begins + sizes // 2
        medians = (times[low[enough]] + times[high[enough]]) / 2
        return int((medians < at_least_ms).sum()), int(enough.sum())

    def watched(self, compared: Mapping[int, Compared], rule: StoppingRule, ended: Sequence[int]) -> list[Watched]:
        """The confidence sequence of each question and pair, by rater as in ``analysis.sequential.watch``.

        ended: keys of the sessions that came to an end, in that order; only their raters count.
        """
        tests = self.of(ended).tests
        if not len(tests):
            return []
        pairs = sorted({compared[pk].pair for pk in np.unique(tests["comparison"]).tolist()})
        known, place = np.unique(tests["comparison"], return_inverse=True)
        pair = np.asarray([pairs.index(compared[pk].pair) for pk in known.tolist()])[place]
        sign = np.sign(3 - tests["choice"]) * np.where(tests["left_is_1"], 1, -1)
        line = tests["question"].astype(np.int64) * len(pairs) + pair
        sessions, rater = np.unique(tests["session"], return_inverse=True)
        keys, unit = np.unique(line * len(sessions) + rater, return_inverse=True)
        values = (1 + np.bincount(unit, sign) / np.bincount(unit)) / 2
        place_of = {pk: place for place, pk in enumerate(ended)}
        turn = np.array([place_of[pk] for pk in sessions.tolist()])[keys % len(sessions)]
        systems = len({system for names in pairs for system in names})
        family = rule.family(systems=systems, questions=len(QUESTIONS))
        found = []
        for number in np.unique(keys // len(sessions)).tolist():
            mine = np.flatnonzero(keys // len(sessions) == number)
            ordered = values[mine[np.argsort(turn[mine])]]
            question, which = divmod(number, len(pairs))
            found.append(watch_line((QUESTIONS[question], *pairs[which]), ordered, lines=family.lines, rule=rule))
        return found

    def _by_rater(self) -> tuple[Rows, Rows, int]:
        """Test answers, the number of each one's rater, and how many raters there are."""
        tests = self.tests
        sessions, rater = np.unique(tests["session"], return_inverse=True)
        return tests, rater, len(sessions)
