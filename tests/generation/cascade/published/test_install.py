"""Published files become parts of a preset, and every part says where its weights come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from generation.__main__ import main
from generation.cascade.cascade import PARTS, Cascade
from generation.cascade.checkpoint import part_path, read_notes
from generation.cascade.presets import Preset, preset
from generation.cascade.published import resolve
from generation.cascade.published.install import install, sources, status
from generation.cascade.semantic.tokens import W2vBertConfig
from generation.contracts import GenerationError

pytest.importorskip("transformers")


class Noise:
    """Music of a kind."""

    def __len__(self) -> int:
        return 3

    def waves(self, indices: Sequence[int]) -> Tensor:
        return torch.stack(
            [0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(i)) for i in indices]
        )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Preset:
    """base with a small w2v-BERT, whose random weights lie in ``tmp_path`` as published, without a digest."""
    config = W2vBertConfig(tokens=4, layer=1, published_layers=1, dim=16, heads=2, feed_forward=24)
    made = replace(preset("base"), name="small", semantic=config)
    listed = resolve.components()
    bert = listed["w2v-bert"]
    unlisted = replace(bert, files=(replace(bert.files[0], sha256=None),))
    monkeypatch.setattr(resolve, "components", lambda: {**listed, "w2v-bert": unlisted})
    torch.manual_seed(0)
    tensors = {
        name.removeprefix("encoder.network."): value.clone()
        for name, value in PARTS["semantic"](made).state_dict().items()
        if name.startswith("encoder.")
    }
    (tmp_path / "w2v-bert").mkdir()
    save_file(tensors, tmp_path / "w2v-bert" / "model.safetensors")
    return made


def test_a_published_encoder_is_installed_with_clusters_of_ones_own_music(small: Preset, tmp_path: Path) -> None:
    path = install(small, "semantic", tmp_path, tmp_path / "weights", music=Noise())
    tokens = Cascade(small, folder=tmp_path / "weights").semantic.encode(Noise().waves(range(3)))
    assert len(tokens.unique()) == 4
    notes = read_notes(path)
    assert notes["licence"] == "MIT"
    assert "facebook/w2v-bert-2.0" in notes["origin"]
    assert "no digest is published" in notes["verified"]


def test_semantic_tokens_ask_for_music_to_cluster(small: Preset, tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="no centroids"):
        install(small, "semantic", tmp_path, tmp_path / "weights")


def test_what_nobody_published_is_not_installed(small: Preset, tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="stage1"):
        install(small, "stage1", tmp_path, tmp_path / "weights")


def test_status_tells_of_every_part_where_its_weights_come_from(small: Preset, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    rows = {row.part: row for row in status(small, tmp_path, weights)}
    assert list(rows) == list(PARTS)
    assert rows["clip"].state == "missing"
    assert "openai/clip-vit-large-patch14" in rows["clip"].origin
    assert rows["semantic"].state.startswith("present, SHA-256")
    for stage in ("stage1", "stage2", "stage2_audio", "stage3"):
        assert "not public" in rows[stage].note
    install(small, "semantic", tmp_path, weights, music=Noise())
    assert "installed" in {row.part: row for row in status(small, tmp_path, weights)}["semantic"].state


def test_status_names_a_file_that_is_not_the_published_one(small: Preset, tmp_path: Path) -> None:
    (tmp_path / "clap").mkdir()
    (tmp_path / "clap" / "pytorch_model.bin").write_bytes(b"another")
    rows = {row.part: row for row in status(small, tmp_path, tmp_path / "weights")}
    assert rows["joint"].state.startswith("refused")


def test_tiny_is_trained_here_and_compared_with_its_manifest(tmp_path: Path) -> None:
    tiny = preset("tiny")
    assert sources(tiny) == {}
    path = part_path("tiny", "clip", tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    (tmp_path / "manifest.json").write_text('{"tiny/clip.safetensors": {"sha256": "0"}}')
    rows = {row.part: row for row in status(tiny, tmp_path, tmp_path)}
    assert rows["clip"].state == "not the one in the manifest"
    assert rows["stage1"].state == "missing"


def test_the_command_line_says_it_all_and_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--folder", str(tmp_path), "--weights", str(tmp_path / "weights")]
    assert main(["weights", "--preset", "base", *places]) == 0
    said = capsys.readouterr().out
    assert all(f"{part}: missing" in said for part in PARTS)
    assert main(["weights", "--install", "clip", *places]) == 1
    assert "openai/clip-vit-large-patch14" in capsys.readouterr().err
