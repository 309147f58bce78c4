"""Weight files load strictly and say what is wrong."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from generation.cascade.checkpoint import WEIGHTS, fingerprint, load_part, read_notes, save_part, write_manifest
from generation.contracts import GenerationError

CONFIG = json.dumps({"grid": {"hop": 320}, "dim": 4})


def network(width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, width), nn.Linear(width, 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save_part(tmp_path / "tiny" / "part.safetensors", network(), config=CONFIG, notes={"seed": "7"})


def test_saved_weights_come_back_in_half_precision(path: Path) -> None:
    loaded = network()
    nn.init.zeros_(loaded[0].weight)  # type: ignore[index]
    notes = load_part(path, loaded, config=CONFIG)
    for name, value in network().state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name
    assert notes["seed"] == "7"


def test_missing_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"part\.safetensors are missing.*generation train"):
        load_part(tmp_path / "part.safetensors", network(), config=CONFIG)


def test_damaged_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(GenerationError, match="cannot be read"):
        load_part(path, network(), config=CONFIG)


def test_other_configuration_is_refused_naming_the_difference(path: Path) -> None:
    other = json.dumps({"grid": {"hop": 320}, "dim": 8})
    with pytest.raises(GenerationError, match="differs in dim: 4 there, 8 here"):
        load_part(path, network(), config=other)


def test_missing_extra_and_misshaped_tensors_are_named(path: Path) -> None:
    tensors = load_file(path)
    del tensors["0.bias"]
    tensors["0.wings"] = torch.zeros(1)
    tensors["1.bias"] = torch.zeros(9)
    save_file(tensors, path, {"config": CONFIG})
    with pytest.raises(GenerationError) as refused:
        load_part(path, network(), config=CONFIG)
    for name in ("0.bias", "0.wings", "1.bias"):
        assert name in str(refused.value)


def test_disk_that_takes_no_more_leaves_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    path.with_suffix(".new").mkdir()
    with pytest.raises(GenerationError, match=r"could not be written.*nothing was lost"):
        save_part(path, network(), config=CONFIG, notes={})
    assert path.read_bytes() == before


def test_fingerprint_is_that_of_the_shipped_weights(path: Path) -> None:
    loaded = network()
    load_part(path, loaded, config=CONFIG)
    assert fingerprint(loaded.state_dict()) == fingerprint(network().state_dict())
    with torch.no_grad():
        loaded[0].bias[0] += 1  # type: ignore[index]
    assert fingerprint(loaded.state_dict()) != fingerprint(network().state_dict())


def test_manifest_lists_parts_and_keeps_what_came_from_elsewhere(path: Path, tmp_path: Path) -> None:
    (tmp_path / "tagger").mkdir()
    (tmp_path / "tagger" / "net.safetensors").write_bytes(b"not ours")
    tagger = {"licence": "ISC", "sha256": "1234"}
    (tmp_path / "manifest.json").write_text(json.dumps({"tagger/net.safetensors": tagger, "gone.safetensors": {}}))
    listed = json.loads(write_manifest(tmp_path).read_text())
    assert listed["tagger/net.safetensors"] == tagger
    assert listed["tiny/part.safetensors"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(listed) == {"tagger/net.safetensors", "tiny/part.safetensors"}


def test_manifest_names_every_shipped_file_by_its_digest() -> None:
    listed = json.loads((WEIGHTS / "manifest.json").read_text())
    shipped = {path.relative_to(WEIGHTS).as_posix() for path in WEIGHTS.glob("[!b]*/*.safetensors")}
    assert {name for name in listed if not name.startswith("base/")} == shipped
    for name, entry in listed.items():
        assert entry["sha256"] == hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest()
        assert entry["licence"] in {"Apache-2.0", "ISC"}


def test_tiny_is_small_and_each_part_says_how_it_was_made() -> None:
    paths = sorted((WEIGHTS / "tiny").glob("*.safetensors"))
    assert sum(path.stat().st_size for path in paths) <= 25e6
    for path in paths:
        notes = read_notes(path)
        figures = json.loads(notes["figures"])
        assert figures["steps"] > 0, path.name
        assert len(figures) > 2, path.name
