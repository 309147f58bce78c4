"""What stays of a session whose rater had it erased: counts, and the digest of the code that did it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from studyapp.models.study import Study
from studyapp.states import SessionState


class Erasure(models.Model):
    """Tombstone. Nothing in it leads to a person or to an answer (docs/adr/0019)."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="erasures")
    receipt_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    state = models.CharField(max_length=12, choices=SessionState, help_text="Of the session, when it was erased.")
    simulated = models.BooleanField(default=False)
    consented_on = models.DateField()
    erased_at = models.DateTimeField()
    trials = models.PositiveIntegerField(help_text="Comparisons that were answered.")
    responses = models.PositiveIntegerField()
    events = models.PositiveIntegerField()
    marks = models.PositiveIntegerField()

    class Meta:
        ordering = ["study", "erased_at"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SessionState.values), name="erasure_state_known"),
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"
