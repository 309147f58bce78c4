"""Asking for stimuli, and keeping the work on them moving; how one is made is in ``studyapp.work.rendering``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from stat import S_ISREG

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from generation import registry
from generation.contracts import GenerationError
from studyapp import policies
from studyapp.errors import NotReady, WrongState
from studyapp.models import AuditLine, Clip, Comparison, Stimulus, Study, System, User
from studyapp.models.stimulus import StimulusQuerySet
from studyapp.states import StimulusState, StudyState
from studyapp.work.queues import queue_of
from studyapp.work.recipe import recipe_for

SILENCE = timedelta(seconds=30)
"""A worker that shows no sign of life for this long is taken for dead; it shows one every few seconds."""
RESEND_AFTER = timedelta(minutes=2)
RESEND_AT_MOST_EVERY = timedelta(hours=1)
"""Each message that nobody took doubles the wait for the next one, up to this."""
BULKY = ("peaks", "artefacts", "environment", "audio_pool", "text")
"""Columns that lists of many stimuli do without."""
MOST_DEATHS = 3
"""After every so many attempts that ended with a dead worker, a stimulus waits for a researcher instead."""


def audio_pool(study: Study) -> list[Clip]:
    """The clips of a study whose original audio its systems may read."""
    return list(Clip.objects.with_original_audio().filter(studies=study).order_by("pk"))


def request_stimulus(*, clip: Clip, system: System, study: Study, pool: Sequence[Clip] | None = None) -> Stimulus:
    """The stimulus of a clip and a system under a study's seed and loudness, made when it is not there yet.

    One that was rendered for another study is used again, as long as nothing that decides its content differs.
    ``pool`` is ``audio_pool(study)``, for who asks for many and reads it once.
    Raises NotReady or GenerationError when something that the system is made from is missing.
    """
    return ask_for(
        clip=clip,
        system=system,
        seed=study.generation_seed,
        target_lufs=study.target_lufs,
        pool=audio_pool(study) if pool is None else pool,
    )


def ask_for(*, clip: Clip, system: System, seed: int, target_lufs: float, pool: Sequence[Clip]) -> Stimulus:
    """The same for whoever has no study. Raises NotReady or GenerationError."""
    recipe = recipe_for(clip=clip, system=system, seed=seed, target_lufs=target_lufs, pool=pool)
    stimulus, _ = Stimulus.objects.get_or_create(
        key=recipe.key,
        defaults={
            "clip": clip,
            "system": system,
            "text": recipe.text,
            "seed": seed,
            "target_lufs": target_lufs,
            "settings_digest": recipe.settings_digest,
            "weights_digest": recipe.weights_digest,
            "sources_digest": recipe.sources_digest,
            "audio_pool": [member.pk for member in pool] if recipe.reads_audio else [],
        },
    )
    return stimulus


def study_stimuli(study: Study) -> StimulusQuerySet:
    """Every stimulus that the study's design shows."""
    comparisons = study.comparisons.designed()
    return Stimulus.objects.filter(
        Q(pk__in=comparisons.values("stimulus_1")) | Q(pk__in=comparisons.values("stimulus_2"))
    )


def is_whole(name: str, size_bytes: int | None) -> bool:
    """Whether a file lies in the media folder with the size it was measured with; reads none of it."""
    try:
        found = (Path(settings.MEDIA_ROOT) / name).stat()
    except OSError:
        return False
    return S_ISREG(found.st_mode) and size_bytes in (None, found.st_size)


def with_lost_file(stimuli: StimulusQuerySet) -> list[Stimulus]:
    """Those of them that are ready, but whose file is gone from the media folder or of another size."""
    # Thousands are looked at every few seconds while a study's page is open; rows are made of the few lost alone.
    files = stimuli.ready().order_by().values_list("pk", "file", "file_bytes")
    lost = [pk for pk, name, size_bytes in files if not is_whole(name, size_bytes)]
    if not lost:
        return []
    return list(Stimulus.objects.filter(pk__in=lost).select_related("clip", "system").order_by("pk"))


@transaction.atomic
def request_lost(*, study: Study) -> int:
    """Ask anew for the stimuli of the study whose files are lost; returns how many.

    The row keeps the digest of the file it had: what is rendered anew must be the same for answers to rest on it.
    """
    lost = [stimulus.pk for stimulus in with_lost_file(study_stimuli(study))]
    asked = Stimulus.objects.ready().filter(pk__in=lost)
    return asked.update(state=StimulusState.REQUESTED, progress=0.0, last_sign_of_life=None)


@transaction.atomic
def enqueue(*, stimuli: Iterable[Stimulus]) -> int:
    """Send requested stimuli to the workers once the surrounding transaction is through; returns how many.

    The row notes when it was sent, so that the sweeper can send it again should the message be lost.
    """
    waiting = Stimulus.objects.filter(pk__in=[stimulus.pk for stimulus in stimuli], state=StimulusState.REQUESTED)
    sent = list(waiting.select_related("system").order_by("pk"))
    waiting.update(last_sign_of_life=timezone.now(), sends=F("sends") + 1)

    def send() -> None:
        for stimulus in sent:
            _send(stimulus.pk, queue_of(stimulus.system.key))

    # Robust: a broker that is away is logged, and the sweeper sends again; what was asked for stands.
    transaction.on_commit(send, robust=True)
    return len(sent)


def render_stimulus(*, stimulus_id: int, worker: str) -> bool:
    """Make the file of a requested stimulus, in a worker; True when this call made it. Harmless to repeat."""
    from studyapp.work import rendering  # brings numpy and scipy, which the web process does without

    return rendering.render_stimulus(stimulus_id=stimulus_id, worker=worker)


