"""Who may do what with a study."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from studyapp.models.study import Study


class StudyMember(models.Model):
    """One researcher's part in one study; ``studyapp.rights`` says which permissions follow from it."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"  # everything, and who else may do what
        EDITOR = "editor", "Editor"  # plans, runs and freezes datasets
        VIEWER = "viewer", "Viewer"  # looks on

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    sees_names = models.BooleanField(
        default=False,
        verbose_name="may see names of systems",
        help_text="Without it, systems are A, B, C …, pairs are numbers beside answers, and reports and files of "
        "datasets stay shut.",
    )
    wants_mail = models.BooleanField(
        default=False, verbose_name="is told by e-mail", help_text="When something is wrong, or the study is full."
    )
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["study", "role", "user"]
        constraints = [
            models.UniqueConstraint(fields=["study", "user"], name="member_once_per_study"),
            models.CheckConstraint(condition=Q(role__in=["owner", "editor", "viewer"]), name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display().lower()}"
