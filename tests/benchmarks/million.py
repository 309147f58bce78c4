"""Every admin list and page, and every research page of a study, with a million answers in the database.

    python -m tests.benchmarks.million                      SQLite, in a folder that is deleted after it
    .ci/with-postgres python -m tests.benchmarks.million    PostgreSQL
    … --keep FOLDER                                         build once, measure often (SQLite)

Each page is asked for several times through Django's test client, by an owner of the study and, for lists, by an
administrator. Printed: median and worst, the time that this process was busy (which, on a machine that others use
too, is the better figure; a PostgreSQL server's own time is not in it), queries and bytes. Fails on a median over
300 ms, or on more queries than a page may take.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ALLOWED_MS = 300
MOST_QUERIES = 40
ASKED = 5
SESSIONS = 25_000
WIDTH = 52
SLOWEST_QUERY_SHOWN = 180
FURTHER = {
    "research-raters": ("breaking=1", "page=400"),
    "research-sessions": ("page=400", "flagged=on"),
    "research-plan": ("count=1",),
}
"""What else a page may be asked for, where that costs more."""


@dataclass(frozen=True, slots=True)
class Page:
    """One address, and who asks for it."""

    name: str
    address: str
    who: str = "owner"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a page took."""

    page: Page
    status: int
    median_ms: float
    worst_ms: float
    busy_ms: float
    size: int
    queries: int
    slowest_ms: float
    slowest: str

    @property
    def is_late(self) -> bool:
        return self.median_ms > ALLOWED_MS

    @property
    def asks_too_much(self) -> bool:
        return self.queries > MOST_QUERIES


def main() -> int:
    arguments = _arguments()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        return _measured_in(arguments.keep, arguments)
    with tempfile.TemporaryDirectory(prefix="duet-million-") as folder:
        return _measured_in(Path(folder), arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="a folder that keeps the database")
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="40 answers each")
    parser.add_argument("--only", default="", help="pages whose name has these letters")
    parser.add_argument("--without", default="\n", help="leave out pages whose name has these letters")
    parser.add_argument("--asked", type=int, default=ASKED, help="how often each page is asked for")
    return parser.parse_args()


def _measured_in(folder: Path, arguments: argparse.Namespace) -> int:
    os.environ["DUET_VAR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "studyapp.settings"
    # What goes wrong is in the table; a page that fails must not drown it.
    logging.disable(logging.CRITICAL)
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.ALLOWED_HOSTS = ["testserver"]
    # WhiteNoise warns of a folder that is not there.
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    call_command("migrate", interactive=False, verbosity=0)
    from studyapp.models import Response, Study

    if not Study.objects.filter(slug="million").exists():
        from tests.benchmarks.million_rows import build

        began = time.perf_counter()
        build(arguments.sessions)
        print(f"built in {time.perf_counter() - began:.0f} s")
    from django.db import connection

    print(f"{connection.vendor}, {Response.objects.count()} answers, {os.cpu_count()} cores")
    print(f"{'page':{WIDTH}}  {'who':13}  status  median   worst    busy  queries    kB  ≤ {ALLOWED_MS} ms")
    found = []
    for page in _pages():
        if arguments.only in page.name and arguments.without not in page.name:
            found.append(_ask(page, arguments.asked))
            _print(found[-1])
    late = [one for one in found if one.is_late]
    print(
        f"{len(found)} pages, {len(late)} over {ALLOWED_MS} ms, worst {max(one.worst_ms for one in found):.0f} ms"
    )
    return 1 if any(one.is_late or one.asks_too_much or one.status >= 500 for one in found) else 0


def _pages() -> Iterator[Page]:
    from tests.studyapp.researcher_pages import admin_pages, study_pages

    for name, address in admin_pages():
        yield Page(name, address)
        if name.endswith("list"):
            yield Page(name, address, "administrator")
    for name, address in study_pages("million"):
        yield Page(name, address)
        for asked in FURTHER.get(name, ()):
            yield Page(f"{name} ?{asked}", f"{address}?{asked}")


def _ask(page: Page, asked: int) -> Measured:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from studyapp.models import User

    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username=page.who))
    took, busy = [], []
    # The first asking warms templates and caches, as every one but the first does in a worker.
    client.get(page.address)
    for _ in range(asked):
        began, busy_before = time.perf_counter(), time.process_time()
        response = client.get(page.address)
        content = response.getvalue()
        took.append(1000 * (time.perf_counter() - began))
        busy.append(1000 * (time.process_time() - busy_before))
        if took[0] > 10 * ALLOWED_MS:
            break
    with CaptureQueriesContext(connection) as queries:
        client.get(page.address)
    slowest = max(queries.captured_queries, key=lambda query: float(query["time"]), default={"time": 0, "sql": ""})
    return Measured(
        page,
        response.status_code,
        median(took),
        max(took),
        median(busy),
        len(content),
        len(queries),
        1000 * float(slowest["time"]),
        str(slowest["sql"]),
    )


def _print(one: Measured) -> None:
    said = "LATE" if one.is_late else "MANY QUERIES" if one.asks_too_much else "yes"
    figures = (
        f"{one.median_ms:6.0f}  {one.worst_ms:6.0f}  {one.busy_ms:6.0f}  {one.queries:7d}  {one.size / 1000:4.0f}"
    )
    print(f"{one.page.name:{WIDTH}}  {one.page.who:13}  {one.status:6d}  {figures}  {said}", flush=True)
    if one.is_late:
        print(f"    {one.slowest_ms:.0f} ms: {one.slowest[:SLOWEST_QUERY_SHOWN]}")


if __name__ == "__main__":
    sys.exit(main())
