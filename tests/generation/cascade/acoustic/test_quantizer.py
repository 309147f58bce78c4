"""Residual codes are the nearest ones, level by level."""

from __future__ import annotations

import torch

from generation.cascade.acoustic.quantizer import ResidualQuantizer


def filled(levels: int, size: int, dim: int, seed: int = 1) -> ResidualQuantizer:
    quantizer = ResidualQuantizer(levels, size, dim)
    quantizer.codebooks.copy_(torch.randn(levels, size, dim, generator=torch.Generator().manual_seed(seed)))
    return quantizer


def test_residual_codes_match_brute_force() -> None:
    quantizer = filled(3, 7, 4)
    latents = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(2))
    codes = quantizer.encode(latents)
    for batch in range(2):
        for frame in range(5):
            left = latents[batch, frame].clone()
            for level in range(3):
                distances = [float((left - code).square().sum()) for code in quantizer.codebooks[level]]
                nearest = distances.index(min(distances))
                assert int(codes[batch, level, frame]) == nearest
                left = left - quantizer.codebooks[level][nearest]
            decoded = quantizer.decode(codes)[batch, frame]
            assert torch.allclose(decoded, latents[batch, frame] - left, atol=1e-5)


def test_first_levels_decode_on_their_own() -> None:
    quantizer = filled(3, 7, 4)
    codes = torch.tensor([[[2, 3], [5, 1], [0, 6]]])
    assert torch.equal(quantizer.decode(codes[:, :1])[0], quantizer.codebooks[0][[2, 3]])
    two = quantizer.codebooks[0][[2, 3]] + quantizer.codebooks[1][[5, 1]]
    assert torch.allclose(quantizer.decode(codes[:, :2])[0], two)


def test_codes_are_the_same_inside_autocast() -> None:
    # Distances in bfloat16 would take a third of these neighbours for equal.
    quantizer = filled(2, 512, 16)
    latents = torch.randn(1, 400, 16, generator=torch.Generator().manual_seed(3))
    with torch.autocast("cpu", torch.bfloat16):
        inside = quantizer.encode(latents)
    assert torch.equal(inside, quantizer.encode(latents))


def test_only_the_codebooks_are_shipped() -> None:
    assert list(filled(2, 3, 4).state_dict()) == ["codebooks"]
