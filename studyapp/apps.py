"""App configuration."""

from django.apps import AppConfig

# Registers <id:…> before any module with addresses is imported.
from studyapp import converters as converters


class StudyAppConfig(AppConfig):
    name = "studyapp"
    verbose_name = "Duet"
