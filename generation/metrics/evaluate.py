"""The whole evaluation of a preset on held-out clips, as docs/evaluation.md declares it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from generation.cascade.cascade import PARTS, Cascade
from generation.cascade.presets import Preset
from generation.cascade.training.dataset import make_world_set
from generation.cascade.training.shards import Shards
from generation.contracts import GenerationError
from generation.metrics.clips import First, clips_of
from generation.metrics.fidelity import log_mel_distance, si_sdr_db
from generation.metrics.following import Following, Sound, clip_embeddings, following, sound
from generation.metrics.heard import Embeddings, Heard, Wave, listen_to
from generation.metrics.likeness import GenreSpace
from generation.metrics.next_tokens import TokenFigures, next_token_figures
from generation.metrics.prompts import Steering, asked_genres, prompt_for, steering
from generation.metrics.soundtracks import TEXT, Player
from generation.metrics.tagger import load_tagger
from generation.variants import VARIANTS

CLIP_S = 10.0
SYSTEMS = (*VARIANTS, "v2meow-clip-i3d-text")
PRIMARY = "v2meow-clip-i3d"


@dataclass(frozen=True, slots=True)
class CodecFigures:
    """Means over own music through the codec: log10-mel distance (lower is better), SI-SDR in dB (higher)."""

    levels: int
    log_mel: float
    si_sdr_db: float


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """One system, or the clips' own music."""

    name: str
    following: Following
    sound: Sound


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that was measured. steering: by system that reads text. weights: identity of every part."""

    preset: str
    clips: int
    clip_s: float
    set_folder: str
    weights: dict[str, str]
    tokens: list[TokenFigures]
    codec: list[CodecFigures]
    systems: list[SystemFigures]
    steering: dict[str, Steering]


def world_sets(preset: Preset, folder: Path, clips: int) -> tuple[Shards, Shards]:
    """The self-made world's pieces for evaluations with their pictures, and as many training pieces' music."""
    return (
        make_world_set(folder / "evaluation", preset, clips, purpose="evaluation", segment_s=CLIP_S),
        make_world_set(folder / "training", preset, clips, kind="audio", segment_s=CLIP_S),
    )


def evaluate(
    cascade: Cascade, systems: Sequence[str], held_out: Shards, training: Shards | None, clips: int, out: Path
) -> Results:
    """Let the systems score the first ``clips`` clips of a set and measure what they wrote.

    training: music for the Fréchet distance, which is left out without it. Raises GenerationError on an unknown
    system, a set that cannot be evaluated on, or a part that is not trained.
    """
    unknown = [name for name in systems if name.removesuffix(TEXT) not in VARIANTS]
    if unknown:
        raise GenerationError(f"{', '.join(unknown)} cannot be evaluated; there are {', '.join(SYSTEMS)}")
    torch.set_num_threads(1)
    # What is missing is said before an hour is spent.
    variants = list({name.removesuffix(TEXT): VARIANTS[name.removesuffix(TEXT)] for name in systems}.values())
    parts = {"semantic", *(part for variant in variants for part in variant.parts)}
    if any(name.endswith(TEXT) for name in systems):
        parts.add("joint")
    cascade.load(part for part in PARTS if part in parts)
    first, rate = First(held_out, min(clips, len(held_out))), held_out.cutting.sample_rate_hz
    waves = first.waves()
    known = clips_of(first, waves)
    ear = Ear(rate)
    own = ear.listen(waves, "own music")
    reference = None if training is None else ear.embeddings(training, len(first))
    space = GenreSpace(clip_embeddings(own), [clip.genre for clip in known])
    player = Player(cascade, first, out / "music")
    heard = {
        name: ear.listen(player.soundtracks(name), name)
        for name in dict.fromkeys(name.removesuffix(TEXT) for name in systems)
    }
    figures = [
        SystemFigures(name, following(each, known, space), sound(each, reference))
        for name, each in {"own music": own, **heard}.items()
    ]
    moved = {}
    for name in systems:
        if name.endswith(TEXT):
            asked = asked_genres(known)
            prompted = player.soundtracks(name, [prompt_for(genre) for genre in asked])
            moved[name] = steering(ear.listen(prompted, name), heard[name.removesuffix(TEXT)], asked, space)
    tokens = next_token_figures(cascade, first, variants)
    return Results(
        preset=cascade.preset.name,
        clips=len(first),
        clip_s=held_out.cutting.segment_s,
        set_folder=held_out.folder.name,
        weights=cascade.identities(sorted(parts)),
        tokens=tokens,
        codec=codec_figures(cascade, waves, rate),
        systems=figures,
        steering=moved,
    )


class Ear:
    """The tagger and the other measures, loaded once."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.rate, self.tagger = sample_rate_hz, load_tagger()

    def listen(self, waves: Sequence[Wave], name: str) -> list[Heard]:
        return [listen_to(wave, self.rate, self.tagger) for wave in tqdm(waves, desc=f"hearing {name}")]

    def embeddings(self, shards: Shards, count: int) -> Embeddings:
        """Of all patches of the first music of a set."""
        heard = self.listen(First(shards, min(count, len(shards))).waves(), "training music")
        return np.concatenate([each.embeddings for each in heard])


@torch.inference_mode()
def codec_figures(cascade: Cascade, waves: Sequence[Wave], rate: int) -> list[CodecFigures]:
    """Own music through the codec, with its coarse levels alone and with all of them."""
    grid = cascade.preset.grid
    step = grid.hop * grid.acoustic_per_semantic
    figures = []
    for levels in (grid.coarse_levels, grid.levels):
        distances, ratios = [], []
        for wave in waves:
            whole = wave[: len(wave) // step * step]
            codes = cascade.codec.encode(torch.from_numpy(whole)[None].to(cascade.device))[:, :levels]
            decoded = cascade.codec.decode(codes)[0].cpu().numpy()
            distances.append(log_mel_distance(decoded, whole, rate))
            ratios.append(si_sdr_db(decoded, whole))
        figures.append(CodecFigures(levels, float(np.mean(distances)), float(np.mean(ratios))))
    return figures


def write_results(results: Results, folder: Path, table: str) -> tuple[Path, Path]:
    """``results.json`` and ``results.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    figures, page = folder / "results.json", folder / "results.md"
    figures.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    page.write_text(table, encoding="utf-8")
    return figures, page
