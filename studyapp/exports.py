"""A study's responses as one tidy table: analysis.schema's columns, both frames, pseudonyms, one query."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from studyapp import covariates
from studyapp.errors import NotReady
from studyapp.models import Response, Stimulus, Study, StudySession, Trial, TrialMark
from studyapp.models.marks import SIDED
from studyapp.presentation import SIDES, Presented, canonical_score, presented_score
from studyapp.states import LIVE_SESSIONS, SessionState

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report import StudyCounts
    from analysis.schema import Column

Value = str | int | float | bool | None
_PSEUDONYM_LENGTH = 16


def ratings_frame(study: Study, *, include_simulated: bool = False) -> pd.DataFrame:
    """One row per trial and question, in the order of the plan, validated by ``analysis.schema``.

    Simulated answers are left out unless asked for. Raises NotReady when there is nothing to export.
    """
    # pandas takes 0.5 s and 60 MB: only whoever exports pays for it.
    import pandas as pd

    from analysis import schema

    rows = [
        _row(study, response) for response in _responses(study, include_simulated=include_simulated).iterator(2000)
    ]
    if not rows:
        hint = "" if include_simulated else " from people; ask for simulated answers to be included"
        raise NotReady(f"{study} has no responses yet{hint}")
    names = [*schema.COLUMN_NAMES, *(column.name for column in further_columns())]
    frame = schema.read(pd.DataFrame(rows, columns=names))
    whole = [one.name for one in further_columns() if one.type == "integer"]
    # An empty cell would make floating-point numbers of a column of counts.
    return frame.astype(dict.fromkeys(whole, "Int64"))


def further_columns() -> tuple[Column, ...]:
    """What we export beyond the analysis' contract, which keeps such columns as they come."""
    from analysis.schema import Column

    return (
        Column("question_place", "integer", "Whether this question stood first (1) or second (2).", low=1, high=2),
        Column("both_bad", "boolean", "The rater called both versions bad."),
        Column("wrong_left", "boolean", "The rater said that something was wrong with the left version."),
        Column("wrong_right", "boolean", "The rater said that something was wrong with the right version."),
        Column("offensive_left", "boolean", "The rater called the left version offensive."),
        Column("offensive_right", "boolean", "The rater called the right version offensive."),
        Column("comment", "text", "What the rater wrote about the trial.", may_be_empty=True),
        Column(
            "flags", "text", "Rules that the session broke, by name; see docs/rater-page.md.", may_be_empty=True
        ),
        *covariates.columns(),
    )


def codebook() -> pd.DataFrame:
    """What each exported column means, in the order of the table."""
    import pandas as pd

    from analysis import schema

    further = [
        {"column": one.name, "type": one.type, "meaning": one.meaning, "levels": one.allowed}
        for one in further_columns()
    ]
    return pd.concat([schema.codebook(), pd.DataFrame(further)], ignore_index=True)


def write_ratings(frame: pd.DataFrame, file: Path) -> None:
    """Write the ratings as the file's ending says, .csv or .parquet; the same frame gives the same CSV bytes."""
    from analysis import schema

    if file.suffix == ".csv":
        file.write_bytes(schema.csv_text(frame).encode())
    else:
        frame.to_parquet(file, index=False)


def study_counts(study: Study, *, include_simulated: bool = False) -> StudyCounts:
    """What the report says beside the table: the plan, and the sessions and answers that are not in it."""
    from analysis.report import StudyCounts

    sessions = study.sessions.all() if include_simulated else study.sessions.filter(simulated=False)
    states = Counter(sessions.values_list("state", flat=True))
    simulated = Response.objects.filter(session__study=study, session__simulated=True)
    erasures = study.erasures.all() if include_simulated else study.erasures.filter(simulated=False)
    return StudyCounts(
        planned_trials=Trial.objects.filter(block__study=study, block__wave=0).count(),
        completed=states[SessionState.COMPLETED],
        expired=states[SessionState.EXPIRED],
        under_way=sum(states[state] for state in LIVE_SESSIONS),
        screened_out=states[SessionState.SCREENED_OUT],
        withdrawn=states[SessionState.WITHDRAWN],
        erased=erasures.count(),
        simulated_left_out=0 if include_simulated else simulated.count(),
    )


