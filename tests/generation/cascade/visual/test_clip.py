from __future__ import annotations

import numpy as np
import torch

from generation.cascade.time_grid import TimeGrid
from generation.cascade.visual.clip import VIT_L_14, Clip, ClipConfig, build_clip, clip_input
from generation.cascade.visual.sights import Sights

SMALL = ClipConfig(dim=8, picture_px=16, patch_px=8, width=16, layers=1, heads=2, text_width=16, text_layers=1)


def pictures(count: int = 3, px: int = 16) -> torch.Tensor:
    drawn = np.random.default_rng(0).integers(0, 256, (count, px, px, 3), dtype=np.uint8)
    return torch.from_numpy(drawn)


def test_embedding_has_unit_length_and_depends_on_the_picture() -> None:
    clip = Clip(SMALL).eval()
    embedded = clip.embed(pictures())
    assert embedded.shape == (3, 8)
    assert torch.allclose(embedded.norm(dim=-1), torch.ones(3))
    assert not torch.allclose(embedded[0], embedded[1], atol=1e-3)


def test_black_picture_has_a_finite_embedding() -> None:
    assert Clip(SMALL).eval().embed(torch.zeros(1, 16, 16, 3, dtype=torch.uint8)).isfinite().all()


def test_clip_gives_one_feature_a_second_whatever_the_pictures_size() -> None:
    shown = np.zeros((20, 40, 30, 3), np.uint8)
    seen = Sights.of(shown, TimeGrid(), px=24, flow_px=8)
    assert Clip(SMALL).eval().encode(seen).shape == (3, 8)


def test_picture_is_standardised_as_openai_does() -> None:
    grey = torch.full((1, 16, 16, 3), 255, dtype=torch.uint8)
    colours = clip_input(grey, SMALL)[0, :, 0, 0]
    assert torch.allclose(colours, torch.tensor([1.9303, 2.0749, 2.1459]), atol=1e-4)


def test_scaling_a_flat_picture_changes_nothing() -> None:
    flat = torch.full((1, 40, 40, 3), 90, dtype=torch.uint8)
    assert torch.allclose(clip_input(flat, SMALL), clip_input(flat[:, :16, :16], SMALL), atol=1e-5)


def test_paper_size_has_768_numbers_from_304_million() -> None:
    with torch.device("meta"):
        clip = Clip(VIT_L_14)
    assert round(sum(p.numel() for p in clip.parameters()) / 1e6) == 304
    assert clip.standardised.mean.shape == (768,)


def test_tiny_image_tower_is_small() -> None:
    assert sum(p.numel() for p in Clip(ClipConfig()).parameters()) < 400_000


def test_both_towers_meet_in_one_space() -> None:
    towers = build_clip(SMALL)
    image, text, _ = towers(clip_input(pictures(2), SMALL), torch.zeros(2, SMALL.text_length, dtype=torch.long))
    assert image.shape == text.shape == (2, 8)
