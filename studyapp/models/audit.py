"""Who did what. Written inside the transaction of the thing that was done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models

from studyapp.models.account import User
from studyapp.models.study import Study

ABOUT_SYSTEMS = ("system's settings changed", "soundtracks imported", "system tried")
"""Verbs of lines about a system that several studies may compare: by letter, their time would tell whose it is."""


class AuditLine(models.Model):
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    verb = models.CharField(max_length=60)
    study = models.ForeignKey(Study, on_delete=models.SET_NULL, null=True, related_name="audit_lines")
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.verb}"

    @classmethod
    def write(cls, verb: str, *, by: User | None, study: Study | None = None, **details: Any) -> AuditLine:
        """One line; ``by`` is None when a command or a task acted."""
        return cls.objects.create(verb=verb, by=by, study=study, details=details)

    @classmethod
    def write_for(cls, studies: Iterable[Study], verb: str, *, by: User | None, **details: Any) -> list[AuditLine]:
        """Of what is shared: a line in every study that rests on it, or one of no study."""
        concerned: list[Study | None] = [*studies]
        return [cls.write(verb, by=by, study=study, **details) for study in concerned or [None]]
