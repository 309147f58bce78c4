"""Write a study to a file that another Duet can read, or make a draft of such a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from studyapp.actions.study_documents import import_study
from studyapp.documents.of_study import document_of
from studyapp.documents.reading import read
from studyapp.documents.schema import renamed
from studyapp.documents.writing import write
from studyapp.errors import DuetError
from studyapp.models import Study, User


class Command(BaseCommand):
    help = "A study's systems, pairs, clips, settings and texts as one YAML file (docs/study-file.md), and back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        ways = parser.add_subparsers(dest="way", required=True)
        out = ways.add_parser("export", help="Write a study to a file.")
        out.add_argument("study", help="The study's short name.")
        out.add_argument("-o", "--output", type=Path, help="The file; printed where none is given.")
        out.add_argument("--codes", action="store_true", help="With completion codes and the panel's address.")
        back = ways.add_parser("import", help="Make a draft of a file.")
        back.add_argument("file", type=Path)
        back.add_argument("--title", help="Instead of the file's.")
        back.add_argument("--short-name", help="Instead of the file's; every study has its own.")
        back.add_argument("--owner", help="User name of whose study it will be; else superusers see it alone.")

    def handle(self, *args: Any, way: str, **options: Any) -> None:
        try:
            if way == "export":
                self._export(options["study"], options["output"], codes=options["codes"])
            else:
                self._import(options["file"], options["title"], options["short_name"], options["owner"])
        except DuetError as error:
            raise CommandError(str(error)) from error

    def _export(self, slug: str, output: Path | None, *, codes: bool) -> None:
        study = Study.objects.filter(slug=slug).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"there is no study {slug!r}; there are: {known}")
        text = write(document_of(study, codes=codes))
        if output is None:
            self.stdout.write(text, ending="")
            return
        output.write_text(text, encoding="utf-8")
        self.stdout.write(str(output))

    def _import(self, file: Path, title: str | None, slug: str | None, owner: str | None) -> None:
        by = User.objects.filter(username=owner, is_staff=True).first() if owner else None
        if owner and by is None:
            raise CommandError(f"there is no researcher {owner!r}; give the user name of a staff account")
        try:
            content = file.read_bytes()
        except OSError as error:
            raise CommandError(
                f"{file} cannot be read ({error.strerror}); give the path of a study file"
            ) from None
        made = import_study(document=renamed(read(content), title=title, slug=slug), by=by)
        self.stdout.write(f"{made.study.slug} is a draft now.")
        for note in made.notes:
            self.stdout.write(note)
