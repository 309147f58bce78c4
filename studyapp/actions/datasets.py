"""Datasets: a study's answers frozen into files with a digest, and the report built from them."""

from __future__ import annotations

import json
import secrets
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from studyapp import media_store
from studyapp.actions.designs import design_csv
from studyapp.actions.stimuli import patience
from studyapp.briefings import consent_record
from studyapp.errors import DuetError
from studyapp.exports import codebook, ratings_frame, study_counts, write_ratings
from studyapp.models import AuditLine, Dataset, Study, User
from studyapp.quality import rules_of
from studyapp.states import DatasetState

if TYPE_CHECKING:
    import pandas as pd

# A build takes seconds; one that is not done by now lost its worker. Building twice is harmless.
_LOST_AFTER = timedelta(minutes=20)
MOST_BUILDS = 3
"""After so many builds that ended with a dead worker nobody tries again by itself."""


@transaction.atomic
def freeze_dataset(*, study: Study, include_simulated: bool, by: User | None) -> Dataset:
    """Ask for an export of what has been answered so far, and its report; a task builds them."""
    dataset = Dataset.objects.create(study=study, includes_simulated=include_simulated, created_by=by)
    AuditLine.write("dataset requested", by=by, study=study, dataset=dataset.pk, simulated=include_simulated)
    _send(dataset)
    return dataset


def resend_lost(*, now: datetime) -> int:
    """Send again what was requested but never built, because a message or a worker was lost; returns how many.

    Each message waits twice as long as the one before. What has killed its worker too often becomes FAILED.
    """
    unfinished = Dataset.objects.filter(state__in=[DatasetState.REQUESTED, DatasetState.BUILDING])
    lost = [dataset for dataset in unfinished.exclude(last_sign_of_life=None) if _is_lost(dataset, now)]
    given_up = [dataset for dataset in lost if dataset.attempt >= MOST_BUILDS]
    for dataset in given_up:
        # Only if it is still the attempt that was seen.
        Dataset.objects.filter(pk=dataset.pk, state=DatasetState.BUILDING, attempt=dataset.attempt).update(
            state=DatasetState.FAILED,
            error=(
                f"{dataset.attempt} builds ended with a worker that died or was stopped; look at the worker's log "
                "and its memory, then freeze a new dataset."
            ),
        )
    again = [dataset for dataset in lost if dataset not in given_up]
    for dataset in again:
        _send(dataset)
    return len(again)


def build_dataset(*, dataset_id: int) -> Dataset:
    """Write the dataset's folder: ratings, codebook, design, report. A dataset that is ready stays as it is.

    What stands in the way (no answers yet, say) is kept on the row as a sentence, and the state becomes FAILED.
    """
    dataset = _begin(dataset_id)
    if dataset is None:
        return Dataset.objects.get(pk=dataset_id)
    folder = f"datasets/{dataset.study.slug}-{dataset.pk}-{secrets.token_hex(4)}"
    making = media_store.root() / f"{folder}.part"
    making.mkdir(parents=True)
    try:
        rows, sha256 = _write(dataset, making)
        media_store.put_folder(making, folder)
    except Exception as error:
        shutil.rmtree(making, ignore_errors=True)
        expected = _says_why(error)
        sentence = (
            str(error) if expected else f"building failed with {type(error).__name__}; the worker's log says more"
        )
        _under_way(dataset).update(state=DatasetState.FAILED, error=sentence)
        if not expected:
            raise
        return Dataset.objects.get(pk=dataset_id)
    with transaction.atomic():
        # A second worker may have begun since, or a rater's answers may be gone: one folder is the dataset, this
        # one goes.
        if _under_way(dataset).update(
            state=DatasetState.READY, rows=rows, sha256=sha256, folder=folder, ready_at=timezone.now()
        ):
            AuditLine.write("dataset ready", by=None, study=dataset.study, dataset=dataset.pk, sha256=sha256)
        else:
            shutil.rmtree(media_store.root() / folder)
    return Dataset.objects.get(pk=dataset_id)


