"""``manage.py import_clips PATH``: a folder of videos, or a manifest, becomes clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from studyapp.actions.clips import dataset_name, import_clips
from studyapp.errors import DuetError
from studyapp.work.progress import Bar


class Command(BaseCommand):
    help = (
        "Import videos as clips. PATH is a folder, or a manifest (CSV or JSON Lines) with the columns file, "
        "clip id, genre, caption, licence and start time; only file is needed. A folder that holds "
        "manifest.csv or manifest.jsonl is read by it. Ends with status 1 when something was refused; what was "
        "good is kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="Folder of videos, or manifest.")
        parser.add_argument("--dataset", help="Name of the collection; the folder's name if left out.")
        parser.add_argument("--length", type=float, default=10.0, help="Seconds each clip is cut to (10).")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            with Bar("Importing clips", unit="clip") as bar:
                report = import_clips(
                    source=path,
                    dataset=options["dataset"] or dataset_name(path),
                    length_s=options["length"],
                    by=None,
                    progress=bar.step,
                )
        except DuetError as error:
            raise CommandError(str(error)) from error
        for refusal in report.refused:
            self.stderr.write(str(refusal))
        if report.ignored:
            self.stdout.write(f"Left alone, not videos by their names: {', '.join(report.ignored)}.")
        silent = sum(not clip.audio_file for clip in report.imported)
        without = f" ({silent} without sound)" if silent else ""
        anew = f" ({len(report.updated)} described anew)" if report.updated else ""
        self.stdout.write(
            f"{len(report.imported)} imported{without}, {len(report.known)} known{anew}, "
            f"{len(report.refused)} refused."
        )
        if report.refused:
            raise SystemExit(1)
