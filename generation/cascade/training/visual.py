"""Train the two visual networks: CLIP on pictures and captions, the flow network on what moves and how fast."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.presets import Preset
from generation.cascade.training.clock import Clock
from generation.cascade.training.material import Sights
from generation.cascade.visual import VisualFeatures, build_clip, open_clip_module, picture_input
from generation.world.piece import GENRES, Piece
from generation.world.scenes import SCENES

_RATE = 1e-3
_BATCH = 96
_PACES = sorted({frames for genre in GENRES for frames in genre.sixteenth_frames})


def train_clip(
    features: VisualFeatures, pieces: list[Piece], sights: Sights, preset: Preset, clock: Clock
) -> None:
    """Contrastive training (Radford et al. 2021): a picture must find the caption of its own moment.

    Only the image tower is kept.
    """
    clip = build_clip(preset.visual)
    clip.visual = features.clip
    captions = _caption_tokens(pieces, sights.pictures.shape[1], preset)
    pictures = torch.from_numpy(sights.pictures)
    optimiser = torch.optim.AdamW(clip.parameters(), lr=_RATE, weight_decay=0.05)
    clock.restore(clip, optimiser)
    clip.train()
    for share in clock.steps():
        clock.set_rate(optimiser, _RATE, share)
        which = torch.randint(len(pictures), (_BATCH,), generator=clock.generator)
        second = torch.randint(pictures.shape[1], (_BATCH,), generator=clock.generator)
        seen = _disturbed(picture_input(pictures[which, second]), clock.generator)
        image, text, scale = clip(seen, captions[which, second])
        scores = scale.clamp(max=50) * image @ text.T
        target = torch.arange(_BATCH)
        loss = (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        clock.note(loss.item(), clip, optimiser)


def train_flow(features: VisualFeatures, pieces: list[Piece], sights: Sights, clock: Clock) -> None:
    """Scene, pace and density from one second of flow, as I3D learns actions; the heads are thrown away."""
    labels = _flow_labels(pieces, sights.flow.shape[1])
    flow = torch.from_numpy(sights.flow)
    dim = features.config.flow_dim
    model = nn.ModuleList(
        [features.flow, nn.Linear(dim, len(SCENES)), nn.Linear(dim, len(_PACES)), nn.Linear(dim, 3)]
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=2 * _RATE, weight_decay=0.02)
    clock.restore(model, optimiser)
    model.train()
    for share in clock.steps():
        clock.set_rate(optimiser, 2 * _RATE, share)
        which = torch.randint(len(flow), (_BATCH,), generator=clock.generator)
        second = torch.randint(flow.shape[1], (_BATCH,), generator=clock.generator)
        moving = flow[which, second].float()
        moving = moving + 0.004 * torch.randn(moving.shape, generator=clock.generator)
        feature = features.flow(moving)
        wanted = labels[which, second]
        loss = sum(
            (F.cross_entropy(head(F.relu(feature)), wanted[:, index]) for index, head in enumerate(model[1:])),
            start=torch.zeros(()),
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        clock.note(loss.item(), model, optimiser)


def fit_scales(features: VisualFeatures, raw: tuple[Tensor, Tensor]) -> None:
    """Means and deviations of both streams over the training clips' raw features."""
    for stream, values in zip(("clip", "flow"), raw, strict=True):
        flat = values.flatten(0, 1)
        features.get_buffer(f"{stream}_mean").copy_(flat.mean(0))
        features.get_buffer(f"{stream}_scale").copy_(flat.std(0).clamp(min=1e-3))


@torch.inference_mode()
def raw_features(features: VisualFeatures, sights: Sights) -> tuple[Tensor, Tensor]:
    """Features before normalising and rounding: [clips, steps, clip_dim] and [clips, steps, flow_dim]."""
    features.eval()
    clips, steps = sights.pictures.shape[:2]
    pictures = torch.from_numpy(sights.pictures).flatten(0, 1)
    flow = torch.from_numpy(sights.flow).flatten(0, 1)
    clip = torch.cat([features.read_clip(part) for part in torch.split(pictures, 256)])
    motion = torch.cat([features.flow(part.float()) for part in torch.split(flow, 256)])
    return clip.view(clips, steps, -1), motion.view(clips, steps, -1)


def feature_figures(
    train: tuple[Tensor, Tensor], held_out: tuple[Tensor, Tensor], pieces: tuple[list[Piece], list[Piece]]
) -> dict[str, float]:
    """How often a held-out clip's nearest training clip, by mean feature, agrees with it in what it should."""
    figures = {}
    for name, known, asked in (("clip", train[0], held_out[0]), ("flow", train[1], held_out[1])):
        scale = known.mean(1).std(0).clamp(min=1e-4)
        nearest = torch.cdist(asked.mean(1) / scale, known.mean(1) / scale).argmin(1).tolist()
        pairs = [(pieces[1][index], pieces[0][match]) for index, match in enumerate(nearest)]
        for label in ("genre", "sixteenth_frames", "hue", "brightness", "density"):
            same = [getattr(a, label) == getattr(b, label) for a, b in pairs]
            figures[f"{name}_neighbour_{label}"] = sum(same) / len(same)
    return figures


def _caption_tokens(pieces: list[Piece], seconds: int, preset: Preset) -> Tensor:
    """[clips, seconds, text_length]"""
    tokenizer = open_clip_module().SimpleTokenizer(context_length=preset.visual.text_length)
    texts = [piece.describe(piece.scene_at(second + 0.5)) for piece in pieces for second in range(seconds)]
    unique = sorted(set(texts))
    tokens: Tensor = tokenizer(unique)
    place = {text: index for index, text in enumerate(unique)}
    return tokens[torch.tensor([place[text] for text in texts])].view(len(pieces), seconds, -1)


def _flow_labels(pieces: list[Piece], seconds: int) -> Tensor:
    """Scene, pace and density of every second, [clips, seconds, 3]."""
    scenes = list(SCENES)
    return torch.tensor(
        [
            [
                [scenes.index(piece.scene_at(second + 0.5)), _PACES.index(piece.sixteenth_frames), piece.density]
                for second in range(seconds)
            ]
            for piece in pieces
        ]
    )


def _disturbed(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A little of what encoding does to pictures: noise, and a slight change of contrast."""
    contrast = 1 + 0.05 * torch.randn((len(pictures), 1, 1, 1), generator=generator)
    return pictures * contrast + 0.08 * torch.randn(pictures.shape, generator=generator)
