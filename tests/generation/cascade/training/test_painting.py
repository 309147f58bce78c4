"""ViT-VQGAN's task: it paints better, its codebook stays in use, its critic waits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation.cascade.training.loop import Draw, Schedule, run
from generation.cascade.training.painting import CodebookUse, PatchCritic, VitTask
from generation.cascade.training.shards import Shards
from generation.cascade.visual.vit_vqgan import VitVqgan, VitVqganConfig

from .small_world import small_world

VIT = VitVqganConfig(
    picture_px=16, patch_px=4, dim=16, layers=1, heads=2, head_dim=8, feed_forward=32, tokens=32, code_dim=4
)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return small_world(tmp_path_factory.mktemp("known"), 6)


def losses(task: VitTask, share: float) -> dict[str, Tensor]:
    return dict(task.losses(Draw(1, share, torch.Generator().manual_seed(0), torch.device("cpu"))))


def test_it_learns_to_paint_its_pictures_again(known: Shards, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = VitTask(VitVqgan(VIT), known, known, batch=8)
    task.kept.eval()
    with torch.no_grad():
        before = task.evaluate()
    schedule = Schedule(steps=80, learning_rate=3e-3, warm_up_steps=1, ema=0.9, bf16=False)
    after = run(task, schedule, tmp_path / "vit", seed=0)
    assert after["vit_psnr_db"] > before["vit_psnr_db"] + 3
    assert after["vit_codes_in_use"] > 8
    assert 1 <= after["vit_perplexity"] <= after["vit_codes_in_use"] + 1e-3


def test_critic_is_listened_to_in_the_second_half_only(known: Shards) -> None:
    task = VitTask(VitVqgan(VIT), known, known, batch=4)
    assert list(losses(task, 0.49)) == ["vit"]
    assert list(losses(task, 0.51)) == ["vit", "critic"]


def test_every_part_of_the_network_is_taught(known: Shards) -> None:
    task = VitTask(VitVqgan(VIT), known, known, batch=4)
    losses(task, 0.0)["vit"].backward()
    without = [name for name, p in task.kept.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    assert not any("use" in name or "critic" in name for name in task.kept.state_dict())


def test_critic_is_taught_without_teaching_the_painter(known: Shards) -> None:
    task = VitTask(VitVqgan(VIT), known, known, batch=4)
    losses(task, 0.9)["critic"].backward()
    assert all(parameter.grad is not None for parameter in task.critic.parameters())
    assert all(parameter.grad is None for parameter in task.kept.parameters())


def test_unused_entries_are_moved_to_where_latents_are_and_used_ones_stay() -> None:
    torch.manual_seed(0)
    vit, use = VitVqgan(VIT), CodebookUse(VIT.tokens)
    kept = vit.codebook.weight[:4].detach().clone()
    for _ in range(20):
        use.note(torch.arange(4).repeat(10))
    latents = torch.nn.functional.normalize(torch.randn(2, 6, 4), dim=-1)
    use.move_unused(vit, latents, torch.Generator().manual_seed(0))
    assert torch.equal(vit.codebook.weight[:4], kept)
    # Of products, as is usual for so many, distances near zero come out too large.
    exact = "donot_use_mm_for_euclid_dist"
    distance = torch.cdist(vit.codebook.weight[4:], latents.flatten(0, 1), compute_mode=exact).min(1).values
    assert distance.max() < 1e-4


def test_moved_entries_are_given_time_to_be_hit() -> None:
    vit, use = VitVqgan(VIT), CodebookUse(VIT.tokens)
    latents = torch.nn.functional.normalize(torch.randn(2, 6, 4), dim=-1)
    use.move_unused(vit, latents, torch.Generator().manual_seed(0))
    moved = vit.codebook.weight.detach().clone()
    use.move_unused(vit, latents, torch.Generator().manual_seed(1))
    assert torch.equal(vit.codebook.weight, moved)


def test_critic_judges_overlapping_patches() -> None:
    assert PatchCritic(4)(torch.rand(2, 3, 64, 64)).shape == (2, 1, 8, 8)