def _send(stimulus_id: int, queue: str) -> None:
    from studyapp import tasks  # a task calls these actions, so it cannot be imported at the top

    tasks.render_stimulus.apply_async((stimulus_id,), queue=queue)


def must_not_be_archived(study: Study) -> None:
    """Raises WrongState for a study whose soundtracks are neither made nor read again."""
    if not policies.works_on_files(StudyState(study.state)):
        raise WrongState(
            f"{study} is {study.standing}; it can be read and exported, and nothing is done with its soundtracks"
        )


@transaction.atomic
def retry_failed(*, study: Study, by: User | None) -> int:
    """Ask again for every failed stimulus of the study; returns how many.

    Raises WrongState for an archived study.
    """
    must_not_be_archived(study)
    failed = study_stimuli(study).filter(state=StimulusState.FAILED)
    again = ask_again(failed)
    AuditLine.write("failed stimuli asked for again", by=by, study=study, stimuli=len(again))
    return len(again)


@transaction.atomic
def retry_one(*, stimulus: Stimulus, by: User | None) -> bool:
    """Ask again for one stimulus that failed; False when it has not, or not any more."""
    again = ask_again(Stimulus.objects.filter(pk=stimulus.pk))
    if again:
        shown = Comparison.objects.filter(Q(stimulus_1=stimulus) | Q(stimulus_2=stimulus))
        studies = Study.objects.filter(pk__in=shown.values("study"))
        AuditLine.write_for(studies, "failed stimulus asked for again", by=by, stimulus=stimulus.pk)
    return bool(again)


def ask_again(asked: StimulusQuerySet) -> list[Stimulus]:
    """Send those of them that have failed, and no others; gives them."""
    again = []
    for stimulus in asked.select_related("clip", "system"):
        # Conditional, for a button may be pressed twice.
        failed = Stimulus.objects.filter(pk=stimulus.pk, state=StimulusState.FAILED)
        if failed.update(state=StimulusState.REQUESTED, progress=0.0, error="", sends=0):
            renew(stimulus)
            again.append(stimulus)
    enqueue(stimuli=again)
    return again


def renew(stimulus: Stimulus) -> None:
    """Let one that has never had a file be made by today's recipe: its cause may have been mended in it.

    Where another row is of that recipe already, or the recipe cannot be written, the old one stands.
    """
    pool = list(Clip.objects.filter(pk__in=stimulus.audio_pool).order_by("pk"))
    try:
        recipe = recipe_for(
            clip=stimulus.clip,
            system=stimulus.system,
            seed=stimulus.seed,
            target_lufs=stimulus.target_lufs,
            pool=pool,
        )
        with transaction.atomic():
            Stimulus.objects.filter(pk=stimulus.pk, file_sha256="").update(
                key=recipe.key,
                text=recipe.text,
                settings_digest=recipe.settings_digest,
                weights_digest=recipe.weights_digest,
                sources_digest=recipe.sources_digest,
            )
    except (NotReady, GenerationError, IntegrityError):
        # The worker says what is wrong, on the row.
        return


@transaction.atomic
def requeue_abandoned(*, now: datetime, silence: timedelta = SILENCE) -> int:
    """Take stimuli from workers that have gone silent and send them again; returns how many were taken."""
    again: list[Stimulus] = []
    abandoned = list(Stimulus.objects.abandoned(silent_since=now - silence))
    for stimulus in abandoned:
        # Only if it is still the attempt that was seen: the worker may have come back, or finished.
        seen = Stimulus.objects.abandoned(silent_since=now - silence).filter(
            pk=stimulus.pk, attempt=stimulus.attempt
        )
        if stimulus.attempt % MOST_DEATHS == 0:
            seen.update(
                state=StimulusState.FAILED,
                doing="",
                error=(
                    f"{stimulus.attempt} attempts ended with a worker that died or was stopped, the last on "
                    f"{stimulus.worker}; look at that worker's log and its memory, then try again."
                ),
            )
        elif seen.update(state=StimulusState.REQUESTED, progress=0.0, doing=""):
            again.append(stimulus)
    enqueue(stimuli=again)
    return len(abandoned)


@transaction.atomic
def resend_lost(*, now: datetime, after: timedelta = RESEND_AFTER) -> int:
    """Send requested stimuli again whose message must have been lost; returns how many.

    They were sent long ago, and nobody has since worked on anything of their queue. A message too many is
    harmless: whoever comes second finds nothing to do. Lest they pile up while no worker runs, each waits twice as
    long as the one before.
    """
    since = now - after
    lost: list[Stimulus] = []
    keys = {queue: [key for key in registry.SYSTEMS if queue_of(key) == queue] for queue in ("gpu", "cpu")}
    for of_queue in keys.values():
        own = Stimulus.objects.filter(system__key__in=of_queue)
        at_work = Q(state=StimulusState.RENDERING, last_sign_of_life__gte=since) | Q(ready_at__gte=since)
        if not own.filter(at_work).exists():
            waiting = own.filter(state=StimulusState.REQUESTED, last_sign_of_life__lt=since)
            lost += [one for one in waiting if now - _sent_at(one) > patience(one.sends, after)]
    return enqueue(stimuli=lost)


def patience(sends: int, first: timedelta = RESEND_AFTER) -> timedelta:
    """How long to wait after so many messages before the next one."""
    # The exponent is held down only to keep the number small; the limit is reached long before.
    doublings: int = min(max(sends - 1, 0), 16)
    return min(first * (1 << doublings), max(first, RESEND_AT_MOST_EVERY))


def _sent_at(stimulus: Stimulus) -> datetime:
    assert stimulus.last_sign_of_life is not None  # the filter above
    return stimulus.last_sign_of_life
