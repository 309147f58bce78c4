"""Only what lies below the listed folders can be named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studyapp.clips import import_folders
from studyapp.errors import DuetError


@pytest.fixture
def listed(tmp_path: Path, settings: Any) -> Path:
    root = tmp_path / "listed"
    (root / "set").mkdir(parents=True)
    (root / "set" / "a.mp4").write_bytes(b"x")
    (root / "list.csv").write_text("file\n")
    (root / "notes.md").write_text("x")
    (tmp_path / "secret").mkdir()
    settings.IMPORT_FOLDERS = [root]
    return root


def test_what_lies_below_is_taken_by_its_path_or_its_name(listed: Path) -> None:
    assert import_folders.allowed(str(listed / "set")) == (listed / "set", listed)
    assert import_folders.allowed("set") == (listed / "set", listed)
    assert import_folders.allowed(str(listed)) == (listed, listed)


@pytest.mark.parametrize("named", ["/etc", "../secret", "set/../../secret", "gone", "link", "listed-too"])
def test_what_lies_elsewhere_is_refused_alike_whether_it_is_there_or_not(listed: Path, named: str) -> None:
    (listed / "link").symlink_to(listed.parent / "secret")
    (listed.parent / "listed-too").mkdir()
    with pytest.raises(DuetError) as refused:
        import_folders.allowed(named)
    assert str(refused.value) == (
        f"“{named}” is not there, or lies outside of the folders that may be imported from. Name a folder or "
        f"manifest below {listed}."
    )


def test_without_a_listed_folder_it_is_said_how_to_list_one(settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_FOLDERS = [tmp_path / "gone"]
    with pytest.raises(DuetError, match="DUET_IMPORT_FOLDERS"):
        import_folders.allowed("/")


def test_folders_and_manifests_right_below_are_offered(listed: Path) -> None:
    assert import_folders.offered() == [str(listed / "list.csv"), str(listed / "set")]
