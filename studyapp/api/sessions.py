"""A study's sessions, by pseudonym: states, counts and times; nothing that lets one act as a rater or find one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from studyapp import rights
from studyapp.api.shapes import REFUSALS, Page, Paging, page_of
from studyapp.models import Block, Study, StudySession
from studyapp.results.exports import pseudonym
from studyapp.states import SessionState
from studyapp.views.staff import study_for

router = Router(tags=["Sessions"])


class SessionItem(BaseModel):
    id: int
    session_id: str = Field(description="As in the exports.")
    rater_id: str = Field(description="As in the exports; another one in every study.")
    state: SessionState
    simulated: bool
    pilot: bool
    block: int = Field(description="The block's number.")
    language: str
    answers: int = Field(description="Answers stored, two for each trial.")
    consented_at: datetime
    started_at: datetime | None
    last_seen_at: datetime
    completed_at: datetime | None


class SessionFilter(Paging):
    state: SessionState | None = None
    simulated: bool | None = Field(None, description="Simulated raters only, or people only.")
    pilot: bool | None = Field(None, description="The pilot's only, or all but the pilot's.")


@router.get("/studies/{slug}/sessions", response={200: Page[SessionItem], **REFUSALS})
def list_sessions(request: HttpRequest, slug: str, asked: Query[SessionFilter]) -> dict[str, Any]:
    """Every session of the study, those of a pilot and simulated ones included unless left out."""
    study = study_for(request, slug, rights.VIEW)
    rows = StudySession.objects.filter(study=study).select_related("rater", "block")
    if asked.state is not None:
        rows = rows.filter(state=asked.state)
    if asked.simulated is not None:
        rows = rows.filter(simulated=asked.simulated)
    if asked.pilot is not None:
        rows = rows.of_pilot() if asked.pilot else rows.counted()
    return page_of(request, asked, rows, lambda row: _item(study, row))


def _item(study: Study, row: StudySession) -> SessionItem:
    return SessionItem(
        id=row.pk,
        session_id=row.archived_session or pseudonym(study, row.token, prefix="s"),
        rater_id=row.archived_rater or pseudonym(study, row.rater.code, prefix="r"),
        state=SessionState(row.state),
        simulated=row.simulated,
        pilot=row.block.origin == Block.Origin.PILOT,
        block=row.block.number,
        language=row.language,
        answers=row.answer_count,
        consented_at=row.consented_at,
        started_at=row.started_at,
        last_seen_at=row.last_seen_at,
        completed_at=row.completed_at,
    )
