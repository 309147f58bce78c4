"""Write a study's design, or its ratings, to a file."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from studyapp.actions.studies import design_csv, design_rows
from studyapp.errors import DuetError
from studyapp.models import Study
from studyapp.results.exports import ratings_frame, write_ratings


class Command(BaseCommand):
    help = "Export the design (.csv, .json; also before the study opens) or the ratings (.csv, .parquet)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="The study's short name.")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--design", action="store_true", help="The plan: one line per trial.")
        what.add_argument("--ratings", action="store_true", help="The answers: one line per trial and question.")
        parser.add_argument("--simulated", action="store_true", help="Leave simulated answers in.")
        parser.add_argument("-o", "--output", type=Path, required=True, help="The file; its ending is its format.")

    def handle(self, *args: Any, study: str, design: bool, simulated: bool, output: Path, **options: Any) -> None:
        try:
            found = Study.objects.get(slug=study)
        except Study.DoesNotExist:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"there is no study {study!r}; there are: {known}") from None
        try:
            if design:
                _write_design(found, output)
            else:
                _write_ratings(found, output, include_simulated=simulated)
        except DuetError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(output))


def _write_design(study: Study, output: Path) -> None:
    if output.suffix == ".csv":
        # Written as it is hashed: the file's SHA-256 is the study's plan_sha256.
        output.write_bytes(design_csv(study).encode())
    elif output.suffix == ".json":
        output.write_text(json.dumps(design_rows(study), indent=1) + "\n")
    else:
        raise CommandError(f"a design is written as .csv or .json, not {output.suffix or output.name!r}")


def _write_ratings(study: Study, output: Path, *, include_simulated: bool) -> None:
    if output.suffix not in (".csv", ".parquet"):
        raise CommandError(f"ratings are written as .csv or .parquet, not {output.suffix or output.name!r}")
    write_ratings(ratings_frame(study, include_simulated=include_simulated), output)
