"""The researcher's home: what needs somebody, and one's studies by state. Reads only.

The number of queries is the same for one study and for fifty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from studyapp.models import (
    Block,
    Comparison,
    Dataset,
    Participant,
    Snapshot,
    Stimulus,
    StimulusHold,
    Study,
)
from studyapp.states import BlockState, DatasetState, SessionState, StimulusState, StudyState

SHOWN = 50
"""Studies, the newest first; the list under Studies has the others."""
MOST_LISTED = 1000
"""Stimuli that somebody must see to, over all studies shown; beyond it the numbers are of some."""
ORDER = (
    StudyState.OPEN,
    StudyState.PAUSED,
    StudyState.PILOT,
    StudyState.DRAFT,
    StudyState.CLOSED,
    StudyState.ARCHIVED,
)
"""Where raters are, then what waits for its researcher, then what is over."""


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that waits for somebody: of which study, what, and the name of the page where it is done."""

    study: Study
    text: str
    page: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One study and how far it is."""

    study: Study
    completed: int
    places: int
    note: str

    @property
    def percent(self) -> float:
        return min(100.0, 100 * self.completed / self.places) if self.places else 0.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What the home page shows of studies."""

    attention: tuple[Attention, ...]
    groups: tuple[tuple[str, tuple[Row, ...]], ...]


def desk(visible: QuerySet[Study]) -> Desk:
    """Of the studies that somebody may see."""
    studies = list(_annotated(visible)[:SHOWN])
    rows = {study.pk: _row(study, places, completed) for study, places, completed in _progress(studies)}
    groups = ((state.label, tuple(rows[study.pk] for study in studies if study.state == state)) for state in ORDER)
    return Desk(tuple(_attention(studies)), tuple((label, of) for label, of in groups if of))


def _annotated(visible: QuerySet[Study]) -> QuerySet[Any]:
    latest = Dataset.objects.filter(study=OuterRef("pk")).order_by("-created_at").values("state")[:1]
    kept = Participant.objects.filter(study=OuterRef("pk"), purged_at=None)
    alarms = Snapshot.objects.filter(study=OuterRef("pk")).values("alarms")[:1]
    annotated: QuerySet[Any] = visible.annotate(
        latest_dataset=Subquery(latest), keeps_ids=Exists(kept), alarms=Subquery(alarms)
    )
    return annotated.order_by("-created_at")


def _progress(studies: Sequence[Study]) -> Iterator[tuple[Study, int, int]]:
    """Each study with its places and how many of them are completed; simulated raters take places too."""
    # A pilot's places count while it runs, and the design's afterwards.
    piloted = Q(origin=Block.Origin.PILOT, study__state=StudyState.PILOT)
    counted = piloted | ~Q(origin=Block.Origin.PILOT) & ~Q(study__state=StudyState.PILOT)
    blocks = Block.objects.filter(counted, study__in=[study.pk for study in studies]).exclude(
        state=BlockState.RETIRED
    )
    completed = Count("pk", filter=Q(session__state=SessionState.COMPLETED))
    rows = blocks.order_by().values_list("study").annotate(places=Count("pk"), completed=completed)
    found = {key: (places, done) for key, places, done in rows}
    for study in studies:
        yield study, *found.get(study.pk, (0, 0))


def _row(study: Study, places: int, completed: int) -> Row:
    if study.state == StudyState.DRAFT:
        built = bool(study.design_summary)
        return Row(study, 0, 0, "designed, not open yet" if built else "the design is to be built")
    return Row(study, completed, places, f"{completed} of {places} sessions")


def _attention(studies: Sequence[Any]) -> Iterator[Attention]:
    """Alarms first, then failures, then what waits."""
    living = [study for study in studies if study.state != StudyState.ARCHIVED]
    for study in living:
        # By raters and pages; their sentences name no system.
        for alarm in (study.alarms or {}).values():
            yield Attention(study, str(alarm["sentence"]), "research-running", is_bad=True)
    yield from _failures(living)
    yield from _holds(living)
    for study in living:
        if study.latest_dataset == DatasetState.FAILED:
            text = "The last dataset could not be built; the study’s page says why."
            yield Attention(study, text, "research-results", is_bad=True)
    for study in living:
        if study.state == StudyState.DRAFT and study.design_summary:
            yield Attention(study, "The design is built and waits to be piloted or opened.", "research-study")
        if study.state == StudyState.CLOSED and study.keeps_ids and study.keep_ids_until is None:
            text = "It is closed, and panel ids are still kept. Set a day on which they go."
            yield Attention(study, text, "research-team")


def _failures(studies: Sequence[Study]) -> Iterator[Attention]:
    counts = _shown(studies, Stimulus.objects.filter(state=StimulusState.FAILED).values("pk"))
    for study in studies:
        if count := counts[study.pk]:
            text = (
                f"{count} soundtrack{'s' if count > 1 else ''} failed; the page says why, and asks for them again."
            )
            yield Attention(study, text, "research-soundtracks", is_bad=True)


def _holds(studies: Sequence[Study]) -> Iterator[Attention]:
    """By a rater's mark or by a file that is lost, which no session found; the study's page leads to them."""
    counts = _shown(studies, StimulusHold.objects.filter(lifted_at=None).values("stimulus"))
    for study in studies:
        if count := counts[study.pk]:
            text = f"{count} stimul{'i are' if count > 1 else 'us is'} held until somebody has looked."
            yield Attention(study, text, "research-study")


def _shown(studies: Sequence[Study], stimuli: QuerySet[Any]) -> Counter[int]:
    """How many of the stimuli, given as a query of their keys, each study's design shows."""
    compared = Comparison.objects.designed().filter(study__in=[study.pk for study in studies]).order_by()
    first, second = (
        compared.filter(**{f"{place}__in": stimuli}).values_list("study", place)
        for place in ("stimulus_1", "stimulus_2")
    )
    # A union holds each row once.
    return Counter(study for study, _ in first.union(second)[:MOST_LISTED])
