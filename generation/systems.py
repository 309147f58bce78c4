"""Every music system Duet knows, as data. Nothing here imports torch."""

from __future__ import annotations

from typing import Any

from generation.cards import Card, Standing
from generation.contracts import SystemSpec
from generation.variants import VARIANTS

_CASCADE = ("cascade", "cascade/visual", "cascade/semantic", "cascade/acoustic", "media/decode.py")
_HEATS = {"temperature_semantic": 0.8, "temperature_coarse": 0.8, "temperature_fine": 0.4, "weights": "float32"}


_DUET = "Apache-2.0"
_V2MEOW = "Su et al. 2024, V2Meow, AAAI 38 (arXiv:2305.06594)"
_CMT = "Di et al. 2021, Video Background Music Generation, ACM MM (arXiv:2111.08380)"
_RIFFUSION = "Forsgren & Martiros 2022, Riffusion (riffusion.com/about)"
_RIFFUSION_SOURCES = (
    "system", "tiny", "published", "network", "diffusion", "parameters", "spectrogram", "inversion", "limits",
)  # fmt: skip
_MUBERT = "Mubert Inc., API v3 (mubert.com/api/docs)"
_OWN_AUDIO = "none; the sound is the clips' own"


def _control(
    key: str,
    label: str,
    module: str,
    suffix: str = "",
    *,
    donors: bool = True,
    also: tuple[str, ...] = (),
    note: str = "",
    **more: Any,
) -> SystemSpec:
    """A system without a network that raters' answers to the others are held against."""
    return SystemSpec(
        key=key,
        label=label,
        factory=f"generation.baselines.{module}:build{suffix}",
        refusal=f"generation.baselines.{module}:refusal{suffix}",
        donors=f"generation.baselines.{module}:donors{suffix}" if donors else None,
        sources=(f"baselines/{module}.py", *also, "baselines/fit.py", "media/decode.py"),
        cards={
            "default": Card("neither", Standing.CONTROL, 48_000, _DUET, _OWN_AUDIO if donors else "none", "", note)
        },
        **more,
    )


def _outside(note: str) -> Card:
    own = "the model's own"
    return Card("whatever it is given", Standing.OUTSIDE, None, own, own, "", note)


def _v2meow(key: str, label: str, factory: str, *, text: bool = False) -> SystemSpec:
    variant = VARIANTS[key.removesuffix("-text")]
    parts = (*variant.parts, "joint") if text else variant.parts
    return SystemSpec(
        key=key,
        label=label,
        factory=f"generation.cascade.pipeline:{factory}",
        refusal="generation.cascade.limits:refusal",
        sources=_CASCADE,
        presets=("tiny", "base"),
        weights={preset: tuple(f"{preset}/{part}.safetensors" for part in parts) for preset in ("tiny", "base")},
        settings={**_HEATS, "guidance": 2.0} if text else _HEATS,
        choices={"weights": ("float32", "bfloat16", "int8")},
        reads_text=text,
        needs_accelerator=True,
        cards={
            "tiny": Card(
                "video and text" if text else "video",
                Standing.STAND_IN,
                16_000,
                _DUET,
                _DUET,
                _V2MEOW,
                "trained here on four genres of self-made music; says nothing about V2Meow's quality",
            ),
            "base": Card(
                "video and text" if text else "video",
                Standing.REPRODUCTION,
                16_000,
                _DUET,
                "published encoders' own; transformers yours",
                _V2MEOW,
                "the paper's sizes; its weights are not public, so whoever runs it trains the transformers",
            ),
        },
    )


