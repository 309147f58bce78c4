"""Questions about the instructions: written as lines of text, shown in a drawn order, scored on the server.

? What do you compare?
* The music of two versions of one video
- Two different videos
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from studyapp.screening.score import Score


class BadQuestions(ValueError):
    """The text is no list of questions; the message names the line and what to write."""


@dataclass(frozen=True, slots=True)
class UnderstandingQuestion:
    """One question; ``right`` is the index of the right one of its options."""

    text: str
    options: tuple[str, ...]
    right: int


def parse(text: str) -> tuple[UnderstandingQuestion, ...]:
    """Read questions as a researcher writes them. Raises BadQuestions."""
    found: list[tuple[int, str, list[tuple[str, bool]]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        mark, words = line.strip()[:1], line.strip()[1:].strip()
        if not mark:
            continue
        if mark not in "?*-" or not words:
            raise BadQuestions(
                f"line {number}, “{line.strip()}”: begin a question with “?”, its right answer with “*” and "
                "each wrong one with “-”."
            )
        if mark == "?":
            found.append((number, words, []))
        elif not found:
            raise BadQuestions(f"line {number} is an answer without a question; begin with a line “? …”.")
        else:
            found[-1][2].append((words, mark == "*"))
    return tuple(_question(*parts) for parts in found)


def _question(number: int, text: str, options: list[tuple[str, bool]]) -> UnderstandingQuestion:
    right = [index for index, (_, is_right) in enumerate(options) if is_right]
    if len(right) != 1 or len(options) < 2:
        raise BadQuestions(
            f"line {number}, “{text}”: a question needs exactly one right answer (“*”, there are {len(right)}) "
            f"and at least one wrong one (“-”, there are {len(options) - len(right)})."
        )
    words = tuple(option for option, _ in options)
    if len(set(words)) < len(words):
        raise BadQuestions(f"line {number}, “{text}”: two of its answers are the same.")
    return UnderstandingQuestion(text, words, right[0])


def own_questions() -> tuple[UnderstandingQuestion, ...]:
    """What Duet asks where the researcher wrote nothing, in the language in force."""
    return (
        UnderstandingQuestion(
            gettext("What do you compare in each step?"),
            (
                gettext("The music of two versions of the same video"),
                gettext("How sharp two pictures are"),
                gettext("Two different videos"),
            ),
            0,
        ),
        UnderstandingQuestion(
            gettext("When can you answer?"),
            (
                gettext("After I have played both versions to the end"),
                gettext("After I have played one of them"),
                gettext("At any time"),
            ),
            0,
        ),
        UnderstandingQuestion(
            gettext("Both versions seem equally good to you. What do you do?"),
            (
                gettext("I choose the point in the middle"),
                gettext("I always choose A"),
                gettext("I leave the question out"),
            ),
            0,
        ),
    )


def draw(questions: tuple[UnderstandingQuestion, ...], rng: random.Random) -> dict[str, Any]:
    """An order for each question's options, as indices."""
    return {"orders": [rng.sample(range(len(question.options)), len(question.options)) for question in questions]}


def score(
    questions: tuple[UnderstandingQuestion, ...], shown: Mapping[str, Any], answers: Mapping[str, Any]
) -> Score:
    """answers: for each question's number, from 0, the place that was ticked. Passed when all are right."""
    right = sum(
        order.index(question.right) == answers.get(str(number))
        for number, (question, order) in enumerate(zip(questions, shown["orders"], strict=True))
    )
    return Score(right, len(questions), passed=right == len(questions))
