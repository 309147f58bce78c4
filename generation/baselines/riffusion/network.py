"""The networks of riffusion-tiny: a patch codec between picture and latents, and a U-Net that paints latents.

The published model's layout at a five-hundredth of its size: an autoencoder that makes pictures eight times
smaller each way, a U-Net with skips and attention where it is smallest, and text that steers every block.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class TinyConfig:
    """Sizes. widths: channels of the U-Net at 1, 1/2, 1/4 and 1/8 of the latents' size; rows: latents a column."""

    patch: int = 8
    latents: int = 8
    rows: int = 64
    encoder: int = 48
    decoder: int = 64
    refiner: int = 12
    widths: tuple[int, ...] = (48, 80, 112, 144)
    heads: int = 4
    condition: int = 144
    text: int = 384

    def words(self) -> str:
        """The configuration as it stands in the weights' metadata."""
        return json.dumps(asdict(self), sort_keys=True)


class Painter(nn.Module):
    """Codec and U-Net in one, as they are shipped in one file."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        self.codec = PatchCodec(config)
        self.unet = UNet(config)


class PatchCodec(nn.Module):
    """Grey pictures [B, 1, H, W] in [-1, 1] to latents [B, C, H / 8, W / 8] of unit variance, and back."""

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        values = config.patch**2
        self.patch = config.patch
        self.encoder = nn.Sequential(
            nn.Conv2d(values, config.encoder, 1),
            Block(config.encoder, config.encoder),
            nn.Conv2d(config.encoder, config.latents, 1),
            # The U-Net's noise has unit variance, so its latents must have it too.
            nn.BatchNorm2d(config.latents, affine=False),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(config.latents, config.decoder, 3, padding=1),
            Block(config.decoder, config.decoder),
            Block(config.decoder, config.decoder),
            nn.Conv2d(config.decoder, values, 1),
        )
        self.refiner = nn.Sequential(
            nn.Conv2d(1, config.refiner, 3, padding=1), nn.GELU(), nn.Conv2d(config.refiner, 1, 3, padding=1)
        )

    def encode(self, pictures: Tensor) -> Tensor:
        """[B, 1, H, W] to [B, C, H / 8, W / 8]."""
        return cast(Tensor, self.encoder(F.pixel_unshuffle(pictures, self.patch)))

    def decode(self, latents: Tensor) -> Tensor:
        """[B, C, h, w] to [B, 1, 8 h, 8 w]; values may stray a little beyond [-1, 1]."""
        rough = F.pixel_shuffle(self.decoder(latents), self.patch)
        return cast(Tensor, rough + self.refiner(rough))


class UNet(nn.Module):
    """Noisy latents [B, C, 64, w], time [B] in [0, 1] and text [B, 384] to the velocity [B, C, 64, w].

    w must be a multiple of 8; text of zeros means none. Rows have a learnt place, for pitch is absolute; columns
    have none, so that the picture may be wider than those it was trained on.
    """

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        first, *_, last = config.widths
        c = config.condition
        self.time = nn.Sequential(nn.Linear(c, c), nn.SiLU(), nn.Linear(c, c))
        self.text = nn.Linear(config.text, c, bias=False)
        self.text_scale = math.sqrt(config.text)
        self.condition = config.condition
        self.stem = nn.Conv2d(config.latents, first, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(first, config.rows, 1))
        pairs = list(zip(config.widths[:-1], config.widths[1:], strict=True))
        self.down = nn.ModuleList(Block(old, new, c) for old, new in [(first, first), *pairs[:-1]])
        self.middle = Block(config.widths[-2], last, c)
        self.attention = Attention(last, config.heads)
        self.up = nn.ModuleList(Block(new + old, old, c) for old, new in reversed(pairs))
        self.norm = nn.GroupNorm(8, first)
        self.out = nn.Conv2d(first, config.latents, 3, padding=1)
        nn.init.zeros_(self.out.weight)

    def forward(self, latents: Tensor, time: Tensor, text: Tensor) -> Tensor:
        told = F.silu(self.time(waves(time, self.condition)) + self.text(text * self.text_scale))
        x = self.stem(latents) + self.place
        skips = []
        for block in self.down:
            x = block(x, told)
            skips.append(x)
            x = F.avg_pool2d(x, 2)
        x = self.attention(self.middle(x, told))
        for block, skip in zip(self.up, reversed(skips), strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), skip], 1), told)
        return cast(Tensor, self.out(F.silu(self.norm(x))))


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a short cut, [B, c, h, w] to [B, out, h, w]; ``told`` scales and shifts."""

    def __init__(self, channels: int, out: int, condition: int = 0) -> None:
        super().__init__()
        self.norm_in, self.norm_out = nn.GroupNorm(8, channels), nn.GroupNorm(8, out)
        self.convolve_in = nn.Conv2d(channels, out, 3, padding=1)
        self.convolve_out = nn.Conv2d(out, out, 3, padding=1)
        self.short = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)
        self.tell = nn.Linear(condition, 2 * out) if condition else None
        nn.init.zeros_(self.convolve_out.weight)

    def forward(self, x: Tensor, told: Tensor | None = None) -> Tensor:
        y = self.norm_out(self.convolve_in(F.silu(self.norm_in(x))))
        if self.tell is not None:
            scale, shift = self.tell(told)[:, :, None, None].chunk(2, 1)
            y = y * (1 + scale) + shift
        return cast(Tensor, self.short(x) + self.convolve_out(F.silu(y)))


class Attention(nn.Module):
    """Every place of [B, c, h, w] looks at every other."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.ask = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        flat = self.norm(x).flatten(2).transpose(1, 2)  # [B, h w, c]
        parts = self.ask(flat).view(batch, -1, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])  # [B, heads, h w, c / heads]
        mixed = self.out(seen.transpose(1, 2).flatten(2))
        return x + cast(Tensor, mixed).transpose(1, 2).reshape(batch, channels, height, width)


def waves(time: Tensor, dim: int) -> Tensor:
    """Sines and cosines [B, dim] of times [B] in [0, 1], from one turn to a thousand (Vaswani et al. 2017)."""
    turns = torch.exp(torch.linspace(0, math.log(1000), dim // 2, device=time.device))
    angles = time[:, None] * turns
    return torch.cat([angles.sin(), angles.cos()], 1)
