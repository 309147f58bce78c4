"""What the scheduler sees to itself: alarms that come with time alone, such as that no worker comes.

The sweep looks for them too, but deployed it is a worker's: where none runs, nobody would be told. E-mail goes
out from here; webhooks are tasks of workers and wait for one.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from django.utils import timezone

logger = logging.getLogger(__name__)
EVERY_S = 60.0


def begin(**_: Any) -> None:
    """Look every minute for as long as this process lives; connected to celery's ``beat_init``."""
    threading.Thread(target=_keep_looking, name="alarms", daemon=True).start()


def look() -> None:
    """Once. A database that is away now may be back next time."""
    from django.db import connection

    from studyapp.actions import snapshots  # celery's app is made before Django's models are

    try:
        snapshots.look_for_alarms(now=timezone.now())
    except Exception:
        logger.exception("Alarms could not be looked for; that is tried again in %s s", EVERY_S)
    finally:
        connection.close()


def _keep_looking() -> None:
    while True:
        time.sleep(EVERY_S)
        look()
