"""Studies: list, read, make from a study file, change a draft, and move from state to state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from ninja import ModelSchema, Query, Router
from pydantic import BaseModel, ConfigDict, Field, model_validator

from generation.contracts import GenerationError
from studyapp import blinding, overview, rights
from studyapp.actions.studies import change_study
from studyapp.api.shapes import LARGEST_ID, REFUSALS, Body, Page, Paging, must_be_storable, page_of
from studyapp.documents.schema import SYSTEM_FIELDS, settings
from studyapp.errors import DuetError
from studyapp.models import Clip, Study, System
from studyapp.plan.sampling import DesignSummary
from studyapp.states import StudyState
from studyapp.views.research import MOVES, OWNERS_MOVES
from studyapp.views.staff import researcher, study_for

router = Router(tags=["Studies"])

Verb = Literal[
    "build",
    "generate",
    "retry",
    "pilot",
    "simulate",
    "end-pilot",
    "open",
    "pause",
    "resume",
    "close",
    "archive",
]
_ABILITIES = {"change": rights.CHANGE, "manage": rights.MANAGE, "see_system_names": rights.SEE_NAMES}
_PLAIN = [one.field for _, one in settings() if one.field not in SYSTEM_FIELDS and not one.code]
_CODES = [one.field for _, one in settings() if one.code]
_OWNERS = "keep_ids_until"
"""Set by owners alone, on the page Team: ids that are gone do not come back."""


class StudySettings(ModelSchema):
    """Everything a researcher sets, but codes that are worth money to who has them."""

    class Meta:
        model = Study
        fields = ["language", *_PLAIN]


class StudyBrief(BaseModel):
    slug: str
    title: str
    state: StudyState
    created_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    archived_at: datetime | None

    @classmethod
    def of(cls, study: Study) -> StudyBrief:
        return cls(**{name: getattr(study, name) for name in StudyBrief.model_fields})


class DesignCounts(BaseModel):
    """The design as it was last built."""

    comparisons: int
    blocks: int
    trials: int
    current: bool = Field(description="False where the study was changed since.")

    @classmethod
    def of(cls, study: Study, summary: DesignSummary) -> DesignCounts:
        counts = {name: getattr(summary, name) for name in ("comparisons", "blocks", "trials")}
        return cls(current=overview.design_is_current(study), **counts)


class StudyWhole(StudyBrief):
    settings: StudySettings
    gold_truth: str | None
    gold_foil: str | None
    pairs: list[tuple[str, str]] = Field(
        description="The systems that are compared, by slug; by letter for those who may not see names."
    )
    clips: int
    design: DesignCounts | None
    frozen: dict[str, str] = Field(description="SHA-256 of each part that opening froze.")
    link: str | None = Field(description="Where raters begin; null for a draft.")
    you_may: list[str] = Field(description="Of change, manage and see_system_names.")


class Paired(Body):
    """Two systems by slug."""

    system_1: str
    system_2: str


class StudyChange(ModelSchema):
    """What is to be otherwise; what is left out stays as it is.

    The day on which panel ids are deleted is not among it: owners set it on the page Team.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    gold_truth: str | None = Field(None, description="Slug of the better system of gold pairs.")
    gold_foil: str | None = Field(None, description="Slug of the foil of gold pairs.")
    pairs: list[Paired] | None = Field(None, description="All pairs anew.")
    clips: list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] | None = Field(
        None, description="All clips anew, by id.", max_length=100_000
    )

    class Meta:
        model = Study
        fields = ["title", "language", *(name for name in _PLAIN if name != _OWNERS), *_CODES]
        fields_optional = "__all__"

    @model_validator(mode="before")
    @classmethod
    def storable(cls, sent: object) -> object:
        """As every body is."""
        return must_be_storable(sent)


class Moved(BaseModel):
    said: str = Field(description="What was done, in a sentence.")
    study: StudyBrief


class Heads(BaseModel):
    under_way: int
    completed: int
    expired: int
    screened_out: int
    withdrawn: int
    answers: int


class Progress(BaseModel):
    """How far a study is: its soundtracks, and the raters of its present phase."""

    soundtracks: int
    ready: int
    failed: int
    unfinished: int
    not_asked_for: int = Field(description="To be made once generation is started, lost files included.")
    blocks: int
    blocks_free: int
    people: Heads
    simulated: Heads
    held: int = Field(description="Stimuli taken out because of a rater's mark.")


class StudyFilter(Paging):
    state: StudyState | None = None


@router.get("/studies", response={200: Page[StudyBrief], **REFUSALS})
def list_studies(request: HttpRequest, asked: Query[StudyFilter]) -> dict[str, Any]:
    """The studies that you are a member of."""
    rows = Study.objects.visible_to(request.user)
    if asked.state is not None:
        rows = rows.filter(state=asked.state)
    return page_of(request, asked, rows, StudyBrief.of)


