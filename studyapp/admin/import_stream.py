"""An import that takes minutes, as one page that grows while it goes on.

The page's first half goes out at once, a line for each file follows as it is done, the report and the second half
come last. So no proxy gives up waiting, and who imports sees how far it is. The import runs in a thread of its own
and goes on to its end when the browser leaves; importing again repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from django.db import connections
from django.http import StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html

from studyapp.actions.clips import ImportProgress, ImportReport
from studyapp.admin import refusals
from studyapp.errors import DuetError
from studyapp.manifest import grouped

MARK = "<!--import-->"
"""Where in the page the lines and the report go."""
KEEP_ALIVE_S = 5.0
LISTED_CLIPS = 200

Work = Callable[[ImportProgress], ImportReport]
_Step = tuple[int, int, str]
_Event = _Step | ImportReport | DuetError


def streamed(page: str, work: Work) -> StreamingHttpResponse:
    """Answer with ``page``, which holds MARK once, while ``work`` is done."""
    response = StreamingHttpResponse(_parts(page, work))
    # nginx would collect the lines until there are many.
    response["X-Accel-Buffering"] = "no"
    response["Cache-Control"] = "no-store"
    return response


def _parts(page: str, work: Work) -> Iterator[str]:
    events: SimpleQueue[_Event] = SimpleQueue()
    Thread(target=_run, args=(work, events), name="import-clips").start()
    head, _, tail = page.partition(MARK)
    yield head
    while True:
        try:
            event = events.get(timeout=KEEP_ALIVE_S)
        except Empty:
            yield "\n"
            continue
        if not isinstance(event, tuple):
            break
        yield format_html('<li data-done="{}" data-total="{}">{}</li>\n', *event)
    yield render_to_string("admin/studyapp/clip/_report.html", _told(event))
    yield tail


def _told(event: ImportReport | DuetError) -> dict[str, Any]:
    """What the report's template shows: a few whole, or thousands by reason with a file of them all."""
    if isinstance(event, DuetError):
        return {"error": event}
    return {
        "report": event,
        "groups": grouped(event.refused),
        "imported": event.imported[:LISTED_CLIPS],
        "dataset": event.imported[0].dataset if event.imported else event.known[0].dataset if event.known else "",
        "key": refusals.written(event.refused) if len(event.refused) > refusals.LISTED else "",
    }


def _run(work: Work, events: SimpleQueue[_Event]) -> None:
    try:
        events.put(work(lambda done, total, name: events.put((done, total, name))))
    except DuetError as error:
        events.put(error)
    except BaseException:
        events.put(DuetError("The import broke off; the server's log says more. What was imported stays."))
        raise
    finally:
        # This thread's own; nobody else will.
        connections.close_all()
