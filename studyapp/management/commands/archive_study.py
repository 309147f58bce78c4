"""Write a whole study to one file, or read one back."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from studyapp.errors import DuetError
from studyapp.models import Study, User


class Command(BaseCommand):
    help = (
        "“archive_study write STUDY -o FILE.zip” puts a closed study into one file, valid Psych-DS; "
        "“archive_study read FILE.zip --by NAME” builds the study of such a file here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        write = what.add_parser("write", help="A closed or archived study into one file.")
        write.add_argument("study", help="The study's short name.")
        write.add_argument("-o", "--output", type=Path, required=True, help="The file, which is not there yet.")
        write.add_argument("--media", action="store_true", help="Put videos and soundtracks in, too.")
        read = what.add_parser("read", help="A study from a file that this command or a dataset wrote.")
        read.add_argument("file", type=Path)
        read.add_argument("--by", required=True, help="User name of the researcher who will own the study.")
        read.add_argument("--slug", default="", help="Another short name, where the study's own is taken.")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        try:
            self.stdout.write(_write(options) if what == "write" else _read(options))
        except (DuetError, OSError) as error:
            raise CommandError(str(error)) from error


def _write(options: dict[str, Any]) -> str:
    from studyapp.actions.archives import write_archive

    study = Study.objects.filter(slug=options["study"]).first()
    if study is None:
        known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none"
        raise CommandError(f"there is no study {options['study']!r}; there are: {known}")
    manifest = write_archive(study=study, target=options["output"], media=options["media"])
    return f"{options['output']}: {manifest.rows['sessions']} sessions, {manifest.rows['responses']} answers"


def _read(options: dict[str, Any]) -> str:
    from studyapp.actions.archives import read_archive

    by = User.objects.filter(username=options["by"]).first()
    if by is None:
        raise CommandError(f"there is no account {options['by']!r}; name the account that will own the study")
    study = read_archive(options["file"], by=by, slug=options["slug"])
    return f"{study.slug}: {study.sessions.count()} sessions, {study.get_state_display().lower()}"
