"""ViT-VQGAN (Yu et al. 2022): the picture in the middle of every second as a grid of tokens.

Input: keyframes, uint8 [S, px, px, 3]. Output: int64 [S, side, side] at 1 Hz, row by row; 32 x 32 tokens of 8192
in base (256 pixels in patches of 8), 8 x 8 of 512 in tiny (64 pixels in patches of 8). The code of a patch is
looked up among unit-length entries of a small dimension, which keeps many of them in use.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.visual.sights import Sights

_BATCH = 32


@dataclass(frozen=True, slots=True)
class VitVqganConfig:
    """Sizes of encoder and decoder, which are alike, and of the codebook. The defaults are those of tiny."""

    picture_px: int = 64
    patch_px: int = 8
    dim: int = 96
    layers: int = 3
    heads: int = 3
    head_dim: int = 32
    feed_forward: int = 384
    tokens: int = 512
    code_dim: int = 16

    @property
    def side(self) -> int:
        """Tokens along a side of the picture."""
        return self.picture_px // self.patch_px


VIT_VQGAN_SMALL = VitVqganConfig(
    picture_px=256, dim=512, layers=8, heads=8, head_dim=64, feed_forward=2048, tokens=8192, code_dim=32
)
VIT_VQGAN_BASE = VitVqganConfig(
    picture_px=256, dim=768, layers=12, heads=12, head_dim=64, feed_forward=3072, tokens=8192, code_dim=32
)
"""The sizes that thuanz123/enhancing-transformers has trained on ImageNet."""


class VitVqgan(nn.Module):
    """Encoder, quantiser and decoder."""

    kind = "vit"
    rate_hz = 1

    def __init__(self, config: VitVqganConfig) -> None:
        super().__init__()
        self.config = config
        self.patches = nn.Conv2d(3, config.dim, config.patch_px, config.patch_px)
        self.place = nn.Parameter(places(config.dim, config.side), requires_grad=False)
        self.encoder = Blocks(config)
        self.to_code = nn.Linear(config.dim, config.code_dim)
        self.codebook = nn.Embedding(config.tokens, config.code_dim)
        self.from_code = nn.Linear(config.code_dim, config.dim)
        self.decoder_place = nn.Parameter(places(config.dim, config.side), requires_grad=False)
        self.decoder = Blocks(config)
        self.pixels = nn.ConvTranspose2d(config.dim, 3, config.patch_px, config.patch_px)

    def latents(self, pictures: Tensor) -> Tensor:
        """[N, 3, px, px] within [0, 1] to unit-length latents [N, side * side, code_dim]."""
        x = self.patches(pictures).flatten(2).transpose(1, 2)  # [N, side * side, dim]
        return F.normalize(self.to_code(self.encoder(x + self.place)).float(), dim=-1)

    def codes(self) -> Tensor:
        """The codebook's entries at unit length, [tokens, code_dim]."""
        return F.normalize(self.codebook.weight.float(), dim=-1)

    def nearest(self, latents: Tensor) -> Tensor:
        """Unit-length latents [..., code_dim] to the tokens of the nearest entries [...]."""
        return (latents @ self.codes().T).argmax(-1)

    def paint(self, codes: Tensor) -> Tensor:
        """Unit-length codes [N, side * side, code_dim] to pictures [N, 3, px, px], about within [0, 1]."""
        x = self.decoder(self.from_code(codes) + self.decoder_place)
        grid = x.transpose(1, 2).unflatten(2, (self.config.side, self.config.side))
        return self.pixels(grid)  # type: ignore[no-any-return]

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 [N, px, px, 3] to tokens [N, side, side]."""
        parts = [
            self.nearest(self.latents(vit_input(part, self.config))) for part in torch.split(pictures, _BATCH)
        ]
        return torch.cat(parts).view(-1, self.config.side, self.config.side)

    def decode(self, tokens: Tensor) -> Tensor:
        """Tokens [N, side, side] to pictures [N, 3, px, px] within [0, 1]."""
        return self.paint(self.codes()[tokens.flatten(1)]).clamp(0, 1)

    def encode(self, sights: Sights) -> Tensor:
        """[S, side, side], one grid a second, on the network's own device."""
        return self(torch.from_numpy(sights.keyframes()).to(self.codebook.weight.device))  # type: ignore[no-any-return]


def vit_input(pictures: Tensor, config: VitVqganConfig) -> Tensor:
    """uint8 [N, H, H, 3] to float [N, 3, picture_px, picture_px] within [0, 1]."""
    x = pictures.permute(0, 3, 1, 2).float() / 255
    if x.shape[-1] == config.picture_px:
        return x
    side = (config.picture_px, config.picture_px)
    return F.interpolate(x, side, mode="bicubic", antialias=True).clamp(0, 1)


class Blocks(nn.Module):
    """A stack of transformer blocks and a last norm, [N, n, dim] to the same."""

    def __init__(self, config: VitVqganConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)  # type: ignore[no-any-return]


class Block(nn.Module):
    """Self-attention over all patches and a feed-forward with tanh, both normed first."""

    def __init__(self, config: VitVqganConfig) -> None:
        super().__init__()
        self.heads = config.heads
        inner = config.heads * config.head_dim
        self.norm = nn.LayerNorm(config.dim)
        self.qkv = nn.Linear(config.dim, 3 * inner, bias=False)
        self.out = nn.Linear(inner, config.dim)
        self.mix_norm = nn.LayerNorm(config.dim)
        self.mix = nn.Sequential(
            nn.Linear(config.dim, config.feed_forward), nn.Tanh(), nn.Linear(config.feed_forward, config.dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm(x)).chunk(3, -1)
        )  # [N, heads, n, head_dim]
        seen = F.scaled_dot_product_attention(query, key, value)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.mix(self.mix_norm(x))  # type: ignore[no-any-return]


def places(dim: int, side: int) -> Tensor:
    """Fixed sines and cosines of column and row, half of the numbers each: [1, side * side, dim]."""
    frequencies = 10_000.0 ** -(torch.arange(dim // 4) / (dim / 4))
    angles = torch.arange(side)[:, None] * frequencies  # [side, dim / 4]
    line = torch.cat([angles.sin(), angles.cos()], -1)  # [side, dim / 2]
    column = line[None, :, :].expand(side, side, -1)
    row = line[:, None, :].expand(side, side, -1)
    return torch.cat([column, row], -1).reshape(1, side * side, dim)
