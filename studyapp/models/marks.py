"""What a rater says of a trial beside the two answers, and what that takes out of the study for a while."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from studyapp.models.design import Trial
from studyapp.models.session import StudySession
from studyapp.models.stimulus import Stimulus

MAX_COMMENT = 1000
SIDED = ("wrong", "offensive")


class TrialMark(models.Model):
    """One mark on one trial; ``wrong`` and ``offensive`` name a side, as presented. Append-only."""

    class Kind(models.TextChoices):
        BOTH_BAD = "both_bad", "Both are bad"
        WRONG = "wrong", "Something was wrong with this one"
        OFFENSIVE = "offensive", "Offensive"
        COMMENT = "comment", "In the rater's words"

    session = models.ForeignKey(StudySession, on_delete=models.PROTECT, related_name="marks")
    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="marks")
    kind = models.CharField(max_length=10, choices=Kind)
    side = models.CharField(max_length=5, choices=Trial.PlayedFirst, blank=True)
    text = models.CharField(max_length=MAX_COMMENT, blank=True)
    marked_at = models.DateTimeField()

    class Meta:
        ordering = ["trial", "kind", "side"]
        constraints = [
            models.UniqueConstraint(fields=["trial", "kind", "side"], name="mark_once_per_trial_kind_and_side"),
            models.CheckConstraint(
                condition=Q(kind__in=SIDED, side__in=["left", "right"])
                | Q(kind__in=["both_bad", "comment"], side=""),
                name="mark_names_a_side_where_it_has_one",
            ),
            models.CheckConstraint(
                condition=(Q(kind="comment") & ~Q(text="")) | (~Q(kind="comment") & Q(text="")),
                name="mark_has_words_when_it_is_a_comment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.trial})"


class StimulusHold(models.Model):
    """A stimulus that nobody is shown until a researcher has looked at it. Open while ``lifted_at`` is empty."""

    class Reason(models.TextChoices):
        OFFENSIVE = "offensive", "A rater called it offensive"
        FILE = "file", "Its file is missing or not whole"

    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=10, choices=Reason)
    # Empty once its rater had everything of theirs erased: the stimulus stays held.
    session = models.ForeignKey(StudySession, on_delete=models.SET_NULL, null=True, related_name="holds")
    held_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)

    class Meta:
        ordering = ["-held_at"]
        constraints = [
            # Two raters who object at the same moment meet this index.
            models.UniqueConstraint(
                fields=["stimulus"], condition=Q(lifted_at__isnull=True), name="hold_open_once_per_stimulus"
            ),
            models.CheckConstraint(condition=Q(reason__in=["offensive", "file"]), name="hold_reason_known"),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="hold_lifted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        # Without its system, whose name not everybody who lifts it may see.
        return f"{self.stimulus.clip}: {self.get_reason_display().lower()}"


def held() -> Exists:
    """For trials: whether either of its stimuli is held."""
    open_holds = StimulusHold.objects.filter(lifted_at__isnull=True)
    return Exists(
        open_holds.filter(
            Q(stimulus=OuterRef("comparison__stimulus_1")) | Q(stimulus=OuterRef("comparison__stimulus_2"))
        )
    )
