"""Whether this process can serve, and whether workers come: asked by machines, never by people."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from studyapp.actions.alarms import NO_WORKER_AFTER
from studyapp.work import last_worker
from studyapp.work.queues import SHORT


@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200 when the database answers, else 503.

    The broker is left out on purpose: raters need none, and a web process taken out of service because Redis
    is away would stop a running study for nothing.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("database unreachable\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def workers(request: HttpRequest) -> HttpResponse:
    """200 while workers of the short queue come, else 503; and how long ago one took what each sweep sends.

    Those that make soundtracks are left out: one may rightly be at a single soundtrack for an hour. For monitoring
    from outside; no container is taken out of service by it.
    """
    last = last_worker.last()
    if last is None:
        text, fresh = "no worker has come yet", False
    else:
        age = timezone.now() - last
        text, fresh = f"a worker came {age.total_seconds():.0f} s ago", age <= NO_WORKER_AFTER
    text += f"\ncovers queue {SHORT}: sweeps, figures, reports, webhooks; not whoever makes soundtracks\n"
    return HttpResponse(text, status=200 if fresh else 503, content_type="text/plain")


urlpatterns = [
    path("health/", health, name="health"),
    path("health/workers/", workers, name="health-workers"),
]
