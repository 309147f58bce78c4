"""What must happen although nobody asks for it: silent sessions end, lost work is sent again."""

from __future__ import annotations

import logging
from datetime import datetime

from studyapp.actions import datasets, sessions, stimuli

logger = logging.getLogger(__name__)


def sweep(*, now: datetime) -> None:
    """Expire sessions and send abandoned or lost work again. Harmless to repeat and to run twice at once.

    One part that fails does not keep the others from their turn. Raises ExceptionGroup after them.
    """
    failed: list[Exception] = []
    for part in (sessions.expire_sessions, stimuli.requeue_abandoned, stimuli.resend_lost, datasets.resend_lost):
        try:
            part(now=now)
        except Exception as error:
            logger.exception("The sweep's %s.%s failed", part.__module__, part.__name__)
            failed.append(error)
    if failed:
        raise ExceptionGroup("parts of the sweep failed", failed)
