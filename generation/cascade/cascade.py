"""Every network of a preset, each loaded when a variant first needs it and shared by all variants of a process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TypeVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from generation.cascade.acoustic.audio_codec import AudioCodec
from generation.cascade.acoustic.codec import build_codec
from generation.cascade.checkpoint import WEIGHTS, fingerprint, load_part, part_path
from generation.cascade.clap import Clap, ClapConfig
from generation.cascade.control import ByteJointEmbedding, JointEmbedding
from generation.cascade.looking import Looking
from generation.cascade.presets import Preset
from generation.cascade.semantic.tokens import SemanticTokenizer
from generation.cascade.stages import AudioCoarseStage, CoarseStage, FineStage, SemanticStage
from generation.cascade.visual.clip import Clip
from generation.cascade.visual.i3d import I3d
from generation.cascade.visual.sights import Sights, read_sights
from generation.cascade.visual.vit_vqgan import VitVqgan
from generation.contracts import GenerationError

Network = TypeVar("Network", bound=nn.Module)


def _stage1(preset: Preset) -> nn.Module:
    sizes = preset.stages
    return SemanticStage(
        preset.grid, preset.vocabulary, preset.streams, sizes.semantic_encoder, sizes.semantic_decoder
    )


def _stage2(preset: Preset) -> nn.Module:
    sizes = preset.stages
    return CoarseStage(preset.grid, preset.vocabulary, preset.streams, sizes.coarse_encoder, sizes.coarse_decoder)


def _joint(preset: Preset) -> nn.Module:
    config = preset.joint
    return Clap(preset.grid, config) if isinstance(config, ClapConfig) else ByteJointEmbedding(preset.grid, config)


PARTS: dict[str, Callable[[Preset], nn.Module]] = {
    "codec": lambda preset: build_codec(preset.acoustic),
    "clip": lambda preset: Clip(preset.clip),
    "i3d": lambda preset: I3d(preset.i3d),
    "vit": lambda preset: VitVqgan(preset.vit),
    "semantic": lambda preset: SemanticTokenizer(preset.grid, preset.semantic),
    "joint": _joint,
    "stage1": _stage1,
    "stage2": _stage2,
    "stage2_audio": lambda preset: AudioCoarseStage(preset.grid, preset.vocabulary, preset.stages.audio_decoder),
    "stage3": lambda preset: FineStage(preset.grid, preset.vocabulary, preset.stages.fine_decoder),
}
"""Every part of a cascade, untrained, in the order of training."""

LEARNS_FROM: dict[str, tuple[str, ...]] = {
    "stage1": ("clip", "i3d", "vit", "semantic", "joint"),
    "stage2": ("clip", "i3d", "vit", "semantic", "codec"),
    "stage2_audio": ("semantic", "codec"),
    "stage3": ("codec",),
}
"""Whose features and tokens a stage was taught, and is worth nothing without."""


class Cascade:
    """The trained networks of a preset, in evaluation mode on one device.

    Raises GenerationError when a part's file is missing, damaged, made with another configuration, or was taught
    with other networks than those beside it.
    """

    def __init__(self, preset: Preset, device: str | torch.device = "cpu", folder: Path = WEIGHTS) -> None:
        self.preset, self.device, self.folder = preset, torch.device(device), folder
        self._parts: dict[str, nn.Module] = {}
        self._taught: dict[str, dict[str, str]] = {}
        # A worker's threads play variants that share this.
        self._loading = RLock()

    def load(self, parts: Iterable[str]) -> None:
        """Load these parts now, where they are not yet, and look that they belong together."""
        with self._loading:
            for part in parts:
                if part not in self._parts:
                    self.adopt(part, *self._read(part))
            self._look_for_strangers()

    def adopt(self, part: str, module: nn.Module, taught: Mapping[str, str] | None = None) -> None:
        """Take a network in as it is; ``taught`` are the identities of the parts it learnt from."""
        with self._loading:
            self._parts[part] = module.to(self.device).eval().requires_grad_(False)
            self._taught[part] = dict(taught or {})
            if "codec" in self._parts:
                self._share_codebooks()

    def identities(self, parts: Iterable[str]) -> dict[str, str]:
        """What a part that learns from these has to remember of them."""
        return {part: _identity(part, self._part(part, nn.Module)) for part in parts}

    @property
    def codec(self) -> AudioCodec:
        return self._part("codec", AudioCodec)  # type: ignore[type-abstract]

    @property
    def semantic(self) -> SemanticTokenizer:
        return self._part("semantic", SemanticTokenizer)

    @property
    def joint(self) -> JointEmbedding:
        return self._part("joint", JointEmbedding)  # type: ignore[type-abstract]

    @property
    def stage1(self) -> SemanticStage:
        return self._part("stage1", SemanticStage)

    @property
    def stage2(self) -> CoarseStage:
        return self._part("stage2", CoarseStage)

    @property
    def stage2_audio(self) -> AudioCoarseStage:
        return self._part("stage2_audio", AudioCoarseStage)

    @property
    def stage3(self) -> FineStage:
        return self._part("stage3", FineStage)

    def encode(self, kind: str, sights: Sights) -> Tensor:
        """Features of one kind for every second of a clip, [S, ...]."""
        encoders = {"clip": Clip, "i3d": I3d, "vit": VitVqgan}
        return self._part(kind, encoders[kind]).encode(sights)

    @cached_property
    def looking(self) -> Looking:
        """The videos looked at last, and their features."""
        preset = self.preset

        def read(video: Path, duration_s: float) -> Sights:
            sides = {"px": preset.picture_px, "flow_px": preset.flow_px}
            return read_sights(video, preset.grid, duration_s=duration_s, **sides)

        return Looking(read, self.encode)

    def _part(self, part: str, kind: type[Network]) -> Network:
        if part not in self._parts:
            self.load([part])
        found = self._parts[part]
        assert isinstance(found, kind)
        return found

    def _read(self, part: str) -> tuple[nn.Module, dict[str, str]]:
        module = PARTS[part](self.preset)
        notes = load_part(
            part_path(self.preset.name, part, self.folder), module, config=self.preset.config_of(part)
        )
        return module, json.loads(notes.get("learnt_from", "{}"))

    def _look_for_strangers(self) -> None:
        for part, taught in self._taught.items():
            for teacher, identity in taught.items():
                if teacher in self._parts and identity != _identity(teacher, self._parts[teacher]):
                    raise GenerationError(
                        f"the weights of {part} were trained with another {teacher} than the one beside them in "
                        f"{self.folder / self.preset.name}; restore both from one place, or train {part} again"
                    )

    def _share_codebooks(self) -> None:
        """The stages read codes as the codec's own vectors."""
        books, coarse = self.codec.codebooks, self.preset.grid.coarse_levels
        for part in ("stage2", "stage2_audio", "stage3"):
            stage = self._parts.get(part)
            if isinstance(stage, CoarseStage | AudioCoarseStage):
                stage.codes.use(books[:coarse])
            if isinstance(stage, FineStage):
                stage.coarse.use(books[:coarse])
                stage.codes.use(books[coarse:])


_SHARED: WeakValueDictionary[tuple[str, str, Path], Cascade] = WeakValueDictionary()
_SHARING = RLock()


def shared_cascade(preset: Preset, device: str, folder: Path = WEIGHTS) -> Cascade:
    """The cascade that every variant of this process plays with, for as long as one of them is held."""
    key = (preset.config_of("stage1") + preset.name, device, folder)
    with _SHARING:
        found = _SHARED.get(key)
        if found is None:
            found = _SHARED[key] = Cascade(preset, device, folder)
        return found


def _identity(part: str, module: nn.Module) -> str:
    """What decides a part's tokens or features. A codec's decoder does not: it may be trained on alone."""
    if isinstance(module, AudioCodec):
        return fingerprint({"codebooks": module.codebooks})
    return fingerprint(module.state_dict())
