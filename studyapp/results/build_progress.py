"""How far the build of a dataset is: a small file beside its folder, written by the worker, read by pages.

A file and no row: it is told many times a minute, means nothing once the build is over, and must not wait for a
lock of the database.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from studyapp import media_store


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """``step`` of ``steps``, from 1, and what is being done in it."""

    step: int
    steps: int
    doing: str


def note(dataset_id: int, progress: BuildProgress) -> None:
    """Replace what was noted before; whoever reads finds all of it."""
    file = _file(dataset_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps([progress.step, progress.steps, progress.doing]), encoding="utf-8")
    os.replace(fresh, file)


def of(dataset_id: int) -> BuildProgress | None:
    """What was noted last; None where nothing was, or the build is over."""
    try:
        return BuildProgress(*json.loads(_file(dataset_id).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def forget(dataset_id: int) -> None:
    """The build is over."""
    _file(dataset_id).unlink(missing_ok=True)


def _file(dataset_id: int) -> Path:
    return media_store.root() / "datasets" / f"progress-{dataset_id}.json"
