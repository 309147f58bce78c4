"""From features of different kinds to one stream of encoder tokens, each with the time it belongs to.

The paper treats "video and text as a unified input stream fed into the Transformer with feature-specific adaptors"
(V2Meow, Introduction). Here every kind has an adaptor of its own, and what they give is laid end to end; which
token belongs to which moment is told by its tick, not by its place. How ViT-VQGAN's 1024 tokens a picture are
shortened is not in the paper: docs/adr/0014.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Streams:
    """What the encoder is shown of B clips, S seconds each.

    features: kind to float [B, S, dim] ("clip", "i3d") or to tokens [B, S, side, side] ("vit").
    control: joint music-text embedding [B, joint_dim] of unit length, or None where nothing is asked for.
    """

    features: Mapping[str, Tensor]
    control: Tensor | None = None

    def seconds(self, first: int, last: int) -> Streams:
        """The same clips from one second to another."""
        return Streams({kind: value[:, first:last] for kind, value in self.features.items()}, self.control)


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """Sizes of what comes in. vit_merged: tokens a side that a picture's vit_side x vit_side become."""

    clip_dim: int
    i3d_dim: int
    vit_tokens: int
    vit_side: int
    vit_merged: int
    joint_dim: int
    vit_embedding: int = 32


class VectorAdaptor(nn.Module):
    """One feature vector a second, projected: [B, S, dim] to [B, S, D]."""

    def __init__(self, config_dim: int, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(config_dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        return self.project(features)  # type: ignore[no-any-return]


class TokenAdaptor(nn.Module):
    """A picture's grid of tokens, merged in squares: [B, S, side, side] to [B, S * merged ** 2, D].

    Each merged token sees side / merged tokens a side through one strided convolution, and knows its place.
    """

    def __init__(self, config: StreamConfig, dim: int) -> None:
        super().__init__()
        if config.vit_side % config.vit_merged:
            raise ValueError(
                f"{config.vit_side} tokens a side do not merge into {config.vit_merged}; take a divisor"
            )
        stride = config.vit_side // config.vit_merged
        self.embedding = nn.Embedding(config.vit_tokens, config.vit_embedding)
        self.merge = nn.Conv2d(config.vit_embedding, dim, stride, stride)
        self.place = nn.Parameter(torch.zeros(config.vit_merged**2, dim))

    def forward(self, tokens: Tensor) -> Tensor:
        batch, steps, side, _ = tokens.shape
        pictures = tokens.reshape(batch * steps, side, side)
        grid = self.embedding(pictures).permute(0, 3, 1, 2)  # [B*S, E, side, side]
        merged = self.merge(grid).flatten(2).transpose(1, 2) + self.place  # [B*S, merged**2, D]
        return merged.reshape(batch, -1, merged.shape[-1])  # type: ignore[no-any-return]


class StreamAdaptor(nn.Module):
    """All kinds that are given, and the control token where the stage has one, as one sequence [B, n, D]."""

    def __init__(self, config: StreamConfig, dim: int, *, controlled: bool) -> None:
        super().__init__()
        self.kinds = nn.ModuleDict(
            {
                "clip": VectorAdaptor(config.clip_dim, dim),
                "i3d": VectorAdaptor(config.i3d_dim, dim),
                "vit": TokenAdaptor(config, dim),
            }
        )
        self.kind = nn.ParameterDict({name: nn.Parameter(torch.zeros(dim)) for name in self.kinds})
        self.control = nn.Linear(config.joint_dim, dim) if controlled else None
        self.no_control = nn.Parameter(torch.zeros(dim)) if controlled else None

    def forward(self, streams: Streams, rate_hz: int) -> tuple[Tensor, Tensor]:
        """Encoder tokens [B, n, D] and their ticks [n], counted in steps of ``rate_hz``.

        Raises ValueError when no kind is given or one is unknown.
        """
        if not streams.features:
            raise ValueError(f"no visual feature given; give one of {', '.join(self.kinds)}")
        unknown = sorted(set(streams.features) - set(self.kinds))
        if unknown:
            raise ValueError(f"no adaptor for {', '.join(unknown)}; there are {', '.join(self.kinds)}")
        tokens, ticks = [], []
        # In the module's order: the same features give the same sequence however they were put together.
        for name in self.kinds:
            if name not in streams.features:
                continue
            feature = streams.features[name]
            adapted = self.kinds[name](feature) + self.kind[name]
            tokens.append(adapted)
            ticks.append(_middles(feature.shape[1], adapted.shape[1], rate_hz, adapted.device))
        if self.control is not None:
            tokens.append(self._control(streams.control, tokens[0]))
            ticks.append(torch.zeros(1, dtype=torch.long, device=tokens[0].device))
        return torch.cat(tokens, 1), torch.cat(ticks)

    def _control(self, control: Tensor | None, like: Tensor) -> Tensor:
        assert self.control is not None
        assert self.no_control is not None
        if control is None:
            return self.no_control.to(like.dtype).expand(len(like), 1, -1)
        # An embedding of length zero stands for "nothing asked for" within a batch where others ask.
        asked = control.square().sum(-1, keepdim=True) > 0
        given = torch.where(asked, self.control(control), self.no_control.to(like.dtype))
        return given[:, None]


def _middles(seconds: int, tokens: int, rate_hz: int, device: torch.device) -> Tensor:
    """The middle of every second, for each of its tokens: [tokens]."""
    middles = torch.arange(seconds, device=device) * rate_hz + rate_hz // 2
    return middles.repeat_interleave(tokens // seconds)
