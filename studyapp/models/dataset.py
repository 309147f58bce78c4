"""Frozen exports that analyses cite."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from studyapp.models.study import Study
from studyapp.states import DatasetState


class Dataset(models.Model):
    """One export of a study's responses, with the report built from it."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="datasets")
    includes_simulated = models.BooleanField(default=False)
    of_pilot = models.BooleanField(default=False, help_text="Of the pilot's answers instead of the study's.")
    state = models.CharField(max_length=10, choices=DatasetState, default=DatasetState.REQUESTED)
    error = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0)
    sends = models.PositiveIntegerField(default=0, help_text="Messages sent since a worker last took it.")
    last_sign_of_life = models.DateTimeField(null=True, help_text="When it was last sent, or taken by a worker.")
    rows = models.PositiveIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the CSV file.")
    folder = models.CharField(max_length=200, blank=True, help_text="Relative to the media folder.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)
    answers_to = models.PositiveBigIntegerField(
        null=True, help_text="Key of the newest answer there was when it was ready."
    )

    superseded_at = models.DateTimeField(
        null=True, help_text="When a rater whose answers it holds had them erased; freeze another one."
    )
    erasures = models.PositiveIntegerField(default=0, help_text="Sessions in it that were erased since.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(superseded_at__isnull=True, erasures=0)
                | Q(superseded_at__isnull=False, erasures__gt=0),
                name="dataset_superseded_by_erasures",
            ),
            models.CheckConstraint(condition=Q(state__in=DatasetState.values), name="dataset_state_known"),
            models.CheckConstraint(
                condition=~Q(state=DatasetState.READY)
                | (~Q(sha256="") & ~Q(folder="") & Q(rows__isnull=False, ready_at__isnull=False)),
                name="dataset_ready_is_frozen",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study.slug} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def path(self) -> Path:
        return Path(settings.MEDIA_ROOT) / self.folder
