"""Datasets: freeze one, see how far it is, take its files away."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import FileResponse, Http404, HttpRequest
from ninja import Path, Query, Router, Status
from pydantic import BaseModel, Field

from studyapp import blinding, rights
from studyapp.actions.looking import note_download
from studyapp.api.shapes import LARGEST_ID, REFUSALS, Body, Page, Paging, page_of
from studyapp.errors import DuetError
from studyapp.models import Dataset
from studyapp.states import DatasetState
from studyapp.views.results import ARCHIVE, DOWNLOADS, groups_of
from studyapp.views.staff import dataset_for, researcher, study_for

router = Router(tags=["Datasets"])
FILES = (*DOWNLOADS, ARCHIVE)


class DatasetItem(BaseModel):
    id: int
    study: str
    state: DatasetState
    error: str = Field(description="Why it failed, for those who may see the names of systems, which it may name.")
    includes_simulated: bool
    of_pilot: bool
    rows: int | None
    sha256: str | None = Field(description="Of ratings.csv.")
    files: list[str] = Field(description="Names to download; empty until it is ready.")
    superseded_at: datetime | None = Field(description="When answers in it were erased; freeze another one.")
    created_at: datetime
    ready_at: datetime | None

    @classmethod
    def of(cls, dataset: Dataset, request: HttpRequest) -> DatasetItem:
        ready = dataset.state == DatasetState.READY
        plain = set(cls.model_fields) - {"study", "sha256", "files", "error"}
        named = rights.may(request.user, rights.SEE_NAMES, dataset.study)
        return cls(
            study=dataset.study.slug,
            sha256=dataset.sha256 or None,
            error=dataset.error if named or not dataset.error else blinding.KEPT_BACK,
            files=[one.name for one in FILES if (dataset.path / one.name).is_file()] if ready else [],
            **{name: getattr(dataset, name) for name in plain},
        )


class TableFilter(BaseModel):
    """How the preference table is reckoned and written."""

    ties: Literal["denominator", "split", "left out"] = Field(
        "denominator", description="What becomes of answers without a preference."
    )
    clips: Literal["random", "fixed"] = Field(
        "random", description="Results are about clips like these, or about these alone."
    )
    by: str = Field("genre", max_length=120, description="Genre, or a column of tags that the codebook lists.")
    format: Literal["csv", "md", "tex"] = "csv"


class Freeze(Body):
    include_simulated: bool = False
    of_pilot: bool = Field(False, description="The pilot's answers instead of the study's.")


@router.get("/studies/{slug}/datasets", response={200: Page[DatasetItem], **REFUSALS})
def list_datasets(request: HttpRequest, slug: str, asked: Query[Paging]) -> dict[str, Any]:
    """Frozen exports of the study."""
    rows = Dataset.objects.filter(study=study_for(request, slug, rights.VIEW)).select_related("study")
    return page_of(request, asked, rows, lambda dataset: DatasetItem.of(dataset, request))


@router.post("/studies/{slug}/datasets", response={202: DatasetItem, **REFUSALS})
def freeze(request: HttpRequest, slug: str, asked: Freeze) -> Status[DatasetItem]:
    """Freeze what was answered so far. A worker builds the files: ask again until it is ready or failed."""
    # Brings pandas with it, which no other route needs.
    from studyapp.actions.datasets import freeze_dataset

    study = study_for(request, slug, rights.CHANGE)
    dataset = freeze_dataset(
        study=study, include_simulated=asked.include_simulated, of_pilot=asked.of_pilot, by=researcher(request)
    )
    return Status(202, DatasetItem.of(dataset, request))


@router.get("/datasets/{id}", response={200: DatasetItem, **REFUSALS})
def read_dataset(request: HttpRequest, id: Path[int]) -> DatasetItem:
    """One dataset."""
    found = Dataset.objects.select_related("study").filter(pk=id).first() if 0 < id <= LARGEST_ID else None
    if found is None or not rights.may(request.user, rights.VIEW, found.study):
        raise Http404(f"There is no dataset {id}, or you are not a member of its study.")
    return DatasetItem.of(found, request)


@router.get("/datasets/{id}/files/{name}", response={200: bytes, **REFUSALS})
def read_file(request: HttpRequest, id: Path[int], name: str) -> FileResponse:
    """One file of a dataset. Its columns name systems, so you must be allowed to see names."""
    if name not in {known.name for known in FILES}:
        options = ", ".join(known.name for known in FILES)
        raise Http404(f"A dataset has no file {name!r}; there are {options}.")
    if not 0 < id <= LARGEST_ID:
        raise Http404(f"There is no dataset {id}.")
    dataset = dataset_for(request, id)
    path = dataset.path / name
    if not path.is_file():
        raise Http404(f"This dataset has no {name}.")
    note_download(dataset=dataset, file=name, by=researcher(request))
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{dataset.study.slug}-{dataset.pk}-{name}")


@router.get("/datasets/{id}/preferences", response={200: bytes, **REFUSALS})
def read_preferences(request: HttpRequest, id: Path[int], asked: Query[TableFilter]) -> FileResponse:
    """The preference table of every pair, by genre or by a tag, as CSV, Markdown or LaTeX. It names systems."""
    if not 0 < id <= LARGEST_ID:
        raise Http404(f"There is no dataset {id}.")
    dataset = dataset_for(request, id)
    # Brings pandas with it, which no other route needs.
    from analysis.results import AnalysisError
    from studyapp.actions.preferences import Choice, preference_file

    known = [name for name, _ in groups_of(dataset)]
    choice = Choice.of(ties=asked.ties, clips=asked.clips, by=asked.by, known=known)
    try:
        path = preference_file(dataset, choice, asked.format)
    except AnalysisError as error:
        raise DuetError(f"no preference table: {error}") from None
    name = f"preferences-{choice.stem}.{asked.format}"
    note_download(dataset=dataset, file=name, by=researcher(request))
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{dataset.study.slug}-{dataset.pk}-{name}")
