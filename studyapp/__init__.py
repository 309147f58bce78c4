"""The study platform: Django project and its one app. The only room that knows generation and analysis."""

from studyapp.celery import app as celery_app

__all__ = ["celery_app"]
