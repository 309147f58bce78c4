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
        "Import videos as clips. PATH is a folder, or a manifest: Duet's own (CSV or JSON Lines; the columns are "
        "file, clip id, genre, labels, tags, caption, licence, source and start time, and only file is needed), "
        "MusicCaps, a list of YouTube videos as of MV100K or AudioSet, or AIST++ sequences; the header says "
        "which. A folder that holds manifest.csv, manifest.jsonl or manifest.txt is read by it. Ends with status "
        "1 when something was refused; what was good is kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="Folder of videos, or manifest.")
        parser.add_argument("--dataset", help="Name of the collection; the folder's name if left out.")
        parser.add_argument("--licence", default="", help="Of every clip whose manifest says none.")
        parser.add_argument("--length", type=float, default=10.0, help="Seconds each clip is cut to (10).")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            with Bar("Importing clips", unit="clip") as bar:
                report = import_clips(
                    source=path,
                    dataset=options["dataset"] or dataset_name(path),
                    length_s=options["length"],
                    licence=options["licence"],
                    by=None,
                    progress=bar.step,
                )
        except DuetError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Read as: {report.shape}.")
        for refusal in report.refused:
            self.stderr.write(str(refusal))
        if report.ignored:
            self.stdout.write(f"Left alone: {', '.join(report.ignored)}.")
        silent = sum(not clip.audio_file for clip in report.imported)
        without = f" ({silent} without sound)" if silent else ""
        anew = f" ({len(report.updated)} described anew)" if report.updated else ""
        self.stdout.write(
            f"{len(report.imported)} imported{without}, {len(report.known)} known{anew}, "
            f"{len(report.refused)} refused."
        )
        if report.unlabelled:
            self.stdout.write(f"{report.unlabelled} without a genre; the page “Problems” of the clips says why.")
        if report.stopped:
            raise CommandError(report.stopped)
        if report.refused:
            raise SystemExit(1)