SYSTEMS: dict[str, SystemSpec] = {
    "v2meow-clip": _v2meow("v2meow-clip", "V2Meow, CLIP features", "build_clip"),
    "v2meow-i3d": _v2meow("v2meow-i3d", "V2Meow, I3D flow features", "build_i3d"),
    "v2meow-vit": _v2meow("v2meow-vit", "V2Meow, ViT-VQGAN tokens", "build_vit"),
    "v2meow-vit-i3d": _v2meow("v2meow-vit-i3d", "V2Meow, ViT-VQGAN and I3D flow", "build_vit_i3d"),
    "v2meow-clip-i3d": _v2meow("v2meow-clip-i3d", "V2Meow, CLIP and I3D flow features", "build_clip_i3d"),
    "v2meow-clip-text": _v2meow(
        "v2meow-clip-text", "V2Meow, CLIP features and a text prompt", "build_clip_text", text=True
    ),
    "v2meow-i3d-text": _v2meow(
        "v2meow-i3d-text", "V2Meow, I3D flow features and a text prompt", "build_i3d_text", text=True
    ),
    "v2meow-vit-text": _v2meow(
        "v2meow-vit-text", "V2Meow, ViT-VQGAN tokens and a text prompt", "build_vit_text", text=True
    ),
    "v2meow-vit-i3d-text": _v2meow(
        "v2meow-vit-i3d-text", "V2Meow, ViT-VQGAN, I3D flow and a text prompt", "build_vit_i3d_text", text=True
    ),
    "v2meow-clip-i3d-text": _v2meow(
        "v2meow-clip-i3d-text", "V2Meow, CLIP, I3D flow and a text prompt", "build_clip_i3d_text", text=True
    ),
    "v2meow-clip-audio-stage2": _v2meow(
        "v2meow-clip-audio-stage2", "V2Meow ablation: stage 2 on music alone", "build_clip_audio_stage2"
    ),
    "v2meow-clip-no-semantic": _v2meow(
        "v2meow-clip-no-semantic", "V2Meow ablation: no semantic stage", "build_clip_no_semantic"
    ),
    "cmt": SystemSpec(
        key="cmt",
        label="CMT",
        factory="generation.baselines.cmt.system:build",
        refusal="generation.baselines.cmt.limits:refusal",
        inputs="generation.baselines.cmt.limits:inputs",
        sources=("baselines/cmt", "media/decode.py"),
        presets=("tiny", "published"),
        weights={"tiny": ("cmt/tiny.safetensors",), "published": ("cmt/published.safetensors",)},
        settings={"genre": "pop", "control": "on", "font": ""},
        choices={
            "genre": ("none", "metal", "country", "dance", "electronic", "pop", "rock"),
            "control": ("on", "off"),
        },
        cards={
            "tiny": Card(
                "video",
                Standing.STAND_IN,
                44_100,
                _DUET,
                _DUET,
                _CMT,
                "the whole method with a network 40 times smaller, trained here on self-composed band music",
            ),
            "published": Card(
                "video",
                Standing.PUBLISHED,
                44_100,
                _DUET,
                "MIT",
                _CMT,
                "the authors' checkpoint in code of our own; sound by whichever sound font is set",
            ),
        },
    ),
    "riffusion": SystemSpec(
        key="riffusion",
        label="Riffusion",
        factory="generation.baselines.riffusion.system:build",
        refusal="generation.baselines.riffusion.limits:refusal",
        inputs={
            "tiny": "generation.baselines.riffusion.limits:tiny_inputs",
            "v1": "generation.baselines.riffusion.limits:v1_inputs",
        },
        built_from_inputs=True,
        sources=(
            *(f"baselines/riffusion/{module}.py" for module in _RIFFUSION_SOURCES),
            "baselines/fit.py",
            "text",
        ),
        presets=("tiny", "v1"),
        weights={"tiny": ("riffusion/tiny.safetensors",)},
        settings={
            "guidance": "auto",
            "steps": 30,
            "model": "riffusion/riffusion-model-v1",
            "revision": "main",
            "download": "no",
        },
        later=frozenset({"revision"}),
        choices={"download": ("no", "yes")},
        cards={
            "tiny": Card(
                "text",
                Standing.STAND_IN,
                44_100,
                _DUET,
                "Apache-2.0; its text encoder MiniLM Apache-2.0",
                _RIFFUSION,
                "the published pictures and sound, painted by a small network trained here on self-made music",
            ),
            "v1": Card(
                "text",
                Standing.PUBLISHED,
                44_100,
                _DUET,
                "CreativeML OpenRAIL-M",
                _RIFFUSION,
                "through diffusers, from a local folder or the hub; wants a GPU",
            ),
        },
        reads_text=True,
        needs_accelerator=True,
    ),
    "mubert": SystemSpec(
        key="mubert",
        label="Mubert",
        factory="generation.baselines.mubert.system:build",
        refusal="generation.baselines.mubert.system:refusal",
        inputs="generation.baselines.mubert.system:inputs",
        sources=("baselines/mubert", "baselines/fit.py", "media/decode.py", "text"),
        settings={"intensity": "medium", "bitrate_kbps": 192},
        choices={"intensity": ("low", "medium", "high")},
        cards={
            "default": Card(
                "text",
                Standing.PUBLISHED,
                48_000,
                _DUET,
                "a service; its music under Mubert's licence",
                _MUBERT,
                "a service that changes and takes no seed; MUBERT_CUSTOMER_ID and MUBERT_ACCESS_TOKEN open it",
            )
        },
        reads_text=True,
    ),
    "loop-retrieval": SystemSpec(
        key="loop-retrieval",
        label="Loop retrieval, not Mubert",
        factory="generation.baselines.loops.retrieval:build",
        refusal="generation.baselines.loops.retrieval:refusal",
        inputs="generation.baselines.loops.retrieval:inputs",
        built_from_inputs=True,
        sources=("baselines/loops", "baselines/mubert/tags.py", "media/decode.py", "text"),
        settings={"library": ""},
        cards={
            "default": Card(
                "text",
                Standing.STAND_IN,
                48_000,
                _DUET,
                "loops CC0-1.0; MiniLM Apache-2.0",
                _MUBERT,
                "tags matched as for Mubert, then loops of a small self-made library, for a service that "
                "cannot be asked offline",
            )
        },
        reads_text=True,
    ),
    "random-shuffle": _control(
        "random-shuffle",
        "Random shuffle (another clip's original music)",
        "random_shuffle",
        note="good sound that has nothing to do with the picture: the chance level of visual relevance",
    ),
    "ground-truth": _control(
        "ground-truth",
        "Ground truth (the clip's original music)",
        "ground_truth",
        note="the hidden reference",
    ),
    "silence": _control(
        "silence",
        "Silence",
        "silence",
        donors=False,
        note="digital silence, not brought to any loudness",
        loudness_matched=False,
    ),
    "foil-other-clip": _control(
        "foil-other-clip",
        "Foil: another clip's soundtrack",
        "foils",
        "_other_clip",
        also=("baselines/random_shuffle.py",),
        note="for gold pairs beside ground truth; never the donor that random shuffle draws, from three clips on",
    ),
    "foil-shifted": _control(
        "foil-shifted",
        "Foil: the right soundtrack, shifted by 1 to 3 s",
        "foils",
        "_shifted",
        note="for gold pairs beside ground truth; hard to tell where music and picture share no events",
    ),
    "imported": SystemSpec(
        key="imported",
        label="Imported files of an outside model",
        factory="generation.baselines.imported:build",
        refusal="generation.baselines.imported:refusal",
        inputs="generation.baselines.imported:inputs",
        sources=("baselines/imported.py", "baselines/fit.py", "media/decode.py"),
        settings={"folder": "", "model": ""},
        cards={"default": _outside("what the model saw is up to whoever made the files")},
    ),
    "command": SystemSpec(
        key="command",
        label="A command of this server",
        factory="generation.baselines.outside.command:build",
        refusal="generation.baselines.outside.command:refusal",
        inputs="generation.baselines.outside.command:inputs",
        options="generation.baselines.outside.offers:options",
        describe="generation.baselines.outside.offers:command_card",
        sources=("baselines/outside", "baselines/fit.py", "media/decode.py"),
        settings={"command": "", "model": ""},
        cards={"default": _outside("the server's configuration lists what may be run (docs/outside-systems.md)")},
        reads_text=True,
        text_optional=True,
    ),
    "endpoint": SystemSpec(
        key="endpoint",
        label="A model behind an HTTP address",
        factory="generation.baselines.outside.endpoint:build",
        refusal="generation.baselines.outside.endpoint:refusal",
        inputs="generation.baselines.outside.endpoint:inputs",
        sources=("baselines/outside", "baselines/fit.py", "media/decode.py"),
        settings={"url": "", "model": "", "sends_video": "no"},
        choices={"sends_video": ("no", "yes")},
        cards={"default": _outside("the server's configuration lists the hosts that may be asked")},
        reads_text=True,
        text_optional=True,
    ),
}
