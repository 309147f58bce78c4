"""The parts of a training run in order, what each leaves behind, and the file they end up in."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from generation.cascade.checkpoint import Cascade, save_weights, write_manifest
from generation.cascade.presets import PRESETS, Preset
from generation.cascade.presets import preset as find_preset
from generation.cascade.training import stages, visual
from generation.cascade.training.clock import Clock
from generation.cascade.training.codec import CodecRun, codec_figures, refine_decoder, train_codec
from generation.cascade.training.figures import stage_figures
from generation.cascade.training.listening import listening_figures, with_drawn_fine_levels
from generation.cascade.training.material import Sights, held_out_pieces, mono, see_all, training_pieces

MINUTES = {
    "codec": 30.0,
    "clip": 3.0,
    "flow": 1.5,
    "semantic": 0.5,
    "stage1": 34.0,
    "stage2": 33.0,
    "stage3": 23.0,
    "decoder": 5.0,
}
"""Every part in the order of training, with its usual share of the time.

``decoder`` is the codec's decoder once more, with the tokens fixed, so that the stages stay valid.
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much material is made. ``clips`` have pictures too, ``songs`` only music."""

    clips: int = 1700
    songs: int = 1200
    held_out: int = 100


class Run:
    """One training run: the cascade, the material as far as it was needed, and the notes on every part."""

    def __init__(self, preset: Preset, work: Path, seed: int, scale: Scale) -> None:
        torch.manual_seed(seed)
        self.preset, self.work, self.seed, self.scale = preset, work, seed, scale
        self.cascade = Cascade(preset)
        self.notes: dict[str, dict[str, float]] = {}
        self.pieces = training_pieces(scale.clips)
        self.held_out = held_out_pieces(scale.held_out)
        self._sights: tuple[Sights, Sights] | None = None
        self._tokens: tuple[stages.Tokens, stages.Tokens] | None = None

    def sights(self) -> tuple[Sights, Sights]:
        """Training and held-out pictures."""
        if self._sights is None:
            store = self.work / "sights"
            grid, config = self.preset.grid, self.preset.visual
            self._sights = (see_all(self.pieces, grid, config, store), see_all(self.held_out, grid, config, store))
        return self._sights

    def raw_features(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        known, asked = self.sights()
        return visual.raw_features(self.cascade.visual, known), visual.raw_features(self.cascade.visual, asked)

    def tokens(self) -> tuple[stages.Tokens, stages.Tokens]:
        """Training and held-out tokens."""
        if self._tokens is None:
            known, asked = self.raw_features()
            self.cascade.share_codebooks()
            self._tokens = (
                stages.tokenise(self.cascade, self.pieces, known),
                stages.tokenise(self.cascade, self.held_out, asked),
            )
        return self._tokens

    def batches(self, clock: Clock) -> stages.Batches:
        return stages.Batches(self.tokens()[0], self.preset.grid, self.preset.visual.quantum, clock.generator)


def train_parts(
    name: str, out: Path, *, parts: Sequence[str] | None, seed: int, minutes: float | None, work: Path
) -> Path:
    """See ``generation.cascade.training.train``."""
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r} to train; there are {', '.join(sorted(PRESETS))}")
    unknown = sorted(set(parts or ()) - set(MINUTES))
    if unknown:
        raise ValueError(f"no part {', '.join(unknown)}; the parts are {', '.join(MINUTES)}")
    torch.set_num_threads(1)
    chosen = [part for part in MINUTES if parts is None or part in parts]
    scale = 1.0 if minutes is None else minutes / sum(MINUTES[part] for part in chosen)
    run = Run(find_preset(name), work, seed, Scale())
    for index, part in enumerate(MINUTES):
        done = work / f"{part}.done.pt"
        if part in chosen:
            clock = Clock(part, MINUTES[part] * scale, work / f"{part}.pt", seed + index)
            figures = _PARTS[part](run, clock)
            run.notes[part] = {**figures, "steps": float(clock.step), "seconds": round(clock.spent_s, 1)}
            module = _module(run.cascade, part)
            torch.save({"model": module.state_dict(), "notes": run.notes[part]}, done)
        elif done.exists():
            saved = torch.load(done, weights_only=True)
            _module(run.cascade, part).load_state_dict(saved["model"])
            run.notes[part] = saved["notes"]
        elif part != "decoder":
            raise FileNotFoundError(
                f"{done} is missing: train the part {part!r} first, or name it among the parts"
            )
    run.cascade.share_codebooks()
    run.notes["listening"] = listening_figures(run.cascade, run.held_out[:24], run.tokens()[1].first(24))
    path = out / f"{name}.safetensors"
    out.mkdir(parents=True, exist_ok=True)
    save_weights(run.cascade, path, {"seed": str(seed), "notes": json.dumps(run.notes, sort_keys=True)})
    write_manifest(out)
    return path


def _module(cascade: Cascade, part: str) -> nn.Module:
    """The networks that a part trains."""
    places: dict[str, nn.Module] = {
        "codec": cascade.codec,
        "decoder": cascade.codec,
        "clip": cascade.visual,
        "flow": cascade.visual,
        "semantic": cascade.semantic,
        "stage1": cascade.stage1,
        "stage2": cascade.stage2,
        "stage3": cascade.stage3,
    }
    return places[part]


def _codec(run: Run, clock: Clock) -> dict[str, float]:
    return train_codec(run.cascade.codec, run.preset.grid, CodecRun(clips=run.scale.songs), clock)


def _decoder(run: Run, clock: Clock) -> dict[str, float]:
    grid = run.preset.grid
    music = torch.stack([torch.from_numpy(mono(piece, grid.sample_rate_hz)).half() for piece in run.pieces[:300]])
    own = run.tokens()[0].codes[:300]
    drawn = with_drawn_fine_levels(run.cascade, own, clock.generator)
    refine_decoder(run.cascade.codec, grid, CodecRun(), clock, music, (own, drawn))
    return codec_figures(run.cascade.codec, grid)


def _clip(run: Run, clock: Clock) -> dict[str, float]:
    visual.train_clip(run.cascade.visual, run.pieces, run.sights()[0], run.preset, clock)
    return {}


def _flow(run: Run, clock: Clock) -> dict[str, float]:
    visual.train_flow(run.cascade.visual, run.pieces, run.sights()[0], clock)
    known, asked = run.raw_features()
    visual.fit_scales(run.cascade.visual, known)
    return visual.feature_figures(known, asked, (run.pieces, run.held_out))


def _semantic(run: Run, clock: Clock) -> dict[str, float]:
    rate = run.preset.grid.sample_rate_hz
    waves = torch.stack([torch.from_numpy(mono(piece, rate)) for piece in run.pieces[:600]])
    with torch.inference_mode():
        return {"semantic_variance_explained": run.cascade.semantic.fit(waves, clock.generator)}


def _stage1(run: Run, clock: Clock) -> dict[str, float]:
    stages.train_semantic(run.cascade.stage1, run.batches(clock), clock)
    return stage_figures(run.cascade, run.tokens()[1], "stage1")


def _stage2(run: Run, clock: Clock) -> dict[str, float]:
    stages.train_coarse(run.cascade.stage2, run.batches(clock), clock, run.preset.acoustic.codebook_size)
    return stage_figures(run.cascade, run.tokens()[1], "stage2")


def _stage3(run: Run, clock: Clock) -> dict[str, float]:
    stages.train_fine(run.cascade.stage3, run.batches(clock), clock, run.preset.acoustic.codebook_size)
    return stage_figures(run.cascade, run.tokens()[1], "stage3")


_PARTS: dict[str, Callable[[Run, Clock], dict[str, float]]] = {
    "codec": _codec,
    "clip": _clip,
    "flow": _flow,
    "semantic": _semantic,
    "stage1": _stage1,
    "stage2": _stage2,
    "stage3": _stage3,
    "decoder": _decoder,
}
