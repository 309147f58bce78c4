"""The command that writes a study to a file and reads it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from studyapp.models import Study
from tests.studyapp.archive.test_checking import closed
from tests.studyapp.factories import make_researcher, open_study
from tests.studyapp.results.test_exports import answer_everything

pytestmark = pytest.mark.django_db


def test_a_study_goes_out_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by = make_researcher(username="ada")
    study = open_study(clips=2, blocks=1)
    answer_everything(study)
    file = tmp_path / "study.zip"
    with pytest.raises(CommandError, match="is open; close it first"):
        call_command("archive_study", "write", study.slug, "-o", file)
    closed(study, by)
    call_command("archive_study", "write", study.slug, "-o", file)
    call_command("archive_study", "read", file, "--by", "ada", "--slug", "copy")
    assert capsys.readouterr().out.splitlines() == [f"{file}: 1 sessions, 4 answers", "copy: 1 sessions, closed"]
    assert Study.objects.get(slug="copy").created_by == by


def test_what_is_wrong_is_one_sentence(tmp_path: Path) -> None:
    make_researcher(username="ada")
    with pytest.raises(CommandError, match="there is no study 'nowhere'; there are: none"):
        call_command("archive_study", "write", "nowhere", "-o", tmp_path / "x.zip")
    with pytest.raises(CommandError, match="there is no account 'bob'"):
        call_command("archive_study", "read", tmp_path / "x.zip", "--by", "bob")
    with pytest.raises(CommandError, match="No such file"):
        call_command("archive_study", "read", tmp_path / "x.zip", "--by", "ada")
