"""What docs/outside-systems.md shows works as it stands there."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from generation.baselines.outside import configuration, endpoint
from generation.baselines.outside.audio_file import SUFFIXES
from generation.contracts import Request

from .conftest import WriteFile

MANUAL = (Path(configuration.__file__).parents[3] / configuration.MANUAL).read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", MANUAL, flags=re.DOTALL)
    return str(found)


def test_example_file_is_a_good_one(outside: WriteFile) -> None:
    outside(block("toml"))
    found = configuration.load()
    assert sorted(found.commands) == ["museformer", "text-to-music"]
    assert found.command("museformer").memory_mib == 16_384
    assert found.command("museformer").disk_mib == 4096
    assert found.endpoints.allowed_hosts == ("127.0.0.1:9000", "models.example.org")


def test_every_placeholder_and_format_is_told() -> None:
    assert set(re.findall(r"^\| `\{(\w+)\}`", MANUAL, flags=re.MULTILINE)) == set(configuration.PLACEHOLDERS)
    told = MANUAL.partition("the audio may be ")[2].partition(", of any rate")[0].lower()
    assert all(suffix[1:] in told for suffix in SUFFIXES.values() if suffix != ".w64")


def test_example_server_writes_soundtracks(outside: WriteFile, request_10_s: Request) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outside(f'[endpoints]\nallowed_hosts = ["127.0.0.1:{port}"]\ntimeout_s = 30\nretries = 5')
    source = block("python").replace("9000", str(port))
    server = subprocess.Popen([sys.executable, "-c", source], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        settings = {"url": f"http://127.0.0.1:{port}/", "model": "Noise 1", "sends_video": "yes"}
        system = endpoint.build("default", settings, "cpu")
        first, second = (system.generate(request_10_s, lambda share, what: None) for _ in range(2))
    finally:
        server.kill()
        server.wait()
    assert first.waveform.shape == (2, 480_000)
    assert first.waveform.std() > 0.1
    assert np.array_equal(first.waveform, second.waveform)
