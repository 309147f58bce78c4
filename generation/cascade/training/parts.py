"""The parts of a cascade in the order of training: what each learns from, how, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from generation.cascade.acoustic.codec import Codec
from generation.cascade.cascade import Cascade
from generation.cascade.control import ByteJointEmbedding
from generation.cascade.presets import Preset
from generation.cascade.semantic.tokens import SemanticTokenizer
from generation.cascade.stages import AudioCoarseStage, CoarseStage, FineStage, SemanticStage
from generation.cascade.training import stages
from generation.cascade.training.codec import CodecRun, CodecTask, Drawn, RefiningTask
from generation.cascade.training.control import JointRun, JointTask, Wording
from generation.cascade.training.loop import Task
from generation.cascade.training.painting import VitTask
from generation.cascade.training.semantic import SemanticRun, SemanticTask
from generation.cascade.training.shards import Kind, Shards
from generation.cascade.training.visual import ClipTask, I3dTask
from generation.cascade.visual.clip import Clip
from generation.cascade.visual.i3d import I3d
from generation.cascade.visual.vit_vqgan import VitVqgan
from generation.contracts import GenerationError
from generation.world import music_caption

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Material:
    """What a part is built from. The sets have the features that its recipe asks for."""

    preset: Preset
    cascade: Cascade
    train: Shards
    held_out: Shards


def _nothing(generator: torch.Generator) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A task, and what is left to do with its network afterwards, which gives further figures."""

    task: Task
    finish: Callable[[torch.Generator], Mapping[str, float]] = _nothing


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one part is trained.

    needs: music alone, or pairs of video and music. minutes: the usual time, for ``tiny`` on one CPU core.
    features: what the encoders before it make of the sets. saves: the part whose file it writes, its own if empty.
    """

    needs: Kind
    minutes: float
    build: Callable[[Material, nn.Module], Lesson]
    rate: float | Mapping[str, float] = 1e-3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    bf16: bool = True
    features: tuple[str, ...] = ()
    saves: str = ""


def _own(network: nn.Module, kind: type[Network]) -> Network:
    """A network of our own, which can be trained; a published one is refused with what to do instead."""
    if not isinstance(network, kind):
        raise GenerationError(
            f"{type(network).__name__} comes trained; take it with `python -m generation weights --install`"
        )
    return network


def _codec(material: Material, network: nn.Module) -> Lesson:
    network = _own(network, Codec)
    return Lesson(CodecTask(network, material.train, material.held_out, _codec_run(material.preset)))


def _decoder(material: Material, network: nn.Module) -> Lesson:
    """The codec's decoder once more, with the tokens fixed, so that the stages stay valid."""
    network = _own(network, Codec)
    train, held_out = (
        Drawn(shards, partial(shards.take, "drawn")) for shards in (material.train, material.held_out)
    )
    return Lesson(RefiningTask(network, train, held_out, _codec_run(material.preset)))


def _codec_run(preset: Preset) -> CodecRun:
    return CodecRun(sample_rate_hz=preset.grid.sample_rate_hz, coarse_levels=preset.grid.coarse_levels)


def _clip(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, Clip)
    return Lesson(ClipTask(network, material.train, material.held_out))


def _i3d(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, I3d)
    return Lesson(I3dTask(network, material.train, material.held_out))


def _vit(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, VitVqgan)
    return Lesson(VitTask(network, material.train, material.held_out))


def _semantic(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, SemanticTokenizer)
    task = SemanticTask(network, material.train, material.held_out, SemanticRun())
    return Lesson(task, task.finish)


def _joint(material: Material, network: nn.Module) -> Lesson:
    network = _own(network, ByteJointEmbedding)
    train, held_out = material.train, material.held_out
    return Lesson(JointTask(network, (train, wording(train)), (held_out, wording(held_out)), JointRun()))


def _stage1(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, SemanticStage)
    sets, grid = (material.train, material.held_out), material.preset.grid
    return Lesson(stages.SemanticTask(network, *sets, grid, stages.StageRun()))


def _stage2(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, CoarseStage)
    sets, grid = (material.train, material.held_out), material.preset.grid
    return Lesson(stages.CoarseTask(network, *sets, grid, stages.StageRun()))


def _stage2_audio(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, AudioCoarseStage)
    sets, grid = (material.train, material.held_out), material.preset.grid
    return Lesson(stages.AudioCoarseTask(network, *sets, grid, stages.StageRun()))


def _stage3(material: Material, network: nn.Module) -> Lesson:
    assert isinstance(network, FineStage)
    sets, grid = (material.train, material.held_out), material.preset.grid
    return Lesson(stages.FineTask(network, *sets, grid, stages.StageRun()))


_LANGUAGE: Any = {"rate": 2e-3, "betas": (0.9, 0.98), "weight_decay": 0.02}
"""How the stages are optimised: as language models are."""

RECIPES: dict[str, Recipe] = {
    "codec": Recipe("audio", 55, _codec, rate={"codec": 1.5e-3, "critics": 1.5e-3}, betas=(0.8, 0.99)),
    "clip": Recipe("paired", 5, _clip, weight_decay=0.05, bf16=False),
    "i3d": Recipe("paired", 13, _i3d, rate=2e-3, weight_decay=0.02, bf16=False),
    "vit": Recipe("paired", 10, _vit, rate={"vit": 1e-3, "critic": 5e-4}, bf16=False),
    "semantic": Recipe("audio", 9, _semantic, rate=2e-3),
    "joint": Recipe("audio", 12, _joint),
    "stage1": Recipe("paired", 90, _stage1, **_LANGUAGE, features=("clip", "i3d", "vit", "semantic", "joint")),
    "stage2": Recipe("paired", 60, _stage2, **_LANGUAGE, features=("clip", "i3d", "vit", "semantic", "codes")),
    "stage2_audio": Recipe("audio", 20, _stage2_audio, **_LANGUAGE, features=("semantic", "codes")),
    "stage3": Recipe("audio", 12, _stage3, **_LANGUAGE, features=("semantic", "codes")),
    "decoder": Recipe(
        "audio",
        13,
        _decoder,
        rate={"codec": 7.5e-4, "critics": 5e-4},
        betas=(0.8, 0.99),
        features=("codes", "drawn"),
        saves="codec",
    ),
}
"""Every part in the order of training."""


def wording(shards: Shards) -> Wording:
    """What is said of an example's music: of a piece of the world something else each time.

    Raises GenerationError when nothing is said of an example.
    """
    for info in shards.infos:
        if info.seed is None and not info.caption:
            raise GenerationError(
                f"joint learns from captions, and {info.source} in {shards.folder} has none; write one into the "
                "manifest"
            )

    def say(index: int, generator: torch.Generator) -> str:
        piece = shards.piece(index)
        if piece is None:
            return shards.info(index).caption
        return music_caption(piece, np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator))))

    return say
