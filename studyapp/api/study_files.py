"""Studies as files: one is made from a file, and given back as one."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Status
from pydantic import BaseModel, Field

from studyapp import rights
from studyapp.actions.looking import note_names_seen
from studyapp.actions.study_documents import import_study
from studyapp.api.shapes import REFUSALS, Body
from studyapp.api.studies import StudyBrief

# One router for both: Django knows one view for an address, whatever the method.
from studyapp.api.studies import router as router
from studyapp.documents.of_study import document_of
from studyapp.documents.reading import read
from studyapp.documents.writing import write
from studyapp.views.staff import researcher, study_for


class NewStudy(Body):
    document: str = Field(max_length=2_000_000, description="A study file, as it is exported: YAML in one text.")
    title: str | None = Field(None, max_length=200, description="Instead of the file's.")
    slug: str | None = Field(None, max_length=80, description="Instead of the file's short name.")


class MadeStudy(BaseModel):
    study: StudyBrief
    new_systems: list[str] = Field(description="Slugs of systems that were made with it.")
    notes: list[str] = Field(description="What to know of it, such as clips that are missing.")


@router.post("/studies", response={201: MadeStudy, **REFUSALS})
def make_study(request: HttpRequest, asked: NewStudy) -> Status[MadeStudy]:
    """Make a draft from a study file. You are its owner. Nothing is made where anything in the file is wrong."""
    document = read(asked.document)
    named = replace(document, title=asked.title or document.title, slug=asked.slug or document.slug)
    made = import_study(document=named, by=researcher(request))
    return Status(
        201,
        MadeStudy(study=StudyBrief.of(made.study), new_systems=list(made.new_systems), notes=list(made.notes)),
    )


@router.get("/studies/{slug}/document", response={200: str, **REFUSALS})
def read_document(request: HttpRequest, slug: str) -> HttpResponse:
    """The study file (YAML), without codes that are worth money. It names systems."""
    study = study_for(request, slug, rights.VIEW, names=True)
    note_names_seen(study=study, page="API study file", by=researcher(request), now=timezone.now())
    return HttpResponse(write(document_of(study)), content_type="application/yaml; charset=utf-8")
