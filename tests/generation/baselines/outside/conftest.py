"""A server's file of outside systems, small Python programs for it to name, and a clip to give them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from generation.contracts import Request

WriteFile = Callable[[str], Path]
AddCommand = Callable[..., None]

TONE = """
import array, math, sys, wave
def tone(path, seconds, rate=48000):
    with wave.open(path, "wb") as file:
        file.setnchannels(1); file.setsampwidth(2); file.setframerate(rate)
        wave_ = [int(9000 * math.sin(i / 20)) for i in range(int(seconds * rate))]
        file.writeframes(array.array("h", wave_).tobytes())
"""
"""What a program needs to write a mono tone with nothing but Python."""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteFile:
    """``outside("toml")`` writes the file that DUET_OUTSIDE names."""
    path = tmp_path / "outside.toml"
    monkeypatch.setenv("DUET_OUTSIDE", str(path))

    def write(content: str) -> Path:
        path.write_text(content)
        return path

    return write


@pytest.fixture
def add_command(outside: WriteFile, tmp_path: Path) -> AddCommand:
    """``add_command("program text", "--out={output}", …, timeout_s=…)`` makes it the command ``model``."""

    def add(program: str, *arguments: str, **limits: float) -> None:
        script = tmp_path / "model.py"
        script.write_text(TONE + dedent(program))
        argv = [sys.executable, "-I", str(script), *(arguments or ("{output}",))]
        lines = [f"{key} = {value}" for key, value in limits.items()]
        outside("\n".join(["[commands.model]", f"argv = {json.dumps(argv, ensure_ascii=False)}", *lines]))

    return add


@pytest.fixture
def request_10_s(tmp_path: Path) -> Request:
    """Ten seconds asked for, with a caption that a shell would make much of."""
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"moving pictures")
    return Request("forest", video, 10.0, 7, text="$(rm -rf ~); --help 'a' \"b\" {output} & ü")
