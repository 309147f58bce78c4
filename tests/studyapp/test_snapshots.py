"""Keeping figures fresh: who asks, who works, and that nobody does it twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from studyapp import tasks
from studyapp.actions import snapshots
from studyapp.models import Snapshot, Study
from studyapp.states import StudyState
from studyapp.watching import monitoring
from tests.studyapp.factories import make_study, open_study

pytestmark = pytest.mark.django_db(transaction=True)


def messages(settings: Any) -> int:
    """Waiting in the embedded broker."""
    return len(list((Path(settings.EMBEDDED_BROKER_DIR) / "queues").glob("*/[0-9]*")))


def aged(study: Study, **fields: Any) -> Snapshot:
    Snapshot.objects.filter(study=study).update(**fields)
    return Snapshot.objects.get(study=study)


def test_looking_sends_one_message_until_a_worker_comes(settings: Any) -> None:
    study, now = open_study(), timezone.now()
    for _ in range(3):
        snapshots.ask(study=study, now=now)
    assert messages(settings) == 1
    assert Snapshot.objects.get(study=study).asked_at == now
    assert snapshots.latest(study) is None


def test_the_task_works_the_figures_out_and_a_second_message_does_nothing() -> None:
    study = open_study(clips=3, blocks=2)
    snapshots.ask(study=study, now=timezone.now())
    tasks.refresh_snapshot(study.pk)
    found = snapshots.latest(study)
    assert found is not None
    assert found.quota == 6
    assert Snapshot.objects.get(study=study).took_s > 0
    before = aged(study, took_s=60.0)  # however slow the machine that runs this is
    tasks.refresh_snapshot(study.pk)
    assert Snapshot.objects.get(study=study).made_at == before.made_at


def test_a_message_about_a_study_that_is_gone_does_nothing() -> None:
    assert not snapshots.refresh(study_id=4711)


def test_a_small_study_is_fresh_within_seconds_and_a_large_one_waits_ten_times_its_cost(settings: Any) -> None:
    study = open_study()
    snapshots.ask(study=study, now=timezone.now())
    snapshots.refresh(study_id=study.pk)
    made = aged(study, took_s=0.05).made_at
    assert made is not None
    snapshots.ask(study=study, now=made + timedelta(seconds=1))
    assert messages(settings) == 1
    snapshots.ask(study=study, now=made + timedelta(seconds=2.5))
    assert messages(settings) == 2
    aged(study, took_s=8.0, asked_at=None)
    snapshots.ask(study=study, now=made + timedelta(seconds=79))
    assert messages(settings) == 2
    snapshots.ask(study=study, now=made + timedelta(seconds=81))
    assert messages(settings) == 3


def test_nobody_begins_anew_while_the_first_figures_are_worked_out(settings: Any) -> None:
    study, now = open_study(), timezone.now()
    snapshots.ask(study=study, now=now)
    aged(study, made_at=now + timedelta(seconds=1))  # begun, nothing stored yet
    snapshots.ask(study=study, now=now + timedelta(seconds=30))
    assert messages(settings) == 1
    assert not snapshots.refresh(study_id=study.pk)
    # That worker has died.
    snapshots.ask(study=study, now=now + timedelta(minutes=3))
    assert messages(settings) == 2


def test_what_took_too_long_does_not_overwrite_what_came_later(monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_study()
    snapshots.ask(study=study, now=timezone.now())
    later = timezone.now() + timedelta(minutes=5)
    real = monitoring.figures

    def slow(study: Study, *, now: datetime) -> Any:
        aged(study, made_at=later, figures={"newer": True})
        return real(study, now=now)

    monkeypatch.setattr(monitoring, "figures", slow)
    assert not snapshots.refresh(study_id=study.pk)
    assert aged(study).figures == {"newer": True}


def test_two_workers_with_one_message_each_work_once(monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_study()
    snapshots.ask(study=study, now=timezone.now())
    start = threading.Barrier(2)
    began: list[datetime] = []
    due_at, figures = snapshots.due_at, monitoring.figures

    def both_have_read(*args: Any) -> datetime:
        start.wait(timeout=20)
        return due_at(*args)

    def counted(study: Study, *, now: datetime) -> Any:
        began.append(now)
        return figures(study, now=now)

    monkeypatch.setattr(snapshots, "due_at", both_have_read)
    monkeypatch.setattr(monitoring, "figures", counted)

    def run(_: int) -> bool:
        try:
            return snapshots.refresh(study_id=study.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, range(2))) == [False, True]
    assert len(began) == 1


def test_the_sweeper_asks_for_running_studies_now_and_then(settings: Any) -> None:
    study, now = open_study(), timezone.now()
    make_study()
    assert snapshots.keep_fresh(now=now) == 1
    snapshots.refresh(study_id=study.pk)
    made = aged(study).made_at
    assert made is not None
    assert snapshots.keep_fresh(now=made + timedelta(minutes=4)) == 0
    assert snapshots.keep_fresh(now=made + timedelta(minutes=6)) == 1
    assert Snapshot.objects.count() == 1


def test_a_lost_message_is_sent_again_and_says_since_when_nobody_came(settings: Any) -> None:
    study, now = open_study(), timezone.now()
    snapshots.ask(study=study, now=now)
    assert snapshots.keep_fresh(now=now + timedelta(seconds=20)) == 0
    assert snapshots.keep_fresh(now=now + timedelta(seconds=40)) == 1
    assert messages(settings) == 2
    assert aged(study).asked_at == now


def test_figures_of_a_closed_study_are_asked_for_again_too_but_not_for_ever() -> None:
    study, now = open_study(), timezone.now()
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=now)
    snapshots.ask(study=study, now=now)
    assert snapshots.keep_fresh(now=now + timedelta(seconds=40)) == 1
    assert snapshots.keep_fresh(now=now + timedelta(days=2)) == 0