def pseudonym(study: Study, secret: str, *, prefix: str) -> str:
    """A stable name for a rater or session inside one study's exports.

    The prefix is a letter, lest a spreadsheet takes the digits of one for a number.
    ``secret`` is the random code that the browser holds: the export must neither carry it nor give it away, and
    nobody without it can link one person across two studies.
    """
    digest = hashlib.sha256(f"{study.token}/{secret}".encode()).hexdigest()
    return prefix + digest[:_PSEUDONYM_LENGTH]


def _responses(study: Study, *, include_simulated: bool) -> QuerySet[Response]:
    responses = Response.objects.filter(session__study=study)
    if not include_simulated:
        responses = responses.filter(session__simulated=False)
    return (
        responses.prefetch_related("trial__marks", "session__flags", *covariates.PREFETCHED)
        .select_related(
            "session__rater__participant",
            "session__rater__invitation",
            "trial__block",
            "trial__repeat_of",
            "trial__comparison__clip",
            "trial__comparison__stimulus_1__system",
            "trial__comparison__stimulus_2__system",
            "trial__comparison__expected",
        )
        .order_by("trial__block__number", "trial__position", "question")
    )


def _row(study: Study, response: Response) -> dict[str, Value]:
    trial, session = response.trial, response.session
    comparison = trial.comparison
    sides = trial.sides
    return {
        "study": study.slug,
        "rater_id": pseudonym(study, session.rater.code, prefix="r"),
        "session_id": pseudonym(study, session.token, prefix="s"),
        "block": trial.block.number,
        "trial_id": _trial_id(trial, trial.position),
        "position": trial.position,
        "kind": trial.kind,
        "repeat_of": _trial_id(trial, trial.repeat_of.position) if trial.repeat_of else None,
        "expected": comparison.expected.slug if comparison.expected else None,
        "dataset": comparison.clip.dataset,
        "clip_id": comparison.clip.clip_id,
        "genre": comparison.clip.genre,
        "question": response.question,
        "played_first": trial.played_first,
        "choice": response.choice,
        "score_presented": presented_score(response.choice),
        "system_1": comparison.stimulus_1.system.slug,
        "system_2": comparison.stimulus_2.system.slug,
        "score": canonical_score(response.choice, left_is_1=trial.left_is_1),
        "simulated": session.simulated,
        "coverage_left": response.coverage_left,
        "coverage_right": response.coverage_right,
        "response_time_ms": response.response_time_ms,
        "answered_at": response.answered_at.isoformat(),
        **dict(_by_side(sides)),
        "question_place": 1 if response.question == session.first_question else 2,
        **_marks(trial),
        "flags": _flags(session),
        **_written(covariates.values(session)),
    }


def _marks(trial: Trial) -> dict[str, Value]:
    # Prefetched with the responses: one query for all.
    marks = {(mark.kind, mark.side): mark for mark in trial.marks.all()}
    comment = marks.get((TrialMark.Kind.COMMENT, ""))
    return {
        "both_bad": (TrialMark.Kind.BOTH_BAD, "") in marks,
        **{f"{kind}_{side}": (kind, side) in marks for kind in SIDED for side in SIDES},
        # A spreadsheet would take words that begin like a formula for one.
        "comment": not_a_formula(comment.text) if comment else "",
    }


def _written(values: Mapping[str, Value]) -> dict[str, Value]:
    """Words that a rater wrote, safe to open; numbers and names of ours are so already."""
    words = values.get("languages_spoken")
    return {**values, "languages_spoken": not_a_formula(str(words)) if words else None}


def not_a_formula(words: str) -> str:
    return f"'{words}" if words[0] in "=+-@\t" else words


def _flags(session: StudySession) -> str:
    return " ".join(sorted({flag.rule for flag in session.flags.all()}))


def _by_side(sides: Presented[Stimulus]) -> Iterator[tuple[str, Value]]:
    for side, stimulus in sides._asdict().items():
        yield f"system_{side}", stimulus.system.slug
        yield f"stimulus_{side}", stimulus.file_sha256
        yield f"lufs_{side}", stimulus.lufs
        yield f"gain_db_{side}", stimulus.gain_db
        yield f"seed_{side}", stimulus.seed


def _trial_id(trial: Trial, position: int) -> str:
    return f"b{trial.block.number}t{position}"
