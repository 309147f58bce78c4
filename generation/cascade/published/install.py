"""Turn published files into parts of a preset, and say of every part where its weights come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from generation.cascade.acoustic.dac import DacCodec, load_dac
from generation.cascade.cascade import PARTS
from generation.cascade.checkpoint import WEIGHTS, part_path, read_notes, save_part
from generation.cascade.clap import Clap, ClapConfig, load_clap
from generation.cascade.presets import Preset
from generation.cascade.published.resolve import Component, Fetch, component, digest_of, local, resolve, verify
from generation.cascade.semantic.tokens import MertConfig, SemanticTokenizer, W2vBertConfig
from generation.cascade.semantic.transformers_encoders import MertEncoder, W2vBertEncoder, load_mert, load_w2v_bert
from generation.cascade.training.semantic import Music, cluster
from generation.cascade.training.shards import Shards
from generation.cascade.visual.clip import Clip
from generation.cascade.visual.i3d import I3d
from generation.cascade.visual.published import load_clip, load_i3d, load_vit
from generation.cascade.visual.vit_vqgan import VitVqgan
from generation.contracts import GenerationError

CLUSTERED = 600
"""Examples whose features the semantic tokens are fitted to."""

SCALED = 200
"""Examples that the scale of CLIP's and I3D's features is fitted to."""

_NOBODY_PUBLISHED = {
    "stage1": "V2Meow's visual-to-semantic transformer is not public; train it",
    "stage2": "V2Meow's semantic-to-coarse transformer is not public; train it",
    "stage2_audio": "V2Meow's audio-only semantic-to-coarse transformer is not public; train it",
    "stage3": "V2Meow's coarse-to-fine transformer is not public; train it",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One part: where its weights come from, under which licence, and how it stands with them here."""

    part: str
    origin: str
    licence: str
    state: str
    note: str


def sources(preset: Preset) -> dict[str, str]:
    """Which published component fills which part of a preset; empty for a preset that is trained here alone."""
    chosen: dict[str, str] = {}
    if isinstance(preset.semantic, W2vBertConfig | MertConfig):
        chosen["semantic"] = "mert" if isinstance(preset.semantic, MertConfig) else "w2v-bert"
    if preset.acoustic.body == "dac":
        chosen["codec"] = "dac"
    if isinstance(preset.joint, ClapConfig):
        chosen["joint"] = "clap"
    return {"clip": "clip", "i3d": "i3d", "vit": "vit", **chosen} if chosen else {}


def status(preset: Preset, folder: Path, weights: Path = WEIGHTS) -> list[Row]:
    """Every part of a preset in the order of training.

    Published files are looked for in ``folder``, and read whole to compare their digests.
    """
    chosen = sources(preset)
    return [
        _published(preset, component(chosen[part]), folder, weights)
        if part in chosen
        else _trained(preset, part, weights, public=bool(chosen))
        for part in PARTS
    ]


def install(
    preset: Preset,
    part: str,
    folder: Path,
    weights: Path = WEIGHTS,
    *,
    fetch: Fetch | None = None,
    music: Music | None = None,
) -> Path:
    """Write one part of a preset from its published file; gives the path of the part.

    music: what the semantic tokens are clustered on, since no centroids are published; only that part needs it. A
        set of videos gives CLIP and I3D the scale of their features, which is a guess otherwise.
    Raises GenerationError when the part is not published, the file is missing, not the published one, or does not
    fit, and when there is no music to cluster.
    """
    chosen = sources(preset)
    if part not in chosen:
        raise GenerationError(
            f"nobody published {part} for the preset {preset.name}; published are {', '.join(chosen) or 'none'}"
        )
    if part == "semantic" and music is None:
        raise GenerationError(
            "no centroids of semantic tokens are published; name a set of music, and they are fitted to it"
        )
    wanted = component(chosen[part])
    found = resolve(wanted.name, folder, fetch)
    module = PARTS[part](preset).eval()
    _fill(module, found.path)
    notes = {
        "part": part,
        "origin": found.file.address,
        "licence": wanted.licence,
        "published_sha256": found.sha256,
        "verified": "yes" if found.verified else f"no digest is published: {found.file.digest_from}",
    }
    if isinstance(module, Clip | I3d) and isinstance(music, Shards) and music.kind == "paired":
        notes["scale"] = f"fitted to {_fit_scale(module, music)} examples"
    if isinstance(module, SemanticTokenizer):
        assert music is not None
        explained = cluster(module, music, CLUSTERED, torch.Generator().manual_seed(0))
        notes["figures"] = json.dumps({"variance_explained": explained})
    return save_part(part_path(preset.name, part, weights), module, config=preset.config_of(part), notes=notes)


@torch.inference_mode()
def _fit_scale(encoder: Clip | I3d, videos: Shards) -> int:
    """Means and deviations of the features over some examples, in the place of a guess; gives their number."""
    count = min(len(videos), SCALED)
    rows = []
    for index in range(count):
        if isinstance(encoder, Clip):
            rows.append(encoder.embed(videos.take("pictures", [index])[0]))
        else:
            rows.append(encoder.motion(videos.take("flow", [index])[0].float()))
    encoder.standardised.fit(torch.cat(rows))
    return count


def _fill(module: nn.Module, path: Path) -> None:
    match module.encoder if isinstance(module, SemanticTokenizer) else module:
        case Clip() as clip:
            load_clip(path, clip)
        case I3d() as i3d:
            load_i3d(path, i3d)
        case VitVqgan() as vit:
            load_vit(path, vit)
        case W2vBertEncoder() as w2v_bert:
            load_w2v_bert(path, w2v_bert)
        case MertEncoder() as mert:
            load_mert(path, mert)
        case DacCodec() as dac:
            load_dac(path, dac)
        case Clap() as clap:
            load_clap(path, clap)
        case other:
            raise GenerationError(f"{type(other).__name__} has no published weights; train it")


def _published(preset: Preset, wanted: Component, folder: Path, weights: Path) -> Row:
    note = f"stands for {wanted.stands_for}"
    if wanted.part == "semantic":
        note += "; its clusters are fitted here"
    if not wanted.commercial:
        note += "; not for commercial use"
    state, file = "missing", next(file for file in wanted.files if not file.unreadable)
    path = part_path(preset.name, wanted.part, weights)
    try:
        there = local(wanted, folder)
        if path.is_file():
            state = f"installed from {read_notes(path).get('origin', 'an unknown source')}"
        elif there is not None:
            file = there[0]
            found = verify(*there)
            state = "verified" if found.verified else f"present, SHA-256 {found.sha256}, none is published"
    except GenerationError as error:
        state = f"refused: {error}"
    return Row(wanted.part, file.address, wanted.licence, state, note)


def _trained(preset: Preset, part: str, weights: Path, *, public: bool) -> Row:
    """A part that is trained here; ``public`` when others of its preset are published."""
    path, manifest = part_path(preset.name, part, weights), weights / "manifest.json"
    note = _NOBODY_PUBLISHED.get(part, "train it") if public else ""
    licence = "yours" if public else "Apache-2.0"
    if not path.is_file():
        return Row(part, "python -m generation train", licence, "missing", note)
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    known = entries.get(path.relative_to(weights).as_posix(), {}).get("sha256")
    state = (
        "present" if known is None else "verified" if known == digest_of(path) else "not the one in the manifest"
    )
    return Row(part, "python -m generation train", licence, state, note)
