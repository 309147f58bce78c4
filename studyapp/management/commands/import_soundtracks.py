"""Make a system of an outside model's finished files."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from generation.media.formats import SOUNDTRACK_SUFFIXES
from studyapp.actions.systems import import_soundtracks, soundtrack_match
from studyapp.errors import DuetError


class Command(BaseCommand):
    help = "Copy a folder of soundtracks (named after their clip ids) and make a system of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="Audio or video files; the name is the clip id.")
        parser.add_argument("--model", required=True, help="The outside model's name and version.")

    def handle(self, *args: Any, folder: Path, model: str, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder")
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUNDTRACK_SUFFIXES)
        try:
            system = import_soundtracks(model=model, files=_opened(paths), by=None)
            match = soundtrack_match(system)
        except DuetError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{system.slug}: {len(match.matched)} clips matched: {', '.join(match.matched) or 'none'}"
        )
        for name in match.unmatched:
            self.stderr.write(f"{name}: no clip has this id; import its clip or rename the file")


def _opened(paths: list[Path]) -> Iterator[tuple[str, BinaryIO]]:
    for path in paths:
        with path.open("rb") as handle:
            yield path.name, handle
