"""What the trained encoders make of a set: features and tokens of every example, computed once for each encoder.

name       tensor                         rows for S seconds of one example
clip       float16 [N, S, dim]            one a second
i3d        float16 [N, S, dim]            one a second
vit        int16 [N, S, side, side]       one grid a second
semantic   int16 [N, S * semantic_hz]
codes      int16 [N, levels, S * acoustic_hz]
joint      float16 [N, dim]               one an example: of all its music
drawn      int16, as codes                coarse levels of codes, fine levels as stage 3 draws them after those
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from generation.cascade.cascade import Cascade
from generation.cascade.generate import write_fine
from generation.cascade.sampling import Sampling
from generation.cascade.training.shards import Shards, add_feature
from generation.cascade.visual.sights import Flow, Sights
from generation.contracts import GenerationError

MADE_BY = {
    "clip": ("clip",),
    "i3d": ("i3d",),
    "vit": ("vit",),
    "semantic": ("semantic",),
    "codes": ("codec",),
    "joint": ("joint",),
    "drawn": ("codec", "stage3"),
}
"""The parts of the cascade that make each feature."""

_LISTENED_AT_ONCE = 4
_FINE = Sampling(temperature=0.4, top_k=64)
"""How the systems draw fine levels unless a setting says otherwise."""


def with_features(shards: Shards, cascade: Cascade, names: Sequence[str]) -> Shards:
    """The set with these features, encoded now where these very weights have not encoded it before.

    ``drawn`` comes after ``codes``.

    Raises GenerationError when the set has no pictures for a visual feature, or a part is not trained.
    """
    for name in names:
        if name in ("clip", "i3d", "vit") and shards.kind == "audio":
            raise GenerationError(
                f"{shards.folder} holds music alone, and {name} needs pictures; give a set of videos"
            )
        identities = cascade.identities(MADE_BY[name])
        digest = hashlib.sha256(repr(sorted(identities.items())).encode()).hexdigest()[:16]
        with tqdm(total=len(shards), desc=f"{name} of {shards.folder.name}", unit="example") as bar:
            shards = add_feature(shards, name, digest, _encoder(shards, cascade, name), bar.update)
    return shards


def _encoder(shards: Shards, cascade: Cascade, name: str) -> Callable[[range], Tensor]:
    if name in ("clip", "i3d", "vit"):

        def see(indices: range) -> Tensor:
            return _stored(torch.stack([cascade.encode(name, _sights(shards, index)) for index in indices]))

        return torch.inference_mode()(see)
    listeners: dict[str, Callable[[Tensor], Tensor]] = {
        "semantic": lambda wave: cascade.semantic.encode(wave),
        "codes": lambda wave: cascade.codec.encode(wave),
        "joint": lambda wave: cascade.joint.embed_audio(wave),
    }
    if name == "drawn":

        def draw(indices: range) -> Tensor:
            codes = shards.take("codes", indices).long()
            coarse = codes[:, : cascade.preset.grid.coarse_levels].to(cascade.device)
            return _stored(torch.cat([coarse, write_fine(cascade, coarse, list(indices), _FINE)], 1))

        return torch.inference_mode()(draw)
    grid = cascade.preset.grid
    step = grid.hop * grid.acoustic_per_semantic

    def hear(indices: range) -> Tensor:
        heard = []
        for first in range(indices.start, indices.stop, _LISTENED_AT_ONCE):
            waves = shards.waves(range(first, min(first + _LISTENED_AT_ONCE, indices.stop)))
            whole = waves[:, : waves.shape[1] // step * step].to(cascade.device)
            heard.append(_stored(listeners[name](whole)))
        return torch.cat(heard)

    return torch.inference_mode()(hear)


class _Kept(Sights):
    """Sights of which only keyframes and flow are left."""

    def __init__(self, keyframes: npt.NDArray[np.uint8], flow: Flow) -> None:
        super().__init__(keyframes, flow.shape[2], flow.shape[-1])
        self._flow = flow

    def keyframes(self) -> npt.NDArray[np.uint8]:
        return self.pictures


def _sights(shards: Shards, index: int) -> Sights:
    return _Kept(shards.take("pictures", [index])[0].numpy(), shards.take("flow", [index])[0].half().numpy())


def _stored(values: Tensor) -> Tensor:
    return (values.half() if values.is_floating_point() else values.short()).cpu()
