"""Uploads that are too large, or larger than the disk, are refused before a byte of them is kept.

Django would first write all of it to FILE_UPLOAD_TEMP_DIR, for the check against forged forms reads the form.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render

from studyapp.media_store import scratch

# Beside the files a form has its fields.
FORM_BYTES = 2**20
# Forms with files are researchers' alone; what others send is small.
STRANGERS_BYTES = 2 * 2**20


class UploadLimit:
    """Answers 413 to a form of more than DUET_MAX_UPLOAD_BYTES, 507 where the disk has no room for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.content_type != "multipart/form-data":
            return self.get_response(request)
        size = _declared_bytes(request)
        most = settings.MAX_UPLOAD_BYTES + FORM_BYTES if request.user.is_authenticated else STRANGERS_BYTES
        if size > most:
            return _refused(
                request,
                413,
                f"What was sent has {said(size)}, and at most {said(most)} are taken at once. Send it in parts, "
                "or have it put into a folder on the server and import it from there.",
            )
        room = shutil.disk_usage(scratch()).free
        if size > room:
            return _refused(request, 507, _no_room(f"What was sent has {said(size)}, and {said(room)} are free."))
        try:
            # Written now, so that a disk that fills up meanwhile is told as what it is.
            request.POST  # noqa: B018
        except MultiPartParserError:
            pass  # Django's own answer to it comes later
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            _drop(request)
            return _refused(request, 507, _no_room("The server's disk is full."))
        return self.get_response(request)


def said(size: int) -> str:
    """A number of bytes as one would say it."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def _drop(request: HttpRequest) -> None:
    """Remove the file that was being written; Django would leave it until something else collects it."""
    for handler in request.upload_handlers:
        # Closing writes what is still held back, which fails as well.
        with contextlib.suppress(OSError):
            handler.upload_interrupted()


def _declared_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _no_room(why: str) -> str:
    return f"{why} Nothing of it was kept, and nothing was changed. Make room on the server and send it again."


def _refused(request: HttpRequest, status: int, why: str) -> HttpResponse:
    return render(request, "upload_refused.html", {"why": why}, status=status)