@router.get("/studies/{slug}", response={200: StudyWhole, **REFUSALS})
def read_study(request: HttpRequest, slug: str) -> StudyWhole:
    """One study with all its settings."""
    return _whole(request, study_for(request, slug, rights.VIEW))


@router.patch("/studies/{slug}", response={200: StudyWhole, **REFUSALS})
def change_draft(request: HttpRequest, slug: str, asked: StudyChange) -> StudyWhole:
    """Change a draft. Once a study is open, changes are amendments."""
    study = study_for(request, slug, rights.CHANGE)
    fields = asked.model_dump(exclude_unset=True)
    if not fields:
        raise DuetError("nothing was sent that could be changed; name a setting and its new value")
    pairs, clips = fields.pop("pairs", None), fields.pop("clips", None)
    for name in SYSTEM_FIELDS:
        if fields.get(name) is not None:
            fields[name] = _systems([fields[name]])[fields[name]]
    changed = change_study(
        study=study,
        pairs=None if pairs is None else _pairs(asked.pairs or []),
        clips=None if clips is None else _clips(clips),
        by=researcher(request),
        **fields,
    )
    return _whole(request, changed)


@router.post("/studies/{slug}/moves/{verb}", response={200: Moved, **REFUSALS})
def move_study(request: HttpRequest, slug: str, verb: Verb) -> Moved:
    """Press one of the study's buttons: build the design, generate, pilot, open, pause, resume, close, archive."""
    study = study_for(request, slug, rights.MANAGE if verb in OWNERS_MOVES else rights.CHANGE)
    try:
        said = MOVES[verb](study, researcher(request), request)
    except (DuetError, GenerationError) as refused:
        if rights.may(request.user, rights.SEE_NAMES, study):
            raise
        raise type(refused)(blinding.without_names(study)(str(refused))) from None
    study.refresh_from_db()
    return Moved(said=said, study=StudyBrief.of(study))


@router.get("/studies/{slug}/progress", response={200: Progress, **REFUSALS})
def read_progress(request: HttpRequest, slug: str) -> Progress:
    """How many soundtracks and answers there are; of a pilot while one runs."""
    study = study_for(request, slug, rights.VIEW)
    work = overview.generation(study, now=timezone.now())
    raters = overview.collection(study)
    return Progress(
        soundtracks=work.total,
        ready=work.ready,
        failed=work.failed,
        unfinished=work.unfinished,
        not_asked_for=work.unsent,
        blocks=raters.blocks,
        blocks_free=raters.free,
        people=_heads(raters.people),
        simulated=_heads(raters.simulated),
        held=raters.held,
    )


def _heads(heads: overview.Heads) -> Heads:
    return Heads(**{name: getattr(heads, name) for name in Heads.model_fields})


def _whole(request: HttpRequest, study: Study) -> StudyWhole:
    built = overview.follows(study)
    held = rights.permissions_of(request.user, study)
    named = rights.SEE_NAMES in held
    pairs = list(study.pairs.values_list("system_1__slug", "system_2__slug"))
    called = blinding.names(study, (slug for pair in pairs for slug in pair), shown=named)
    told = StudySettings.model_validate(study)
    if not named:
        primary = [[called[slug] for slug in pair] for pair in study.primary_pairs if set(pair) <= set(called)]
        told = told.model_copy(
            update={
                "primary_pairs": sorted(map(sorted, primary)),
                "hypotheses": blinding.hypotheses(study),
            }
        )
    return StudyWhole(
        **StudyBrief.of(study).model_dump(),
        settings=told,
        gold_truth=study.gold_truth.slug if named and study.gold_truth else None,
        gold_foil=study.gold_foil.slug if named and study.gold_foil else None,
        # In an order that says nothing of which is which.
        pairs=[(one, other) for one, other in sorted(sorted(called[slug] for slug in pair) for pair in pairs)],
        clips=study.clips.count(),
        design=DesignCounts.of(study, built.summary) if built else None,
        frozen=study.frozen,
        link=request.build_absolute_uri(reverse("take", args=[study.token]))
        if study.state != StudyState.DRAFT
        else None,
        you_may=[name for name, permission in _ABILITIES.items() if permission in held],
    )


def _systems(slugs: Iterable[str]) -> dict[str, System]:
    wanted = set(slugs)
    found = {system.slug: system for system in System.objects.filter(slug__in=wanted)}
    if missing := sorted(wanted - set(found)):
        raise DuetError(f"there is no system {', '.join(missing)}; GET /api/v1/systems lists those that there are")
    return found


def _pairs(asked: list[Paired]) -> list[tuple[System, System]]:
    found = _systems(slug for pair in asked for slug in (pair.system_1, pair.system_2))
    return [(found[pair.system_1], found[pair.system_2]) for pair in asked]


def _clips(ids: list[int]) -> list[Clip]:
    found = list(Clip.objects.filter(pk__in=ids))
    if missing := sorted(set(ids) - {clip.pk for clip in found}):
        raise DuetError(f"there is no clip {', '.join(map(str, missing[:10]))}; GET /api/v1/clips lists them")
    return found
