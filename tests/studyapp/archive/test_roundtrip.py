"""A whole study out of one Duet and into another, empty one: every table and the report come out byte for byte."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Sum

from analysis.files import csv_text
from analysis.package import problems
from studyapp.actions.archives import read_archive, write_archive
from studyapp.actions.datasets import build_dataset
from studyapp.archive.tables import TABLES
from studyapp.models import (
    AuditLine,
    Break,
    Dataset,
    Erasure,
    Invitation,
    Participant,
    PlayEvent,
    Presentation,
    StepTry,
    Study,
    StudySession,
    TrialMark,
)
from studyapp.plan.freezing import broken_amendment, verify_frozen
from studyapp.results.exports import ratings_frame
from studyapp.states import DatasetState, StudyState
from tests.studyapp.archive.whole_study import CODES, PANEL_ID, whole_study
from tests.studyapp.factories import make_clip, make_researcher, make_system

SAME = (
    *("ratings.csv", "win_rates.csv", "system_win_rates.csv", "raters.csv", "systems.csv", "design.csv"),
    *("codebook.csv", "consent.json", "amendments.csv", "figures.json", "report.html"),
)


def files(study: Study, **which: bool) -> dict[str, bytes]:
    dataset = build_dataset(dataset_id=Dataset.objects.create(study=study, **which).pk)
    assert dataset.state == DatasetState.READY, dataset.error
    return {path.name: path.read_bytes() for path in dataset.path.iterdir() if path.is_file()}


def chain(study: Study) -> list[tuple[object, ...]]:
    return list(study.amendments.values_list("number", "at", "what", "before", "after", "reason", "sha256"))


def kept() -> list[int]:
    models = (StudySession, Presentation, PlayEvent, TrialMark, Erasure, StepTry, Break, Participant, Invitation)
    return [model.objects.count() for model in models]


@pytest.mark.django_db(transaction=True)
def test_a_study_read_into_an_empty_duet_gives_the_same_tables_and_report(tmp_path: Path, settings: Any) -> None:
    study = whole_study(make_researcher(username="ada"))
    before = files(study), files(study, of_pilot=True)
    counts, amendments, secrets = kept(), chain(study), secrets_of(study)
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    first.write_bytes(before[0]["archive.zip"])

    call_command("flush", interactive=False, verbosity=0)
    settings.MEDIA_ROOT = tmp_path / "elsewhere"
    reader = make_researcher(username="bob")
    # What is there already takes numbers, so that nothing has the key it had; the foil comes before the others.
    make_clip()
    make_system("cmt", slug="foil-of-another-study")
    make_system("foil-shifted", slug="foil")
    again = read_archive(first, by=reader)

    assert again.state == StudyState.CLOSED
    for one, other in zip(before, (files(again), files(again, of_pilot=True)), strict=True):
        assert {name: one[name] for name in SAME} == {name: other[name] for name in SAME}
    # The chain of amendments and the frozen digests still hold.
    assert (kept(), chain(again)) == (counts, amendments)
    assert broken_amendment(again) is None
    assert all(part.stands for part in verify_frozen(again))
    opened = AuditLine.objects.get(study=again, verb="study open")
    assert (opened.by, opened.details["archived_by"]) == (None, "ada")
    assert AuditLine.objects.get(verb="study read from an archive").by == reader
    assert again.members.get().user == reader
    write_archive(study=again, target=second)
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as other:
        for name in TABLES.keys() - {
            "audit_lines",
            "systems",
            "stimuli",
            "comparisons",
            "study",
            "pairs",
        }:
            assert one.read(f"tables/{name}.jsonl") == other.read(f"tables/{name}.jsonl"), name
        everything = b"".join(one.read(name) for name in one.namelist()).decode()
    assert [secret for secret in secrets if secret in everything] == []


@pytest.mark.django_db
def test_an_archive_is_psych_ds_the_same_each_time_and_its_manifest_counts_its_rows(tmp_path: Path) -> None:
    study = whole_study(make_researcher())
    manifest = write_archive(study=study, target=tmp_path / "a.zip")
    write_archive(study=study, target=tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as pack:
        pack.extractall(tmp_path / "a")
    assert problems(tmp_path / "a") == ()
    for name, pilot in (("ratings", False), ("pilot", True)):
        (data,) = (tmp_path / "a" / "data").glob(f"*-{name}_data.csv")
        table = ratings_frame(study, include_simulated=True, of_pilot=pilot)
        assert data.read_bytes() == csv_text(table).encode()
    lines = (tmp_path / "a" / "tables" / "responses.jsonl").read_text().splitlines()
    assert len(lines) == manifest.rows["responses"] == study.sessions.aggregate(n=Sum("answer_count"))["n"]


def secrets_of(study: Study) -> list[str]:
    sessions = study.sessions.all()
    return [
        *(study.token, study.salt, PANEL_ID, *CODES),
        *sessions.values_list("token", flat=True),
        *sessions.values_list("receipt_sha256", flat=True),
        *sessions.values_list("rater__code", flat=True),
        *study.blocks.values_list("trials__token", flat=True),
        *study.erasures.values_list("receipt_sha256", flat=True),
    ]
