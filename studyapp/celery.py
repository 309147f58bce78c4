"""The Celery app: queues, late acknowledgement, no result backend (the rows are the truth)."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import beat_init
from django.conf import settings
from kombu.entity import Exchange, Queue

from studyapp.work import transport, watch
from studyapp.work.queues import CPU, QUEUES, SHORT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")

SWEEP_EVERY_S = 15.0  # also how often the supervisor of ``manage.py work`` sweeps

transport.register()
app = Celery("duet")
app.config_from_object(
    {
        # Named in full: Celery would bind a bare queue under the default queue's key, and each would get all.
        "task_queues": [Queue(name, Exchange("duet", type="direct"), routing_key=name) for name in QUEUES],
        "task_default_queue": CPU,
        "task_create_missing_queues": False,
        # A rendering names its queue when it is sent: it depends on the system.
        "task_routes": {
            "studyapp.tasks.build_dataset": {"queue": SHORT},
            "studyapp.tasks.deliver_webhook": {"queue": SHORT},
            "studyapp.tasks.simulate_pilot": {"queue": SHORT},
            "studyapp.tasks.sweep": {"queue": SHORT},
        },
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "broker_connection_retry_on_startup": True,
        "timezone": "UTC",
        "beat_schedule": {
            "sweep": {
                "task": "studyapp.tasks.sweep",
                "schedule": SWEEP_EVERY_S,
                # A sweep that waited until the next one is sent has become superfluous.
                "options": {"expires": SWEEP_EVERY_S},
            }
        },
    }
)
app.conf.broker_url = settings.CELERY_BROKER_URL
# The embedded broker has no broadcast, which is what remote control needs.
app.conf.worker_enable_remote_control = not transport.is_embedded(settings.CELERY_BROKER_URL)
app.autodiscover_tasks(["studyapp"])
# Held on to: a signal forgets what nobody else holds.
beat_init.connect(watch.begin, weak=False)
