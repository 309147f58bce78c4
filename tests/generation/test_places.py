"""Folders that a setting names and this server may not look at: every system says so in a sentence."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from generation import registry
from generation.contracts import ClipFacts, GenerationError
from generation.media.errors import MediaError
from generation.media.probe import probe

FACTS = ClipFacts("forest", 10.0, frozenset(), caption="techno")
TOO_LONG = "/srv/" + "x" * 300


def asked(key: str, preset: str, settings: dict[str, Any]) -> None:
    registry.inputs_digest(key, preset, FACTS, settings)


FOLDERS = pytest.mark.parametrize(
    ("key", "preset", "setting"),
    [
        ("imported", "default", "folder"),
        ("loop-retrieval", "default", "library"),
        ("riffusion", "v1", "model"),
        ("cmt", "tiny", "font"),
    ],
)


@FOLDERS
def test_a_name_that_no_folder_can_have_is_refused(key: str, preset: str, setting: str) -> None:
    with pytest.raises(GenerationError, match=rf"`{setting}`: x+ cannot be looked at \(File name too long\)"):
        asked(key, preset, {setting: TOO_LONG, **({"model": "M"} if key == "imported" else {})})


@FOLDERS
def test_a_folder_that_this_server_may_not_enter_is_refused(
    key: str, preset: str, setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, **kwargs: object) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # Root, who runs tests in containers, may look everywhere.
    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(GenerationError, match=r"cannot be looked at \(Permission denied\); check the name, and"):
        asked(key, preset, {setting: str(tmp_path), **({"model": "M"} if key == "imported" else {})})


def test_a_folder_that_may_be_entered_and_not_listed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", closed)
    refused = registry.refusal("imported", FACTS, {"folder": str(tmp_path), "model": "M"})
    assert "cannot be looked at (Permission denied)" in (refused or "")


def test_a_media_file_that_cannot_be_looked_at_is_told() -> None:
    with pytest.raises(MediaError, match=r"x+ cannot be looked at \(File name too long\)"):
        probe(Path(TOO_LONG))
