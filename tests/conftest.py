"""Settings every test shares: a media folder of its own, fast passwords, no manifest for static files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

# Playwright's sync API runs an event loop in the test's thread; Django's guard would refuse every query there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file: threads and servers get connections of their own, and wait for each other as at home."""
    database = connections["default"]
    if database.vendor == "sqlite":
        database.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def _private_files(settings: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path_factory.mktemp("scratch")
    settings.EMBEDDED_BROKER_DIR = tmp_path / "broker"
    settings.STATIC_ROOT = tmp_path_factory.mktemp("static")  # WhiteNoise warns of a folder that is not there
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a browser or servers lives where its part of the suite looks for it."""
    for item in items:
        for mark in ("e2e", "services"):
            if item.get_closest_marker(mark) and mark not in item.path.parts:
                raise pytest.UsageError(f"{item.nodeid} is marked {mark}; move it into tests/{mark}/")
