"""Datasets: a study's answers frozen into files with a digest, and the report built from them."""

from __future__ import annotations

import itertools
import secrets
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet
from django.utils import timezone

from studyapp import media_store
from studyapp.actions.dataset_files import steps, write_files
from studyapp.actions.stimuli import patience
from studyapp.actions.webhooks import announce
from studyapp.errors import DuetError, NotReady
from studyapp.models import AuditLine, Dataset, Response, Study, Trial, User
from studyapp.results import build_progress
from studyapp.results.build_progress import BuildProgress
from studyapp.states import DatasetState

# A step of a build takes seconds, of a large one minutes; one that is not done by now lost its worker. Building
# twice is harmless.
_LOST_AFTER = timedelta(minutes=20)
MOST_BUILDS = 3
"""After so many builds that ended with a dead worker nobody tries again by itself."""


@transaction.atomic
def freeze_dataset(*, study: Study, include_simulated: bool, by: User | None, of_pilot: bool = False) -> Dataset:
    """Ask for an export of what has been answered so far, or in the pilot, and its report; a task builds them.

    Raises NotReady where nothing that counts would be in it, saying what to do.
    """
    _must_hold_something(study, include_simulated=include_simulated, of_pilot=of_pilot)
    dataset = Dataset.objects.create(
        study=study, includes_simulated=include_simulated, of_pilot=of_pilot, created_by=by
    )
    AuditLine.write(
        "dataset requested",
        by=by,
        study=study,
        dataset=dataset.pk,
        simulated=include_simulated,
        of_pilot=of_pilot,
    )
    _send(dataset)
    return dataset


def _must_hold_something(study: Study, *, include_simulated: bool, of_pilot: bool) -> None:
    sessions = study.sessions.all()
    sessions = sessions.of_pilot() if of_pilot else sessions.counted()
    # By session and not by answer: a million simulated ones are not gone through to find no person's among them.
    counting = Response.objects.filter(session=OuterRef("pk"), trial__kind=Trial.Kind.TEST)
    answered = sessions.filter(Exists(counting))
    if (answered if include_simulated else answered.filter(simulated=False)).exists():
        return
    where = "in the pilot of" if of_pilot else "in"
    if not include_simulated and answered.exists():
        raise NotReady(
            f"only simulated raters have answered {where} {study} so far: have their answers put in, or wait for "
            "people"
        )
    raise NotReady(
        f"nobody has answered a comparison that counts {where} {study} yet; a dataset begins with the first answer"
    )


def resend_lost(*, now: datetime) -> int:
    """Send again what was requested but never built, because a message or a worker was lost; returns how many.

    Each message waits twice as long as the one before. What has killed its worker too often becomes FAILED.
    """
    waiting = [DatasetState.REQUESTED, DatasetState.BUILDING]
    unfinished = Dataset.objects.select_related("study").filter(state__in=waiting)
    lost = [dataset for dataset in unfinished.exclude(last_sign_of_life=None) if _is_lost(dataset, now)]
    given_up = [dataset for dataset in lost if dataset.attempt >= MOST_BUILDS]
    for dataset in given_up:
        _give_up(
            dataset,
            f"{dataset.attempt} builds ended with a worker that died or was stopped; look at the worker's log "
            "and its memory, then freeze a new dataset.",
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
        rows, sha256 = write_files(dataset, making, _telling(dataset))
        media_store.put_folder(making, folder)
    except Exception as error:
        shutil.rmtree(making, ignore_errors=True)
        expected = _says_why(error)
        sentence = (
            str(error) if expected else f"building failed with {type(error).__name__}; the worker's log says more"
        )
        _give_up(dataset, sentence)
        if not expected:
            raise
        return Dataset.objects.get(pk=dataset_id)
    finally:
        build_progress.forget(dataset_id)
    with transaction.atomic():
        # A second worker may have begun since, or a rater's answers may be gone: one folder is the dataset, this
        # one goes.
        if _under_way(dataset).update(
            state=DatasetState.READY,
            rows=rows,
            sha256=sha256,
            folder=folder,
            ready_at=timezone.now(),
            # Whatever was read is among these; what came while files were written may be.
            answers_to=Response.objects.aggregate(last=Max("pk"))["last"],
        ):
            AuditLine.write("dataset ready", by=None, study=dataset.study, dataset=dataset.pk, sha256=sha256)
            told = {"dataset": dataset.pk, "rows": rows, "sha256": sha256}
            announce(study=dataset.study, event="dataset.ready", payload=told)
        else:
            shutil.rmtree(media_store.root() / folder)
    return Dataset.objects.get(pk=dataset_id)


@transaction.atomic
def _give_up(dataset: Dataset, sentence: str) -> None:
    # Only if it is still the attempt that was seen.
    if _under_way(dataset).update(state=DatasetState.FAILED, error=sentence):
        # Without the sentence, which may name systems.
        announce(study=dataset.study, event="dataset.failed", payload={"dataset": dataset.pk})


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


def _telling(dataset: Dataset) -> Callable[[str], None]:
    """Notes each step for whoever looks; a sign of life too, so that a long build is not taken for a lost one."""
    of = steps()
    done = itertools.count(1)

    def tell(doing: str) -> None:
        build_progress.note(dataset.pk, BuildProgress(next(done), of, doing))
        _under_way(dataset).update(last_sign_of_life=timezone.now())

    return tell


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
