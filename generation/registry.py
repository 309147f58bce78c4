"""Systems by their key: settings, building, refusals, and the digests that say which version was heard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from generation.cards import Card
from generation.contracts import ClipFacts, GenerationError, Settings, System, SystemSpec
from generation.media.binaries import ffmpeg_version
from generation.systems import SYSTEMS as SYSTEMS
from generation.text.script import prompt_of

ROOM = Path(__file__).parent

_RENDERING = ("media/mux.py", "media/peaks.py", "media/loudness.py", "media/decode.py", "media/command.py")


def spec(key: str) -> SystemSpec:
    """The spec of a system. Raises KeyError naming the options."""
    if key not in SYSTEMS:
        raise KeyError(f"no system {key!r}; there are {', '.join(sorted(SYSTEMS))}")
    return SYSTEMS[key]


def effective_settings(key: str, settings: Settings) -> dict[str, Any]:
    """The spec's defaults overridden by ``settings``.

    Raises ValueError on a name the system does not have, or a value that is none of the setting's choices.
    """
    defaults = spec(key).settings
    unknown = sorted(set(settings) - set(defaults))
    if unknown:
        options = ", ".join(sorted(defaults)) or "none"
        raise ValueError(f"{key} has no setting {', '.join(unknown)}; its settings are: {options}")
    for name, choices in spec(key).choices.items():
        if settings.get(name, defaults[name]) not in choices:
            raise ValueError(f"{key}: {name} {settings[name]!r} is not one of {', '.join(choices)}")
    return {**defaults, **settings}


def same_settings(key: str, one: Settings, other: Settings) -> bool:
    """Whether two settings of a system come to the same, defaults filled in.

    One that the registry has no more equals nothing but itself.
    """
    try:
        return effective_settings(key, one) == effective_settings(key, other)
    except (KeyError, ValueError):
        return one == other


def options(key: str) -> dict[str, tuple[str, ...]]:
    """What settings of a system may be, where that is one of a few words, on this server and now.

    Raises GenerationError where only the server's configuration says it, and cannot be read.
    """
    chosen = spec(key)
    if chosen.options is None:
        return dict(chosen.choices)
    ask: Callable[[], dict[str, tuple[str, ...]]] = _resolve(chosen.options)
    return {**chosen.choices, **ask()}


def card(key: str, preset: str, settings: Settings) -> Card:
    """What is to be known of a system as it is set; what the server no longer lists keeps its plain card."""
    chosen = spec(key)
    plain = chosen.cards[preset]
    if chosen.describe is None:
        return plain
    describe: Callable[[Settings, Card], Card] = _resolve(chosen.describe)
    try:
        return describe(effective_settings(key, settings), plain)
    except GenerationError:
        return plain


def build(key: str, preset: str, settings: Settings, device: str = "cpu") -> System:
    """Build a system, loading its weights. Raises ValueError on an unknown preset or setting."""
    chosen = spec(key)
    if preset not in chosen.presets:
        raise ValueError(f"{key} has no preset {preset!r}; there are {', '.join(chosen.presets)}")
    factory: Callable[[str, Settings, str], System] = _resolve(chosen.factory)
    return factory(preset, effective_settings(key, settings), device)


def refusal(key: str, facts: ClipFacts, settings: Settings) -> str | None:
    """Why a system cannot score a clip, in one sentence, or None when it can."""
    chosen = spec(key)
    if chosen.reads_text and not chosen.text_optional:
        try:
            prompt_of(facts.clip_id, facts.caption)
        except GenerationError as error:
            return str(error)
    judge: Callable[[ClipFacts, Settings], str | None] = _resolve(chosen.refusal)
    return judge(facts, effective_settings(key, settings))


def donors(key: str, facts: ClipFacts, settings: Settings, seed: int) -> tuple[str, ...]:
    """The clips whose original audio this soundtrack will be made from."""
    path = spec(key).donors
    if path is None:
        return ()
    name: Callable[[ClipFacts, Settings, int], tuple[str, ...]] = _resolve(path)
    return name(facts, effective_settings(key, settings), seed)


def inputs_digest(key: str, preset: str, facts: ClipFacts, settings: Settings) -> str:
    """SHA-256 over the outside files and words this soundtrack will be made from; empty without any.

    Raises GenerationError when such a file is missing.
    """
    paths = spec(key).inputs
    if paths is None:
        return ""
    path = paths if isinstance(paths, str) else paths[preset]
    name: Callable[[ClipFacts, Settings], tuple[Path | str, ...]] = _resolve(path)
    digest = hashlib.sha256()
    for source in name(facts, effective_settings(key, settings)):
        if isinstance(source, str):
            digest.update(hashlib.sha256(source.encode()).digest())
            continue
        held = source.stat()
        digest.update(_content(source, held.st_size, held.st_mtime_ns))
    return digest.hexdigest()


# A study asks once for each of its thousands of clips, often about the same files.
@lru_cache(maxsize=4096)
def _content(path: Path, size: int, changed_ns: int) -> bytes:
    """SHA-256 of a file as it was with this size and time of change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def settings_digest(key: str, preset: str, settings: Settings) -> str:
    """SHA-256 of key, preset and effective settings, without those of ``later`` that are at their defaults."""
    chosen = spec(key)
    told = {
        name: value
        for name, value in effective_settings(key, settings).items()
        if name not in chosen.later or value != chosen.settings[name]
    }
    canonical = json.dumps([key, preset, told], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def sources_digest(key: str) -> str:
    """SHA-256 over the source files that decide what this system sounds like, and no others.

    Hashing the whole repository would throw every cached soundtrack away at each commit.
    """
    return _digest_of(spec(key).sources)


def rendering_digest() -> str:
    """SHA-256 over the source files and the ffmpeg that turn a soundtrack into a stimulus file."""
    return hashlib.sha256(f"{_digest_of(_RENDERING)} {ffmpeg_version()}".encode()).hexdigest()


def weights_digest(key: str, preset: str) -> str:
    """SHA-256 over the weight files of a preset; empty for a system without weights.

    Raises GenerationError when one is missing, as all of ``base`` are until somebody installs and trains them.
    """
    files = spec(key).weights.get(preset, ())
    if not files:
        return ""
    digest = hashlib.sha256()
    for name in files:
        path = ROOM / "weights" / name
        if not path.is_file():
            raise GenerationError(
                f"{spec(key).slug(preset)} lacks its weights {path.name} in {path.parent}; "
                f"`python -m generation weights --preset {preset}` says where each part comes from"
            )
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _digest_of(entries: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        path = ROOM / entry
        for source in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(source.relative_to(ROOM).as_posix().encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _resolve(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)
