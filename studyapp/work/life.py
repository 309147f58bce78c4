"""A worker's hold on one stimulus: taken once, kept alive by a thread, lost when somebody else takes over."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import F
from django.utils import timezone

from studyapp.models import Stimulus
from studyapp.states import StimulusState

logger = logging.getLogger(__name__)

BEAT_S = 1.0
SILENT_BEATS = 3
"""A beat that has nothing new to tell is written every so many beats only."""


class ClaimLost(Exception):
    """The stimulus was taken from this worker, which had been thought dead; its result is not wanted."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one stimulus by one worker. Every write goes through it and tells whether it still holds."""

    stimulus_id: int
    attempt: int
    worker: str

    def write(self, **fields: Any) -> bool:
        return bool(
            Stimulus.objects.filter(
                pk=self.stimulus_id, state=StimulusState.RENDERING, attempt=self.attempt, worker=self.worker
            ).update(**fields)
        )


def claim(stimulus_id: int, worker: str) -> Claim | None:
    """Take a requested stimulus; None when it is not requested any more, which is how a repeated message ends."""
    seen = Stimulus.objects.filter(pk=stimulus_id).values_list("attempt", flat=True).first()
    if seen is None:
        return None
    # Of two workers that saw the same attempt, one finds the row changed.
    taken = Stimulus.objects.filter(pk=stimulus_id, state=StimulusState.REQUESTED, attempt=seen).update(
        state=StimulusState.RENDERING,
        attempt=F("attempt") + 1,
        worker=worker,
        last_sign_of_life=timezone.now(),
        progress=0.0,
        doing="",
        error="",
        sends=0,
    )
    return Claim(stimulus_id, seen + 1, worker) if taken else None


class Life:
    """While open, tells the row once a second what is being done, from a thread of its own.

    One long step of a network never looks like a dead worker, and progress costs the network no database time.
    """

    def __init__(self, held: Claim) -> None:
        self._held = held
        self._told: tuple[float, str] = (0.0, "")
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"life-{held.stimulus_id}", daemon=True)

    def __enter__(self) -> Life:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def progress(self, share: float, doing: str) -> None:
        """Note how far the work is. Raises ClaimLost when it need not be finished."""
        if self._lost.is_set():
            raise ClaimLost
        self._told = (min(1.0, max(0.0, share)), doing[:100])

    def _beat(self) -> None:
        written = self._told
        silent_since = time.monotonic()
        try:
            while not self._over.wait(BEAT_S):
                told = self._told
                if told == written and time.monotonic() - silent_since < SILENT_BEATS * BEAT_S:
                    continue
                try:
                    holds = self._held.write(progress=told[0], doing=told[1], last_sign_of_life=timezone.now())
                except DatabaseError:
                    # A database that is away for a moment must not end the work; the next beat tries again.
                    logger.exception("No sign of life could be written for stimulus %s", self._held.stimulus_id)
                    connection.close()
                    continue
                if not holds:
                    self._lost.set()
                    return
                written, silent_since = told, time.monotonic()
        finally:
            connection.close()
