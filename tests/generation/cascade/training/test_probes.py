from __future__ import annotations

from pathlib import Path

import pytest
import torch

from generation.cascade.training.probes import probe, probe_figures, section_at
from generation.cascade.visual.vit_vqgan import VitVqgan
from generation.world.piece import plan

from .small_world import small_world
from .test_painting import VIT


def test_probe_finds_what_is_linear_in_the_features() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 6, generator=generator)
    labels = (features[:, 2] > 0).long()
    assert probe(features[:200], labels[:200], features[200:], labels[200:]) > 0.9


def test_probe_finds_nothing_where_nothing_is() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(600, 6, generator=generator)
    labels = torch.randint(4, (600,), generator=generator)
    assert probe(features[:400], labels[:400], features[400:], labels[400:]) < 0.4


def test_probe_does_not_depend_on_the_features_units() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(200, 4, generator=generator)
    labels = (features[:, 0] > 0).long()
    plain = probe(features[:100], labels[:100], features[100:], labels[100:])
    stretched = features * torch.tensor([1e3, 1.0, 1e-2, 5.0]) + 40
    assert probe(stretched[:100], labels[:100], stretched[100:], labels[100:]) == pytest.approx(plain, abs=0.03)


def test_number_that_never_changes_does_no_harm() -> None:
    features = torch.cat([torch.randn(60, 1, generator=torch.Generator().manual_seed(0)), torch.ones(60, 1)], 1)
    labels = (features[:, 0] > 0).long()
    assert probe(features[:40], labels[:40], features[40:], labels[40:]) > 0.9


def test_section_on_screen_changes_at_the_cut() -> None:
    piece = plan(3, duration_s=12)
    cut = piece.cuts_s[0]
    assert section_at(piece, cut - 0.01) is piece.sections[0]
    assert section_at(piece, cut) is piece.sections[1]


def test_sets_of_files_have_no_figures(tmp_path: Path) -> None:
    world, files = small_world(tmp_path / "a", 2), small_world(tmp_path / "b", 2, captions=False)
    vit = VitVqgan(VIT).eval()
    assert probe_figures(vit, files, world) == {}
    assert set(probe_figures(vit, world, world)) >= {"vit_hue", "vit_density"}
