"""``manage.py demo``: the whole line on this machine; ``make demo`` calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from studyapp.errors import DuetError
from studyapp.work.demo import Wanted, run


class Command(BaseCommand):
    help = (
        "Make clips and soundtracks, build and open a study, start the web server and the workers, and print the "
        "links for raters, administrator and report. What an earlier run made is used again. Ctrl-C stops it all."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--clips", type=Path, help="A folder or manifest of your own videos.")
        parser.add_argument("--length", type=float, default=10.0, help="Seconds each clip is cut to (10).")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(Wanted(port=options["port"], clips=options["clips"], length_s=options["length"]))
        except KeyboardInterrupt:
            self.stdout.write("\nStopped. The next start goes on from here.")
        except DuetError as error:
            raise CommandError(str(error)) from error
