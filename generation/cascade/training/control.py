"""Train the joint music-text embedding: a piece must find what is said of it among what is said of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.control import ByteJointEmbedding, stretches, text_bytes
from generation.cascade.training.loop import Draw
from generation.cascade.training.semantic import Music

Wording = Callable[[int, torch.Generator], str]
"""Something that can be said of an example's music, another each time it is asked."""


@dataclass(frozen=True, slots=True)
class JointRun:
    """clip_s: length of the music shown. words_heard: share of a text's words that are kept."""

    batch: int = 48
    clip_s: int = 8
    words_heard: float = 0.8


class JointTask:
    """Symmetric contrastive loss over a batch (Radford et al. 2021), as MuLan's."""

    def __init__(
        self,
        joint: ByteJointEmbedding,
        train: tuple[Music, Wording],
        held_out: tuple[Music, Wording],
        run: JointRun,
    ) -> None:
        self.joint, self.run = joint, run
        self.train, self.held_out = train, held_out
        self.scale = _Scale()
        self.optimised: Mapping[str, nn.Module] = {"joint": nn.ModuleList([joint, self.scale])}
        self.kept: nn.Module = self.optimised["joint"]
        self.spectra = self._bands_of(train[0])
        flat = self.spectra.float().flatten(0, 1)
        joint.mean.copy_(flat.mean(0))
        joint.scale.copy_(flat.std(0).clamp(min=1e-3))

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Music to text and text to music."""
        music, wording = self.train
        which = torch.randint(len(music), (self.run.batch,), generator=draw.generator).tolist()
        bands = self._crops(self.spectra[which].float(), draw.generator).to(draw.device)
        texts = [fewer_words(wording(index, draw.generator), self.run, draw.generator) for index in which]
        heard, read = self.joint.hear(bands), self.joint.read(self._codes(texts).to(draw.device))
        scores = self.scale() * heard @ read.T
        target = torch.arange(len(scores), device=scores.device)
        yield "joint", (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """How often a held-out text's nearest music is its own, and among the first five; chance beside it."""
        music, wording = self.held_out
        count = min(len(music), 96)
        generator = torch.Generator().manual_seed(0)
        heard = self.joint.embed_audio(music.waves(range(count)))
        read = self.joint.embed_text([wording(index, generator) for index in range(count)])
        order = (read @ heard.T).argsort(1, descending=True)
        place = (order == torch.arange(count)[:, None]).float().argmax(1)
        return {
            "text_finds_its_music": float((place == 0).float().mean()),
            "text_finds_its_music_in_five": float((place < 5).float().mean()),
            "chance": 1 / count,
        }

    def _codes(self, texts: list[str]) -> Tensor:
        parts = [stretches(text, self.joint.config.text_bytes)[0] for text in texts]
        longest = max(len(part.encode()) for part in parts)
        return torch.stack([text_bytes(part, longest) for part in parts])

    def _crops(self, bands: Tensor, generator: torch.Generator) -> Tensor:
        length = self.run.clip_s * self.joint.grid.semantic_hz
        first = torch.randint(bands.shape[1] - length + 1, (len(bands),), generator=generator).tolist()
        return torch.stack([row[at : at + length] for row, at in zip(bands, first, strict=True)])

    @torch.no_grad()
    def _bands_of(self, music: Music) -> Tensor:
        """Spectra of all the training music, once: float16 [N, T, bands]."""
        parts = [range(start, min(start + 16, len(music))) for start in range(0, len(music), 16)]
        return torch.cat([self.joint.bands(music.waves(part)).half() for part in parts])


class _Scale(nn.Module):
    """How sharply likeness decides; learnt, as in CLIP."""

    def __init__(self) -> None:
        super().__init__()
        self.log = nn.Parameter(torch.tensor(2.3))

    def forward(self) -> Tensor:
        return self.log.exp().clamp(max=50)


def fewer_words(text: str, run: JointRun, generator: torch.Generator) -> str:
    """Some words left out at random, so that half a sentence and a single word mean something too."""
    words = text.split()
    share = run.words_heard if float(torch.rand((), generator=generator)) < 0.5 else 0.35
    kept = [
        word for word, luck in zip(words, torch.rand(len(words), generator=generator), strict=True) if luck < share
    ]
    return " ".join(kept or words[:1])
