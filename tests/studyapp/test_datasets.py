"""Datasets: frozen files with a digest, built once, and a sentence where they cannot be."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from analysis import schema
from analysis.frames import pair_frame, system_frame
from analysis.ratings import Ratings
from studyapp.actions import studies
from studyapp.actions.datasets import build_dataset, freeze_dataset, resend_lost
from studyapp.errors import NotReady
from studyapp.models import AuditLine, Block, Dataset, Rater, Response, Study, StudySession, Trial
from studyapp.questions import Question
from studyapp.states import DatasetState
from tests.studyapp.factories import make_researcher, make_study, open_study

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_does_not_undo_what_was_asked_for(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_bytes(b"")
    settings.EMBEDDED_BROKER_DIR = tmp_path / "no-folder"
    dataset = freeze_dataset(study=answered(), include_simulated=False, by=None)
    assert Dataset.objects.get().pk == dataset.pk
    settings.EMBEDDED_BROKER_DIR = tmp_path / "broker"
    resend_lost(now=timezone.now() + timedelta(minutes=3))
    assert list((tmp_path / "broker" / "queues" / "short").iterdir())


FILES = {
    "ratings.csv",
    "ratings.parquet",
    "raters.csv",
    "systems.csv",
    "amendments.csv",
    "codebook.csv",
    "consent.json",
    "design.csv",
    "primary_pairs.json",
    "report.html",
    "report.csp",
    "figures.json",
    "dataset.zip",
    "win_rates.csv",
    "system_win_rates.csv",
}


def answered(*, simulated: bool = False, raters: int = 6) -> Study:
    study = open_study(clips=4, blocks=raters)
    now = timezone.now()
    for number, block in enumerate(study.blocks.all()):
        session = StudySession.objects.create(
            study=study,
            rater=Rater.objects.create(),
            block=block,
            simulated=simulated,
            consent_version="1",
            consented_at=now,
            last_seen_at=now,
            expires_at=now,
        )
        Response.objects.bulk_create(
            Response(
                session=session,
                trial=trial,
                question=question,
                choice=1 + (number + trial.position) % 5,
                coverage_left=1.0,
                coverage_right=1.0,
                response_time_ms=2500,
                answered_at=now,
            )
            for trial in block.trials.all()
            for question in Question
        )
    return study


def frozen(study: Study, *, include_simulated: bool = False) -> Dataset:
    dataset = Dataset.objects.create(study=study, includes_simulated=include_simulated)
    return build_dataset(dataset_id=dataset.pk)


def test_a_dataset_is_a_folder_that_analysis_reads_back() -> None:
    study = answered()
    dataset = frozen(study)
    assert (dataset.state, dataset.error) == (DatasetState.READY, "")
    assert {path.name for path in dataset.path.iterdir()} == FILES
    assert dataset.sha256 == hashlib.sha256((dataset.path / "ratings.csv").read_bytes()).hexdigest()
    from_csv, from_parquet = (schema.read(dataset.path / name) for name in ("ratings.csv", "ratings.parquet"))
    assert len(from_csv) == dataset.rows == 6 * 4 * 2
    # A CSV file knows no types: what is empty in it has another name once it is read.
    one, other = (frame.astype(object).where(frame.notna(), "").astype(str) for frame in (from_csv, from_parquet))
    assert one.equals(other)
    assert (dataset.path / "design.csv").read_text() == studies.design_csv(study)
    rates = Ratings(from_csv).win_rates()
    for name, table in (("win_rates", pair_frame(rates)), ("system_win_rates", system_frame(rates))):
        assert (dataset.path / f"{name}.csv").read_text() == table.to_csv(index=False)
    assert study.title in (dataset.path / "report.html").read_text()
    assert json.loads((dataset.path / "figures.json").read_text())["simulated_shown"] == 0


def test_simulated_answers_are_in_only_when_asked_for_and_then_said() -> None:
    study = answered(simulated=True)
    without = frozen(study)
    assert (without.state, "no responses yet" in without.error) == (DatasetState.FAILED, True)
    with_them = frozen(study, include_simulated=True)
    assert with_them.state == DatasetState.READY
    assert json.loads((with_them.path / "figures.json").read_text())["simulated_shown"] == 48
    assert "simulated" in (with_them.path / "report.html").read_text().lower()


def test_the_report_says_how_many_simulated_answers_its_table_never_held() -> None:
    study = answered(raters=2)
    session = study.sessions.order_by("pk").last()
    session.simulated = True
    session.save(update_fields=["simulated"])
    sections = json.loads((frozen(study).path / "figures.json").read_text())["sections"]
    tables = {table["title"]: table for section in sections for table in section["tables"]}
    counts = dict(row["cells"] for row in tables["Answers and who gave them"]["rows"])
    assert counts["Trials planned, repeats included"] == "8"
    assert counts["Trials answered, repeats included"] == "4"
    assert counts["Simulated answers left out of the table"] == "8"
    assert counts["Answers analysed"] == "8"


def test_a_dataset_that_cannot_be_built_says_why_and_leaves_no_folder(settings: object) -> None:
    dataset = frozen(make_study())
    assert dataset.state == DatasetState.FAILED
    assert "has no responses yet" in dataset.error
    assert list((Path(settings.MEDIA_ROOT) / "datasets").iterdir()) == []  # type: ignore[attr-defined]


def test_a_failed_dataset_can_be_built_later_and_a_ready_one_stays_as_it_is() -> None:
    study = answered()
    responses = list(Response.objects.all())
    Response.objects.all().delete()
    dataset = frozen(study)
    assert dataset.state == DatasetState.FAILED
    Response.objects.bulk_create(responses)
    ready = build_dataset(dataset_id=dataset.pk)
    assert (ready.state, ready.error) == (DatasetState.READY, "")
    Response.objects.all().delete()
    again = build_dataset(dataset_id=dataset.pk)
    assert (again.sha256, again.folder, again.ready_at) == (ready.sha256, ready.folder, ready.ready_at)
    assert AuditLine.objects.filter(verb="dataset ready").count() == 1


def test_the_same_answers_give_the_same_digest() -> None:
    study = answered()
    assert frozen(study).sha256 == frozen(study).sha256


def test_asking_writes_a_row_and_an_audit_line_and_sends_the_task_after_the_commit(
    django_capture_on_commit_callbacks: object,
) -> None:
    researcher = make_researcher()
    study = answered()
    with django_capture_on_commit_callbacks() as sent:  # type: ignore[operator]
        dataset = freeze_dataset(study=study, include_simulated=True, by=researcher)
    assert len(sent) == 1
    assert (dataset.state, dataset.created_by) == (DatasetState.REQUESTED, researcher)
    assert AuditLine.objects.get(verb="dataset requested").by == researcher


def test_what_would_hold_no_answer_is_not_frozen() -> None:
    empty, simulated = open_study(), answered(simulated=True)
    with pytest.raises(NotReady, match="a dataset begins with the first answer"):
        freeze_dataset(study=empty, include_simulated=True, by=None)
    with pytest.raises(NotReady, match=r"only simulated raters have answered in .* have their answers put in"):
        freeze_dataset(study=simulated, include_simulated=False, by=None)
    with pytest.raises(NotReady, match="in the pilot of"):
        freeze_dataset(study=simulated, include_simulated=True, by=None, of_pilot=True)
    Block.objects.filter(study=simulated).update(origin=Block.Origin.PILOT)
    with pytest.raises(NotReady, match="nobody has answered"):
        freeze_dataset(study=simulated, include_simulated=True, by=None)
    practised = answered()
    Trial.objects.filter(block__study=practised).update(kind=Trial.Kind.TRAINING)
    with pytest.raises(NotReady, match="a comparison that counts"):
        freeze_dataset(study=practised, include_simulated=True, by=None)
    assert not Dataset.objects.exists()
    assert not AuditLine.objects.filter(verb="dataset requested").exists()
    assert freeze_dataset(study=simulated, include_simulated=True, by=None, of_pilot=True).of_pilot


def test_what_a_lost_message_or_worker_left_is_sent_again(django_capture_on_commit_callbacks: object) -> None:
    now = timezone.now()
    study = make_study()
    for state, age in (("requested", 3), ("requested", 1), ("building", 30), ("building", 3), ("failed", 30)):
        Dataset.objects.create(study=study, state=state, sends=1, last_sign_of_life=now - timedelta(minutes=age))
    with django_capture_on_commit_callbacks() as sent:  # type: ignore[operator]
        assert resend_lost(now=now) == 2
    assert len(sent) == 2


def test_messages_do_not_pile_up_while_no_worker_runs(django_capture_on_commit_callbacks: object) -> None:
    study = answered()
    with django_capture_on_commit_callbacks() as sent:  # type: ignore[operator]
        dataset = freeze_dataset(study=study, include_simulated=False, by=None)
        start = timezone.now()
        for minute in range(8 * 60):
            now = start + timedelta(minutes=minute, seconds=1)
            if resend_lost(now=now):
                # The action notes the clock on the wall; this night passes faster.
                Dataset.objects.filter(pk=dataset.pk).update(last_sign_of_life=now)
            resend_lost(now=now)
    assert 5 < len(sent) <= 14


def test_a_dataset_that_keeps_killing_its_worker_fails_with_a_sentence_and_is_built_no_more() -> None:
    study = answered()
    died = timezone.now() - timedelta(minutes=30)
    # As a worker leaves it that was killed while it built for the third time.
    dataset = Dataset.objects.create(study=study, state="building", attempt=3, last_sign_of_life=died)
    assert resend_lost(now=timezone.now()) == 0
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.FAILED
    assert "3 builds ended with a worker that died" in dataset.error
    # The broker, too, gives out again what the dead worker held.
    assert build_dataset(dataset_id=dataset.pk).state == DatasetState.FAILED


def test_every_build_is_counted() -> None:
    dataset = frozen(answered())
    assert (dataset.attempt, dataset.state) == (1, DatasetState.READY)
