"""A few held-out pieces of the world, cut once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from generation.cascade.training.dataset import make_world_set
from generation.cascade.training.shards import Shards
from tests.generation.cascade.micro import micro_preset

CLIPS = 8


@pytest.fixture(scope="session")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    """Pairs of four seconds."""
    return make_world_set(
        tmp_path_factory.mktemp("held-out"), micro_preset(), CLIPS, purpose="held-out", segment_s=4.0
    )


@pytest.fixture(scope="session")
def training_music(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    folder: Path = tmp_path_factory.mktemp("training")
    return make_world_set(folder, micro_preset(), CLIPS, kind="audio", segment_s=4.0)
