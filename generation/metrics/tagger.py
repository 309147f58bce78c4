"""A real music tagger that runs offline: musicnn (Pons & Serra 2019, arXiv:1909.06654), trained on MagnaTagATune.

Its 200-d embedding stands behind the measures of likeness (genre, Fréchet distance). It is not VGGish, LEAF or
MuLan. The network and its weights are the authors' (ISC licence, ``generation/weights/musicnn``); key names are
those of their TensorFlow checkpoint, kernels are [height, width, in, out].
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from generation.contracts import GenerationError
from generation.metrics.mel import mel_power

WEIGHTS = Path(__file__).parent.parent / "weights" / "musicnn" / "mtt.safetensors"
SAMPLE_RATE_HZ = 16_000
PATCH_FRAMES = 187
"""Frames of 256 samples in one patch, three seconds."""

TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient",
    "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals",
    "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo",
    "man", "classic", "choir", "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello",
    "no voice", "weird", "country", "metal", "female voice", "choral",
)  # fmt: skip

_FFT, _HOP, _MELS = 512, 256, 96
_EPSILON = 1e-3
_FRONT = {"": (7, 38, 204), "_1": (7, 67, 204), "_2": (128, 1, 51), "_3": (64, 1, 51), "_4": (32, 1, 51)}
"""Convolutions of the front-end by suffix: frames, bands, channels. Two hear timbre, three changes in time."""
_MIDDLE = {"_5": 561, "_6": 64, "_7": 64}
_WIDTH, _SEEN, _EMBEDDING = 64, 2 * 753, 200


@dataclass(frozen=True, slots=True)
class Tagged:
    """probabilities [P, 50] in the order of TAGS and embeddings [P, 200] of P patches."""

    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]


class Tagger(nn.Module):
    """Log-mel patches [P, 187, 96] to tag probabilities [P, 50] and embeddings [P, 200]."""

    def __init__(self) -> None:
        super().__init__()
        shapes: dict[str, tuple[int, ...]] = {
            f"conv2d{name}.kernel": (frames, bands, 1, channels)
            for name, (frames, bands, channels) in _FRONT.items()
        }
        shapes |= {f"conv2d{name}.kernel": (7, width, 1, _WIDTH) for name, width in _MIDDLE.items()}
        shapes |= {"dense.kernel": (_SEEN, _EMBEDDING), "dense_1.kernel": (_EMBEDDING, len(TAGS))}
        shapes |= {name.replace("kernel", "bias"): shape[-1:] for name, shape in shapes.items()}
        widths = [1, *(channels for _, _, channels in _FRONT.values()), *[_WIDTH] * 3, _SEEN, _EMBEDDING]
        for number, width in enumerate(widths):
            norm = f"batch_normalization_{number}" if number else "batch_normalization"
            shapes |= {f"{norm}.{what}": (width,) for what in ("gamma", "beta", "moving_mean", "moving_variance")}
        for name, shape in shapes.items():
            self.register_buffer(name.replace(".", "-"), torch.zeros(shape))

    def load(self, path: Path) -> None:
        """Take over the authors' weights. Raises GenerationError when they are missing, damaged or do not fit."""
        try:
            tensors = load_file(path)
            self.load_state_dict({name.replace(".", "-"): value for name, value in tensors.items()}, strict=True)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise GenerationError(
                f"the tagger's weights {path} cannot be used ({error}); restore them from the repository"
            ) from error

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        x = self._norm(patches[:, None], 0)  # [P, 1, 187, 96]
        heard = []
        for number, (name, (frames, _, _)) in enumerate(_FRONT.items(), start=1):
            # TensorFlow's "same" puts the odd one of the zeros behind.
            padded = F.pad(x, (0, 0, (frames - 1) // 2, frames // 2))
            heard.append(self._norm(self._convolved(padded, name), number).amax(3))  # [P, channels, 187]
        front = torch.cat(heard, 1)
        layers, last = [front], front
        for number, name in enumerate(_MIDDLE, start=6):
            # A kernel as wide as its input: one band, its channels laid out as bands.
            bands = F.pad(last.transpose(1, 2)[:, None], (0, 0, 3, 3))
            new = self._norm(self._convolved(bands, name), number)[..., 0]
            last = new if number == 6 else new + last
            layers.append(last)
        whole = torch.cat(layers, 1)  # [P, 753, 187]
        pooled = torch.stack([whole.amax(2), whole.mean(2)], 2).flatten(1)  # max and mean alternate
        hidden = F.relu(self._norm(pooled, 9) @ self._of("dense.kernel") + self._of("dense.bias"))
        embedding = self._norm(hidden, 10)
        return torch.sigmoid(embedding @ self._of("dense_1.kernel") + self._of("dense_1.bias")), embedding

    def _convolved(self, x: Tensor, name: str) -> Tensor:
        kernel = self._of(f"conv2d{name}.kernel").permute(3, 2, 0, 1)
        return F.relu(F.conv2d(x, kernel, self._of(f"conv2d{name}.bias")))

    def _norm(self, x: Tensor, number: int) -> Tensor:
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        mean, variance = self._of(f"{name}.moving_mean"), self._of(f"{name}.moving_variance")
        return F.batch_norm(x, mean, variance, self._of(f"{name}.gamma"), self._of(f"{name}.beta"), eps=_EPSILON)

    def _of(self, name: str) -> Tensor:
        return self.get_buffer(name.replace(".", "-"))


def load_tagger(path: Path = WEIGHTS) -> Tagger:
    """The tagger with its shipped weights, in evaluation mode."""
    tagger = Tagger()
    tagger.load(path)
    return tagger.eval()


@torch.inference_mode()
def tag(tagger: Tagger, wave: npt.NDArray[np.float32]) -> Tagged:
    """Tag 16-kHz mono sound [samples] by its whole non-overlapping patches of three seconds.

    Raises ValueError when the sound is shorter than one patch.
    """
    patches = log_mel_patches(torch.from_numpy(wave))
    if len(patches) == 0:
        raise ValueError(
            f"{len(wave) / SAMPLE_RATE_HZ:.1f} s of sound are too short to tag; three seconds are needed"
        )
    probabilities, embeddings = tagger(patches)
    return Tagged(probabilities.numpy(), embeddings.numpy())


def log_mel_patches(wave: Tensor) -> Tensor:
    """Sound [samples] to patches [P, 187, 96] as the network was trained on them, half precision included."""
    power = mel_power(wave[None], SAMPLE_RATE_HZ, fft=_FFT, hop=_HOP, mels=_MELS)[0]
    bands = (10_000 * power.half().float() + 1).log10()
    whole = len(bands) // PATCH_FRAMES
    return bands[: whole * PATCH_FRAMES].view(whole, PATCH_FRAMES, _MELS)
