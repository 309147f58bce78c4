from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from generation.cascade.time_grid import TimeGrid
from generation.cascade.visual.sights import Sights
from generation.cascade.visual.vit_vqgan import (
    VIT_VQGAN_BASE,
    VIT_VQGAN_SMALL,
    Block,
    VitVqgan,
    VitVqganConfig,
    places,
)

SMALL = VitVqganConfig(
    picture_px=16, patch_px=4, dim=16, layers=1, heads=2, head_dim=8, feed_forward=32, tokens=32, code_dim=4
)


def pictures(count: int, px: int = 16) -> torch.Tensor:
    drawn = np.random.default_rng(1).integers(0, 256, (count, px, px, 3), dtype=np.uint8)
    return torch.from_numpy(drawn)


def test_every_patch_becomes_the_nearest_code_by_angle() -> None:
    torch.manual_seed(0)
    vit = VitVqgan(SMALL).eval()
    seen = pictures(3)
    tokens = vit(seen)
    assert (tokens.shape, tokens.dtype) == ((3, 4, 4), torch.int64)
    latents = vit.latents(seen.permute(0, 3, 1, 2).float() / 255)
    assert torch.allclose(latents.norm(dim=-1), torch.ones(3, 16), atol=1e-5)
    cosine = nn.functional.cosine_similarity(latents[:, :, None], vit.codebook.weight, dim=-1)
    assert torch.equal(tokens.flatten(1), cosine.argmax(-1))


def test_length_of_an_entry_does_not_matter() -> None:
    vit = VitVqgan(SMALL).eval()
    before = vit(pictures(2))
    with torch.no_grad():
        vit.codebook.weight.mul_(torch.linspace(0.1, 9, 32)[:, None])
    assert torch.equal(vit(pictures(2)), before)


def test_tokens_lie_where_their_patches_do() -> None:
    vit = VitVqgan(SMALL).eval()
    with torch.no_grad():  # without attention or places a token can only follow its own patch
        vit.place.zero_()
        vit.get_parameter("encoder.layers.0.out.weight").zero_()
    plain = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    marked = plain.clone()
    marked[0, 4:8, 12:16] = 255
    differing = (vit.latents(_unit(plain)) - vit.latents(_unit(marked))).abs().sum(-1).view(4, 4) > 1e-4
    assert differing.nonzero().tolist() == [[1, 3]]


def _unit(seen: torch.Tensor) -> torch.Tensor:
    return seen.permute(0, 3, 1, 2).float() / 255


def test_tokens_are_painted_as_pictures() -> None:
    painted = VitVqgan(SMALL).eval().decode(torch.randint(32, (2, 4, 4)))
    assert painted.shape == (2, 3, 16, 16)
    assert painted.min() >= 0
    assert painted.max() <= 1


def test_vit_gives_one_grid_a_second_of_pictures_of_any_size() -> None:
    seen = Sights.of(np.zeros((12, 20, 30, 3), np.uint8), TimeGrid(), px=32, flow_px=16)
    tokens = VitVqgan(SMALL).eval().encode(seen)
    assert tokens.shape == (2, 4, 4)
    assert torch.equal(tokens[0], tokens[1])


def test_block_is_attention_over_all_patches() -> None:
    block = Block(SMALL).eval()
    x = torch.randn(2, 5, 16)
    reference = nn.MultiheadAttention(16, 2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(block.qkv.weight)
        reference.in_proj_bias.zero_()
        reference.out_proj.load_state_dict(block.out.state_dict())
    normed = block.norm(x)
    attended = x + reference(normed, normed, normed, need_weights=False)[0]
    assert torch.allclose(block(x), attended + block.mix(block.mix_norm(attended)), atol=1e-5)


def test_places_differ_by_column_in_their_first_half_and_by_row_in_the_second() -> None:
    place = places(16, 4).view(4, 4, 16)
    assert torch.equal(place[0, 1, :8], place[3, 1, :8])
    assert torch.equal(place[1, 0, 8:], place[1, 3, 8:])
    assert len(torch.unique(place.view(16, 16), dim=0)) == 16
    assert place[2, 0, 8].item() == pytest.approx(np.sin(2.0))


@pytest.mark.parametrize("config", [VIT_VQGAN_SMALL, VIT_VQGAN_BASE])
def test_published_sizes_turn_256_pixels_into_32_tokens_a_side(config: VitVqganConfig) -> None:
    with torch.device("meta"):
        assert VitVqgan(config)(torch.zeros(1, 256, 256, 3)).shape == (1, config.side, config.side)
    assert (config.side, config.tokens) == (32, 8192)


def test_tiny_network_fits_a_megabyte_and_a_half() -> None:
    assert 2 * sum(p.numel() for p in VitVqgan(VitVqganConfig()).parameters()) < 1.5e6
    assert VitVqganConfig().side == 8
