"""Files of the media folder are on the disk before anything says that they are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from studyapp import media_store


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was written through to the disk, in order, by the name it had at that moment."""
    names: list[Path] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    return names


def test_a_kept_file_and_its_folders_are_written_through(
    settings: Any, tmp_path: Path, synced: list[Path]
) -> None:
    made = tmp_path / "made.mp4"
    made.write_bytes(b"music")
    name, digest = media_store.keep(made, "stimuli")
    place = media_store.root() / name
    assert media_store.sha256(place) == digest
    assert synced == [made, place.parent, place.parent.parent]


def test_a_folder_is_written_through_with_its_files(tmp_path: Path, synced: list[Path]) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "ratings.csv").write_text("a")
    media_store.put_folder(made, "datasets")
    assert synced == [made / "ratings.csv", made, media_store.root()]
    assert (media_store.root() / "datasets" / "ratings.csv").is_file()
