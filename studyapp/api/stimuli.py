"""A study's stimuli: how far each is, what was measured, and another try for those that failed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from studyapp import blinding, rights
from studyapp.actions.looking import note_names_seen
from studyapp.actions.stimuli import retry_failed, retry_one, study_stimuli
from studyapp.api.shapes import LARGEST_ID, REFUSALS, Page, Paging, must_be_known, page_of
from studyapp.models import Stimulus, Study
from studyapp.states import StimulusState
from studyapp.views.staff import researcher, study_for

router = Router(tags=["Stimuli"])

_TELLING = (
    *("id", "error", "sha256", "bytes", "duration_s", "lufs", "true_peak_dbtp", "gain_db"),
    *("requested_at", "ready_at"),
)
"""What other pages show beside a system's name, or what follows from the order in which systems were made."""


class StimulusItem(BaseModel):
    """What would tell which system a stimulus is of is null without names."""

    id: int | None
    clip: int = Field(description="The clip's id.")
    dataset: str
    clip_id: str
    system: str = Field(description="A letter, or the slug where names are shown.")
    state: StimulusState
    progress: float
    error: str | None = Field(description="Why it failed.")
    sha256: str | None
    bytes: int | None
    duration_s: float | None
    lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float | None
    requested_at: datetime | None
    ready_at: datetime | None


class StimulusFilter(Paging):
    state: StimulusState | None = None
    names: bool = Field(False, description="Slugs instead of letters, for those who may see names of systems.")


class Retried(BaseModel):
    retried: int


@router.get("/studies/{slug}/stimuli", response={200: Page[StimulusItem], **REFUSALS})
def list_stimuli(request: HttpRequest, slug: str, asked: Query[StimulusFilter]) -> dict[str, Any]:
    """Every stimulus that the study's design shows. Systems are letters unless names are asked for.

    By letter, items come clip by clip, without ids, digests and measurements. So do items by name that another
    study shows in which names are kept from you.
    """
    study = study_for(request, slug, rights.VIEW, names=asked.names)
    if asked.names:
        note_names_seen(study=study, page="API stimuli", by=researcher(request), now=timezone.now())
    called = blinding.names(study, _slugs(study), shown=asked.names)
    rows = study_stimuli(study).select_related("clip", "system")
    if asked.state is not None:
        rows = rows.filter(state=asked.state)
    if asked.names:
        told = rights.told_by_name(Stimulus.objects.filter(pk=OuterRef("pk")), to=researcher(request))
        rows = rows.annotate(told=Exists(told))
        return page_of(request, asked, rows, lambda row: _named(row, called[row.system.slug]))
    return _by_letter(request, asked, rows, called)


@router.post("/studies/{slug}/stimuli/retry", response={200: Retried, **REFUSALS})
def retry_all(request: HttpRequest, slug: str) -> Retried:
    """Ask again for every stimulus of the study that failed."""
    study = study_for(request, slug, rights.CHANGE)
    return Retried(retried=retry_failed(study=study, by=researcher(request)))


@router.post("/studies/{slug}/stimuli/{id}/retry", response={200: Retried, **REFUSALS})
def retry_stimulus(request: HttpRequest, slug: str, id: Path[int]) -> Retried:
    """Ask again for one stimulus, if it failed."""
    study = study_for(request, slug, rights.CHANGE)
    stimulus = study_stimuli(study).filter(pk=id).first() if 0 < id <= LARGEST_ID else None
    if stimulus is None:
        raise Http404(f"The study's design has no stimulus {id}.")
    return Retried(retried=int(retry_one(stimulus=stimulus, by=researcher(request))))


def _slugs(study: Study) -> set[str]:
    """Those that letters are drawn among: of every system of the design, whatever page of it is asked for."""
    return set(study_stimuli(study).order_by().values_list("system__slug", flat=True).distinct())


def _by_letter(
    request: HttpRequest, asked: Paging, rows: QuerySet[Stimulus], called: Mapping[str, str]
) -> dict[str, Any]:
    """A page in the order of clips and letters: in that of ids, a clip's systems would come as they were made."""
    must_be_known(request, asked)
    keys = rows.order_by().values_list("clip", "system__slug", "seed", "pk")
    ordered = sorted((clip, len(called[slug]), called[slug], seed, pk) for clip, slug, seed, pk in keys)
    begin = asked.after or 0
    chosen = [pk for *_, pk in ordered[begin : begin + asked.limit]]
    found = rows.in_bulk(chosen)
    items = [_blinded(found[pk], called[found[pk].system.slug]) for pk in chosen if pk in found]
    end = begin + asked.limit
    return {"items": items, "next": end if end < len(ordered) else None}


def _named(row: Any, called: str) -> StimulusItem:
    return _item(row, called) if row.told else _blinded(row, called)


def _blinded(row: Stimulus, called: str) -> StimulusItem:
    return _item(row, called).model_copy(update=dict.fromkeys(_TELLING))


def _item(row: Stimulus, called: str) -> StimulusItem:
    return StimulusItem(
        id=row.pk,
        clip=row.clip_id,
        dataset=row.clip.dataset,
        clip_id=row.clip.clip_id,
        system=called,
        state=StimulusState(row.state),
        progress=row.progress,
        error=row.error or None,
        sha256=row.file_sha256 or None,
        bytes=row.file_bytes,
        duration_s=row.duration_s,
        lufs=row.lufs,
        true_peak_dbtp=row.true_peak_dbtp,
        gain_db=row.gain_db,
        requested_at=row.requested_at,
        ready_at=row.ready_at,
    )
