"""Soundtracks of many clips by one system, written in batches and kept on the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tqdm import tqdm

from generation import registry
from generation.cascade.adaptors import Streams
from generation.cascade.cascade import Cascade
from generation.cascade.checkpoint import fingerprint
from generation.cascade.generate import write_codes
from generation.cascade.pipeline import V2Meow, finished
from generation.cascade.training.features import with_features
from generation.cascade.training.shards import write_tensors
from generation.metrics.clips import First
from generation.variants import VARIANTS

Wave = npt.NDArray[np.float32]

TEXT = "-text"


class Player:
    """Lets systems score the clips of one set; clip number i gets seed i.

    What was written before by the same weights, sources and settings for the same clips is read again.
    """

    def __init__(self, cascade: Cascade, clips: First, folder: Path, *, batch: int = 50) -> None:
        self.cascade, self.clips, self.folder, self.batch = cascade, clips, folder, batch
        self.duration_s = clips.shards.cutting.segment_s

    def soundtracks(self, key: str, prompts: Sequence[str] | None = None) -> list[Wave]:
        """float32 [samples] of every clip by one system; ``prompts``, one a clip, for a system that reads text.

        Raises GenerationError when a part of the system is not trained.
        """
        parts = VARIANTS[key.removesuffix(TEXT)].parts
        self.cascade.load([*parts, *(["joint"] if prompts is not None else [])])
        path = self.folder / f"{key}-{self._digest(key, parts, prompts)}.safetensors"
        try:
            stored = load_file(path)["wave"]
        except (FileNotFoundError, SafetensorError):
            stored = torch.stack([torch.from_numpy(wave) for wave in self._played(key, prompts)])
            write_tensors(path, {"wave": stored})
        return [wave.numpy() for wave in stored]

    def _played(self, key: str, prompts: Sequence[str] | None) -> list[Wave]:
        variant = VARIANTS[key.removesuffix(TEXT)]
        settings = registry.effective_settings(key, {})
        sampling = V2Meow(self.cascade, variant, settings, text=prompts is not None).sampling
        shards = with_features(self.clips.shards, self.cascade, variant.kinds)
        samples = self.cascade.preset.grid.samples(self.duration_s)
        waves: list[Wave] = []
        with torch.inference_mode(), tqdm(total=len(self.clips), desc=key, unit="clip") as bar:
            for first in range(0, len(self.clips), self.batch):
                seeds = range(first, min(first + self.batch, len(self.clips)))
                features = {kind: shards.take(kind, seeds).to(self.cascade.device) for kind in variant.kinds}
                streams = Streams(
                    {
                        kind: value.float() if value.is_floating_point() else value.long()
                        for kind, value in features.items()
                    },
                    None if prompts is None else self.cascade.joint.embed_text([prompts[seed] for seed in seeds]),
                )
                codes = write_codes(self.cascade, variant, streams, self.duration_s, seeds, sampling)
                waves += [finished(wave[:samples]) for wave in self.cascade.codec.decode(codes)]
                bar.update(len(seeds))
        return waves

    def _digest(self, key: str, parts: Sequence[str], prompts: Sequence[str] | None) -> str:
        """Of everything that decides these soundtracks."""
        identities = self.cascade.identities(parts if prompts is None else [*parts, "joint"])
        made_of = [
            key,
            dict(registry.effective_settings(key, {})),
            prompts and list(prompts),
            [block.name for block in self.clips.shards.blocks],
            len(self.clips),
            identities,
            fingerprint(self.cascade.codec.state_dict()),
            registry.sources_digest(key),
        ]
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]
