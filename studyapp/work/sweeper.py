"""What must happen although nobody asks for it: silent sessions end, lost work is sent again."""

from __future__ import annotations

from datetime import datetime

from studyapp.actions import datasets, sessions, stimuli


def sweep(*, now: datetime) -> None:
    """Expire sessions and send abandoned or lost work again. Harmless to repeat and to run twice at once."""
    sessions.expire_sessions(now=now)
    stimuli.requeue_abandoned(now=now)
    stimuli.resend_lost(now=now)
    datasets.resend_lost(now=now)
