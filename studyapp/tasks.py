"""What workers are asked to do: each task names a row and calls one action."""

from __future__ import annotations

import os
from typing import Any

from celery import shared_task
from django.utils import timezone

from studyapp.actions import datasets, stimuli
from studyapp.work import sweeper


@shared_task(bind=True)
def render_stimulus(self: Any, stimulus_id: int) -> None:
    stimuli.render_stimulus(stimulus_id=stimulus_id, worker=f"{self.request.hostname} ({os.getpid()})")


@shared_task
def build_dataset(dataset_id: int) -> None:
    datasets.build_dataset(dataset_id=dataset_id)


@shared_task
def sweep() -> None:
    sweeper.sweep(now=timezone.now())
