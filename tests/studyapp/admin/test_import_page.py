"""Importing through the page: it streams what becomes of each file, and goes on when nobody looks any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studyapp.actions.clips import ImportProgress, ImportReport
from studyapp.admin import import_stream
from studyapp.admin.import_stream import MARK, streamed
from studyapp.errors import DuetError
from studyapp.models import Clip
from tests.studyapp.factories import make_researcher

# The import has a thread and a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher(is_superuser=False))
    return client


def posted(client: Client, data: dict[str, object]) -> str:
    response = client.post(reverse("admin:studyapp_clip_import"), data)
    assert response.status_code == 200
    assert response.streaming
    return b"".join(response.streaming_content).decode()


def test_what_cannot_be_imported_is_listed_with_its_reason(staff: Client) -> None:
    upload = SimpleUploadedFile("notes.mp4", b"this is text")
    text = posted(staff, {"upload-uploads": [upload], "upload-dataset": "mine", "upload-length_s": "10"})
    assert '<li data-done="1" data-total="1">notes</li>' in text
    assert "0 imported, 0 known already, 1 refused" in text
    assert "<td>notes.mp4</td>" in text
    assert text.rstrip().endswith("</html>")
    assert not Clip.objects.exists()


def test_an_import_that_cannot_begin_says_why(staff: Client) -> None:
    form = {"folder-folder": "/no/such/folder", "folder-dataset": "mine", "folder-length_s": "10"}
    text = posted(staff, form)
    assert "/no/such/folder does not exist" in text
    assert text.rstrip().endswith("</html>")


def test_uploads_wait_in_our_own_folder_and_are_gone_afterwards(
    staff: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    # Where Duet is deployed the system's folder for such files is memory.
    (tmp_path / "memory").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "memory"))
    upload = SimpleUploadedFile("notes.mp4", b"this is text" * 2**18)
    assert len(upload.read()) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    upload.seek(0)
    said = posted(staff, {"upload-uploads": [upload], "upload-dataset": "mine", "upload-length_s": "10"})
    assert "notes.mp4" in said
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_names_of_files_cannot_bring_markup_into_the_page() -> None:
    def work(progress: ImportProgress) -> ImportReport:
        progress(1, 1, "<script>alert(1)</script>")
        return ImportReport()

    text = b"".join(streamed(f"before{MARK}after", work)).decode()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert text.startswith("before")
    assert text.endswith("after")


def test_the_page_stays_alive_while_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_stream, "KEEP_ALIVE_S", 0.01)
    go_on = threading.Event()

    def work(progress: ImportProgress) -> ImportReport:
        go_on.wait(timeout=10)
        return ImportReport()

    parts: Iterator[bytes] = iter(streamed(f"before{MARK}after", work))
    assert [next(parts), next(parts), next(parts)] == [b"before", b"\n", b"\n"]
    go_on.set()
    assert b"".join(parts).endswith(b"after")


def test_an_import_goes_on_when_the_browser_leaves() -> None:
    go_on, finished = threading.Event(), threading.Event()

    def work(progress: ImportProgress) -> ImportReport:
        go_on.wait(timeout=10)
        progress(1, 1, "clip")
        finished.set()
        return ImportReport()

    response = streamed(f"before{MARK}after", work)
    next(iter(response))
    response.close()
    go_on.set()
    assert finished.wait(timeout=10)


def test_a_refusal_in_the_middle_ends_the_page_with_its_sentence() -> None:
    def work(progress: ImportProgress) -> ImportReport:
        raise DuetError("the disk is full")

    text = b"".join(streamed(f"before{MARK}after", work)).decode()
    assert "the disk is full" in text
    assert text.endswith("after")
