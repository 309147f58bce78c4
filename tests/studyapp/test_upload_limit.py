"""An upload that is too large, or larger than the disk, is refused before it is kept."""

from __future__ import annotations

import errno
import html
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studyapp import upload_limit
from studyapp.models import Clip
from tests.studyapp.factories import make_researcher

pytestmark = pytest.mark.django_db


class Room(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher(is_superuser=False))
    return client


def sent(client: Client, size: int) -> Any:
    upload = SimpleUploadedFile("film.mp4", b"x" * size)
    data = {"upload-uploads": [upload], "upload-dataset": "no spaces", "upload-length_s": "10"}
    return client.post(reverse("admin:studyapp_clip_import"), data)


def waiting(settings: Any) -> list[Path]:
    return list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


def test_what_is_too_large_is_refused_unread_with_a_way_out(staff: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 3 * 2**20
    response = sent(staff, 5 * 2**20)
    text = response.content.decode()
    assert response.status_code == 413
    assert "What was sent has 5.0 MiB, and at most 4.0 MiB are taken at once. Send it in parts" in text
    assert reverse("admin:studyapp_clip_import") in text
    # Nothing has asked for the form, so nothing was read of it.
    assert not hasattr(response.wsgi_request, "_files")
    assert not waiting(settings)
    assert sent(staff, 3 * 2**20).status_code == 200


def test_what_the_disk_has_no_room_for_is_refused(
    staff: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Room(10, 9, 2**20))
    response = sent(staff, 3 * 2**20)
    assert response.status_code == 507
    assert "What was sent has 3.0 MiB, and 1.0 MiB are free." in response.content.decode()
    assert not waiting(settings)


def test_a_disk_that_fills_up_meanwhile_is_told(
    staff: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the file system says to the first byte that it has no room for.
    monkeypatch.setattr("tempfile._TemporaryFileWrapper.write", lambda *_: _full(), raising=False)
    response = sent(staff, 4 * 2**20)
    assert response.status_code == 507
    assert "The server's disk is full. Nothing of it was kept" in html.unescape(response.content.decode())
    assert not waiting(settings)
    assert not Clip.objects.exists()


def _full() -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_strangers_may_send_little(client: Client, settings: Any) -> None:
    assert sent(client, 3 * 2**20).status_code == 413
    assert sent(client, 2**20)["Location"].startswith("/admin/login/")
    assert not waiting(settings)


def test_sizes_are_said_as_one_would() -> None:
    assert [upload_limit.said(size) for size in (12, 2048, 3 * 2**20, 4 * 2**30)] == [
        "12 bytes",
        "2.0 KiB",
        "3.0 MiB",
        "4.0 GiB",
    ]
