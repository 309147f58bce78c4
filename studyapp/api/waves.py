"""A running study's further waves: those that were added, and another one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from studyapp import rights
from studyapp.actions.waves import MOST_RATINGS, extend, top_up
from studyapp.api.shapes import REFUSALS, Body, Page, Paging, page_of
from studyapp.errors import DuetError
from studyapp.models import Amendment, Study
from studyapp.plan.amendments import EXTENSION
from studyapp.plan.wave_plans import Pair
from studyapp.views.running import MOST_RATERS, MOST_REASON, pairs_by_number
from studyapp.views.staff import researcher, study_for

router = Router(tags=["Waves"])


class WaveItem(BaseModel):
    wave: int
    at: datetime
    by: str | None = Field(description="Null where a command acted.")
    ratings: int = Field(description="Further ratings of each comparison.")
    pairs: int | None = Field(description="Of how many pairs; null for all. The amendment says of which.")
    first_block: int
    last_block: int
    reason: str
    amendment: int = Field(description="The number of its amendment.")

    @classmethod
    def of(cls, row: Amendment) -> WaveItem:
        added: dict[str, Any] = row.after or {}
        first, last = added["block_numbers"]
        return cls(
            wave=added["wave"],
            at=row.at,
            by=row.by.get_username() if row.by else None,
            ratings=added["further_ratings"],
            pairs=None if added["pairs"] == "all" else len(added["pairs"]),
            first_block=first,
            last_block=last,
            reason=row.reason,
            amendment=row.number,
        )


class NewWave(Body):
    """Either `raters` or `ratings`."""

    reason: str = Field(min_length=1, max_length=MOST_REASON, description="Every export and report shows it.")
    raters: int | None = Field(
        None,
        ge=1,
        le=MOST_RATERS,
        description="About so many raters more: every comparison gets as many ratings as they can give.",
    )
    ratings: int | None = Field(
        None, ge=1, le=MOST_RATINGS, description="So many ratings of each comparison more."
    )
    pairs: list[str] | None = Field(
        None,
        min_length=1,
        description="With `ratings`: of these pairs alone, as the page Running numbers them, such as “Pair 1”.",
    )
    wave: int | None = Field(
        None, ge=1, description="The number that it should get: what is sent twice then adds one wave."
    )


@router.get("/studies/{slug}/waves", response={200: Page[WaveItem], **REFUSALS})
def list_waves(request: HttpRequest, slug: str, asked: Query[Paging]) -> dict[str, Any]:
    """Further ratings that were asked for after the study opened."""
    return page_of(request, asked, _waves(study_for(request, slug, rights.VIEW)), WaveItem.of)


@router.post("/studies/{slug}/waves", response={201: WaveItem, **REFUSALS})
def add_wave(request: HttpRequest, slug: str, asked: NewWave) -> Status[WaveItem]:
    """Add balanced blocks to a study that is open or paused, as an amendment."""
    study = study_for(request, slug, rights.CHANGE)
    by = researcher(request)
    if asked.ratings is not None and asked.raters is None:
        pairs = None if asked.pairs is None else _meant(study, asked.pairs)
        made = top_up(study=study, by=by, reason=asked.reason, ratings=asked.ratings, pairs=pairs, wave=asked.wave)
    elif asked.raters is not None and asked.ratings is None and asked.pairs is None:
        made = extend(study=study, by=by, reason=asked.reason, raters=asked.raters, wave=asked.wave)
    else:
        raise DuetError("give either “raters”, or “ratings” with or without “pairs”")
    return Status(201, WaveItem.of(_waves(study).get(after__wave=made.number)))


def _waves(study: Study) -> QuerySet[Amendment]:
    return Amendment.objects.filter(study=study, what=EXTENSION).select_related("by")


def _meant(study: Study, numbers: list[str]) -> list[Pair]:
    known = pairs_by_number(study)
    if missing := [one for one in numbers if one not in known]:
        raise DuetError(f"the study does not compare “{missing[0]}”; choose among {', '.join(known)}")
    return [known[one] for one in numbers]