@transaction.atomic
def _begin(dataset_id: int) -> Dataset | None:
    """Take a dataset on, if it waits."""
    # Whoever erases answers holds the study: a build reads either before, and is thrown away, or after.
    Study.objects.select_for_update(no_key=True).filter(datasets=dataset_id).first()
    waiting = Dataset.objects.filter(pk=dataset_id, attempt__lt=MOST_BUILDS).exclude(state=DatasetState.READY)
    if not waiting.update(
        state=DatasetState.BUILDING,
        error="",
        attempt=F("attempt") + 1,
        sends=0,
        last_sign_of_life=timezone.now(),
    ):
        return None
    return Dataset.objects.select_related("study").get(pk=dataset_id)


def _under_way(dataset: Dataset) -> QuerySet[Dataset]:
    return Dataset.objects.filter(pk=dataset.pk, state=DatasetState.BUILDING, attempt=dataset.attempt)


def _send(dataset: Dataset) -> None:
    # tasks.py calls back into this module.
    from studyapp import tasks

    Dataset.objects.filter(pk=dataset.pk).update(last_sign_of_life=timezone.now(), sends=F("sends") + 1)
    # Robust: a broker that is away is logged, and the sweeper sends again; what was asked for stands.
    transaction.on_commit(lambda: tasks.build_dataset.delay(dataset.pk), robust=True)


def _is_lost(dataset: Dataset, now: datetime) -> bool:
    assert dataset.last_sign_of_life is not None  # the query's condition
    building = dataset.state == DatasetState.BUILDING
    return now - dataset.last_sign_of_life > (_LOST_AFTER if building else patience(dataset.sends))


def _says_why(error: Exception) -> bool:
    from analysis.results import AnalysisError
    from analysis.schema import SchemaError

    return isinstance(error, (DuetError, AnalysisError, SchemaError))


def _write(dataset: Dataset, folder: Path) -> tuple[int, str]:
    """All files of a dataset. Returns the number of ratings and the SHA-256 of their CSV file."""
    from analysis import tables
    from analysis.raters import rater_figures

    frame = ratings_frame(dataset.study, include_simulated=dataset.includes_simulated)
    for name in ("ratings.csv", "ratings.parquet"):
        write_ratings(frame, folder / name)
    tables.rater_frame(rater_figures(frame), rules_of(dataset.study)).to_csv(
        folder / "raters.csv", index=False, lineterminator="\n"
    )
    told = json.dumps(consent_record(dataset.study), ensure_ascii=False, indent=1)
    (folder / "consent.json").write_text(told + "\n", encoding="utf-8")
    codebook().to_csv(folder / "codebook.csv", index=False, lineterminator="\n")
    (folder / "design.csv").write_bytes(design_csv(dataset.study).encode())
    _write_report(frame, dataset, folder)
    return len(frame), media_store.sha256(folder / "ratings.csv")


def _write_report(frame: pd.DataFrame, dataset: Dataset, folder: Path) -> None:
    """The self-contained page, the same figures for the site's own page, and the tables behind them."""
    from analysis import report, tables

    simulated = dataset.includes_simulated
    counts = study_counts(dataset.study, include_simulated=simulated)
    built = report.build(
        frame,
        title=dataset.study.title,
        include_simulated=simulated,
        study=counts,
        rules=rules_of(dataset.study),
    )
    page = report.html(built)
    (folder / "report.html").write_text(page, encoding="utf-8")
    # Kept beside the page, so that the web process can serve it without importing pandas.
    (folder / "report.csp").write_text(report.csp_policy(page), encoding="utf-8")
    figures = json.dumps(report.figures_for_site(built), ensure_ascii=False, allow_nan=False)
    (folder / "figures.json").write_text(figures, encoding="utf-8")
    if built.rates is not None:
        tables.pair_frame(built.rates).to_csv(folder / "win_rates.csv", index=False, lineterminator="\n")
        tables.system_frame(built.rates).to_csv(folder / "system_win_rates.csv", index=False, lineterminator="\n")
