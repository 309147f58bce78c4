"""The encoders of a preset by kind, behind one protocol.

kind     sees                                  gives, one a second
"clip"   keyframes uint8 [N, px, px, 3]        float [N, 768], tiny 128
"i3d"    flow [N, 2, flow_hz, flow_px, flow_px]  float [N, 1024], tiny 128
"vit"    keyframes uint8 [N, px, px, 3]        int64 [N, 32, 32] of 8192, tiny [N, 8, 8] of 512
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from generation.cascade.visual.clip import Clip, ClipConfig
from generation.cascade.visual.i3d import I3d, I3dConfig
from generation.cascade.visual.sights import Sights
from generation.cascade.visual.vit_vqgan import VitVqgan, VitVqganConfig

KINDS = ("clip", "i3d", "vit")


class VisualEncoder(Protocol):
    """A network that gives one feature for every second of a clip."""

    kind: str
    rate_hz: int

    def __call__(self, seen: Tensor) -> Tensor:
        """N seconds of what it looks at, keyframes or flow, to their features [N, ...]."""
        ...

    def encode(self, sights: Sights) -> Tensor:
        """A clip's S seconds to features [S, ...]."""
        ...


class VisualEncoders(nn.ModuleDict):
    """Those encoders of a preset that are asked for, as ``.clip``, ``.i3d`` and ``.vit``."""

    def __init__(
        self, clip: ClipConfig, i3d: I3dConfig, vit: VitVqganConfig, kinds: Sequence[str] = KINDS
    ) -> None:
        unknown = sorted(set(kinds) - set(KINDS))
        if unknown:
            raise ValueError(f"no visual encoder {', '.join(unknown)}; there are {', '.join(KINDS)}")
        builders: dict[str, Callable[[], nn.Module]] = {
            "clip": lambda: Clip(clip),
            "i3d": lambda: I3d(i3d),
            "vit": lambda: VitVqgan(vit),
        }
        super().__init__({kind: builders[kind]() for kind in KINDS if kind in kinds})

    def of(self, kind: str) -> VisualEncoder:
        """The encoder of a kind. Raises ValueError when it is not among those asked for."""
        if kind not in self:
            raise ValueError(f"no visual encoder {kind!r}; there are {', '.join(self)}")
        return cast(VisualEncoder, self[kind])

    @torch.no_grad()
    def encode(self, kind: str, sights: Sights) -> Tensor:
        """Features of one kind for every second, [S, ...]."""
        return self.of(kind).encode(sights)
