"""From a silent video, and a prompt where one is given, to a waveform: every variant of V2Meow as a system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor

from generation.cascade import limits
from generation.cascade.adaptors import Streams
from generation.cascade.cascade import Cascade, shared_cascade
from generation.cascade.generate import StageSampling, write_codes
from generation.cascade.presets import preset as find_preset
from generation.cascade.sampling import Sampling
from generation.contracts import ClipFacts, GenerationError, OutOfMemory, Progress, Request, Settings, Soundtrack
from generation.variants import VARIANTS, Variant

PEAK = 0.9
"""Loudest sample that is handed on; only louder music is turned down."""

TOP_K = {"semantic": 48, "coarse": 64, "fine": 64}
"""How many tokens each stage may choose from: enough for variety, without the long tail of accidents."""


def build(key: str, preset: str, settings: Settings, device: str, *, text: bool = False) -> V2Meow:
    """One variant; ``text`` makes it ask for a prompt."""
    with _memory_errors():
        cascade = shared_cascade(find_preset(preset), device)
        variant = VARIANTS[key]
        cascade.load([*variant.parts, *(["joint"] if text else [])])
        return V2Meow(cascade, variant, settings, text=text)


build_clip = partial(build, "v2meow-clip")
build_i3d = partial(build, "v2meow-i3d")
build_vit = partial(build, "v2meow-vit")
build_vit_i3d = partial(build, "v2meow-vit-i3d")
build_clip_i3d = partial(build, "v2meow-clip-i3d")
build_clip_text = partial(build, "v2meow-clip", text=True)
build_i3d_text = partial(build, "v2meow-i3d", text=True)
build_vit_text = partial(build, "v2meow-vit", text=True)
build_vit_i3d_text = partial(build, "v2meow-vit-i3d", text=True)
build_clip_i3d_text = partial(build, "v2meow-clip-i3d", text=True)
build_clip_audio_stage2 = partial(build, "v2meow-clip-audio-stage2")
build_clip_no_semantic = partial(build, "v2meow-clip-no-semantic")


class V2Meow:
    """A System (see ``generation.contracts``) over the cascade that its variants share."""

    def __init__(self, cascade: Cascade, variant: Variant, settings: Settings, *, text: bool) -> None:
        self.cascade, self.variant, self.text = cascade, variant, text
        guidance = float(settings["guidance"]) if text else 1.0
        stage = partial(_sampling, settings)
        try:
            self.sampling = StageSampling(stage("semantic", guidance=guidance), stage("coarse"), stage("fine"))
        except ValueError as error:
            raise GenerationError(f"the settings cannot be played: {error}") from error

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """Mono, at the codec's rate, exactly ``request.duration_s`` long.

        Raises GenerationError on a clip the system refuses or cannot read, or a missing prompt; OutOfMemory when
        the device is full.
        """
        refused = limits.refusal(ClipFacts(request.clip_id, request.duration_s, frozenset()), {})
        if refused is not None:
            raise GenerationError(refused)
        if self.text and not (request.text or "").strip():
            raise GenerationError(
                f"{request.clip_id} has no text prompt; give the clip a caption, or take the system without text"
            )
        with torch.inference_mode(), _memory_errors():
            progress(0.0, "looking at the video")
            features = self.cascade.looking.features(request.video, request.duration_s, self.variant.kinds)
            control = self.cascade.joint.embed_text([request.text or ""]) if self.text else None
            streams = Streams(features, control)
            codes = write_codes(
                self.cascade,
                self.variant,
                streams,
                request.duration_s,
                [request.seed],
                self.sampling,
                progress,
            )
            progress(0.95, "decoding sound")
            wave = self.cascade.codec.decode(codes)[0]
        progress(1.0, "done")
        grid = self.cascade.preset.grid
        return Soundtrack(finished(wave[: grid.samples(request.duration_s)])[None], grid.sample_rate_hz)


def finished(wave: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Decoded sound [samples] as it is handed on, turned down where it is too loud.

    Raises GenerationError when it holds values that are not numbers.
    """
    samples = wave.float().cpu().numpy()
    loudest = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(loudest):
        raise GenerationError("the codec gave values that are not numbers; the weights are damaged, restore them")
    level = min(1.0, PEAK / loudest) if loudest > 0 else 1.0
    return np.ascontiguousarray(samples * np.float32(level))


def _sampling(settings: Settings, stage: str, guidance: float = 1.0) -> Sampling:
    return Sampling(float(settings[f"temperature_{stage}"]), TOP_K[stage], guidance, settings["weights"])


@contextmanager
def _memory_errors() -> Iterator[None]:
    """A full device, as the contract names it."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"the device ran out of memory: {error}") from error
