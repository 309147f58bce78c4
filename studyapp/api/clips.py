"""Clips: list, read, and describe."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Path, Query, Router
from pydantic import BaseModel, Field

from studyapp.actions.clips import describe_clip
from studyapp.api.shapes import LARGEST_ID, REFUSALS, Body, Page, Paging, page_of
from studyapp.errors import DuetError
from studyapp.models import Clip
from studyapp.views.staff import researcher

router = Router(tags=["Clips"])


class ClipItem(BaseModel):
    id: int
    dataset: str
    clip_id: str
    genre: str
    genre_rule: str
    labels: list[str]
    tags: list[str]
    caption: str
    licence: str
    source_url: str
    source_name: str
    source_sha256: str
    start_s: float
    duration_s: float
    width: int
    height: int
    frame_rate: float
    master_sha256: str
    has_audio: bool
    created_at: datetime

    @classmethod
    def of(cls, clip: Clip) -> ClipItem:
        plain = set(cls.model_fields) - {"has_audio"}
        return cls(has_audio=bool(clip.audio_file), **{name: getattr(clip, name) for name in plain})


class ClipFilter(Paging):
    dataset: str | None = Field(None, description="Exactly this dataset.")
    genre: str | None = Field(None, description="Exactly this genre.")
    tag: str | None = Field(None, description="Clips that have this tag.")
    clip_id: str | None = Field(None, description="Exactly this clip id, of any dataset.")


class ClipDescription(Body):
    """What is to be said otherwise; what is left out stays as it is."""

    genre: str | None = Field(None, min_length=1, max_length=80)
    caption: str | None = Field(None, max_length=10_000)
    licence: str | None = Field(None, max_length=200)


@router.get("/clips", response={200: Page[ClipItem], **REFUSALS})
def list_clips(request: HttpRequest, asked: Query[ClipFilter]) -> dict[str, Any]:
    """Clips, which all researchers share."""
    named = asked.model_dump(include={"dataset", "genre", "clip_id"}, exclude_none=True)
    rows = Clip.objects.filter(**named)
    if asked.tag is not None:
        # SQLite cannot look into a JSON list; but of a hundred thousand clips few differ in theirs.
        lists = rows.order_by().values_list("tags", flat=True).distinct()
        rows = rows.filter(tags__in=[tags for tags in lists if asked.tag in tags])
    return page_of(request, asked, rows, ClipItem.of)


@router.get("/clips/{id}", response={200: ClipItem, **REFUSALS})
def read_clip(request: HttpRequest, id: Path[int]) -> ClipItem:
    """One clip."""
    return ClipItem.of(_clip(id))


@router.patch("/clips/{id}", response={200: ClipItem, **REFUSALS})
def change_clip(request: HttpRequest, id: Path[int], asked: ClipDescription) -> ClipItem:
    """Give a clip another genre, caption or licence, as long as nothing rests on it."""
    described = asked.model_dump(exclude_unset=True)
    if not described:
        raise DuetError("nothing was sent that could be changed; give a genre, caption or licence")
    if missing := [name for name, value in described.items() if value is None]:
        raise DuetError(f"{', '.join(missing)} cannot be null; leave it out, or send an empty text")
    return ClipItem.of(describe_clip(clip=_clip(id), by=researcher(request), **described))


def _clip(pk: int) -> Clip:
    clip = Clip.objects.filter(pk=pk).first() if 0 < pk <= LARGEST_ID else None
    if clip is None:
        raise Http404(f"There is no clip {pk}.")
    return clip
