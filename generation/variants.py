"""The paper's systems as data: what each looks at, and how its acoustic tokens come about. Nothing imports torch.

``v2meow-*`` see the video in both stages, which is what the paper's raters heard (V2Meow, Human Study); the
ablations are those of its Figure 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["clip", "i3d", "vit"]
SecondStage = Literal["video", "audio", "direct"]


@dataclass(frozen=True, slots=True)
class Variant:
    """kinds: the visual features that both stages read.

    second_stage: "video" is the encoder-decoder that also sees the video, "audio" the decoder-only stage on
    semantic tokens alone, "direct" leaves the semantic stage out and writes coarse tokens straight from the video.
    """

    kinds: tuple[Kind, ...]
    second_stage: SecondStage = "video"

    @property
    def parts(self) -> tuple[str, ...]:
        """The trained networks that the variant plays with, as named in ``generation.cascade.cascade``."""
        first = () if self.second_stage == "direct" else ("stage1",)
        second = "stage2_audio" if self.second_stage == "audio" else "stage2"
        return (*self.kinds, *first, second, "stage3", "codec")


VARIANTS: dict[str, Variant] = {
    "v2meow-clip": Variant(("clip",)),
    "v2meow-i3d": Variant(("i3d",)),
    "v2meow-vit": Variant(("vit",)),
    "v2meow-vit-i3d": Variant(("vit", "i3d")),
    "v2meow-clip-i3d": Variant(("clip", "i3d")),
    "v2meow-clip-audio-stage2": Variant(("clip",), "audio"),
    "v2meow-clip-no-semantic": Variant(("clip",), "direct"),
}
