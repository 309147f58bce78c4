"""A cascade small enough for tests: every network of ``tiny`` with a few numbers in it, untrained but lively."""

from __future__ import annotations

from dataclasses import replace

import torch

from generation.cascade.acoustic.spectral import SpectralConfig
from generation.cascade.cascade import PARTS, Cascade
from generation.cascade.presets import Preset, preset
from generation.cascade.time_grid import TimeGrid
from generation.cascade.transformer import TransformerConfig


def micro_preset(name: str = "micro") -> Preset:
    """``tiny`` made smaller still, with windows of four seconds."""
    tiny = preset("tiny")
    one = TransformerConfig(layers=1, dim=16, heads=2, feed_forward=16, buckets=16, furthest=64)
    grid = TimeGrid(window_s=4, fine_chunk_s=2, coarse_levels=2, fine_levels=2)
    acoustic = replace(
        tiny.acoustic,
        levels=grid.levels,
        codebook_size=16,
        latent_dim=8,
        spectral=SpectralConfig(encoder_dim=8, encoder_layers=1, decoder_dim=8, decoder_layers=1),
    )
    return replace(
        tiny,
        name=name,
        grid=grid,
        clip=replace(tiny.clip, width=32, heads=1, layers=1, text_width=8, text_heads=1, text_layers=1),
        semantic=replace(tiny.semantic, tokens=24, kept=replace(tiny.semantic.kept, layers=1, dim=16, heads=2)),
        acoustic=acoustic,
        joint=replace(tiny.joint, width=16, heads=2, layers=1, feed_forward=16),
        stages=replace(
            tiny.stages,
            semantic_encoder=one,
            semantic_decoder=one,
            coarse_encoder=one,
            coarse_decoder=one,
            audio_decoder=one,
            fine_decoder=one,
        ),
    )


def micro_cascade() -> Cascade:
    """All its parts, with random weights and codebooks."""
    torch.manual_seed(0)
    made = micro_preset()
    cascade = Cascade(made)
    draw = torch.Generator().manual_seed(1)
    for part, build in PARTS.items():
        module = build(made)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
            for name, buffer in module.named_buffers():
                if name.endswith(("codebooks", "centroids")):
                    buffer.copy_(torch.randn(buffer.shape, generator=draw))
        cascade.adopt(part, module)
    return cascade
