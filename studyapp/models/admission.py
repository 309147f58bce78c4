"""What raters did before their first trial, try by try; and breaks."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from studyapp.models.session import StudySession
from studyapp.screening.steps import Step


class StepTry(models.Model):
    """One try at one step: what was shown, what was answered, what it was worth.

    ``shown`` holds what the right answers follow from and never reaches a browser. ``passed`` is empty while the
    try is open.
    """

    session = models.ForeignKey(StudySession, on_delete=models.CASCADE, related_name="tries")
    step = models.CharField(max_length=13, choices=Step)
    number = models.PositiveSmallIntegerField(help_text="From 1.")
    shown = models.JSONField(default=dict)
    answers = models.JSONField(default=dict)
    points = models.PositiveSmallIntegerField(null=True)
    of = models.PositiveSmallIntegerField(null=True)
    passed = models.BooleanField(null=True)
    shown_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["session", "shown_at", "id"]
        verbose_name_plural = "step tries"
        constraints = [
            # Two tabs that open one step meet this index: they share the try.
            models.UniqueConstraint(fields=["session", "step", "number"], name="step_try_once"),
            models.CheckConstraint(condition=Q(step__in=Step.values), name="step_known"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, passed__isnull=True)
                | Q(ended_at__isnull=False, passed__isnull=False),
                name="step_try_judged_when_ended",
            ),
            models.CheckConstraint(
                condition=Q(points__isnull=True, of__isnull=True) | Q(points__lte=F("of")),
                name="step_try_points_within",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session}, {self.get_step_display()}, try {self.number}"


class Break(models.Model):
    """A break that was offered after so many trials, and when the rater went on."""

    session = models.ForeignKey(StudySession, on_delete=models.CASCADE, related_name="breaks")
    after = models.PositiveIntegerField(help_text="Trials answered by then.")
    offered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["session", "after"]
        constraints = [
            models.UniqueConstraint(fields=["session", "after"], name="break_offered_once"),
        ]

    def __str__(self) -> str:
        return f"{self.session}, break after {self.after}"
