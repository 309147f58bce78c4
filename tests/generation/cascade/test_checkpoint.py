"""Weight files load strictly and say what is wrong."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from generation.cascade.checkpoint import WEIGHTS, Cascade, load_cascade, read_notes, save_weights
from generation.cascade.presets import Preset, preset
from generation.cascade.transformer import TransformerConfig
from generation.contracts import GenerationError


@pytest.fixture(scope="module")
def small() -> Preset:
    """``tiny`` made smaller still."""
    tiny = preset("tiny")
    one = TransformerConfig(layers=1, dim=16, heads=2, feed_forward=16)
    return replace(
        tiny,
        visual=replace(tiny.visual, clip_width=32, clip_heads=1, clip_layers=1, flow_width=8, text_width=8),
        acoustic=replace(tiny.acoustic, codebook_size=8, encoder_dim=8, decoder_dim=8, decoder_layers=1),
        semantic_encoder=one,
        semantic_decoder=one,
        coarse_encoder=one,
        coarse_decoder=one,
        fine_decoder=one,
    )


def test_saved_weights_come_back(small: Preset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    cascade = Cascade(small)
    save_weights(cascade, tmp_path / "tiny.safetensors", {"seed": "0"})
    loaded = load_cascade(small, "cpu", tmp_path)
    for name, value in cascade.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name
    assert read_notes(tmp_path / "tiny.safetensors")["seed"] == "0"


def test_missing_file_is_named_with_a_remedy(small: Preset, tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=r"tiny\.safetensors are missing.*generation train"):
        load_cascade(small, "cpu", tmp_path)


def test_damaged_file_is_refused(small: Preset, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_weights(Cascade(small), path, {})
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(GenerationError, match="cannot be read"):
        load_cascade(small, "cpu", tmp_path)


def test_other_configuration_is_refused_naming_the_difference(small: Preset, tmp_path: Path) -> None:
    save_weights(Cascade(small), tmp_path / "tiny.safetensors", {})
    other = replace(small, fine_decoder=replace(small.fine_decoder, layers=2))
    with pytest.raises(GenerationError, match="differs in fine_decoder"):
        load_cascade(other, "cpu", tmp_path)


def test_missing_tensor_is_refused(small: Preset, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_weights(Cascade(small), path, {})
    tensors = load_file(path)
    del tensors["stage1.score_bias"]
    save_file(tensors, path, {"config": small.as_json()})
    with pytest.raises(GenerationError, match=r"stage1\.score_bias"):
        load_cascade(small, "cpu", tmp_path)


def test_manifest_names_the_shipped_file_by_its_digest() -> None:
    listed = json.loads((WEIGHTS / "manifest.json").read_text())
    assert set(listed) == {path.name for path in WEIGHTS.glob("*.safetensors")}
    for name, entry in listed.items():
        assert entry["sha256"] == hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest()
        assert entry["licence"] == "Apache-2.0"


def test_shipped_weights_are_small_and_say_how_they_were_made() -> None:
    path = WEIGHTS / "tiny.safetensors"
    assert path.stat().st_size <= 15_000_000
    notes = read_notes(path)
    assert notes["config"] == preset("tiny").as_json()
    figures = json.loads(notes["notes"])
    assert all(figures[part]["steps"] > 0 for part in ("codec", "clip", "flow", "stage1", "stage2", "stage3"))
    assert figures["stage1"]["stage1_true_nats"] < figures["stage1"]["stage1_shuffled_nats"]
