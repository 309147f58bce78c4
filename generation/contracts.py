"""What a music system is asked, what it answers, and how it refuses.

Nothing here imports torch, so that the web process can plan a study without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from generation.cards import Card

Settings = Mapping[str, Any]
Progress = Callable[[float, str], None]
"""Called with the share done in [0, 1] and a few words on what is being done."""


class GenerationError(Exception):
    """Root of everything this package refuses or cannot do; the message says why and what to do."""


class Failed(GenerationError):
    """A system's own program failed. artefacts: file name to content of what it left that may tell why."""

    def __init__(self, message: str, artefacts: Mapping[str, bytes]) -> None:
        super().__init__(message)
        self.artefacts = artefacts


class OutOfMemory(GenerationError):
    """The device ran out of memory; worth one more try with less at a time."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a system may know of a clip while a study is planned.

    ``audio_clip_ids`` are the clips of the same study whose original audio can be read, ``audio_s`` how many
    seconds each lasts; one that is not among these is as long as it needs to be. ``caption`` is what a system that
    reads text would be given.
    """

    clip_id: str
    duration_s: float
    audio_clip_ids: frozenset[str]
    caption: str = ""
    audio_s: frozenset[tuple[str, float]] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """One order for one soundtrack.

    video: the silent master of the clip (H.264, constant frame rate, upright).
    duration_s: exact length the soundtrack must have, in seconds.
    seed: 0 or more; the same request with the same seed gives the same samples on one machine. Raises
        GenerationError where it is negative, which not every generator of random numbers takes.
    text: the prompt, only ever set for a system that reads text.
    original_audio: clip id to 48 kHz WAV file of the clips' original audio, this clip's own included.
    audio_s: how many seconds of it there are, as in ClipFacts.
    """

    clip_id: str
    video: Path
    duration_s: float
    seed: int
    text: str | None = None
    original_audio: Mapping[str, Path] = field(default_factory=dict)
    audio_s: frozenset[tuple[str, float]] = frozenset()

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise GenerationError(f"the seed {self.seed} is negative; give a whole number, 0 or more")


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """What a system wrote.

    waveform: float32, shape [channels, samples], nominal range [-1, 1].
    artefacts: file name to content of anything worth keeping beside the audio (a MIDI file, say).
    """

    waveform: npt.NDArray[np.float32]
    sample_rate_hz: int
    artefacts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        return float(self.waveform.shape[-1]) / self.sample_rate_hz


class System(Protocol):
    """A music system, built once and asked many times."""

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """Write the soundtrack of one clip, ``request.duration_s`` long to the sample.

        Raises GenerationError when it cannot, OutOfMemory when less at a time might work.
        """
        ...


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """A system as the registry lists it, before anything heavy is imported.

    factory: "module:function"; called as ``factory(preset, settings, device)``, gives a System.
    refusal: "module:function"; called as ``refusal(facts, settings)``, gives one sentence or None. Torch-free.
    donors: "module:function" or None; ``donors(facts, settings, seed)`` names the clips whose original
        audio the soundtrack is made from, so that the cache knows about them. Torch-free.
    inputs: "module:function", or preset to one of its own, or None; ``inputs(facts, settings)`` names what lies
        outside the project and decides what is heard, so that the cache knows about it: files, by their content,
        and words (a command, an address) by themselves. Torch-free.
    built_from_inputs: building reads those files, so one that is kept must be built anew when they change.
    sources: paths inside ``generation/`` that decide what is heard: files, or folders without their subfolders
        (how a network was trained is in its weights).
    weights: preset to files under ``generation/weights``.
    settings: name to default value; a System row may override these and nothing else. Once soundtracks were made
        with it, a default stays: rows, study files and archives leave it out.
    later: settings that came when soundtracks had been made without them. Their defaults do what was done before,
        so digests leave them out while they are at these.
    choices: setting to what it may be, where that is one of a few words.
    options: "module:function" or None; ``options()`` says what settings may be where only this server knows.
    cards: preset to what is to be known of it.
    describe: "module:function" or None; ``describe(settings, card)`` says more of what the settings choose.
    text_optional: it reads a caption where there is one, and does without where there is none.
    loudness_matched: False only for what has no loudness to match.
    """

    key: str
    label: str
    factory: str
    refusal: str
    sources: tuple[str, ...]
    presets: tuple[str, ...] = ("default",)
    donors: str | None = None
    inputs: str | Mapping[str, str] | None = None
    options: str | None = None
    describe: str | None = None
    weights: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    later: frozenset[str] = frozenset()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cards: Mapping[str, Card] = field(default_factory=dict)
    reads_text: bool = False
    text_optional: bool = False
    loudness_matched: bool = True
    built_from_inputs: bool = False
    needs_accelerator: bool = False

    def slug(self, preset: str) -> str:
        """The name under which the system is shown, preset included where there is a choice of size."""
        return self.key if preset == "default" else f"{self.key}-{preset}"
