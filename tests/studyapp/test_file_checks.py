"""Files are read again on demand; what is not as it was rendered keeps a study shut and is mended by a retry."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from studyapp.actions import file_checks
from studyapp.actions.file_checks import (
    DRAWN_AT_ONCE,
    check_files,
    draw_missing,
    go_on_checking,
    is_under_way,
    last_check,
)
from studyapp.actions.files_as_rendered import CHECK_HOLDS
from studyapp.actions.stimuli import retry_failed
from studyapp.models import AuditLine, FileCheck, Stimulus, StimulusHold, Study
from studyapp.states import StimulusState, StudyState
from tests.studyapp.factories import _movie, make_clip, make_researcher, make_stimulus, make_system, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft() -> Study:
    """A study of three clips whose six files are there."""
    study = open_study(clips=3, blocks=1)
    Study.objects.update(state=StudyState.DRAFT, opened_at=None, plan_sha256="")
    study.refresh_from_db()
    return study


def altered(study: Study) -> Stimulus:
    """One stimulus whose file has become another of the same size."""
    stimulus: Stimulus = study.comparisons.earliest("id").stimulus_1
    stimulus.path.write_bytes(bytes(stimulus.path.stat().st_size))
    return stimulus


def test_files_as_they_were_rendered_are_counted_and_the_check_is_remembered(draft: Study) -> None:
    researcher = make_researcher()
    found = check_files(study=draft, by=researcher, now=timezone.now())
    assert (found.checked, found.wrong, found.lost, found.read, found.left) == (6, (), (), 6, 0)
    line = last_check(draft)
    assert line is not None
    began = FileCheck.objects.get(study=draft).began_at
    assert (line.by, line.details) == (researcher, {"files": 6, "began": began.isoformat()})


def test_an_altered_file_fails_its_stimulus_and_a_lost_one_is_named(draft: Study) -> None:
    bad = altered(draft)
    gone = draft.comparisons.latest("id").stimulus_2
    gone.path.unlink()
    found = check_files(study=draft, by=None, now=timezone.now())
    assert (found.wrong, found.lost) == ((str(bad),), (str(gone),))
    bad.refresh_from_db()
    assert bad.state == StimulusState.FAILED
    assert "its SHA-256 is another" in bad.error
    assert AuditLine.objects.get(verb="file found altered").details["rendered"] == bad.file_sha256
    # A draft has nobody to hold it back from.
    assert not StimulusHold.objects.exists()
    # Again: what failed is no finished file any more.
    assert check_files(study=draft, by=None, now=timezone.now()).wrong == ()
    assert AuditLine.objects.filter(verb="file found altered").count() == 1


def test_an_altered_file_is_held_back_from_raters_at_once() -> None:
    study = open_study(clips=2, blocks=1)
    bad = altered(study)
    check_files(study=study, by=None, now=timezone.now())
    hold = StimulusHold.objects.get()
    assert (hold.stimulus, hold.reason, hold.session) == (bad, StimulusHold.Reason.FILE, None)


def test_an_altered_file_that_is_restored_is_ready_again_after_a_retry(draft: Study) -> None:
    before = draft.comparisons.earliest("id").stimulus_1.path.read_bytes()
    bad = altered(draft)
    check_files(study=draft, by=None, now=timezone.now())
    bad.path.write_bytes(before)
    assert retry_failed(study=draft, by=None) == 1
    from studyapp.work.rendering import render_stimulus

    assert render_stimulus(stimulus_id=bad.pk, worker="w")
    bad.refresh_from_db()
    assert (bad.state, bad.error) == (StimulusState.READY, "")


def test_slices_go_on_where_the_last_one_stopped_and_read_every_file_once(draft: Study) -> None:
    seen = []
    read = check_files
    for _ in range(6):
        found = read(study=draft, by=None, now=timezone.now(), slice_s=0.0)
        seen.append((found.checked, found.read, found.left))
        read = go_on_checking
        assert is_under_way(draft, now=timezone.now()) == (found.left > 0)
    assert seen == [(1, 1, 5), (1, 2, 4), (1, 3, 3), (1, 4, 2), (1, 5, 1), (1, 6, 0)]
    assert AuditLine.objects.filter(verb="files checked").count() == 1
    # Who goes on with what has ended reads nothing more, and ends nothing twice.
    assert go_on_checking(study=draft, by=None, now=timezone.now()).checked == 0
    assert AuditLine.objects.filter(verb="files checked").count() == 1


def test_what_an_earlier_slice_found_is_not_forgotten_by_the_last(draft: Study) -> None:
    altered(draft)
    check_files(study=draft, by=None, now=timezone.now(), slice_s=0.0)
    found = go_on_checking(study=draft, by=None, now=timezone.now())
    assert (found.wrong, found.bad, found.read, found.left) == ((), 1, 6, 0)
    line = last_check(draft)
    assert line is not None
    assert line.details["files"] == 5


def test_a_check_that_is_too_old_to_count_is_begun_anew(draft: Study) -> None:
    long_ago = timezone.now() - CHECK_HOLDS - timedelta(minutes=1)
    check_files(study=draft, by=None, now=long_ago, slice_s=0.0)
    assert not is_under_way(draft, now=timezone.now())
    assert go_on_checking(study=draft, by=None, now=timezone.now()).checked == 6


def test_of_two_who_read_one_slice_one_takes_the_check_on(draft: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    check_files(study=draft, by=None, now=timezone.now(), slice_s=0.0)
    real = file_checks.sha256
    meanwhile: list[int] = []

    def overtaken(path: Path) -> str:
        if not meanwhile:
            meanwhile.append(1)
            go_on_checking(study=draft, by=None, now=timezone.now(), slice_s=0.0)
        return real(path)

    monkeypatch.setattr(file_checks, "sha256", overtaken)
    go_on_checking(study=draft, by=None, now=timezone.now())
    check = FileCheck.objects.get(study=draft)
    assert (check.files, check.ended_at) == (2, None)
    go_on_checking(study=draft, by=None, now=timezone.now())
    check.refresh_from_db()
    assert check.files == 6
    assert check.ended_at is not None


def test_waveforms_of_older_files_are_drawn_a_few_at_a_time_and_once() -> None:
    system = make_system()
    rows = [make_stimulus(make_clip(), system, content=_movie("teal", 330, 1.0)) for _ in range(DRAWN_AT_ONCE + 2)]
    assert draw_missing(now=timezone.now()) == DRAWN_AT_ONCE
    assert draw_missing(now=timezone.now()) == 2
    assert draw_missing(now=timezone.now()) == 0
    rows[0].refresh_from_db()
    assert len(rows[0].peaks) == 120
    assert 0.1 < max(rows[0].peaks) < 0.2


def test_what_cannot_be_decoded_is_not_tried_for_ever_and_what_is_lost_waits() -> None:
    system = make_system()
    noise = make_stimulus(make_clip(), system)
    lost = make_stimulus(make_clip(), system)
    lost.path.unlink()
    assert draw_missing(now=timezone.now()) == 1
    assert draw_missing(now=timezone.now()) == 0
    noise.refresh_from_db()
    lost.refresh_from_db()
    assert (noise.peaks, lost.peaks) == ([0.0], [])
