"""How far the reading of a study's finished files has come, so that nobody has to take a browser's word for it."""

from __future__ import annotations

from django.db import models

from studyapp.models.study import Study


class FileCheck(models.Model):
    """The latest check of one study's files; the audit log keeps those before."""

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="file_check")
    began_at = models.DateTimeField()
    covers = models.CharField(
        max_length=64, help_text="SHA-256 over the stimuli and digests that there were when it began."
    )
    after = models.PositiveBigIntegerField(default=0, help_text="Id of the last stimulus that was read.")
    files = models.PositiveIntegerField(default=0, help_text="Read so far.")
    bad = models.PositiveIntegerField(default=0, help_text="Of these: altered, gone or cut short.")
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"check of the files of {self.study}"
