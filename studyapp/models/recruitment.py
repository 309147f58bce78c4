"""Who may come and who came: invitations, and the ids under which panels know people. Kept apart from evidence."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from studyapp.models.session import Rater
from studyapp.models.study import Study


class Invitation(models.Model):
    """A link for one person. Only the digest of its code is kept; the code is shown once, when it is made."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    note = models.CharField(max_length=120, blank=True, help_text="For whom, or of which batch.")
    rater = models.OneToOneField(
        Rater, on_delete=models.SET_NULL, null=True, editable=False, related_name="invitation"
    )
    used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(rater__isnull=True) | Q(used_at__isnull=False), name="invitation_of_a_rater_is_used"
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}" + (f" ({self.note})" if self.note else "")


class Participant(models.Model):
    """Under which id a panel sent somebody.

    ``digest`` is keyed with the study's salt and outlives the id itself, which is deleted when it is not needed
    any more: nobody takes part twice, before or after.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="participants")
    panel = models.CharField(max_length=20)
    digest = models.CharField(max_length=64, editable=False)
    rater = models.OneToOneField(Rater, on_delete=models.CASCADE, related_name="participant")
    panel_id = models.CharField(max_length=120, blank=True, help_text="Empty once purged.")
    further = models.JSONField(default=dict, blank=True, help_text="What else the link said; empty once purged.")
    arrived_at = models.DateTimeField()
    purged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["study", "arrived_at"]
        constraints = [
            models.UniqueConstraint(fields=["study", "panel", "digest"], name="participant_once_per_study"),
            models.CheckConstraint(
                condition=Q(purged_at__isnull=True) | Q(panel_id="", further={}), name="participant_purged_of_ids"
            ),
        ]

    def __str__(self) -> str:
        return f"participant {self.pk}"
