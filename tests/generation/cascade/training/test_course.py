"""A whole cascade of toy size, trained part by part on a few pieces of the world."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from generation.cascade.acoustic.codec import AcousticConfig
from generation.cascade.acoustic.spectral import SpectralConfig
from generation.cascade.cascade import PARTS, Cascade
from generation.cascade.checkpoint import part_path, read_notes
from generation.cascade.control import JointConfig
from generation.cascade.presets import Preset, StageConfig
from generation.cascade.semantic.tokens import SemanticConfig
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.course import Trained, train_parts
from generation.cascade.training.dataset import make_world_set
from generation.cascade.training.features import with_features
from generation.cascade.training.parts import RECIPES, wording
from generation.cascade.training.shards import Block, Info, Shards, write_block, write_index
from generation.cascade.transformer import TransformerConfig
from generation.cascade.visual.clip import ClipConfig
from generation.cascade.visual.i3d import I3dConfig
from generation.cascade.visual.vit_vqgan import VitVqganConfig
from generation.contracts import GenerationError

SMALL = TransformerConfig(layers=1, dim=16, heads=2, feed_forward=16, buckets=16, furthest=64)
GRID = TimeGrid(flow_hz=8, fine_levels=2, coarse_levels=2)
PRESET = Preset(
    name="micro",
    grid=GRID,
    picture_px=16,
    flow_px=32,
    clip=ClipConfig(dim=8, picture_px=16, patch_px=8, width=12, layers=1, heads=2, text_width=8, text_layers=1),
    i3d=I3dConfig(narrower=16),
    vit=VitVqganConfig(
        picture_px=16, patch_px=4, dim=8, layers=1, heads=1, head_dim=8, feed_forward=8, tokens=16, code_dim=4
    ),
    semantic=SemanticConfig(tokens=12, mels=16, kept=SMALL),
    acoustic=AcousticConfig(
        levels=4,
        codebook_size=16,
        latent_dim=8,
        spectral=SpectralConfig(encoder_dim=8, encoder_layers=1, decoder_dim=8, decoder_layers=1),
    ),
    joint=JointConfig(dim=8, width=16, layers=1, heads=2, feed_forward=16, mels=16),
    stages=StageConfig(SMALL, SMALL, SMALL, SMALL, SMALL, SMALL),
    vit_merged=2,
)
MINUTES = 0.03
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shards, Shards]:
    folder = tmp_path_factory.mktemp("sets")
    return (
        make_world_set(folder / "train", PRESET, 8, segment_s=10.0),
        make_world_set(folder / "held-out", PRESET, 4, purpose="held-out", segment_s=10.0),
    )


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("room")


@pytest.fixture(scope="module")
def trained(sets: tuple[Shards, Shards], room: Path) -> list[Trained]:
    return train_parts(
        PRESET, *sets, parts=list(RECIPES), out=room / "out", work=room / "work", seed=3, minutes=MINUTES
    )


def test_every_part_is_trained_in_order_and_loads_together(trained: list[Trained], room: Path) -> None:
    assert [each.part for each in trained] == list(RECIPES)
    assert all(each.figures["steps"] > 0 for each in trained)
    assert all((room / "work" / each.part / "curves.png").exists() for each in trained)
    cascade = Cascade(PRESET, folder=room / "out")
    cascade.load(PARTS)
    wave = torch.rand(1, GRID.samples(2), generator=torch.Generator().manual_seed(0))
    assert cascade.codec.decode(cascade.codec.encode(wave)).shape == wave.shape


def test_weight_files_say_what_they_are_and_the_manifest_lists_them(trained: list[Trained], room: Path) -> None:
    notes = read_notes(part_path("micro", "stage1", room / "out"))
    assert (notes["seed"], notes["trained_on"]) == ("3", "8 examples of 10 s")
    assert json.loads(notes["figures"])["steps"] > 0
    assert json.loads(notes["learnt_from"]).keys() == {"clip", "i3d", "vit", "semantic", "joint"}
    manifest = json.loads((room / "out" / "manifest.json").read_text())
    assert manifest.keys() == {f"micro/{part}.safetensors" for part in PARTS}


def test_refined_decoder_leaves_the_tokens_as_they_were(
    trained: list[Trained], sets: tuple[Shards, Shards], room: Path
) -> None:
    # The codec was written twice, the features once: stages still belong to it.
    codes = list((sets[0].folder / "features").glob("codes-*"))
    assert len(codes) == 1
    cascade = Cascade(PRESET, folder=room / "out")
    shards = with_features(sets[0], cascade, ["codes"])
    fresh = cascade.codec.encode(sets[0].waves([5]))
    assert torch.equal(shards.take("codes", [5]).long(), fresh)


def test_stored_features_are_what_the_encoders_give(
    trained: list[Trained], sets: tuple[Shards, Shards], room: Path
) -> None:
    cascade = Cascade(PRESET, folder=room / "out")
    shards = with_features(sets[1], cascade, ["clip", "i3d", "vit", "semantic", "joint"])
    wave = sets[1].waves([2])
    assert torch.equal(shards.take("semantic", [2]).long(), cascade.semantic.encode(wave))
    torch.testing.assert_close(
        shards.take("joint", [2]).float(), cascade.joint.embed_audio(wave), atol=1e-3, rtol=1e-3
    )
    assert shards.take("clip", [2]).shape == (1, 10, 8)
    assert shards.take("i3d", [2]).shape == (1, 10, 64)
    assert shards.take("vit", [2]).shape == (1, 10, 4, 4)


def test_finished_part_is_not_trained_again(
    trained: list[Trained], sets: tuple[Shards, Shards], room: Path
) -> None:
    again = train_parts(PRESET, *sets, parts=["joint"], out=room / "out", work=room / "work", seed=3, minutes=1e-9)
    before = next(each for each in trained if each.part == "joint")
    assert again[0].figures["steps"] == before.figures["steps"]


def test_run_with_other_encoders_is_not_gone_on_with(
    trained: list[Trained], sets: tuple[Shards, Shards], room: Path, tmp_path: Path
) -> None:
    train_parts(PRESET, *sets, parts=["clip"], out=tmp_path / "out", work=tmp_path / "work", seed=4, minutes=0.001)
    for part in ("i3d", "vit", "semantic", "joint"):
        target = part_path("micro", part, tmp_path / "out")
        target.write_bytes(part_path("micro", part, room / "out").read_bytes())
    with pytest.raises(GenerationError, match=r"stage1 holds a run with another clip; delete it"):
        train_parts(
            PRESET, *sets, parts=["stage1"], out=tmp_path / "out", work=room / "work", seed=3, minutes=0.001
        )


def test_parts_that_need_pictures_refuse_music_alone(trained: list[Trained], room: Path, tmp_path: Path) -> None:
    music = make_world_set(tmp_path / "music", PRESET, 4, kind="audio", segment_s=10.0)
    for part in ("clip", "i3d", "vit", "stage1", "stage2"):
        with pytest.raises(GenerationError, match=rf"{part} learns from pairs .*music holds music alone"):
            train_parts(PRESET, music, music, parts=[part], out=room / "out", work=tmp_path, seed=3)
    for part in ("stage2_audio", "stage3"):
        done = train_parts(
            PRESET, music, music, parts=[part], out=room / "out", work=tmp_path, seed=3, minutes=0.001
        )
        assert done[0].figures["steps"] > 0


def test_unknown_and_missing_parts_are_named(sets: tuple[Shards, Shards], tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="no part vocoder; the parts are codec, clip"):
        train_parts(PRESET, *sets, parts=["vocoder"], out=tmp_path, work=tmp_path, seed=0)
    with pytest.raises(GenerationError, match=r"micro/clip\.safetensors are missing"):
        train_parts(PRESET, *sets, parts=["stage1"], out=tmp_path, work=tmp_path, seed=0)


def test_what_is_said_of_music_changes_in_the_world_and_is_wanted_elsewhere(
    sets: tuple[Shards, Shards], tmp_path: Path
) -> None:
    say, draw = wording(sets[0]), torch.Generator().manual_seed(0)
    assert len({say(1, draw) for _ in range(20)}) > 10
    infos = [Info("a.wav", caption="a waltz"), Info("b.wav")]
    wave = {"wave": torch.zeros(2, 10, dtype=torch.int16)}
    for name, some in (("said", infos[:1]), ("unsaid", infos)):
        write_block(tmp_path / name, Block("x", some), {"wave": wave["wave"][: len(some)]})
        write_index(tmp_path / name, "audio", replace(sets[0].cutting), ["x"])
    assert wording(Shards(tmp_path / "said"))(0, draw) == "a waltz"
    with pytest.raises(GenerationError, match=r"b\.wav in .*unsaid has none"):
        wording(Shards(tmp_path / "unsaid"))
