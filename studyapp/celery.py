"""The Celery app: two queues, late acknowledgement, no result backend (the Stimulus row is the truth)."""

from __future__ import annotations

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")

app = Celery("duet")
app.config_from_object(
    {
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "task_default_queue": "cpu",
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        "timezone": "UTC",
    }
)
app.conf.broker_url = settings.CELERY_BROKER_URL if settings.configured else None
app.autodiscover_tasks(["studyapp"])
