"""For which clips Riffusion can paint music, and what it is made from. Nothing here imports torch."""

from __future__ import annotations

from pathlib import Path

from generation import places
from generation.contracts import ClipFacts, GenerationError, Settings
from generation.places import path_of
from generation.text import weights

SHORTEST_S, LONGEST_S = 1.0, 30.5
MOST_STEPS = 1000
GUIDANCE = {"tiny": 2.0, "v1": 7.0}
"""The published model's; at 7 tiny's pictures grow black and blurred."""
INDEX = "model_index.json"
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
"""A pipeline's folders in diffusers' layout."""


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Why not this clip, in one sentence, or None: it needs a fitting length and sane settings."""
    try:
        require_length(facts.clip_id, facts.duration_s)
        guidance_of(settings, "v1")
        steps_of(settings)
    except GenerationError as error:
        return str(error)
    return None


def require_length(clip_id: str, duration_s: float) -> None:
    """Raises GenerationError for a clip that is too short or too long."""
    if duration_s < SHORTEST_S:
        raise GenerationError(f"{clip_id} lasts {duration_s:.2f} s; Riffusion needs at least {SHORTEST_S:g} s")
    if duration_s > LONGEST_S:
        raise GenerationError(
            f"{clip_id} lasts {duration_s:.2f} s; Riffusion paints one picture of up to 30 s, so cut it shorter"
        )


def guidance_of(settings: Settings, preset: str) -> float:
    """How strongly the text pulls: ``auto`` is the preset's own. Raises GenerationError unless it is 0 to 50."""
    if settings["guidance"] == "auto":
        return GUIDANCE[preset]
    guidance = _number(settings, "guidance")
    if not 0 <= guidance <= 50:
        raise GenerationError(f"guidance {guidance:g} is outside 0..50; give auto, or a number such as 7")
    return guidance


def steps_of(settings: Settings) -> int:
    """Steps from noise to picture. Raises GenerationError when they are not a whole number from 1 to 1000."""
    steps = _number(settings, "steps")
    if not 1 <= steps <= MOST_STEPS or steps != int(steps):
        raise GenerationError(
            f"steps {steps:g} is not a whole number in 1..{MOST_STEPS}; the published model's is 30"
        )
    return int(steps)


def tiny_inputs(facts: ClipFacts, settings: Settings) -> tuple[Path, ...]:
    """What tiny reads the prompt with."""
    return weights.files()


def v1_inputs(facts: ClipFacts, settings: Settings) -> tuple[str, ...]:
    """Which model v1 was asked for: of the hub by its name and revision, whatever the cache holds by now.

    A local folder's files count by name, size and time, for hashing gigabytes for each clip takes minutes. Raises
    GenerationError for a folder that holds no pipeline or cannot be read.
    """
    model = str(settings["model"])
    folder = model_folder(model)
    if folder is None:
        return (f"{model} at {revision_of(settings)}",)
    try:
        held = [folder / INDEX, *(path for part in PARTS for path in sorted((folder / part).glob("*")))]
        return tuple(
            f"{path.relative_to(folder).as_posix()} {path.stat().st_size} {path.stat().st_mtime_ns}"
            for path in held
        )
    except OSError as error:
        raise GenerationError(f"`model`: the folder {model!r} cannot be read ({error.strerror})") from None


def model_folder(model: str) -> Path | None:
    """The folder that ``model`` names, None where it names none. Raises GenerationError unless it has an index."""
    folder = path_of("model", model)
    if not places.is_dir("model", folder):
        return None
    if not places.is_file("model", folder / INDEX):
        raise GenerationError(
            f"the folder {model!r} holds no whole diffusers pipeline ({INDEX} is missing); copy the model there "
            "again"
        )
    return folder


def revision_of(settings: Settings) -> str:
    """Which branch, tag or commit of a hub's model. Raises GenerationError where none is named."""
    revision = str(settings["revision"]).strip()
    if not revision:
        raise GenerationError("revision is empty; give main, or a tag or commit of the model on the hub")
    return revision


def _number(settings: Settings, name: str) -> float:
    try:
        return float(settings[name])
    except (TypeError, ValueError) as error:
        raise GenerationError(f"{name} {settings[name]!r} is not a number") from error
