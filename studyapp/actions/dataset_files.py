"""The files of a dataset: ratings, what explains them, the report, and the whole study where that is complete."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studyapp import media_store
from studyapp.actions.archives import write_archive
from studyapp.actions.designs import design_csv
from studyapp.actions.particulars import particulars
from studyapp.actions.preferences import SMALL, primary_of, write_common, write_primary
from studyapp.archive.reading import READ_BACK
from studyapp.models import Dataset
from studyapp.plan.amendments import AMENDMENTS, deviation_sentences, without_authors
from studyapp.plan.analysis_plan import in_words, pairs_of
from studyapp.results.exports import (
    codebook,
    further_columns,
    ratings_frame,
    study_counts,
    system_cards,
    write_ratings,
)
from studyapp.watching.quality import rules_of

if TYPE_CHECKING:
    from analysis.ratings import Ratings
    from analysis.system_cards import SystemCard

Progress = Callable[[str], None]
"""Told a few words on what is being made."""
ARCHIVE = "archive.zip"
_OWN_STEPS = 4


def steps() -> int:
    """How often progress is told at most, to say how far a build is."""
    from analysis import report

    return report.STEPS + _OWN_STEPS


def write_files(dataset: Dataset, folder: Path, progress: Progress) -> tuple[int, str]:
    """All files of a dataset. Returns the number of ratings and the SHA-256 of their CSV file."""
    from analysis import frames
    from analysis.files import csv_text
    from analysis.ratings import Ratings

    study = dataset.study
    progress("reading the answers")
    frame = ratings_frame(study, include_simulated=dataset.includes_simulated, of_pilot=dataset.of_pilot)
    ratings = Ratings(frame, include_simulated=dataset.includes_simulated)
    for name in ("ratings.csv", "ratings.parquet"):
        write_ratings(frame, folder / name)
    answered = frames.rater_frame(ratings.rater_figures, rules_of(study))
    (folder / "raters.csv").write_bytes(csv_text(answered).encode())
    (folder / "codebook.csv").write_bytes(csv_text(codebook(study)).encode())
    (folder / "design.csv").write_bytes(design_csv(study).encode())
    for name, content in particulars(study).items():
        (folder / name).write_bytes(content)
    write_primary(study, folder)
    progress("packing the dataset")
    _write_package(ratings, dataset, folder)
    _write_report(ratings, system_cards(study), dataset, folder, progress)
    if len(frame) > SMALL:
        progress("preference tables")
        write_common(ratings, folder, primary_of(study))
    if study.state in READ_BACK and not dataset.of_pilot:
        progress("archiving the study")
        write_archive(study=study, target=folder / ARCHIVE)
    return len(frame), media_store.sha256(folder / "ratings.csv")


def _write_package(ratings: Ratings, dataset: Dataset, folder: Path) -> None:
    """The ratings as others use them, with metadata, in one file."""
    from analysis.package import write_package

    with tempfile.TemporaryDirectory() as written:
        further = further_columns(dataset.study)
        write_package(ratings.frame, Path(written), title=_title(dataset), further=further)
        told = without_authors((folder / AMENDMENTS).read_bytes().decode())
        (Path(written) / AMENDMENTS).write_bytes(told.encode())
        shutil.make_archive(str(folder / "dataset"), "zip", written)


def _write_report(
    ratings: Ratings, cards: Sequence[SystemCard], dataset: Dataset, folder: Path, progress: Progress
) -> None:
    """The self-contained page, the same figures for the site's own page, and the tables behind them."""
    from analysis import frames, page, report
    from analysis.files import csv_text

    study = dataset.study
    told = [f"Expected: {study.hypotheses.strip()}"] if study.hypotheses.strip() else []
    counts = study_counts(study, include_simulated=dataset.includes_simulated, of_pilot=dataset.of_pilot)
    built = report.build(
        ratings,
        title=_title(dataset),
        study=counts,
        rules=rules_of(study),
        margin=study.margin,
        deviations=deviation_sentences(study),
        systems=cards,
        primary=primary_of(study),
        plan=[*told, *in_words(study, pairs_of(study))],
        progress=progress,
    )
    html = page.html(built)
    (folder / "report.html").write_text(html, encoding="utf-8")
    # Kept beside the page, so that the web process can serve it without importing pandas.
    (folder / "report.csp").write_text(page.csp_policy(html), encoding="utf-8")
    figures = json.dumps(page.for_site(built), ensure_ascii=False, allow_nan=False)
    (folder / "figures.json").write_text(figures, encoding="utf-8")
    if built.rates is not None:
        (folder / "win_rates.csv").write_bytes(csv_text(frames.pair_frame(built.rates)).encode())
        (folder / "system_win_rates.csv").write_bytes(csv_text(frames.system_frame(built.rates)).encode())


def _title(dataset: Dataset) -> str:
    return f"{dataset.study.title} (pilot)" if dataset.of_pilot else dataset.study.title
