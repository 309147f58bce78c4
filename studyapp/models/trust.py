"""What went wrong in a session: trials that could not be played, and claims that the server does not believe."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from studyapp.models.design import Trial
from studyapp.models.session import StudySession


class VoidedTrial(models.Model):
    """A trial that this block's rater is not asked about. Its comparison waits to be packed into another block."""

    class Reason(models.TextChoices):
        MISSING = "missing", "The file was not there"
        INCOMPLETE = "incomplete", "The file was only half there"
        UNPLAYABLE = "unplayable", "The browser could not play the file"
        STALLED = "stalled", "The file stopped coming"
        OFFENSIVE = "offensive", "The rater would not go on with it"
        HELD = "held", "A stimulus is held until a researcher has looked"
        ORIGINAL = "original", "The trial it repeats is void"

    trial = models.OneToOneField(Trial, on_delete=models.PROTECT, related_name="voided")
    reason = models.CharField(max_length=10, choices=Reason)
    side = models.CharField(max_length=5, choices=Trial.PlayedFirst, blank=True, help_text="As presented.")
    file_lost = models.BooleanField(default=False, help_text="Whether the server, too, found the file not whole.")
    voided_at = models.DateTimeField()
    packed_at = models.DateTimeField(null=True, help_text="When its comparison went to another block.")

    class Meta:
        ordering = ["voided_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    reason__in=["missing", "incomplete", "unplayable", "stalled", "offensive", "held", "original"]
                ),
                name="void_reason_known",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["held", "original"], side="")
                | (~Q(reason__in=["held", "original"]) & Q(side__in=["left", "right"])),
                name="void_by_a_rater_names_a_side",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trial}: {self.get_reason_display().lower()}"


class SessionFlag(models.Model):
    """Something our page never sends. A mark for whoever screens answers, never an exclusion by itself."""

    class Rule(models.TextChoices):
        FORGED = "forged", "Claims without this trial's own signature"
        FOREIGN = "foreign", "Claims about another rater's trial"
        REPLAYED = "replayed", "One event number with two meanings"
        REORDERED = "reordered", "The browser's clock ran backwards"
        STRETCHED = "stretched", "More played than there was time for"
        UNPLAYED = "unplayed", "Answered before both were played"
        INSISTENT = "insistent", "One trial sent again and again"
        MANY_VOIDS = "many_voids", "Many trials void that the server could play"
        MANY_HOLDS = "many_holds", "Many stimuli called offensive"

    session = models.ForeignKey(StudySession, on_delete=models.PROTECT, related_name="flags")
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="flags")
    rule = models.CharField(max_length=12, choices=Rule)
    times = models.PositiveIntegerField(default=1)
    detail = models.CharField(max_length=200, blank=True, help_text="What was seen the first time.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["session", "trial", "rule"]
        constraints = [
            # However often it happens, it is one row that counts: flags cannot fill the disk.
            models.UniqueConstraint(
                fields=["session", "trial", "rule"], name="flag_once_per_session_trial_and_rule"
            ),
            models.CheckConstraint(condition=Q(times__gte=1), name="flag_happened"),
            models.CheckConstraint(
                condition=Q(
                    rule__in=[
                        *("forged", "foreign", "replayed", "reordered", "stretched"),
                        *("unplayed", "insistent", "many_voids", "many_holds"),
                    ]
                ),
                name="flag_rule_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session}: {self.get_rule_display().lower()}"
