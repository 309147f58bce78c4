"""``manage.py work``: the workers this machine wants, and the sweeper, until Ctrl-C."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from studyapp.errors import DuetError
from studyapp.work.supervisor import Supervisor, worker_programs


class Command(BaseCommand):
    help = (
        "Run the work queue on this machine: with a CUDA device one worker for it and one for the rest, without "
        "one worker for everything; and the sweeper. Ctrl-C stops it all. DUET_DEVICE=cpu or cuda decides instead."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Supervisor(logs=settings.VAR / "log") as supervisor:
                for program in worker_programs():
                    supervisor.start(program)
                    self.stdout.write(f"{program.name} started; its log is {supervisor.log_of(program)}")
                supervisor.wait_until(lambda: False)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        except DuetError as error:
            raise CommandError(str(error)) from error
