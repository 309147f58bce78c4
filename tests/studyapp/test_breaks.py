"""Breaks between trials."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from studyapp.actions import breaks, endings, sessions
from studyapp.actions.breaks import BreakOffered
from studyapp.errors import SessionOver
from studyapp.models import Break, StudySession, Trial
from studyapp.states import SessionState
from tests.studyapp.factories import answer_trial, open_study
from tests.studyapp.test_rater_pages import Browser

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def answered(session: StudySession, trials: int) -> None:
    for trial in Trial.objects.filter(block=session.block, position__lte=trials, responses=None):
        answer_trial(session, trial)


@pytest.mark.parametrize(("every", "offered"), [(2, [2, 4]), (3, [3]), (5, []), (1, [1, 2, 3, 4]), (None, [])])
def test_a_break_is_offered_at_multiples_while_three_trials_are_left(
    every: int | None, offered: list[int]
) -> None:
    session = sessions.enrol(study=open_study(clips=7, break_after=every), now=NOW)
    seen = []
    for done in range(7):
        answered(session, done)
        shown = sessions.show_trial(session=session, now=NOW)
        if isinstance(shown, BreakOffered):
            assert shown == BreakOffered(done, 7)
            seen.append(done)
            breaks.go_on(session=session, now=NOW)
            assert isinstance(sessions.show_trial(session=session, now=NOW), sessions.ShownTrial)
    assert seen == offered


def test_a_break_outlives_a_reload_and_one_press_ends_it() -> None:
    study = open_study(clips=4, break_after=1)
    browser = Browser(study)
    browser.consent()
    browser.answer(browser.trial())
    for _ in range(2):
        page = browser.client.get(browser.url("take-trial")).content.decode()
        assert "Time for a break" in page
        assert "1 of 4 comparisons are done and saved." in page
    assert Break.objects.count() == 1
    reply = browser.client.post(browser.url("take-go-on"), follow=True)
    assert "trial-config" in reply.content.decode()
    assert Break.objects.get().ended_at is not None


def test_resting_is_no_silence() -> None:
    study = open_study(clips=4, break_after=1, session_timeout_min=10)
    session = sessions.enrol(study=study, now=NOW)
    sessions.show_trial(session=session, now=NOW)
    answered(session, 1)
    assert isinstance(sessions.show_trial(session=session, now=NOW), BreakOffered)
    # Looking again does not make the break longer.
    later = NOW + timedelta(minutes=20)
    assert isinstance(sessions.show_trial(session=session, now=later), BreakOffered)
    assert endings.expire_sessions(now=NOW + timedelta(minutes=39), study=study) == 0
    assert endings.expire_sessions(now=NOW + timedelta(minutes=41), study=study) == 1


def test_a_session_that_is_over_has_no_break_to_end() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    StudySession.objects.update(state=SessionState.EXPIRED)
    with pytest.raises(SessionOver):
        breaks.go_on(session=session, now=NOW)
