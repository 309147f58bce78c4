"""How the three visual networks are taught: CLIP by captions, I3D by what moves, ViT-VQGAN by painting again.

All three learn from a paired set (``shards.Shards``): keyframes uint8 [N, S, px, px, 3] and flow float16
[N, S, 2, flow_hz, flow_px, flow_px], S seconds an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.training.loop import Draw
from generation.cascade.training.probes import probe_figures, section_at
from generation.cascade.training.shards import Shards
from generation.cascade.visual.clip import Clip, build_clip, clip_input, open_clip_module
from generation.cascade.visual.i3d import I3d
from generation.contracts import GenerationError
from generation.world.piece import GENRES, Piece
from generation.world.scenes import SCENES

_PACES = sorted({frames for genre in GENRES for frames in genre.sixteenth_frames})
_DENSITIES = 3
_SCALED_ON = 300
"""Examples from which mean and deviation of a feature are taken."""


class ClipTask:
    """Contrastive (Radford et al. 2021): a picture has to find the caption of its own moment, and the reverse.

    Both towers are trained, the image tower is kept. Raises GenerationError when an example has no caption.
    """

    def __init__(self, clip: Clip, known: Shards, held_out: Shards, *, batch: int = 96) -> None:
        self.kept, self.known, self.held_out, self.batch = clip, known, held_out, batch
        self.towers = build_clip(clip.config).to(next(clip.parameters()).device)
        self.towers.visual = clip.visual
        self.captions = _tokens(known, clip.config.text_length)
        self.asked = _tokens(held_out, clip.config.text_length)
        self.optimised: Mapping[str, nn.Module] = {"clip": self.towers}

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        which = torch.randint(len(self.known), (self.batch,), generator=draw.generator)
        second = torch.randint(self.captions.shape[1], (self.batch,), generator=draw.generator)
        pictures = self.known.take("pictures", which.tolist())[torch.arange(self.batch), second]
        seen = clip_input(pictures.to(draw.device), self.kept.config)
        image, text, scale = self.towers(
            _disturbed(seen, draw.generator), self.captions[which, second].to(draw.device)
        )
        scores = scale.clamp(max=50) * image @ text.T
        target = torch.arange(self.batch, device=draw.device)
        yield "clip", (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2

    def evaluate(self) -> dict[str, float]:
        """How often a held-out picture finds its caption among all held-out ones, and the probes.

        The scale of the features is fitted here too: the last evaluation sees the weights that are kept.
        """
        _fit(self.kept, self.known, "pictures")
        return {"clip_retrieval": self._retrieval(), **probe_figures(self.kept, self.known, self.held_out)}

    def _retrieval(self) -> float:
        device = next(self.kept.parameters()).device
        middle = self.asked.shape[1] // 2
        pictures = self.held_out.take("pictures", range(len(self.held_out)))[:, middle]
        image = torch.cat([self.kept.embed(part.to(device)) for part in torch.split(pictures, 64)])
        captions = self.asked[:, middle]
        different, own = torch.unique(captions, dim=0, return_inverse=True)
        embed: Any = self.towers.encode_text
        text = torch.cat([embed(part.to(device), normalize=True) for part in torch.split(different, 64)])
        return float(((image @ text.float().T).argmax(1).cpu() == own).float().mean())


class I3dTask:
    """What moves, how much and how fast: scene, density and energy of every second, pace of a second and a clip.

    I3D learns actions; these are the actions of the self-made world, and the heads that name them are thrown away
    as I3D's are. Raises GenerationError for a set that is not of the world.
    """

    def __init__(self, i3d: I3d, known: Shards, held_out: Shards, *, clips: int = 12, seconds: int = 8) -> None:
        self.kept, self.known, self.held_out, self.clips, self.seconds = i3d, known, held_out, clips, seconds
        self.labels = _motion_labels(known)
        device, dim = next(i3d.parameters()).device, i3d.config.dim
        classes = {"scene": len(SCENES), "density": _DENSITIES, "pace": len(_PACES), "clip_pace": len(_PACES)}
        heads = {name: nn.Linear(dim, count) for name, count in {**classes, "energy": 1}.items()}
        self.heads = nn.ModuleDict(heads).to(device)
        self.optimised: Mapping[str, nn.Module] = {"i3d": nn.ModuleDict({"net": i3d, "heads": self.heads})}

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        which = torch.randint(len(self.known), (self.clips,), generator=draw.generator)
        longest = self.labels.shape[1] - self.seconds
        first = int(torch.randint(longest + 1, (1,), generator=draw.generator))
        span = slice(first, first + self.seconds)
        with torch.autocast(draw.device.type, enabled=False):  # it cannot stack half precision
            flow = self.known.take("flow", which.tolist())[:, span].to(draw.device).float()
        flow = _mirrored(flow, draw.generator).flatten(0, 1)
        noise = 0.01 * torch.randn(flow.shape, generator=draw.generator)
        feature = self.kept.motion((flow + noise.to(draw.device)).clamp(-1, 1))  # [clips * seconds, dim]
        scene, density, pace = self.labels[which, span].flatten(0, 1).to(draw.device).unbind(-1)
        whole = feature.view(self.clips, self.seconds, -1).mean(1)
        yield (
            "i3d",
            F.cross_entropy(self.heads["scene"](feature), scene)
            + F.cross_entropy(self.heads["density"](feature), density)
            + F.cross_entropy(self.heads["pace"](feature), pace)
            + F.cross_entropy(self.heads["clip_pace"](whole), pace[:: self.seconds])
            + F.smooth_l1_loss(self.heads["energy"](feature)[:, 0], energy(flow)),
        )

    def evaluate(self) -> dict[str, float]:
        """The probes. The scale is fitted here too, as CLIP's is."""
        _fit(self.kept, self.known, "flow")
        return probe_figures(self.kept, self.known, self.held_out)


