"""Shards: what was written is read back, by name and index, and nothing unfinished or stale is taken for it."""

from __future__ import annotations

import json
import resource
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation.cascade.training.shards import (
    FULL_SCALE,
    Block,
    Cutting,
    Info,
    LeftOut,
    Shards,
    add_feature,
    read_block,
    write_block,
    write_index,
    write_tensors,
)
from generation.contracts import GenerationError

CUTTING = Cutting("micro", 100, 2.0, 1, 4, 8, 4)


def wave(first: int, count: int) -> Tensor:
    """[count, 200] samples, each row filled with its own index."""
    return torch.arange(first, first + count, dtype=torch.int16)[:, None].expand(count, 200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pieces of sound in shards of three, none and two."""
    infos = [Info(f"{index}.wav", genre="Rock", caption=f"song {index}") for index in range(5)]
    write_block(tmp_path, Block("a", infos[:3], [LeftOut("broken.wav", "is empty")]), {"wave": wave(0, 3)})
    write_block(tmp_path, Block("b", [], [LeftOut("silent.wav", "is silent")]), {})
    write_block(tmp_path, Block("c", infos[3:]), {"wave": wave(3, 2)})
    write_index(tmp_path, "audio", CUTTING, ["a", "b", "c"])
    return tmp_path


def test_rows_come_back_by_index_over_all_shards(folder: Path) -> None:
    shards = Shards(folder)
    assert (len(shards), shards.kind, shards.names, shards.cutting) == (5, "audio", ("wave",), CUTTING)
    taken = shards.take("wave", [4, 0, 3, 4])
    assert (taken.dtype, taken.shape) == (torch.int16, (4, 200))
    assert taken[:, 7].tolist() == [4, 0, 3, 4]
    assert torch.equal(shards.waves([3]), torch.full((1, 200), 3 / FULL_SCALE))
    assert [shards.info(index).caption for index in (2, 3)] == ["song 2", "song 3"]
    assert [str(left.source) for left in shards.left_out] == ["broken.wav", "silent.wav"]


def test_what_is_not_there_is_refused_with_the_options(folder: Path) -> None:
    with pytest.raises(KeyError, match="holds no 'flow'; it holds wave"):
        Shards(folder).take("flow", [0])
    for index in (-1, 5):
        with pytest.raises(IndexError, match=rf"no example {index} .* holds 5"):
            Shards(folder).take("wave", [index])


def test_set_without_an_index_is_not_finished(folder: Path) -> None:
    (folder / "index.json").unlink()
    with pytest.raises(GenerationError, match="no finished set; make one with"):
        Shards(folder)


def test_damaged_sets_are_named(folder: Path) -> None:
    path = folder / "a.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(GenerationError, match=r"a\.safetensors cannot be read"):
        Shards(folder).take("wave", [0])
    (folder / "c.json").unlink()
    with pytest.raises(GenerationError, match="lacks shards that its index names"):
        Shards(folder)
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**index, "format": "other"}))
    with pytest.raises(GenerationError, match="format 'other', not duet-shards-1"):
        Shards(folder)
    (folder / "index.json").write_text("{")
    with pytest.raises(GenerationError, match=r"index\.json is damaged"):
        Shards(folder)


def test_features_are_encoded_once_for_each_encoder(folder: Path) -> None:
    calls: list[list[int]] = []
    done: list[int] = []

    def encoder(factor: int, shards: Shards) -> Shards:
        def encode(indices: Sequence[int]) -> Tensor:
            calls.append(list(indices))
            return shards.take("wave", indices)[:, :2] * factor

        return add_feature(shards, "codes", f"digest{factor}", encode, done.append)

    twice = encoder(2, Shards(folder))
    assert calls == [[0, 1, 2], [3, 4]]
    assert done == [3, 2]
    assert twice.names == ("wave", "codes")
    assert twice.take("codes", [1, 4]).tolist() == [[2, 2], [8, 8]]
    encoder(2, Shards(folder))
    assert len(calls) == 2
    # Other weights make features of their own; those of the first stay readable.
    thrice = encoder(3, Shards(folder))
    assert len(calls) == 4
    assert thrice.take("codes", [4]).tolist() == [[12, 12]]
    assert twice.take("codes", [4]).tolist() == [[8, 8]]


def test_interrupted_encoding_goes_on_after_the_last_whole_shard(folder: Path) -> None:
    def failing(indices: Sequence[int]) -> Tensor:
        if indices[0] == 3:
            raise KeyboardInterrupt
        return torch.zeros(len(indices), 1)

    with pytest.raises(KeyboardInterrupt):
        add_feature(Shards(folder), "joint", "x", failing, lambda size: None)
    calls = []

    def encode(indices: Sequence[int]) -> Tensor:
        calls.append(list(indices))
        return torch.ones(len(indices), 1)

    shards = add_feature(Shards(folder), "joint", "x", encode, lambda size: None)
    assert calls == [[3, 4]]
    assert shards.take("joint", [2, 3]).flatten().tolist() == [0, 1]


def test_feature_that_was_never_made_is_named(folder: Path) -> None:
    with pytest.raises(GenerationError, match=r"codes-none/a\.safetensors cannot be read"):
        Shards(folder, {"codes": "none"}).take("codes", [0])


def test_full_disk_is_named_and_leaves_no_half_shard(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(
            GenerationError, match=r"a\.safetensors could not be written.*finished shards are kept"
        ):
            write_block(tmp_path, Block("a", [Info("x")] * 100), {"wave": wave(0, 100)})
        write_tensors(tmp_path / "small.safetensors", {"wave": wave(0, 1)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_block(tmp_path, "a") is None
    assert [path.name for path in tmp_path.iterdir()] == ["small.safetensors"]
