"""The clip's own original music: the hidden reference every other system is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from generation.baselines.fit import fit
from generation.contracts import ClipFacts, GenerationError, Progress, Request, Settings, Soundtrack
from generation.media.decode import audio

RATE_HZ = 48_000


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """Plays back the original audio, whatever the seed."""

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48 kHz stereo, ``request.duration_s`` long. Raises GenerationError where there is no original audio."""
        source = request.original_audio.get(request.clip_id)
        if source is None:
            raise GenerationError(_without_sound(request.clip_id))
        progress(0.0, "reading the original audio")
        waveform = audio(source, sample_rate_hz=RATE_HZ, channels=2)
        return Soundtrack(
            fit(waveform, RATE_HZ, request.duration_s, f"the original audio of {request.clip_id}"), RATE_HZ
        )


def build(preset: str, settings: Settings, device: str) -> GroundTruth:
    """The one ground truth there is."""
    return GroundTruth()


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses clips without original audio."""
    return None if facts.clip_id in facts.audio_clip_ids else _without_sound(facts.clip_id)


def donors(facts: ClipFacts, settings: Settings, seed: int) -> tuple[str, ...]:
    """The clip itself."""
    return (facts.clip_id,)


def _without_sound(clip_id: str) -> str:
    return f"{clip_id} has no original audio; leave ground-truth out for it or import a video with sound"