def energy(flow: Tensor) -> Tensor:
    """How much moves: logarithm of the mean speed of flow [N, 2, T, H, W], about 0 where hardly anything does."""
    return (100 * flow.float().square().sum(1).sqrt().mean((1, 2, 3))).log1p()


def _fit(network: Clip | I3d, known: Shards, seen: str) -> None:
    device = next(network.parameters()).device
    raw = network.embed if isinstance(network, Clip) else network.motion
    parts = [raw(known.take(seen, [index])[0].to(device)) for index in range(min(_SCALED_ON, len(known)))]
    network.standardised.fit(torch.cat(parts))


def _tokens(shards: Shards, length: int) -> Tensor:
    """The caption of every second, in CLIP's tokens: [N, S, length]."""
    seconds = round(shards.cutting.segment_s)
    texts = [_caption(shards, index, second) for index in range(len(shards)) for second in range(seconds)]
    place = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    tokens: Tensor = open_clip_module().SimpleTokenizer(context_length=length)(list(place))
    return tokens[torch.tensor([place[text] for text in texts])].view(len(shards), seconds, -1)


def _caption(shards: Shards, index: int, second: int) -> str:
    piece = shards.piece(index)
    info = shards.info(index)
    caption = piece.describe(piece.scene_at(second + 0.5)) if piece else info.caption
    if not caption:
        raise GenerationError(
            f"CLIP learns from captions, and {info.source} in {shards.folder} has none; write one into the "
            "manifest, or use published weights"
        )
    return caption


def _motion_labels(shards: Shards) -> Tensor:
    """Scene, density and pace of every second, [N, S, 3]."""
    pieces = [shards.piece(index) for index in range(len(shards))]
    found = [piece for piece in pieces if piece is not None]
    if len(found) < len(pieces):
        raise GenerationError(
            f"I3D is trained on the self-made world, whose motion is labelled; {shards.folder} holds files. "
            "Train this part on a set made with --world, or use published weights"
        )
    return torch.tensor(
        [
            [_motion_label(piece, second + 0.5) for second in range(round(shards.cutting.segment_s))]
            for piece in found
        ]
    )


def _motion_label(piece: Piece, time_s: float) -> tuple[int, int, int]:
    section = section_at(piece, time_s)
    return list(SCENES).index(section.scene), section.density, _PACES.index(piece.sixteenth_frames)


def _mirrored(flow: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the clips [N, S, 2, T, H, W] as in a mirror: columns reversed, and motion along x."""
    turned = flow.flip(-1) * flow.new_tensor([-1.0, 1.0])[:, None, None, None]
    half = torch.rand(len(flow), generator=generator) < 0.5
    return torch.where(half.to(flow.device)[:, None, None, None, None, None], turned, flow)


def _disturbed(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A little of what encoding does to pictures: noise, and a slight change of contrast."""
    contrast = 1 + 0.05 * torch.randn((len(pictures), 1, 1, 1), generator=generator)
    noise = 0.08 * torch.randn(pictures.shape, generator=generator)
    return pictures * contrast.to(pictures.device) + noise.to(pictures.device)
