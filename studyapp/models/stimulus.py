"""What raters see and hear: one clip with one system's music."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from studyapp.models.study import Clip, System
from studyapp.states import StimulusState


class StimulusQuerySet(models.QuerySet["Stimulus"]):
    def ready(self) -> StimulusQuerySet:
        return self.filter(state=StimulusState.READY)

    def unfinished(self) -> StimulusQuerySet:
        return self.filter(state__in=[StimulusState.REQUESTED, StimulusState.RENDERING])

    def abandoned(self, *, silent_since: datetime) -> StimulusQuerySet:
        """Rendering, but its worker has shown no sign of life since then."""
        return self.filter(state=StimulusState.RENDERING, last_sign_of_life__lt=silent_since)


class Stimulus(models.Model):
    """Processed sequence (PVS): clip × system × seed, rendered. The row is the truth about the work on it."""

    key = models.CharField(
        max_length=64,
        unique=True,
        help_text="SHA-256 of everything that decides the file; same key, same file.",
    )
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="stimuli")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="stimuli")
    text = models.TextField(blank=True, help_text="The prompt; empty for a system that reads none.")
    seed = models.PositiveIntegerField()
    target_lufs = models.FloatField()
    settings_digest = models.CharField(max_length=64)
    weights_digest = models.CharField(max_length=64, blank=True)
    sources_digest = models.CharField(max_length=64)
    audio_pool = models.JSONField(
        default=list, help_text="Ids of the clips whose original audio the system could read."
    )

    state = models.CharField(max_length=10, choices=StimulusState, default=StimulusState.REQUESTED)
    attempt = models.PositiveIntegerField(default=0)
    progress = models.FloatField(default=0, help_text="Share done, 0 to 1.")
    doing = models.CharField(max_length=100, blank=True)
    worker = models.CharField(max_length=100, blank=True)
    last_sign_of_life = models.DateTimeField(null=True)
    sends = models.PositiveIntegerField(default=0, help_text="Messages sent since a worker last took it.")
    error = models.TextField(blank=True)
    requested_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    file = models.CharField(max_length=200, blank=True, help_text="Opaque name, relative to the media folder.")
    file_sha256 = models.CharField(max_length=64, blank=True)
    file_bytes = models.PositiveBigIntegerField(null=True)
    duration_s = models.FloatField(null=True)
    lufs = models.FloatField(null=True, help_text="Measured after encoding.")
    true_peak_dbtp = models.FloatField(null=True)
    gain_db = models.FloatField(null=True)
    peaks = models.JSONField(
        default=list, blank=True, help_text="Largest sample of equal slices, 0 to 1: the waveform at a glance."
    )
    took_s = models.FloatField(null=True, help_text="Seconds of work that the file took, waiting left out.")
    artefacts = models.JSONField(
        default=dict, blank=True, help_text="Name to file of what the system left beside."
    )
    environment = models.JSONField(default=dict, blank=True, help_text="ffmpeg, device and library versions.")

    objects = StimulusQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stimuli"
        indexes = [models.Index(fields=["state", "last_sign_of_life"], name="stimulus_by_state")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=StimulusState.values), name="stimulus_state_known"),
            models.CheckConstraint(
                condition=~Q(state=StimulusState.READY)
                | (
                    ~Q(file="")
                    & ~Q(file_sha256="")
                    & Q(file_bytes__isnull=False, lufs__isnull=False, gain_db__isnull=False)
                    & Q(true_peak_dbtp__isnull=False, duration_s__isnull=False, ready_at__isnull=False)
                ),
                name="stimulus_ready_is_measured",
            ),
            models.CheckConstraint(
                condition=~Q(state=StimulusState.FAILED) | ~Q(error=""), name="stimulus_failed_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.clip} · {self.system}"

    @property
    def path(self) -> Path:
        return Path(settings.MEDIA_ROOT) / self.file
