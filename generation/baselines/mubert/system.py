"""Mubert as a system: the caption's three nearest tags are the prompt of a track that the service puts together.

The paper's baseline sent tags to an interface of 2022 that is gone; the service's present one takes a prompt, so
the tags are that prompt. The service reads no seed and may answer differently each time: what it gave is kept.
"""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generation.baselines.fit import fit
from generation.baselines.mubert.account import Account, account, address
from generation.baselines.mubert.client import SHORTEST_S, Client, Order, Patience
from generation.baselines.mubert.tags import nearest_tags
from generation.contracts import ClipFacts, GenerationError, Progress, Request, Settings, Soundtrack
from generation.media.decode import audio
from generation.media.errors import MediaError
from generation.text import weights
from generation.text.script import prompt_of

RATE_HZ = 48_000
INTENSITIES = ("low", "medium", "high")
BITRATES_KBPS = (32, 96, 128, 192, 256, 320)


@dataclass(frozen=True, slots=True)
class Mubert:
    """Orders one track a clip; patience says how long it may take."""

    account: Account
    intensity: str
    bitrate_kbps: int
    patience: Patience = field(default_factory=Patience)

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48-kHz stereo, with "mubert.mp3" as it came and "tags.json".

        Raises GenerationError, and once a track has been ordered Failed, with "mubert-order.json" and what came.
        """
        prompt = prompt_of(request.clip_id, request.text)
        progress(0.0, "reading the prompt")
        matches = nearest_tags(prompt)
        sent = ", ".join(match.tag for match in matches)
        client = Client(self.account, self.patience, lambda what: progress(0.2, what))
        seconds = max(SHORTEST_S, math.ceil(request.duration_s))
        track = client.track(Order(sent, seconds, self.intensity, self.bitrate_kbps))
        try:
            waveform = fit(_decoded(track.content), RATE_HZ, request.duration_s, "Mubert's track")
        except GenerationError as error:
            raise track.failed(error) from error
        said = {
            "prompt": sent,
            "tags": [{"tag": match.tag, "cosine": match.cosine} for match in matches],
            "duration_s": seconds,
            "intensity": self.intensity,
            "bitrate_kbps": self.bitrate_kbps,
        }
        return Soundtrack(
            waveform, RATE_HZ, {"mubert.mp3": track.content, "tags.json": json.dumps(said, indent=1).encode()}
        )


def build(preset: str, settings: Settings, device: str) -> Mubert:
    """Raises GenerationError without credentials in the environment, or for settings the service does not have."""
    problem = _unfit(settings)
    if problem:
        raise GenerationError(problem)
    return Mubert(account(), str(settings["intensity"]), int(settings["bitrate_kbps"]))


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses any clip without credentials in this environment, or with settings the service does not have."""
    try:
        account()
    except GenerationError as error:
        return str(error)
    return _unfit(settings)


def inputs(facts: ClipFacts, settings: Settings) -> tuple[str | Path, ...]:
    """The address that is asked, and what reads the prompt. Raises GenerationError when one is missing."""
    return (address(), *weights.files())


def _decoded(content: bytes) -> npt.NDArray[np.float32]:
    with tempfile.TemporaryDirectory(prefix="duet-mubert-") as folder:
        path = Path(folder) / "mubert.mp3"
        path.write_bytes(content)
        try:
            return audio(path, sample_rate_hz=RATE_HZ, channels=2)
        except MediaError as error:
            raise GenerationError(
                f"what Mubert sent as the track is not audio that can be read ({len(content)} bytes); try again"
            ) from error


def _unfit(settings: Settings) -> str | None:
    if settings["intensity"] not in INTENSITIES:
        return f"mubert: intensity {settings['intensity']!r} is not one of {', '.join(INTENSITIES)}"
    if settings["bitrate_kbps"] not in BITRATES_KBPS:
        options = ", ".join(map(str, BITRATES_KBPS))
        return f"mubert: bitrate_kbps {settings['bitrate_kbps']!r} is not one of {options}"
    return None
