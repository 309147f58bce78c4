"""CMT as a system: video to controls to words to MIDI to sound."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from safetensors import SafetensorError
from safetensors.torch import load_file

from generation.baselines.cmt.band import RATE_HZ, font, play
from generation.baselines.cmt.compose import CONTROL, compose
from generation.baselines.cmt.controls import Controls, free, watch
from generation.baselines.cmt.midi import midi_file
from generation.baselines.cmt.network import CMT, PUBLISHED, TINY
from generation.baselines.cmt.words import GENRES, decode
from generation.contracts import GenerationError, Progress, Request, Settings, Soundtrack
from generation.media.errors import MediaError

WEIGHTS = Path(__file__).parents[2] / "weights" / "cmt"
SIZES = {"tiny": TINY, "published": PUBLISHED}
_KEPT = 64

_watched: OrderedDict[tuple[str, float], Controls] = OrderedDict()
_watching = Lock()


class Cmt:
    """The whole line; ``control`` "off" is the same network at the usual tempo, without the video."""

    def __init__(self, network: CMT, settings: Settings) -> None:
        self.network = network.eval()
        self.genre = GENRES.index(str(settings["genre"]))
        self.controlled = settings["control"] == "on"
        self.font = font(str(settings["font"]))

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """44.1 kHz stereo and the MIDI file it was played from. Raises GenerationError when it cannot."""
        progress(0.0, "looking for motion and visual beats")
        asked = controls_of(request.video, request.duration_s) if self.controlled else free(request.duration_s)
        progress(0.5, "writing notes")
        words = compose(
            self.network,
            asked,
            genre=self.genre,
            seed=request.seed,
            control=CONTROL if self.controlled else 0.0,
            progress=lambda share: progress(0.5 + 0.45 * share, "writing notes"),
        )
        notes = decode(words)
        if not notes:
            raise GenerationError("CMT wrote no note for this clip; try again with another seed")
        progress(0.95, "playing the band")
        midi = midi_file(notes, asked.tempo_bpm, request.duration_s)
        return Soundtrack(play(midi, self.font, request.duration_s), RATE_HZ, {"music.mid": midi})


def build(preset: str, settings: Settings, device: str) -> Cmt:
    """Load the network of a preset; it is small enough for any CPU, so ``device`` is not asked.

    Raises GenerationError when weights or sound font are missing.
    """
    path = WEIGHTS / f"{preset}.safetensors"
    network = CMT(SIZES[preset])
    try:
        tensors = {name: value.float() for name, value in load_file(path).items()}
        network.load_state_dict(tensors, strict=True)
    except FileNotFoundError:
        raise GenerationError(
            f"CMT's weights {path.name} are missing in {path.parent.name}; `python -m generation install-cmt` "
            "writes them from the published checkpoint"
        ) from None
    except (OSError, SafetensorError, RuntimeError) as error:
        raise GenerationError(f"CMT's weights {path.name} do not fit: {error}; restore or install them") from error
    return Cmt(network, settings)


def controls_of(video: Path, duration_s: float) -> Controls:
    """What a video asks for, looked at once for every preset, genre and seed. Raises GenerationError."""
    try:
        with video.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest(), duration_s
        with _watching:
            if key not in _watched:
                _watched[key] = watch(video, duration_s)
                while len(_watched) > _KEPT:
                    _watched.popitem(last=False)
            return _watched[key]
    except (MediaError, OSError) as error:
        raise GenerationError(f"the video cannot be looked at: {error}") from error
