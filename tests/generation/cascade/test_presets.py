"""Sizes by name."""

import pytest
import torch
from torch import nn

from generation.cascade.cascade import PARTS
from generation.cascade.presets import PRESETS, preset


def parameters(part: str, name: str) -> int:
    with torch.device("meta"):
        network: nn.Module = PARTS[part](preset(name))
    return sum(weight.numel() for weight in network.parameters())


def test_base_has_the_papers_rates_and_sizes() -> None:
    base = preset("base")
    assert (base.grid.levels, base.grid.coarse_levels, base.grid.hop) == (12, 4, 320)
    assert (base.clip.dim, base.i3d.dim, base.vit.tokens, base.vit.side) == (768, 1024, 8192, 32)
    assert (base.vocabulary.semantic, base.vocabulary.codes) == (1024, 1024)
    stage = base.stages.semantic_decoder
    assert (stage.layers, stage.dim, stage.heads, stage.feed_forward) == (12, 1024, 16, 4096)


def test_every_stage_of_base_can_be_built_and_has_the_papers_size() -> None:
    counts = {part: parameters(part, "base") for part in ("stage1", "stage2", "stage2_audio", "stage3")}
    # 12 layers of 4 d^2 + 8 d^2, and 2 d^2 more where there is cross-attention, 2 d^2 of keys and values aside.
    assert 340e6 < counts["stage1"] < 380e6
    assert 340e6 < counts["stage2"] < 400e6
    assert 150e6 < counts["stage2_audio"] < 180e6
    assert 150e6 < counts["stage3"] < 180e6


def test_soundstream_may_take_the_place_of_dac() -> None:
    ours = preset("base-soundstream")
    assert ours.acoustic.body == "seanet"
    assert (ours.vocabulary.codes, ours.grid.levels) == (1024, 12)
    assert ours.config_of("codec") != preset("base").config_of("codec")


@pytest.mark.parametrize("part", PARTS)
def test_configuration_of_a_part_changes_with_what_decides_it(part: str) -> None:
    assert preset("tiny").config_of(part) == preset("tiny").config_of(part)
    assert preset("tiny").config_of(part) != preset("base").config_of(part)


def test_unknown_preset_is_answered_with_the_options() -> None:
    with pytest.raises(KeyError, match="no preset 'huge'; there are base, base-soundstream, tiny"):
        preset("huge")
    assert set(PRESETS) == {"tiny", "base", "base-soundstream"}
