"""A running study's figures, worked out beside the pages, which only read them, however many answers there are."""

from __future__ import annotations

from django.db import models

from studyapp.models.study import Study


class Snapshot(models.Model):
    """The latest figures of one study, and what it has told people about."""

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="snapshot")
    figures = models.JSONField(default=dict, help_text="As studyapp.watching.monitoring.Figures writes them.")
    made_at = models.DateTimeField(null=True)
    took_s = models.FloatField(default=0, help_text="What it cost; the next one waits ten times as long.")
    asked_at = models.DateTimeField(null=True, help_text="When somebody last looked, and so wants a newer one.")
    alarms = models.JSONField(default=dict, help_text="Name of each alarm that is on, and since when.")

    def __str__(self) -> str:
        return f"figures of {self.study}"
