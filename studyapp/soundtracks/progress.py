"""How the making of a study's soundtracks goes: progress, speed, cost, disk, failures, workers. Reads only."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Avg, Count, F, Max, Q, Sum

from studyapp import blinding, media_store, overview
from studyapp.actions.retrying import failed_alike
from studyapp.actions.stimuli import SILENCE, study_stimuli
from studyapp.models import Stimulus, Study
from studyapp.overview import Generation, SystemProgress
from studyapp.states import StimulusState

CLIPS_NAMED = 5
WORKERS_SINCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Line:
    """One system's part, in seconds of work: ``mean_s`` a soundtrack, ``spent_s`` so far, ``to_come_s`` left.

    mean_s and to_come_s: None before its first soundtrack was timed. untimed: those made before time was measured.
    """

    label: str
    progress: SystemProgress
    mean_s: float | None
    spent_s: float
    untimed: int

    @property
    def unfinished(self) -> int:
        return self.progress.requested + self.progress.rendering

    @property
    def to_come_s(self) -> float | None:
        if not self.unfinished:
            return 0.0
        return None if self.mean_s is None else self.mean_s * (self.unfinished - self.progress.under_way)

    @property
    def spent_hours(self) -> float:
        return core_hours(self.spent_s)

    @property
    def hours_to_come(self) -> float | None:
        return None if self.to_come_s is None else core_hours(self.to_come_s)


@dataclass(frozen=True, slots=True)
class Cost:
    """Core-hours so far and to come, and what they cost at a price of one.

    unknown: labels of systems with work left that were never timed; ``hours_to_come`` is without them.
    """

    hours_so_far: float
    hours_to_come: float
    unknown: tuple[str, ...]
    untimed: int
    price: float | None

    @property
    def money_so_far(self) -> float | None:
        return None if self.price is None else self.price * self.hours_so_far

    @property
    def money_to_come(self) -> float | None:
        return None if self.price is None else self.price * self.hours_to_come


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes: of this study's files, of those still to be made (about), and of the disk they lie on."""

    used: int
    to_come: int
    free: int
    total: int

    @property
    def too_small(self) -> bool:
        return self.to_come > self.free


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Stimuli that failed for one reason; ``sentence`` is that of the first of them."""

    key: str
    sentence: str
    count: int
    systems: tuple[tuple[str, int], ...]
    clips: tuple[str, ...]

    @property
    def clips_left(self) -> int:
        return self.count - len(self.clips)


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that made soundtracks lately, for whichever study."""

    name: str
    seen: datetime
    at_work: bool


@dataclass(frozen=True, slots=True)
class Soundtracks:
    """Everything the page shows."""

    work: Generation
    lines: tuple[Line, ...]
    cost: Cost
    disk: Disk
    failures: tuple[FailureGroup, ...]
    workers: tuple[Worker, ...]
    left: timedelta | None

    @property
    def stalled(self) -> bool:
        """Soundtracks wait, and nobody is at work on any."""
        return self.work.under_way and not any(worker.at_work for worker in self.workers)


def soundtracks(study: Study, *, names: bool, price: float | None, now: datetime) -> Soundtracks:
    """The state of the work; ``price`` of one core-hour. A number of queries that does not grow with the study."""
    work = overview.generation(study, now=now)
    called = blinding.names(study, [system.slug for system in work.systems], shown=names)
    lines = _lines(study, work, called)
    workers = _workers(now)
    to_come_s = sum(line.to_come_s or 0.0 for line in lines)
    at_work = sum(worker.at_work for worker in workers)
    measured = timedelta(seconds=to_come_s / at_work) if to_come_s and at_work else None
    return Soundtracks(
        work=work,
        lines=lines,
        cost=Cost(
            hours_so_far=core_hours(sum(line.spent_s for line in lines)),
            hours_to_come=core_hours(to_come_s),
            unknown=tuple(line.label for line in lines if line.to_come_s is None),
            untimed=sum(line.untimed for line in lines),
            price=price,
        ),
        disk=_disk(study, work.unfinished),
        failures=_failures(study, called),
        workers=workers,
        left=work.left or measured,
    )


def core_hours(seconds: float) -> float:
    """Hours of one core; a worker keeps ``GENERATION_THREADS`` of them busy."""
    return seconds * int(settings.GENERATION_THREADS) / 3600


def _lines(study: Study, work: Generation, called: Mapping[str, str]) -> tuple[Line, ...]:
    ready = study_stimuli(study).ready().order_by().values_list("system__slug")
    rows = ready.annotate(mean=Avg("took_s"), total=Sum("took_s"), untimed=Count("pk") - Count("took_s"))
    timed = {slug: (mean, total or 0.0, untimed) for slug, mean, total, untimed in rows}
    made = [Line(called[system.slug], system, *timed.get(system.slug, (None, 0.0, 0))) for system in work.systems]
    # By what is read: the order of names would tell which letter is whose.
    return tuple(sorted(made, key=lambda line: (len(line.label), line.label)))


def _disk(study: Study, unfinished: int) -> Disk:
    ready = study_stimuli(study).ready().aggregate(used=Sum("file_bytes"), mean=Avg("file_bytes"))
    # Before the first file is there: the picture, and sound at 192 kbit/s.
    guess = 0.0
    if unfinished and not ready["mean"]:
        guess = study.clips.aggregate(mean=Avg(F("master_bytes") + 26_400 * F("duration_s")))["mean"] or 0.0
    place = shutil.disk_usage(media_store.root())
    to_come = round(unfinished * (ready["mean"] or guess))
    return Disk(used=ready["used"] or 0, to_come=to_come, free=place.free, total=place.total)


def _failures(study: Study, called: Mapping[str, str]) -> tuple[FailureGroup, ...]:
    return tuple(
        FailureGroup(
            key=key,
            sentence=rows[0].error,
            count=len(rows),
            systems=tuple(sorted(Counter(called[row.system.slug] for row in rows).items())),
            clips=tuple(row.clip.clip_id for row in rows[:CLIPS_NAMED]),
        )
        for key, rows in failed_alike(study).items()
    )


def _workers(now: datetime) -> tuple[Worker, ...]:
    """Those of the last day, the latest sign of life first. An idle worker shows none."""
    # A row that waits again keeps its last worker's name, while its time is that of the message.
    seen = Stimulus.objects.exclude(state=StimulusState.REQUESTED).exclude(worker="")
    rows = seen.filter(last_sign_of_life__gte=now - WORKERS_SINCE).order_by().values_list("worker")
    busy = Count("pk", filter=Q(state=StimulusState.RENDERING, last_sign_of_life__gte=now - SILENCE))
    found = [
        Worker(name, last, bool(count))
        for name, last, count in rows.annotate(last=Max("last_sign_of_life"), busy=busy)
    ]
    return tuple(sorted(found, key=lambda worker: worker.seen, reverse=True))
