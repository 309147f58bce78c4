"""Every music system Duet knows, and the digests that say which version of it was heard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from generation.contracts import ClipFacts, GenerationError, Settings, System, SystemSpec
from generation.media.binaries import ffmpeg_version
from generation.variants import VARIANTS

ROOM = Path(__file__).parent

_CASCADE = ("cascade", "cascade/visual", "cascade/semantic", "cascade/acoustic", "media/decode.py")
_RENDERING = ("media/mux.py", "media/peaks.py", "media/loudness.py", "media/decode.py", "media/command.py")
_HEATS = {"temperature_semantic": 0.8, "temperature_coarse": 0.8, "temperature_fine": 0.4, "weights": "float32"}


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
    "random-shuffle": SystemSpec(
        key="random-shuffle",
        label="Random shuffle (another clip's original music)",
        factory="generation.baselines.random_shuffle:build",
        refusal="generation.baselines.random_shuffle:refusal",
        donors="generation.baselines.random_shuffle:donors",
        sources=("baselines/random_shuffle.py", "baselines/fit.py", "media/decode.py"),
    ),
    "ground-truth": SystemSpec(
        key="ground-truth",
        label="Ground truth (the clip's original music)",
        factory="generation.baselines.ground_truth:build",
        refusal="generation.baselines.ground_truth:refusal",
        donors="generation.baselines.ground_truth:donors",
        sources=("baselines/ground_truth.py", "baselines/fit.py", "media/decode.py"),
    ),
    "imported": SystemSpec(
        key="imported",
        label="Imported files of an outside model",
        factory="generation.baselines.imported:build",
        refusal="generation.baselines.imported:refusal",
        inputs="generation.baselines.imported:inputs",
        sources=("baselines/imported.py", "baselines/fit.py", "media/decode.py"),
        settings={"folder": "", "model": ""},
    ),
}


def spec(key: str) -> SystemSpec:
    """The spec of a system. Raises KeyError naming the options."""
    if key not in SYSTEMS:
        raise KeyError(f"no system {key!r}; there are {', '.join(sorted(SYSTEMS))}")
    return SYSTEMS[key]


def effective_settings(key: str, settings: Settings) -> dict[str, Any]:
    """The spec's defaults overridden by ``settings``.

    Raises ValueError on a name the system does not have, or a value that is none of the setting's choices.
    """
    defaults = spec(key).settings
    unknown = sorted(set(settings) - set(defaults))
    if unknown:
        options = ", ".join(sorted(defaults)) or "none"
        raise ValueError(f"{key} has no setting {', '.join(unknown)}; its settings are: {options}")
    for name, choices in spec(key).choices.items():
        if settings.get(name, defaults[name]) not in choices:
            raise ValueError(f"{key}: {name} {settings[name]!r} is not one of {', '.join(choices)}")
    return {**defaults, **settings}


def build(key: str, preset: str, settings: Settings, device: str = "cpu") -> System:
    """Build a system, loading its weights. Raises ValueError on an unknown preset or setting."""
    chosen = spec(key)
    if preset not in chosen.presets:
        raise ValueError(f"{key} has no preset {preset!r}; there are {', '.join(chosen.presets)}")
    factory: Callable[[str, Settings, str], System] = _resolve(chosen.factory)
    return factory(preset, effective_settings(key, settings), device)


def refusal(key: str, facts: ClipFacts, settings: Settings) -> str | None:
    """Why a system cannot score a clip, in one sentence, or None when it can."""
    judge: Callable[[ClipFacts, Settings], str | None] = _resolve(spec(key).refusal)
    return judge(facts, effective_settings(key, settings))


def donors(key: str, facts: ClipFacts, settings: Settings, seed: int) -> tuple[str, ...]:
    """The clips whose original audio this soundtrack will be made from."""
    path = spec(key).donors
    if path is None:
        return ()
    name: Callable[[ClipFacts, Settings, int], tuple[str, ...]] = _resolve(path)
    return name(facts, effective_settings(key, settings), seed)


def inputs_digest(key: str, facts: ClipFacts, settings: Settings) -> str:
    """SHA-256 over the content of the outside files this soundtrack will be made from; empty without any.

    Raises GenerationError when such a file is missing.
    """
    path = spec(key).inputs
    if path is None:
        return ""
    name: Callable[[ClipFacts, Settings], tuple[Path, ...]] = _resolve(path)
    digest = hashlib.sha256()
    for source in name(facts, effective_settings(key, settings)):
        with source.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def settings_digest(key: str, preset: str, settings: Settings) -> str:
    """SHA-256 of key, preset and effective settings."""
    canonical = json.dumps([key, preset, effective_settings(key, settings)], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def sources_digest(key: str) -> str:
    """SHA-256 over the source files that decide what this system sounds like, and no others.

    Hashing the whole repository would throw every cached soundtrack away at each commit.
    """
    return _digest_of(spec(key).sources)


def rendering_digest() -> str:
    """SHA-256 over the source files and the ffmpeg that turn a soundtrack into a stimulus file."""
    return hashlib.sha256(f"{_digest_of(_RENDERING)} {ffmpeg_version()}".encode()).hexdigest()


def weights_digest(key: str, preset: str) -> str:
    """SHA-256 over the weight files of a preset; empty for a system without weights.

    Raises GenerationError when one is missing, as all of ``base`` are until somebody installs and trains them.
    """
    files = spec(key).weights.get(preset, ())
    if not files:
        return ""
    digest = hashlib.sha256()
    for name in files:
        path = ROOM / "weights" / name
        if not path.is_file():
            raise GenerationError(
                f"{spec(key).slug(preset)} lacks its weights {path.name} in {path.parent}; "
                f"`python -m generation weights --preset {preset}` says where each part comes from"
            )
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _digest_of(entries: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        path = ROOM / entry
        for source in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(source.relative_to(ROOM).as_posix().encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _resolve(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)
