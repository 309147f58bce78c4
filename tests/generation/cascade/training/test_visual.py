"""CLIP's and I3D's tasks on a small world: what is learnt, what is kept, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from generation.cascade.training.loop import Draw, Schedule, run
from generation.cascade.training.shards import Shards
from generation.cascade.training.visual import ClipTask, I3dTask, energy
from generation.cascade.visual.clip import Clip, ClipConfig
from generation.cascade.visual.i3d import I3d, I3dConfig
from generation.contracts import GenerationError

from .small_world import small_world

CLIP = ClipConfig(dim=8, picture_px=16, patch_px=8, width=16, layers=1, heads=2, text_width=16, text_layers=1)
I3D = I3dConfig(narrower=16)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return small_world(tmp_path_factory.mktemp("known"), 10)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return small_world(tmp_path_factory.mktemp("held-out"), 4, first_seed=100)


def draw(step: int = 0) -> Draw:
    return Draw(step, 0.0, torch.Generator().manual_seed(step), torch.device("cpu"))


def schedule(steps: int) -> Schedule:
    return Schedule(steps=steps, learning_rate=3e-3, warm_up_steps=1, bf16=False)


def test_clip_learns_to_find_the_captions_of_its_pictures(known: Shards, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = ClipTask(Clip(CLIP), known, known, batch=12)
    before = [float(loss.detach()) for _, loss in task.losses(draw())]
    figures = run(task, schedule(60), tmp_path / "clip", seed=0)
    after = [float(loss.detach()) for _, loss in task.losses(draw())]
    assert after[0] < 0.75 * before[0]
    assert figures["clip_retrieval"] > 1.5 / len(known)


def test_clip_trains_both_towers_and_keeps_one(known: Shards, held_out: Shards) -> None:
    task = ClipTask(Clip(CLIP), known, held_out, batch=6)
    ((name, loss),) = task.losses(draw())
    loss.backward()
    assert name in task.optimised
    assert all(parameter.grad is not None for parameter in task.optimised[name].parameters())
    kept = {id(parameter) for parameter in task.kept.parameters()}
    assert kept < {id(parameter) for parameter in task.optimised[name].parameters()}
    assert not any("token_embedding" in name for name in task.kept.state_dict())


def test_clip_fits_the_scale_of_its_features(known: Shards, held_out: Shards) -> None:
    task = ClipTask(Clip(CLIP).eval(), known, held_out)
    with torch.no_grad():
        task.evaluate()
        features = torch.cat([task.kept(known.take("pictures", [index])[0]) for index in range(len(known))])
    assert features.mean(0).abs().max() < 0.2
    assert features.std(0).mean() == pytest.approx(1, abs=0.3)


def test_clip_refuses_what_has_no_caption(tmp_path: Path, known: Shards) -> None:
    files = small_world(tmp_path, 2, captions=False)
    with pytest.raises(GenerationError, match=r"CLIP learns from captions, and 0\.mp4 in .* has none"):
        ClipTask(Clip(CLIP), files, known)


def test_i3d_learns_what_moves(known: Shards, held_out: Shards, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = I3dTask(I3d(I3D), known, held_out, clips=6, seconds=2)
    before = [float(loss.detach()) for _, loss in task.losses(draw())]
    run(task, schedule(30), tmp_path / "i3d", seed=0)
    task.kept.train()
    after = [float(loss.detach()) for _, loss in task.losses(draw())]
    assert after[0] < 0.75 * before[0]


def test_i3d_has_heads_that_are_not_kept(known: Shards, held_out: Shards) -> None:
    task = I3dTask(I3d(I3D), known, held_out, clips=2, seconds=2)
    ((name, loss),) = task.losses(draw())
    loss.backward()
    assert all(parameter.grad is not None for parameter in task.optimised[name].parameters())
    assert not any("heads" in name for name in task.kept.state_dict())


def test_i3d_says_what_its_features_know(known: Shards, held_out: Shards) -> None:
    with torch.no_grad():
        figures = I3dTask(I3d(I3D).eval(), known, held_out).evaluate()
    assert set(figures) == {f"i3d_{name}" for name in ("genre", "pace", "hue", "brightness", "scene", "density")}
    assert all(0 <= value <= 1 for value in figures.values())


def test_i3d_refuses_files_whose_motion_nobody_labelled(tmp_path: Path, held_out: Shards) -> None:
    with pytest.raises(GenerationError, match="I3D is trained on the self-made world"):
        I3dTask(I3d(I3D), small_world(tmp_path, 2, captions=False), held_out)


def test_the_same_draw_gives_the_same_losses(known: Shards, held_out: Shards) -> None:
    task = I3dTask(I3d(I3D), known, held_out, clips=2, seconds=2)
    first, again = ([float(loss.detach()) for _, loss in task.losses(draw(3))] for _ in range(2))
    assert first == again


def test_energy_grows_with_speed_and_not_with_direction() -> None:
    right = torch.zeros(1, 2, 8, 4, 4)
    right[:, 0] = 0.1
    assert energy(torch.zeros(1, 2, 8, 4, 4)).item() == 0
    assert energy(2 * right) > energy(right)
    assert torch.allclose(energy(-right), energy(right))
    assert torch.allclose(energy(right.flip(1)), energy(right))
