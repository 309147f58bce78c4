"""A model behind an HTTP address: it is sent a clip as a form and answers with audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from generation.baselines.outside.addresses import problem_with
from generation.baselines.outside.audio_file import RATE_HZ, suffix_of, waveform_of
from generation.baselines.outside.configuration import load
from generation.contracts import ClipFacts, GenerationError, Progress, Request, Settings, Soundtrack


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Asks ``url``, as far as the server's file allows it when the soundtrack is made."""

    url: str
    model: str
    sends_video: bool

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48 kHz stereo, ``request.duration_s`` long; the audio as it was answered is kept as ``answer.*``.

        Raises GenerationError when the address may not be asked, does not answer, or answers no usable audio.
        """
        # Not above: the web process reads refusals from this module and asks nobody.
        from generation.baselines.outside.calling import fetch

        form: dict[str, tuple[str | None, str | bytes, str]] = {
            "clip_id": (None, request.clip_id, "text/plain; charset=utf-8"),
            "duration_s": (None, f"{request.duration_s:.3f}", "text/plain"),
            "seed": (None, str(request.seed), "text/plain"),
        }
        if request.text:
            form["text"] = (None, request.text, "text/plain; charset=utf-8")
        if self.sends_video:
            form["video"] = ("video.mp4", request.video.read_bytes(), "video/mp4")
        with TemporaryDirectory(prefix="duet-endpoint-") as folder:
            answer = Path(folder) / "answer"
            fetch(self.url, form, answer, load(), lambda doing: progress(0.1, doing))
            progress(0.95, f"reading what {self.model} answered")
            waveform = waveform_of(answer, self.model, request.duration_s)
            kept = {f"answer{suffix_of(answer, self.model)}": answer.read_bytes()}
        return Soundtrack(waveform, RATE_HZ, kept)


def build(preset: str, settings: Settings, device: str) -> Endpoint:
    """Raises GenerationError when a setting is missing or the address may not be asked."""
    problem = _problem(settings)
    if problem:
        raise GenerationError(problem)
    return Endpoint(str(settings["url"]).strip(), str(settings["model"]).strip(), settings["sends_video"] == "yes")


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses whatever the clip while a setting is missing or the address may not be asked. Asks nobody."""
    return _problem(settings)


def inputs(facts: ClipFacts, settings: Settings) -> tuple[str, ...]:
    """The address; what runs behind it nobody can see, so that a new version there needs a new `model`."""
    return (str(settings["url"]).strip(),)


def _problem(settings: Settings) -> str | None:
    for name, what in (
        ("url", "the address that is asked"),
        ("model", "which model answers there, with its version"),
    ):
        if not str(settings.get(name, "")).strip():
            return f"endpoint needs the setting `{name}`: {what}"
    if settings.get("sends_video") not in ("yes", "no"):
        return "endpoint needs the setting `sends_video`: yes or no"
    try:
        return problem_with(str(settings["url"]).strip(), load())
    except GenerationError as error:
        return str(error)
