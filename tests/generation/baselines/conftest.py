"""A few clips with sound, as WAV files a request can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from generation.media.decode import write_wav

CLIPS = ("bridge", "forest", "harbour", "market")


def tone(index: int, seconds: float = 1.0) -> npt.NDArray[np.float32]:
    """A stereo tone of its own pitch for each index."""
    time = np.arange(round(48_000 * seconds)) / 48_000
    return np.tile(0.2 * np.sin(2 * np.pi * 110 * (index + 2) * time), (2, 1)).astype(np.float32)


@pytest.fixture
def originals(tmp_path: Path) -> dict[str, Path]:
    """Clip id to a one-second original."""
    files = {clip: tmp_path / f"{clip}.wav" for clip in CLIPS}
    for index, path in enumerate(files.values()):
        write_wav(path, tone(index), 48_000)
    return files
