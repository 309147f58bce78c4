"""What must happen although nobody asks for it: silent sessions end, lost work is sent again, rubbish goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from studyapp.actions import datasets, endings, file_checks, personal_data, snapshots, stimuli, webhooks
from studyapp.work import rubbish
from studyapp.work.queues import SHORT

logger = logging.getLogger(__name__)

ANSWER_WITHIN_S = 60.0
"""A message that asks for a sign of life and waits longer is dropped; the next sweep has sent another."""


def sweep(*, now: datetime) -> None:
    """Expire sessions, send abandoned or lost work again, keep figures fresh, remove rubbish.

    Harmless to repeat and to run twice at once. One part that fails does not keep the others from their turn.
    Raises ExceptionGroup after them.
    """
    failed: list[Exception] = []
    parts: tuple[Callable[..., int], ...] = (
        endings.expire_sessions,
        stimuli.requeue_abandoned,
        stimuli.resend_lost,
        datasets.resend_lost,
        file_checks.draw_missing,
        personal_data.purge_due,
        webhooks.resend_due,
        snapshots.keep_fresh,
        rubbish.remove_rubbish,
        ask_for_a_sign,
    )
    for part in parts:
        try:
            part(now=now)
        except Exception as error:
            logger.exception("The sweep's %s.%s failed", part.__module__, part.__name__)
            failed.append(error)
    if failed:
        raise ExceptionGroup("parts of the sweep failed", failed)


def ask_for_a_sign(*, now: datetime) -> int:
    """Send for a worker of the queue that sweeps and reports wait in; ``last_worker`` knows when one came."""
    # tasks.py calls the sweep.
    from studyapp import tasks

    tasks.note_worker.apply_async(queue=SHORT, expires=ANSWER_WITHIN_S)
    return 1
