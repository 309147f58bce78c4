"""What workers are asked to do: each task names a row and calls one action."""

from __future__ import annotations

import os
from typing import Any

from celery import shared_task
from django.utils import timezone

from studyapp import simulation
from studyapp.actions import datasets, snapshots, stimuli, webhooks
from studyapp.models import Study
from studyapp.states import StudyState
from studyapp.work import last_worker, sweeper


@shared_task(bind=True)
def render_stimulus(self: Any, stimulus_id: int) -> None:
    stimuli.render_stimulus(stimulus_id=stimulus_id, worker=f"{self.request.hostname} ({os.getpid()})")


@shared_task
def build_dataset(dataset_id: int) -> None:
    datasets.build_dataset(dataset_id=dataset_id)


@shared_task
def deliver_webhook(delivery_id: int, attempt: int) -> None:
    webhooks.deliver(delivery_id=delivery_id, attempt=attempt)


@shared_task
def refresh_snapshot(study_id: int) -> None:
    snapshots.refresh(study_id=study_id)


@shared_task
def sweep() -> None:
    sweeper.sweep(now=timezone.now())


@shared_task
def note_worker() -> None:
    last_worker.note()


@shared_task
def simulate_pilot(study_id: int, raters: int) -> None:
    study = Study.objects.get(pk=study_id)
    if study.state == StudyState.PILOT:
        simulation.simulate(study, raters=raters, effects={}, seed=study.seed)
