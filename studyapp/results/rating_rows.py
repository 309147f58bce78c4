"""A study's answers as rows of the exported table, some thousand at once, each rater and comparison read once.

A study has a million answers by fifty thousand raters on some thousand comparisons: what is known of a rater or a
comparison is worked out once and not for each answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from studyapp.clips import tags as clip_tags
from studyapp.clips.tags import Tags
from studyapp.models import Block, Comparison, Response, Stimulus, Study, StudySession, TrialMark
from studyapp.models.marks import SIDED
from studyapp.presentation import SIDES, canonical_score, presented, presented_score
from studyapp.results import covariates
from studyapp.results.pseudonyms import pseudonym

Value = str | int | float | bool | None
Row = dict[str, Value]
_AT_ONCE = 2000
_OF_RESPONSE = ("session_id", "trial_id", "question", "choice", "coverage_left", "coverage_right")
_OF_TRIAL = (
    "block__number",
    "position",
    "kind",
    "left_is_1",
    "played_first",
    "comparison_id",
    "repeat_of__position",
)


def rating_rows(study: Study, tags: Tags, *, include_simulated: bool, of_pilot: bool) -> Iterator[Row]:
    """One row per trial and question, in the order of the plan."""
    blocks = Block.objects.of_pilot() if of_pilot else Block.objects.counted()
    responses = Response.objects.filter(trial__block__in=blocks.filter(study=study))
    if not include_simulated:
        responses = responses.filter(session__simulated=False)
    told = responses.order_by("trial__block__number", "trial__position", "question").values(
        *_OF_RESPONSE, "response_time_ms", "answered_at", *(f"trial__{name}" for name in _OF_TRIAL)
    )
    compared = {row.pk: _compared(row, tags) for row in _comparisons(study)}
    rows = told.iterator(_AT_ONCE)
    while piece := list(islice(rows, _AT_ONCE)):
        sessions = _sessions(study, {row["session_id"] for row in piece})
        marks = _marks({row["trial_id"] for row in piece})
        for row in piece:
            # A comparison is (first system left, second system left).
            sides = compared[row["trial__comparison_id"]]
            yield _row(study, row, sessions[row["session_id"]], marks[row["trial_id"]], sides)


def _row(study: Study, row: Mapping[str, Any], session: Row, marks: Row, sides: tuple[Row, Row]) -> Row:
    number, left_is_1 = row["trial__block__number"], row["trial__left_is_1"]
    repeated, choice = row["trial__repeat_of__position"], row["choice"]
    return {
        **session,
        **sides[0 if left_is_1 else 1],
        **marks,
        "study": study.slug,
        "block": number,
        "trial_id": f"b{number}t{row['trial__position']}",
        "position": row["trial__position"],
        "kind": row["trial__kind"],
        "repeat_of": None if repeated is None else f"b{number}t{repeated}",
        "question": row["question"],
        "played_first": row["trial__played_first"],
        "choice": choice,
        "score_presented": presented_score(choice),
        "score": canonical_score(choice, left_is_1=left_is_1),
        "coverage_left": row["coverage_left"],
        "coverage_right": row["coverage_right"],
        "response_time_ms": row["response_time_ms"],
        "answered_at": row["answered_at"].isoformat(),
        "question_place": 1 if row["question"] == session["first_question"] else 2,
    }


def _comparisons(study: Study) -> QuerySet[Comparison]:
    return study.comparisons.select_related("clip", "stimulus_1__system", "stimulus_2__system", "expected")


def _compared(comparison: Comparison, tags: Tags) -> tuple[Row, Row]:
    """What a row says of its comparison, with the first system on the left, and on the right."""
    clip, first, second = comparison.clip, comparison.stimulus_1, comparison.stimulus_2
    told: Row = {
        "expected": comparison.expected.slug if comparison.expected else None,
        "dataset": clip.dataset,
        "clip_id": clip.clip_id,
        "genre": clip.genre,
        "system_1": first.system.slug,
        "system_2": second.system.slug,
        **clip_tags.values(tags, clip.tags),
    }
    as_named, swapped = (presented(first, second, left_is_1=left_is_1) for left_is_1 in (True, False))
    return {**told, **_by_side(as_named._asdict())}, {**told, **_by_side(swapped._asdict())}


def _by_side(sides: Mapping[str, Stimulus]) -> Row:
    told: Row = {}
    for side, stimulus in sides.items():
        told |= {
            f"system_{side}": stimulus.system.slug,
            f"stimulus_{side}": stimulus.file_sha256,
            f"lufs_{side}": stimulus.lufs,
            f"gain_db_{side}": stimulus.gain_db,
            f"seed_{side}": stimulus.seed,
        }
    return told


def _sessions(study: Study, keys: Collection[int]) -> dict[int, Row]:
    """What a row says of its session; ``first_question`` beside, which is no column."""
    found = (
        StudySession.objects.filter(pk__in=keys)
        .select_related("rater__participant", "rater__invitation")
        .prefetch_related("flags", *covariates.PREFETCHED)
    )
    return {
        session.pk: {
            "rater_id": session.archived_rater or pseudonym(study, session.rater.code, prefix="r"),
            "session_id": session.archived_session or pseudonym(study, session.token, prefix="s"),
            "simulated": session.simulated,
            "first_question": session.first_question,
            "flags": " ".join(sorted({flag.rule for flag in session.flags.all()})),
            **covariates.values(session),
        }
        for session in found
    }


def _marks(trials: Collection[int]) -> dict[int, Row]:
    """What a row says of its trial's marks, for each of the trials."""
    found: dict[int, dict[tuple[str, str], str]] = defaultdict(dict)
    for mark in TrialMark.objects.filter(trial__in=trials):
        found[mark.trial_id][mark.kind, mark.side] = mark.text
    return {trial: _marked(found.get(trial, {})) for trial in trials}


def _marked(marks: Mapping[tuple[str, str], str]) -> Row:
    return {
        "both_bad": (TrialMark.Kind.BOTH_BAD, "") in marks,
        **{f"{kind}_{side}": (kind, side) in marks for kind in SIDED for side in SIDES},
        "comment": marks.get((TrialMark.Kind.COMMENT, ""), ""),
    }
