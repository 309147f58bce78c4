"""Trying a system on one clip before it goes into a study: the same rendering, asked for by hand."""

from __future__ import annotations

from django.db import transaction

from generation import registry
from generation.contracts import ClipFacts, GenerationError
from studyapp import rights
from studyapp.actions.stimuli import ask_for, enqueue
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Clip, Stimulus, Study, System, User
from studyapp.work.recipe import audio_seconds

SEED = 1
TARGET_LUFS: float = Study._meta.get_field("target_lufs").get_default()
SHOWN = 6


def find_clip(name: str) -> Clip:
    """The clip of a name, or of dataset/name where several are called so. Raises DuetError naming the choice."""
    dataset, _, clip_id = name.strip().rpartition("/")
    found = Clip.objects.filter(clip_id=clip_id)
    found = found.filter(dataset=dataset) if dataset else found
    clips = list(found.order_by("dataset")[:5])
    if not clips:
        raise DuetError(f"there is no clip {name.strip()!r}; choose one of the list, or import it first")
    if len(clips) > 1:
        options = ", ".join(f"{clip.dataset}/{clip.clip_id}" for clip in clips)
        raise DuetError(f"several clips are called {name.strip()!r}; write one of {options}")
    return clips[0]


def try_on(*, system: System, clip: Clip, by: User | None) -> Stimulus:
    """Ask for the soundtrack of one clip with the first seed, at the usual loudness.

    The system may read the original audio of the clip's whole dataset. Raises DuetError with the system's own
    reason where it cannot score the clip.
    """
    pool = list(Clip.objects.with_original_audio().filter(dataset=clip.dataset).order_by("pk"))
    sounding = frozenset(one.clip_id for one in pool)
    facts = ClipFacts(clip.clip_id, clip.duration_s, sounding, clip.caption, audio_seconds(pool))
    try:
        # Both may read files, so they come before anything is locked.
        reason = registry.refusal(system.key, facts, system.placed_settings)
        if reason:
            raise DuetError(reason)
        stimulus = ask_for(clip=clip, system=system, seed=SEED, target_lufs=TARGET_LUFS, pool=pool)
    except GenerationError as error:
        raise DuetError(str(error)) from None
    with transaction.atomic():
        studies = Study.objects.with_system(system)
        AuditLine.write_for(studies, "system tried", by=by, system=system.slug, clip=str(clip))
        # One that failed waits for its own button, with its reason to be read.
        enqueue(stimuli=[stimulus])
    return stimulus


def latest(system: System, *, to: User) -> list[Stimulus]:
    """What the system was last asked for, here or by studies, the newest first; by name to who may know of it."""
    asked_for = rights.told_by_name(Stimulus.objects.filter(system=system), to=to)
    return list(asked_for.select_related("clip").order_by("-requested_at", "-pk")[:SHOWN])
