"""A study opens on the files that were rendered and on no others, and nobody waits while they are read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from studyapp.actions import files_as_rendered, pilots, studies
from studyapp.actions.file_checks import check_files, go_on_checking
from studyapp.actions.files_as_rendered import CHECK_HOLDS
from studyapp.errors import DuetError, NotReady
from studyapp.media_store import sha256
from studyapp.models import AuditLine, FileCheck, Stimulus, Study
from studyapp.states import StudyState
from tests.studyapp.factories import make_system, open_study
from tests.studyapp.test_studies import make_draft, render_everything

pytestmark = pytest.mark.django_db


def designed() -> Study:
    """A draft whose files are all there."""
    draft = make_draft()
    studies.build_design(study=draft, by=None)
    render_everything(draft)
    return draft


@pytest.fixture
def draft() -> Study:
    return designed()


@pytest.fixture
def many(draft: Study, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A draft with more files than are read while somebody waits."""
    monkeypatch.setattr(files_as_rendered, "READ_AT_ONCE", 1)
    return draft


def first(study: Study) -> Stimulus:
    row: Stimulus = study.comparisons.earliest("id").stimulus_1
    return row


def alter(path: Path) -> None:
    """Another content of the same size, put there with the old time of its content."""
    times = path.stat()
    path.write_bytes(bytes(times.st_size))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def refused(study: Study, words: str, act: Callable[..., Study] = studies.open_study) -> None:
    with pytest.raises(NotReady, match=words):
        act(study=study, by=None)
    study.refresh_from_db()
    assert study.state == StudyState.DRAFT


@pytest.mark.parametrize("act", [studies.open_study, pilots.start_pilot])
def test_an_altered_file_keeps_a_study_shut_whatever_was_checked_before(
    draft: Study, act: Callable[..., Study]
) -> None:
    assert check_files(study=draft, by=None, now=timezone.now()).left == 0
    bad = first(draft)
    before = bad.path.read_bytes()
    alter(bad.path)
    refused(draft, f"the file of {bad} is not the one that was rendered; press Check files", act)
    bad.path.write_bytes(before)
    assert act(study=draft, by=None).state != StudyState.DRAFT


def test_what_is_refused_anyway_is_not_read_for(draft: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(files_as_rendered, "sha256", never)
    Study.objects.filter(pk=draft.pk).update(design_summary={})
    refused(draft, "changed after its design was built")


def test_more_files_than_are_read_at_once_open_after_a_check_of_every_one(many: Study) -> None:
    refused(many, "no check of all of them ended well; press Check files")
    check_files(study=many, by=None, now=timezone.now(), slice_s=0.0)
    refused(many, "no check of all of them ended well")
    while go_on_checking(study=many, by=None, now=timezone.now(), slice_s=0.0).left:
        pass
    assert studies.open_study(study=many, by=None).state == StudyState.OPEN


def test_a_check_counts_for_hours_and_not_for_ever(many: Study) -> None:
    now = timezone.now()
    check_files(study=many, by=None, now=now)
    # As if rendered and checked long ago.
    long_ago = now - CHECK_HOLDS - timedelta(minutes=1)
    Stimulus.objects.update(ready_at=long_ago - timedelta(hours=1))
    FileCheck.objects.update(began_at=long_ago)
    refused(many, "the last check began more than 6 hours ago")


def test_a_file_that_changed_after_its_check_keeps_a_study_shut(many: Study) -> None:
    check_files(study=many, by=None, now=timezone.now())
    bad = first(many)
    alter(bad.path)
    refused(many, f"the file of {bad} changed after files were checked")


def test_a_file_rendered_after_the_check_began_wants_another_check(many: Study) -> None:
    check_files(study=many, by=None, now=timezone.now())
    row = first(many)
    Stimulus.objects.filter(pk=row.pk).update(ready_at=timezone.now())
    refused(many, f"the file of {row} changed after files were checked")


def test_a_check_of_another_design_does_not_count(many: Study) -> None:
    # The files of the pair that it will have are old, but were in no check of this study.
    other = open_study(clips=1, blocks=1).comparisons.get()
    check_files(study=many, by=None, now=timezone.now())
    comparison = many.comparisons.earliest("id")
    Stimulus.objects.filter(pk__in=[other.stimulus_1_id, other.stimulus_2_id]).update(
        ready_at=timezone.now() - timedelta(days=1)
    )
    many.comparisons.filter(pk=comparison.pk).update(
        clip=other.clip, stimulus_1=other.stimulus_1, stimulus_2=other.stimulus_2
    )
    refused(many, "the last check was of other files than the design has now")


def test_a_check_that_found_a_file_gone_does_not_count_when_it_is_back(many: Study) -> None:
    row = first(many)
    aside = row.path.with_suffix(".aside")
    row.path.rename(aside)
    assert check_files(study=many, by=None, now=timezone.now()).bad == 1
    aside.rename(row.path)
    refused(many, "no check of all of them ended well")


class Opening:
    """Another connection opens a study, and stops for ``meanwhile`` when the first file has been read."""

    def __init__(self, study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, self.go_on = threading.Event(), threading.Event()
        self.refusal: DuetError | None = None
        self.in_time = False
        monkeypatch.setattr(files_as_rendered, "sha256", self._held_up)
        self._thread = threading.Thread(target=self._open, args=[study])

    def meanwhile(self, act: Callable[[], object]) -> None:
        self._thread.start()
        try:
            assert self.reading.wait(timeout=60)
            act()
        finally:
            self.go_on.set()
            self._thread.join()
        assert self.in_time

    def _held_up(self, path: Path) -> str:
        digest = sha256(path)
        if not self.reading.is_set():
            self.reading.set()
            # Longer than a writer of SQLite waits; one of PostgreSQL waits as long as it takes: see in_time.
            self.in_time = self.go_on.wait(timeout=30)
        return digest

    def _open(self, study: Study) -> None:
        try:
            studies.open_study(study=study, by=None)
        except DuetError as error:
            self.refusal = error
        finally:
            connection.close()


@pytest.mark.django_db(transaction=True)
def test_others_write_while_files_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    draft, running = designed(), open_study(clips=1, blocks=1)
    opening = Opening(draft, monkeypatch)

    def write() -> None:
        AuditLine.write("answer of another study's rater", by=None, study=running)
        Study.objects.filter(pk=draft.pk).update(title="Written meanwhile")

    opening.meanwhile(write)
    assert opening.refusal is None
    draft.refresh_from_db()
    assert draft.state == StudyState.OPEN


def alter_files(draft: Study) -> None:
    for row in Stimulus.objects.all():
        alter(row.path)


def set_other_pairs(draft: Study) -> None:
    pair = (make_system("ground-truth"), make_system("random-shuffle"))
    studies.set_pairs(study=draft, pairs=[pair], by=None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (alter_files, "changed while files were read; try again"),
        (set_other_pairs, "changed after its design was built"),
    ],
)
def test_what_changes_after_it_was_read_keeps_the_study_shut(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Study], None], told: str
) -> None:
    draft = designed()
    opening = Opening(draft, monkeypatch)
    opening.meanwhile(lambda: change(draft))
    assert told in str(opening.refusal)
    draft.refresh_from_db()
    assert draft.state == StudyState.DRAFT
