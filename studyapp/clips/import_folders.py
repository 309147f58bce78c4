"""Folders on the server that a page may import from: those that the configuration lists, and what lies below."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from studyapp.errors import DuetError
from studyapp.manifest import MANIFEST_SUFFIXES

MOST_OFFERED = 200


def roots() -> list[Path]:
    """The listed folders (DUET_IMPORT_FOLDERS)."""
    return [Path(folder) for folder in settings.IMPORT_FOLDERS]


def allowed(named: str) -> tuple[Path, Path]:
    """What a researcher named, and the listed folder it lies below.

    A path that is not absolute is looked for below each of them. Raises DuetError where it leads elsewhere, by
    links and dots too: a page must not tell what lies on the server's disk.
    """
    listed = [root for root in roots() if root.is_dir()]
    for root in listed:
        real_root, real = root.resolve(), (root / named).resolve()
        if real.is_relative_to(real_root) and real.exists():
            return root / named, root
    if not listed:
        raise DuetError(
            "There is no folder on this server that may be imported from. Whoever looks after the server can list "
            f"some in DUET_IMPORT_FOLDERS, or make {', '.join(map(str, roots())) or 'one'}; or upload the files."
        )
    raise DuetError(
        f"“{named}” is not there, or lies outside of the folders that may be imported from. Name a folder or "
        f"manifest below {' or '.join(map(str, listed))}."
    )


def offered() -> list[str]:
    """Folders and manifests right below the listed ones, to choose from; at most 200."""
    found: list[str] = []
    for root in roots():
        if not root.is_dir():
            continue
        for path in sorted(root.iterdir()):
            if path.name.startswith(".") or len(found) >= MOST_OFFERED:
                continue
            if path.is_dir() or path.suffix.lower() in MANIFEST_SUFFIXES:
                found.append(str(path))
    return found
