"""Sizes of the cascade by name. One architecture, only numbers differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from generation.cascade.acoustic.codec import DAC_16KHZ, SOUNDSTREAM, AcousticConfig
from generation.cascade.adaptors import StreamConfig
from generation.cascade.clap import ClapConfig
from generation.cascade.control import JointConfig
from generation.cascade.semantic.tokens import AnySemanticConfig, SemanticConfig, W2vBertConfig
from generation.cascade.stages import Vocabulary
from generation.cascade.time_grid import TimeGrid
from generation.cascade.transformer import TransformerConfig
from generation.cascade.visual.clip import VIT_L_14, ClipConfig
from generation.cascade.visual.i3d import I3D_FLOW, I3dConfig
from generation.cascade.visual.vit_vqgan import VIT_VQGAN_BASE, VitVqganConfig


@dataclass(frozen=True, slots=True)
class StageConfig:
    """Sizes of the three stages. Stages 2 and 3 without an encoder have none."""

    semantic_encoder: TransformerConfig
    semantic_decoder: TransformerConfig
    coarse_encoder: TransformerConfig
    coarse_decoder: TransformerConfig
    audio_decoder: TransformerConfig
    fine_decoder: TransformerConfig


@dataclass(frozen=True, slots=True)
class Preset:
    """Everything that decides the shape of a cascade.

    picture_px, flow_px: sides of the square pictures and flow fields that the visual networks share.
    vit_merged: tokens a side that a picture's ViT-VQGAN tokens are merged into.
    """

    name: str
    grid: TimeGrid
    picture_px: int
    flow_px: int
    clip: ClipConfig
    i3d: I3dConfig
    vit: VitVqganConfig
    semantic: AnySemanticConfig
    acoustic: AcousticConfig
    joint: JointConfig | ClapConfig
    stages: StageConfig
    vit_merged: int

    @property
    def streams(self) -> StreamConfig:
        return StreamConfig(
            clip_dim=self.clip.dim,
            i3d_dim=self.i3d.dim,
            vit_tokens=self.vit.tokens,
            vit_side=self.vit.side,
            vit_merged=self.vit_merged,
            joint_dim=self.joint.dim,
        )

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.semantic.tokens, self.acoustic.codebook_size, self.acoustic.latent_dim)

    def config_of(self, part: str) -> str:
        """What decides the shape and the meaning of a part, as JSON for its weight file."""
        seen = {"picture_px": self.picture_px, "flow_px": self.flow_px}
        streams, vocabulary = asdict(self.streams), asdict(self.vocabulary)
        stages = {name: asdict(value) for name, value in _fields(self.stages).items()}
        decisive: dict[str, dict[str, object]] = {
            "clip": {**asdict(self.clip), **seen},
            "i3d": {**asdict(self.i3d), **seen},
            "vit": {**asdict(self.vit), **seen},
            "semantic": asdict(self.semantic),
            "codec": asdict(self.acoustic),
            "joint": asdict(self.joint),
            "stage1": {
                "streams": streams,
                "vocabulary": vocabulary,
                "encoder": stages["semantic_encoder"],
                "decoder": stages["semantic_decoder"],
            },
            "stage2": {
                "streams": streams,
                "vocabulary": vocabulary,
                "encoder": stages["coarse_encoder"],
                "decoder": stages["coarse_decoder"],
            },
            "stage2_audio": {"vocabulary": vocabulary, "decoder": stages["audio_decoder"]},
            "stage3": {"vocabulary": vocabulary, "decoder": stages["fine_decoder"]},
        }
        return json.dumps({"grid": asdict(self.grid), **decisive[part]}, sort_keys=True)


def _fields(config: StageConfig) -> dict[str, TransformerConfig]:
    return {name: getattr(config, name) for name in StageConfig.__dataclass_fields__}


def _tiny() -> Preset:
    grid = TimeGrid()
    small = TransformerConfig(layers=3, dim=160, heads=4, feed_forward=512, buckets=128, furthest=512)
    return Preset(
        name="tiny",
        grid=grid,
        picture_px=64,
        flow_px=32,
        clip=ClipConfig(),
        i3d=I3dConfig(),
        vit=VitVqganConfig(),
        semantic=SemanticConfig(),
        acoustic=AcousticConfig(levels=grid.levels, hop=grid.hop),
        joint=JointConfig(),
        stages=StageConfig(
            semantic_encoder=replace(small, layers=2),
            # The beat is kept here: at 25 Hz a bar of the slowest music is 80 steps.
            semantic_decoder=replace(small, layers=4, relative_keys=128),
            coarse_encoder=replace(small, layers=2),
            coarse_decoder=small,
            audio_decoder=replace(small, layers=2),
            fine_decoder=replace(small, layers=2),
        ),
        vit_merged=2,
    )


def _base() -> Preset:
    """The paper's sizes (V2Meow, Implementation Details; AudioLM for widths and tokens), with published stand-ins.

    CLIP ViT-L/14 is the paper's own. I3D, ViT-VQGAN, w2v-BERT 2.0, DAC at 16 kHz and CLAP stand in for networks of
    the same kinds whose weights are not public.
    """
    grid = TimeGrid(flow_hz=25, fine_levels=8)
    paper = TransformerConfig(layers=12, dim=1024, heads=16, feed_forward=4096, buckets=128, furthest=512)
    return Preset(
        name="base",
        grid=grid,
        picture_px=256,
        flow_px=224,
        clip=VIT_L_14,
        i3d=I3D_FLOW,
        vit=VIT_VQGAN_BASE,
        semantic=W2vBertConfig(),
        acoustic=DAC_16KHZ,
        joint=ClapConfig(),
        stages=StageConfig(*[paper] * 6),
        vit_merged=4,
    )


def _base_soundstream() -> Preset:
    """``base`` with SoundStream's own body as its codec, which has to be trained."""
    return replace(_base(), name="base-soundstream", acoustic=SOUNDSTREAM)


PRESETS: dict[str, Callable[[], Preset]] = {"tiny": _tiny, "base": _base, "base-soundstream": _base_soundstream}


def preset(name: str) -> Preset:
    """The preset of a name. Raises KeyError naming the options."""
    if name not in PRESETS:
        raise KeyError(f"no preset {name!r}; there are {', '.join(sorted(PRESETS))}")
    return PRESETS[name]()
