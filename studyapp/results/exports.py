"""A study's responses as one tidy table: analysis.schema's columns, both frames, pseudonyms, one query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.models import Q

from studyapp.clips import tags as clip_tags
from studyapp.clips.tags import Tags
from studyapp.errors import NotReady
from studyapp.models import Block, Response, Stimulus, Study, System, Trial
from studyapp.results import covariates
from studyapp.results.pseudonyms import pseudonym as pseudonym  # whoever exports names raters so
from studyapp.results.rating_rows import Row, rating_rows
from studyapp.states import LIVE_SESSIONS, SessionState

if TYPE_CHECKING:
    import pandas as pd

    from analysis.counts import StudyCounts
    from analysis.schema import Column
    from analysis.system_cards import SystemCard

_PIECE = 4000


def ratings_frame(study: Study, *, include_simulated: bool = False, of_pilot: bool = False) -> pd.DataFrame:
    """One row per trial and question, in the order of the plan, validated by ``analysis.schema``.

    Simulated answers are left out unless asked for; a pilot's answers and the study's are never in one table.
    Raises NotReady when there is nothing to export.
    """
    tags = clip_tags.tags_of(study)
    rows = list(rating_rows(study, tags, include_simulated=include_simulated, of_pilot=of_pilot))
    if not rows:
        hint = "" if include_simulated else " from people; ask for simulated answers to be included"
        raise NotReady(f"{study} has no responses yet{hint}")
    return _frame(rows, tags)


def ratings_pieces(study: Study, *, include_simulated: bool, of_pilot: bool) -> Iterator[pd.DataFrame]:
    """The same table in pieces of some thousand rows, none where there is no row: for who holds none of it."""
    tags = clip_tags.tags_of(study)
    rows = rating_rows(study, tags, include_simulated=include_simulated, of_pilot=of_pilot)
    while piece := list(islice(rows, _PIECE)):
        yield _frame(piece, tags, whole=False)


def _frame(rows: list[Row], tags: Tags, *, whole: bool = True) -> pd.DataFrame:
    """The rows, validated and typed; a piece may have a repeat without its original."""
    # pandas takes 0.5 s and 60 MB: only whoever exports pays for it.
    import pandas as pd

    from analysis import schema

    further = _further(tags)
    names = [*schema.COLUMN_NAMES, *(column.name for column in further)]
    frame = schema.read(pd.DataFrame(rows, columns=names), whole=whole)
    counts = [one.name for one in further if one.type == "integer"]
    # An empty cell would make floating-point numbers of a column of counts.
    return frame.astype(dict.fromkeys(counts, "Int64"))


def further_columns(study: Study | None = None) -> tuple[Column, ...]:
    """What we export beyond the analysis' contract, which keeps such columns as they come.

    A study's own columns, for the tags of its clips, come last.
    """
    return _further(clip_tags.tags_of(study) if study else {})


def _further(tags: Tags) -> tuple[Column, ...]:
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
        *clip_tags.columns(tags),
    )


def codebook(study: Study | None = None) -> pd.DataFrame:
    """What each exported column means, in the order of the table."""
    from analysis import schema

    return schema.codebook((*schema.COLUMNS, *further_columns(study)))


def write_ratings(frame: pd.DataFrame, file: Path) -> None:
    """Write the ratings as the file's ending says, .csv or .parquet; the same frame gives the same CSV bytes."""
    from analysis import files

    if file.suffix == ".csv":
        file.write_bytes(files.csv_text(frame).encode())
    else:
        frame.to_parquet(file, index=False)


def study_counts(study: Study, *, include_simulated: bool = False, of_pilot: bool = False) -> StudyCounts:
    """What the report says beside the table: the plan, and the sessions and answers that are not in it."""
    from analysis.counts import StudyCounts

    everybody = study.sessions.of_pilot() if of_pilot else study.sessions.counted()
    sessions = everybody if include_simulated else everybody.filter(simulated=False)
    states = Counter(sessions.values_list("state", flat=True))
    simulated = Response.objects.filter(session__in=everybody.filter(simulated=True))
    origins = [Block.Origin.PILOT] if of_pilot else [Block.Origin.PLANNED, Block.Origin.EXTENDED]
    erasures = study.erasures.all() if include_simulated else study.erasures.filter(simulated=False)
    return StudyCounts(
        planned_trials=Trial.objects.filter(block__study=study, block__origin__in=origins).count(),
        completed=states[SessionState.COMPLETED],
        expired=states[SessionState.EXPIRED],
        under_way=sum(states[state] for state in LIVE_SESSIONS),
        screened_out=states[SessionState.SCREENED_OUT],
        withdrawn=states[SessionState.WITHDRAWN],
        erased=erasures.count(),
        simulated_left_out=0 if include_simulated else simulated.count(),
    )


def system_cards(study: Study) -> tuple[SystemCard, ...]:
    """What the systems of the study's design are, those of gold pairs included."""
    from analysis.system_cards import SystemCard

    shown = Stimulus.objects.filter(
        Q(pk__in=study.comparisons.designed().values("stimulus_1"))
        | Q(pk__in=study.comparisons.designed().values("stimulus_2"))
    )
    systems = System.objects.filter(pk__in=shown.values("system")).order_by("slug")
    return tuple(
        SystemCard(
            system.slug,
            system.label,
            system.card.standing,
            system.card.sees,
            system.card.sample_rate,
            system.card.code_licence,
            system.card.weights_licence,
            system.card.citation,
            system.card.note,
        )
        for system in systems
    )
