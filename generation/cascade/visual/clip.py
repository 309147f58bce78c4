"""CLIP (Radford et al. 2021): one embedding of the picture in the middle of every second.

Input: keyframes, uint8 [S, px, px, 3]. Output: float [S, dim] at 1 Hz; dim 128 in tiny, 768 in base, where it is
ViT-L/14 as in the paper. Both are open_clip's network, only the sizes differ. The text tower is trained with it in
tiny and thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.published.libraries import ready_torchvision
from generation.cascade.visual.sights import Sights
from generation.cascade.visual.standardised import Standardised

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's own pictures, in red, green and blue of [0, 1] (openai/CLIP, clip.py)."""
_BATCH = 64


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """Sizes of both towers. Pictures are scaled to ``picture_px``; the defaults are those of the preset tiny.

    quick_gelu: the sigmoid approximation of GELU that OpenAI's weights were trained with.
    quantum: see ``Standardised``.
    """

    dim: int = 128
    picture_px: int = 64
    patch_px: int = 8
    width: int = 96
    layers: int = 2
    heads: int = 3
    text_width: int = 64
    text_layers: int = 2
    text_heads: int = 2
    text_length: int = 48
    quick_gelu: bool = False
    quantum: float = 0.5


VIT_L_14 = ClipConfig(
    dim=768,
    picture_px=224,
    patch_px=14,
    width=1024,
    layers=24,
    heads=16,
    text_width=768,
    text_layers=12,
    text_heads=12,
    text_length=77,
    quick_gelu=True,
)
"""The paper's: sentence-transformers/clip-ViT-L-14, which holds OpenAI's weights."""


class Clip(nn.Module):
    """The image tower of CLIP, and the scale of its features."""

    kind = "clip"
    rate_hz = 1

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.config = config
        self.visual = build_clip(config).get_submodule("visual")
        self.standardised = Standardised(config.dim, config.quantum, deviation=config.dim**-0.5)

    def embed(self, pictures: Tensor) -> Tensor:
        """uint8 [N, px, px, 3] to embeddings of unit length [N, dim]."""
        return F.normalize(self.visual(clip_input(pictures, self.config)).float(), dim=-1)

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 [N, px, px, 3] to standardised features [N, dim]."""
        return self.standardised(torch.cat([self.embed(part) for part in torch.split(pictures, _BATCH)]))  # type: ignore[no-any-return]

    def encode(self, sights: Sights) -> Tensor:
        """[S, dim], one a second, on the network's own device."""
        return self(torch.from_numpy(sights.keyframes()).to(self.standardised.mean.device))  # type: ignore[no-any-return]


def clip_input(pictures: Tensor, config: ClipConfig) -> Tensor:
    """uint8 [N, H, H, 3] to float [N, 3, picture_px, picture_px], standardised as CLIP expects."""
    x = pictures.permute(0, 3, 1, 2).float() / 255
    if x.shape[-1] != config.picture_px:
        side = (config.picture_px, config.picture_px)
        x = F.interpolate(x, side, mode="bicubic", antialias=True).clamp(0, 1)
    mean, deviation = (x.new_tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
    return (x - mean) / deviation


def build_clip(config: ClipConfig) -> nn.Module:
    """open_clip's network with both towers, untrained; its image tower is ``.visual``."""
    model = open_clip_module().model
    vision = model.CLIPVisionCfg(
        layers=config.layers,
        width=config.width,
        head_width=config.width // config.heads,
        patch_size=config.patch_px,
        image_size=config.picture_px,
    )
    text = model.CLIPTextCfg(
        context_length=config.text_length,
        width=config.text_width,
        heads=config.text_heads,
        layers=config.text_layers,
    )
    clip: nn.Module = model.CLIP(
        embed_dim=config.dim, vision_cfg=vision, text_cfg=text, quick_gelu=config.quick_gelu
    )
    return clip


def open_clip_module() -> Any:
    """The ``open_clip`` package, also where torchvision comes without its compiled operators."""
    ready_torchvision()
    import open_clip

    return open_clip
