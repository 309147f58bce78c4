"""Systems: rows made from the registry, and finished soundtracks of outside models."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from generation import registry
from generation.cards import Standing
from generation.contracts import SystemSpec
from generation.media.formats import SOUNDTRACK_SUFFIXES
from studyapp.actions.stimuli import renew
from studyapp.errors import DuetError, WrongState
from studyapp.media_store import IMPORTED, imported, put_folder
from studyapp.models import AuditLine, Clip, Study, System, User
from studyapp.states import StimulusState

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SoundtrackMatch:
    """Which clips an imported system has a file for, and which of its files name no clip."""

    matched: tuple[str, ...]
    unmatched: tuple[str, ...]


@transaction.atomic
def ensure_system(
    *,
    key: str,
    preset: str = "default",
    settings: Mapping[str, Any] | None = None,
    slug: str | None = None,
    label: str | None = None,
    by: User | None,
) -> System:
    """The System row of a registry entry, made when it is not there yet.

    Slug and label carry the preset, so that a tiny stand-in is never taken for the real one.
    Raises DuetError on an unknown key, preset or setting, on a slug or label that hides the preset, and on a
    slug that already means something else.
    """
    chosen = dict(settings or {})
    try:
        spec = registry.spec(key)
        digest = registry.settings_digest(key, preset, chosen)
    except (KeyError, ValueError) as error:
        raise DuetError(str(error.args[0])) from None
    if preset not in spec.presets:
        raise DuetError(f"{key} has no preset {preset!r}; there are {', '.join(spec.presets)}")
    if chosen.get("folder"):
        imported(str(chosen["folder"]))
    slug = slug or spec.slug(preset)
    label = label or _label(spec, preset, chosen)
    for name, value in (("slug", slug), ("label", label)):
        if preset != "default" and preset not in value:
            raise DuetError(f"the {name} {value!r} does not say the preset; put {preset!r} into it")
    values = {"key": key, "preset": preset, "settings": chosen, "label": label, "digest": digest}
    try:
        with transaction.atomic():
            system, made = System.objects.get_or_create(slug=slug, defaults=values)
    except IntegrityError as error:
        raise DuetError(f"the system {slug!r} could not be made: {error}") from None
    if (system.key, system.preset) != (key, preset):
        raise DuetError(
            f"the system {slug!r} exists and is another ({system.key}, preset {system.preset}); "
            "give this one a slug of its own"
        )
    if not registry.same_settings(key, system.settings, chosen):
        raise DuetError(
            f"the system {slug!r} exists with other settings ({system.settings}); give these a slug of their own"
        )
    if made:
        AuditLine.write("system made", by=by, system=slug, digest=digest)
    return system


@transaction.atomic
def change_settings(*, system: System, settings: Mapping[str, Any], by: User | None) -> System:
    """Give a system other settings, as long as no soundtrack was made with those it has.

    What was asked for and not made yet is asked for anew, by the new settings. A draft that compares the system
    has to build its design again. Raises WrongState once a soundtrack exists or is being made, DuetError on
    settings that the system does not take.
    """
    system = System.objects.select_for_update().get(pk=system.pk)
    if system.key == "imported":
        raise WrongState(f"{system.slug} is its files; bring other files under another name instead")
    # Locked, lest a worker take one between this look and its renewal.
    asked = list(system.stimuli.select_for_update(of=("self",)).select_related("clip").order_by("pk"))
    made = sum(bool(stimulus.file_sha256) for stimulus in asked)
    if made:
        raise WrongState(
            f"{made} soundtracks were made with the settings of {system.slug}; add a system with other settings "
            "and a slug of its own instead"
        )
    if any(stimulus.state == StimulusState.RENDERING for stimulus in asked):
        raise WrongState(f"{system.slug} is at work on a soundtrack; wait until it is done or has failed")
    before = system.settings
    spec = registry.spec(system.key)
    own_label = system.label != _label(spec, system.preset, before)
    try:
        system.digest = registry.settings_digest(system.key, system.preset, dict(settings))
    except (KeyError, ValueError) as error:
        raise DuetError(str(error.args[0])) from None
    system.settings = dict(settings)
    if not own_label:
        system.label = _label(spec, system.preset, system.settings)
    system.save(update_fields=["settings", "digest", "label"])
    for stimulus in asked:
        stimulus.system = system
        renew(stimulus)
    AuditLine.write_for(
        Study.objects.with_system(system),
        "system's settings changed",
        by=by,
        system=system.slug,
        before=before,
        after=system.settings,
    )
    return system


def _label(spec: SystemSpec, preset: str, settings: Mapping[str, Any]) -> str:
    """What the system is called in reports: an outside one by its own name."""
    card = registry.card(spec.key, preset, settings)
    own = str(settings.get("model", "")).strip() or card.name
    if card.standing == Standing.OUTSIDE and own:
        return f"{own} ({Standing.OUTSIDE})"
    return spec.label if preset == "default" else f"{spec.label} ({preset})"


def import_soundtracks(*, model: str, files: Iterable[tuple[str, BinaryIO]], by: User | None) -> System:
    """Keep finished audio or video files of an outside model and make a system of them.

    files: (name, open file) pairs; a file belongs to the clip whose id is its name without the suffix. The folder
    carries a digest of the files, so that other files under the same model name are refused, never mixed in.
    Raises DuetError when there is nothing to keep, on names that cannot be used, and on a model name already
    taken by other files.
    """
    slug = f"imported-{slugify(model)}"
    if slug == "imported-":
        raise DuetError(f"the model name {model!r} has no letter or digit; give the model's name")
    media = Path(django_settings.MEDIA_ROOT)
    home = media / IMPORTED / slug
    incoming = home / f".incoming-{secrets.token_hex(6)}"
    incoming.mkdir(parents=True)
    try:
        folder = home / _keep(files, incoming)[:16]
        with transaction.atomic():
            system = ensure_system(
                key="imported",
                settings={"folder": str(folder.relative_to(media)), "model": model},
                slug=slug,
                label=f"{model} (imported)",
                by=by,
            )
            if not folder.exists():
                put_folder(incoming, str(folder.relative_to(media)))
            match = soundtrack_match(system)
            about = {"system": slug, "matched": match.matched, "unmatched": match.unmatched}
            AuditLine.write_for(Study.objects.with_system(system), "soundtracks imported", by=by, **about)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return system


def soundtrack_match(system: System) -> SoundtrackMatch:
    """Compare an imported system's files with the clips there are.

    Raises DuetError for a system of another kind.
    """
    if system.key != "imported":
        raise DuetError(f"{system.slug} is not made of imported files")
    folder = Path(system.placed_settings["folder"])
    if not folder.is_dir():
        raise DuetError(
            f"the files of {system.slug} are gone from {folder}; restore them, or bring the same files again"
        )
    stems = {path.stem: path.name for path in sorted(folder.iterdir())}
    known = set(Clip.objects.filter(clip_id__in=stems).values_list("clip_id", flat=True))
    return SoundtrackMatch(
        matched=tuple(sorted(known)),
        unmatched=tuple(name for stem, name in stems.items() if stem not in known),
    )


def _keep(files: Iterable[tuple[str, BinaryIO]], folder: Path) -> str:
    """Copy the files and return a SHA-256 over their names and contents."""
    kept: dict[str, tuple[str, str]] = {}
    for given, source in files:
        # An upload's name is the sender's: only its last part is used, whichever slash it came with.
        name = PurePosixPath(given.replace("\\", "/")).name
        path = PurePosixPath(name)
        if path.suffix.lower() not in SOUNDTRACK_SUFFIXES or path.stem.startswith("."):
            options = ", ".join(SOUNDTRACK_SUFFIXES)
            raise DuetError(f"{name!r} is not an audio or video file; the name must end in one of {options}")
        if path.stem in kept:
            raise DuetError(
                f"{kept[path.stem][0]!r} and {name!r} name the same clip {path.stem!r}; keep one of them"
            )
        kept[path.stem] = (name, _copy(source, folder / name))
    if not kept:
        raise DuetError("there is no file to import; name each file after its clip id, e.g. clip1.wav")
    return hashlib.sha256(json.dumps(sorted(kept.values())).encode()).hexdigest()


def _copy(source: BinaryIO, target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as handle:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            handle.write(chunk)
    if target.stat().st_size == 0:
        raise DuetError(f"{target.name!r} is empty; export it again")
    return digest.hexdigest()
