"""Finished audio or video files of any outside model, matched to clips by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generation import places
from generation.baselines.fit import MISSING_S, fit, too_short
from generation.contracts import ClipFacts, GenerationError, Progress, Request, Settings, Soundtrack
from generation.media.decode import audio
from generation.media.errors import MediaError
from generation.media.formats import SOUNDTRACK_SUFFIXES
from generation.media.probe import probe
from generation.places import path_of

RATE_HZ = 48_000


@dataclass(frozen=True, slots=True)
class Imported:
    """Plays back the file of ``folder`` whose stem is the clip's id, whatever the seed."""

    folder: str
    model: str

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48 kHz stereo, cut or padded by up to 0.5 s. Raises GenerationError naming what is missing."""
        source = match(self.folder, request.clip_id)
        progress(0.0, f"reading {source.name}")
        waveform = audio(source, sample_rate_hz=RATE_HZ, channels=2)
        return Soundtrack(fit(waveform, RATE_HZ, request.duration_s, source.name), RATE_HZ)


def build(preset: str, settings: Settings, device: str) -> Imported:
    """Raises GenerationError when folder or model is not set."""
    problem = _unset(settings)
    if problem:
        raise GenerationError(problem)
    return Imported(str(settings["folder"]), str(settings["model"]))


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses a clip without exactly one matching file that has sound and is long enough."""
    problem = _unset(settings)
    if problem:
        return problem
    try:
        source = match(str(settings["folder"]), facts.clip_id)
        info = probe(source)
    except GenerationError as error:
        return str(error)
    if not info.has_audio:
        return f"{source.name} has no sound; give a file with an audio track"
    if facts.duration_s - info.duration_s > MISSING_S:
        return too_short(source.name, info.duration_s, facts.duration_s)
    return None


def inputs(facts: ClipFacts, settings: Settings) -> tuple[Path, ...]:
    """The matched file: its content belongs into the key of whatever is cached of it."""
    return (match(str(settings["folder"]), facts.clip_id),)


def match(folder: str, clip_id: str) -> Path:
    """The one file of ``folder`` named after the clip. Raises GenerationError when there are none or several."""
    place = path_of("folder", folder)
    if not places.is_dir("folder", place):
        raise MediaError(f"the folder {folder!r} does not exist; set `folder` to where the finished files are")
    held = places.entries("folder", place)
    found = [path for path in held if path.stem == clip_id and path.suffix.lower() in SOUNDTRACK_SUFFIXES]
    if not found:
        endings = " ".join(SOUNDTRACK_SUFFIXES)
        raise MediaError(f"{place.name} holds no file named {clip_id} with one of {endings}; add {clip_id}.wav")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise MediaError(f"{place.name} holds several files for {clip_id}: {names}; keep one of them")
    return found[0]


def _unset(settings: Settings) -> str | None:
    for name, what in (("folder", "where the finished files are"), ("model", "which model made them")):
        if not str(settings.get(name, "")).strip():
            return f"imported needs the setting `{name}`: {what}"
    return None
