"""Real inputs, made by ffmpeg itself, in the shapes that cameras and phones give."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from generation.contracts import Soundtrack
from generation.media.binaries import ffmpeg_path
from generation.media.master import Master, make_master

MakeVideo = Callable[..., Path]


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg as it would be run by hand."""
    command = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60)


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """``make_video("name.mp4", size="160x120", rate="25", seconds=2, sound=True, *output options)``."""

    def make(
        name: str,
        *output: str | Path,
        size: str = "160x120",
        rate: str = "25",
        seconds: float = 2,
        sound: bool = True,
    ) -> Path:
        inputs: list[str | Path] = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
        if sound:
            inputs += ["-f", "lavfi", "-i", f"sine=f=440:r=44100:d={seconds},volume=-6dB"]
        path = tmp_path / name
        ffmpeg(*inputs, *output, path)
        return path

    return make


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Master:
    """A small silent master of three seconds."""
    folder = tmp_path_factory.mktemp("master")
    source = folder / "source.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=3", source)
    return make_master(source, folder / "master.mp4", duration_s=3.0)


def noise_bursts(seconds: float, rate: int = 16_000) -> Soundtrack:
    """Half a second of noise every second, mono."""
    draw = np.random.default_rng(1)
    time = np.arange(round(seconds * rate)) / rate
    wave = draw.normal(0, 0.3, time.size) * ((time % 1) < 0.5)
    return Soundtrack(wave[None].astype(np.float32), rate)


def plucked_chords(seconds: float, rate: int = 44_100) -> Soundtrack:
    """A quiet chord twice a second, stereo with different voices left and right."""
    time = np.arange(round(seconds * rate)) / rate
    decay = np.exp(-4 * (time % 0.5))
    voices = [[220, 277.18, 329.63], [220, 440, 554.37]]
    wave = [0.02 * decay * sum(np.sin(2 * np.pi * hz * time) for hz in side) for side in voices]
    return Soundtrack(np.array(wave, dtype=np.float32), rate)


def clicks(seconds: float, rate: int = 48_000) -> Soundtrack:
    """Two short clicks a second at nearly full scale: hardly any loudness for a very high peak."""
    draw = np.random.default_rng(2)
    click = draw.uniform(-1, 1, rate // 100) * np.exp(-np.arange(rate // 100) / rate * 300)
    wave = np.zeros(round(seconds * rate))
    for start in range(0, wave.size, rate // 2):
        wave[start : start + click.size] = 0.99 * click
    return Soundtrack(wave[None].astype(np.float32), rate)
