"""What a researcher's browser sends, put into a folder as import_clips wants it."""

from __future__ import annotations

import errno
import os
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile

from studyapp.errors import DuetError
from studyapp.manifest import is_manifest
from studyapp.upload_limit import said


def unpack(uploads: Sequence[UploadedFile[Any]], folder: Path) -> Path:
    """Write the uploads below ``folder``, ZIP archives unpacked; gives the folder or manifest to import from.

    Raises DuetError on an archive that cannot be read or is too large, on two files of one name, on more than
    one manifest, and when the disk is full.
    """
    manifests: list[UploadedFile[Any]] = []
    for upload in uploads:
        # The name is the sender's: only its last part counts.
        name = PurePosixPath((upload.name or "file").replace("\\", "/")).name
        if name.lower().endswith(".zip"):
            _unzip(upload, name, folder)
        elif is_manifest(name, _first_line(upload)):
            manifests.append(upload)
        elif (folder / name).exists():
            raise DuetError(f"Two of the files are called {name}; rename one, or send them one after the other")
        else:
            _write(upload, folder / name)
    if len(manifests) > 1:
        raise DuetError(
            f"{len(manifests)} manifests were sent ({', '.join(str(m.name) for m in manifests)}); send one"
        )
    home = _home(folder)
    if not manifests:
        return home
    suffix = PurePosixPath(str(manifests[0].name)).suffix.lower()
    target = home / f"manifest{'.jsonl' if suffix == '.ndjson' else suffix}"
    _write(manifests[0], target)
    return target


def _home(folder: Path) -> Path:
    """The folder itself, or the one folder an archive holds everything in."""
    inside = [path for path in folder.iterdir() if path.name != "__MACOSX" and not path.name.startswith(".")]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _first_line(upload: UploadedFile[Any]) -> str:
    line = upload.readline(200)
    upload.seek(0)
    return line.decode("utf-8", "replace") if isinstance(line, bytes) else line


def _write(upload: UploadedFile[Any], target: Path) -> None:
    if isinstance(upload, TemporaryUploadedFile):
        # On this disk already: gigabytes are not written twice. Django expects that they may be moved away.
        os.replace(upload.temporary_file_path(), target)
        return
    try:
        with target.open("wb") as handle:
            for chunk in upload.chunks():
                handle.write(chunk)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DuetError(
            f"The disk is full: there is no room for {target.name} ({said(upload.size or 0)}). Nothing was "
            "imported and nothing of what was sent is kept; make room and send it again"
        ) from None


def _unzip(upload: UploadedFile[Any], name: str, folder: Path) -> None:
    try:
        with zipfile.ZipFile(upload) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > settings.MAX_UPLOAD_BYTES:
                raise DuetError(
                    f"The archive {name} unpacks to {said(size)} and at most {said(settings.MAX_UPLOAD_BYTES)} "
                    "are taken; send it in parts, or put it into a folder on the server"
                )
            if size > shutil.disk_usage(folder).free:
                raise DuetError(f"The archive {name} unpacks to {said(size)} and the disk has no room for that")
            # extractall keeps every member below the folder, whatever its name says.
            archive.extractall(folder)
    except OSError as error:
        raise DuetError(
            f"The archive {name} cannot be unpacked here ({error.strerror or error}); check the names in it and "
            "the room left on the disk, or put its files into a folder on the server"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DuetError(
            f"The archive {name} cannot be unpacked ({error}); make a plain ZIP without a password"
        ) from None
