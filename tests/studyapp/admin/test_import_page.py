"""Importing through the page: it streams what becomes of each file, and goes on when nobody looks any more."""

from __future__ import annotations

import csv
import html
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studyapp.actions.clips import ImportProgress, ImportReport
from studyapp.admin import import_stream, refusals
from studyapp.admin.import_stream import MARK, streamed
from studyapp.admin.uploads import unpack
from studyapp.clips.genres import STATEMENT
from studyapp.errors import DuetError
from studyapp.manifest import SHAPES, Refusal
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


@pytest.fixture
def listed(tmp_path: Path, settings: Any) -> Path:
    """A folder on the server that may be imported from, with one list in it."""
    folder = tmp_path / "listed"
    (folder / "set").mkdir(parents=True)
    settings.IMPORT_FOLDERS = [folder]
    return folder


def folder_form(named: str) -> dict[str, object]:
    return {"folder-folder": named, "folder-dataset": "mine", "folder-length_s": "1"}


def test_an_import_that_cannot_begin_says_why(staff: Client, listed: Path) -> None:
    text = posted(staff, folder_form("set"))
    assert "names no video" in text
    assert text.rstrip().endswith("</html>")


def test_a_folder_elsewhere_on_the_server_is_refused_at_its_field(staff: Client, listed: Path) -> None:
    page = staff.post(reverse("admin:studyapp_clip_import"), folder_form("/etc"))
    assert not page.streaming
    assert f"Name a folder or manifest below {listed}." in page.content.decode()


def test_a_listed_folder_cannot_lead_out_of_itself(staff: Client, listed: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (listed / "set" / "manifest.csv").write_text("file\n../../secret.mp4\n")
    assert "lies elsewhere on the server" in posted(staff, folder_form("set"))


def test_an_uploaded_manifest_cannot_name_a_file_of_the_server(staff: Client, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"x")
    upload = SimpleUploadedFile("manifest.csv", f"file\n{tmp_path / 'secret.mp4'}\n".encode())
    text = posted(staff, {"upload-uploads": [upload], "upload-dataset": "mine", "upload-length_s": "10"})
    assert "lies elsewhere on the server" in text


def test_ten_thousand_bad_lines_are_shown_by_reason_and_all_of_them_given_as_a_file(
    staff: Client, listed: Path
) -> None:
    lines = [f"gone{number}.mp4,x{number}" for number in range(6_000)] + [
        f"=bad{number}" for number in range(4_000)
    ]
    (listed / "set" / "manifest.csv").write_text("file,clip_id\n" + "\n".join(lines))
    text = posted(staff, folder_form("set"))
    assert "0 imported, 0 known already, 10000 refused" in text
    assert "Read as: Duet&#x27;s own manifest." in text
    assert "<b>6000</b> × there is no file … beside the manifest" in text
    assert "<b>4000</b> × … values for … columns" in text
    assert "and 5995 more" in text
    assert len(text) < 40_000
    assert not Clip.objects.exists()
    address = re.search(r'href="([^"]+/import/refused/[^"]+\.csv)"', text)
    assert address
    rows = list(csv.reader(staff.get(address[1]).content.decode().splitlines()))
    assert len(rows) == 10_001
    assert rows[1][0] == "manifest.csv line 2"
    staff.logout()
    assert staff.get(address[1])["Location"].startswith("/admin/login/")


def test_a_file_of_refusals_that_is_gone_or_never_was_is_not_found(staff: Client) -> None:
    for key in ("x" * 24, "....", "a.b" * 10):
        assert staff.get(reverse("admin:studyapp_clip_refused", args=[key])).status_code == 404


def test_names_that_a_spreadsheet_would_reckon_with_are_plain_in_the_file() -> None:
    key = refusals.written([Refusal("=1+1.mp4", "@no")])
    assert refusals.response(key).content.decode().splitlines()[1] == "'=1+1.mp4,'@no"


def test_a_manifest_for_which_the_disk_has_no_room_is_told(tmp_path: Path) -> None:
    # /dev/full is a disk without room.
    (tmp_path / "manifest.csv").symlink_to("/dev/full")
    with pytest.raises(DuetError, match=r"The disk is full: there is no room for manifest\.csv"):
        unpack([SimpleUploadedFile("manifest.csv", b"file\na.mp4\n" * 1000)], tmp_path)


def test_the_page_states_the_shapes_and_the_rule(staff: Client, listed: Path) -> None:
    text = html.unescape(staff.get(reverse("admin:studyapp_clip_import")).content.decode())
    assert all(shape.name in text for shape in SHAPES)
    assert all(sentence in text for sentence in STATEMENT)
    assert f'<option value="{listed / "set"}">' in text
    assert 'data-most-bytes="4294967296"' in text


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
