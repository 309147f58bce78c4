"""What was changed after a study opened, and why. Append-only: every export and report shows it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from studyapp.models.study import Study


class Amendment(models.Model):
    """One change to one thing. ``before`` and ``after`` are what it was and became, as JSON values."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="amendments")
    number = models.PositiveIntegerField(help_text="From 1 in each study.")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    archived_by = models.CharField(
        max_length=150, blank=True, editable=False, help_text="Who, by name, in the archive that it was read from."
    )
    what = models.CharField(max_length=60, help_text="A field of the study, or “extension”.")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField()
    sha256 = models.CharField(
        max_length=64, help_text="Of number, moment, what, before, after, reason, and the digest before it."
    )

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="amendment_number_once_per_study"),
            models.CheckConstraint(condition=~Q(reason=""), name="amendment_says_why"),
        ]

    @property
    def author(self) -> str:
        """Their account's name, here or where the study comes from; empty where a command did it."""
        return self.by.get_username() if self.by else self.archived_by

    def __str__(self) -> str:
        return f"amendment {self.number}: {self.what}"
