"""A study's texts in further languages."""

from __future__ import annotations

from django.db import models

from studyapp.languages import LANGUAGES
from studyapp.models.briefing import check_questions
from studyapp.models.study import Study


class StudyText(models.Model):
    """What raters read of one study in one more language; the study's own texts are in ``Study.language``."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=10, choices=LANGUAGES)
    consent_text = models.TextField()
    instructions = models.TextField()
    data_kept = models.TextField(blank=True, verbose_name="what is kept")
    kept_for = models.CharField(max_length=200, blank=True, verbose_name="kept how long")
    understanding_text = models.TextField(
        blank=True, validators=[check_questions], verbose_name="questions about the instructions"
    )

    class Meta:
        ordering = ["study", "language"]
        verbose_name = "texts in another language"
        verbose_name_plural = "texts in other languages"
        constraints = [
            models.UniqueConstraint(fields=["study", "language"], name="study_text_once_per_language"),
            models.CheckConstraint(
                condition=models.Q(language__in=[code for code, _ in LANGUAGES]), name="study_text_language_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study}, {self.get_language_display()}"
