"""Two connections at once: one archive read twice, and an erasure while an archive is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from studyapp.actions.archives import read_archive, write_archive
from studyapp.archive import writing
from studyapp.errors import DuetError
from studyapp.models import Clip, Erasure, Response, Study
from tests.studyapp.archive.test_checking import closed, remove_everything
from tests.studyapp.factories import make_researcher, open_study
from tests.studyapp.results.test_exports import answer_everything
from tests.studyapp.test_session_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_archive_read_twice_at_the_same_moment_is_one_study(tmp_path: Path) -> None:
    by = make_researcher()
    study = open_study(clips=2, blocks=1)
    answer_everything(study)
    write_archive(study=closed(study, by), target=tmp_path / "a.zip")
    remove_everything()

    def read() -> Study | str:
        try:
            return read_archive(tmp_path / "a.zip", by=by)
        except DuetError as error:
            return str(error)

    results = at_once(read, read)
    assert sum(isinstance(result, Study) for result in results) == 1
    assert (Study.objects.count(), Clip.objects.count(), Response.objects.count()) == (1, 2, 4)


def test_answers_erased_while_an_archive_is_written_are_in_no_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = closed(open_study(clips=1, blocks=1), make_researcher())
    whole = writing.write

    def erased_meanwhile(*args: object, **options: object) -> object:
        written = whole(*args, **options)  # type: ignore[arg-type]
        now = timezone.now()
        Erasure.objects.create(
            study=study,
            receipt_sha256="0" * 64,
            state="completed",
            consented_on=now.date(),
            erased_at=now,
            **dict.fromkeys(("trials", "responses", "events", "marks"), 1),
        )
        return written

    monkeypatch.setattr(writing, "write", erased_meanwhile)
    with pytest.raises(DuetError, match="answers were erased while the archive was written; write it again"):
        write_archive(study=study, target=tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
