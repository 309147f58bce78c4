"""Two real connections at the same moment before the first trial: one participation, one try, one judgement."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from studyapp.actions import admission, endings, recruitment, sessions, studies
from studyapp.actions.recruitment import Entry
from studyapp.actions.sessions import Consent
from studyapp.errors import SessionOver, WrongState
from studyapp.models import Block, Break, Invitation, Participant, Rater, StepTry, StudySession
from studyapp.panels import PANELS
from studyapp.screening.steps import Step
from studyapp.states import SessionState, StudyState
from tests.studyapp.factories import answer_trial, open_study
from tests.studyapp.test_session_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
WRONG = {"bells": 1, "listening": "wired"}


def test_one_panel_id_at_the_same_moment_in_three_browsers_takes_part_once() -> None:
    study = open_study(clips=1, blocks=4, panel="prolific", open_link=False)
    entry = Entry(arrival=PANELS["prolific"].arrival({"PROLIFIC_PID": "5f0c1e"}))
    results = at_once(
        *[
            lambda form=form: sessions.enrol(study=study, now=NOW, consent=Consent(form, entry))  # type: ignore[misc]
            for form in ("form one", "form two", "form three")
        ]
    )
    assert not any(isinstance(result, Exception) for result in results)
    assert len({result.pk for result in results if isinstance(result, StudySession)}) == 1
    assert (StudySession.objects.count(), Participant.objects.count(), Rater.objects.count()) == (1, 1, 1)
    assert Block.objects.free().count() == 3


def test_one_invitation_at_the_same_moment_in_three_browsers_begins_once() -> None:
    study = open_study(clips=1, blocks=4, open_link=False)
    (code,) = recruitment.invite(study=study, notes=[""], by=None)
    results = at_once(
        *[
            lambda form=form: sessions.enrol(  # type: ignore[misc]
                study=study, now=NOW, consent=Consent(form, Entry(invitation=code))
            )
            for form in ("form one", "form two", "form three")
        ]
    )
    assert not any(isinstance(result, Exception) for result in results)
    assert len({result.pk for result in results if isinstance(result, StudySession)}) == 1
    assert (StudySession.objects.count(), Rater.objects.count()) == (1, 1)
    assert Invitation.objects.get().rater == StudySession.objects.get().rater


def test_an_invitation_is_either_used_or_taken_back() -> None:
    for _ in range(3):
        study = open_study(clips=1, blocks=1, open_link=False)
        (code,) = recruitment.invite(study=study, notes=[""], by=None)
        invitation = Invitation.objects.get(study=study)

        def begin(study: object = study, code: str = code) -> object:
            try:
                return sessions.enrol(
                    study=study,  # type: ignore[arg-type]
                    now=NOW,
                    consent=Consent(f"form {code}", Entry(invitation=code)),
                )
            except WrongState as error:
                return error

        def take_back(invitation: Invitation = invitation) -> object:
            try:
                return recruitment.revoke(invitation=invitation, by=None, now=NOW)
            except WrongState as error:
                return error

        at_once(begin, take_back)
        invitation.refresh_from_db()
        assert (invitation.used_at is None) == (invitation.revoked_at is not None)
        assert StudySession.objects.filter(study=study).exists() == (invitation.used_at is not None)


def test_two_tabs_that_open_a_step_share_one_try() -> None:
    session = sessions.enrol(study=open_study(checks_sound=True), now=NOW)
    results = at_once(*[lambda: admission.open_try(session=session, step=Step.DEVICE, now=NOW)] * 3)
    assert len({result.pk for result in results if isinstance(result, StepTry)}) == 1


def test_two_tabs_that_send_a_try_are_judged_once() -> None:
    session = sessions.enrol(study=open_study(checks_sound=True), now=NOW)
    bells = admission.open_try(session=session, step=Step.DEVICE, now=NOW).shown["bells"]
    at_once(
        *[
            lambda bells=bells: admission.end_try(  # type: ignore[misc]
                session=session, step=Step.DEVICE, number=1, answers={"bells": bells}, now=NOW
            )
            for bells in (bells, 1, 1)
        ]
    )
    assert StepTry.objects.count() == 1
    session.refresh_from_db()
    assert session.state == (SessionState.SCREENED if StepTry.objects.get().passed else SessionState.CONSENTED)


def last_try(session: StudySession) -> StepTry:
    for _ in range(2):
        number = admission.open_try(session=session, step=Step.DEVICE, now=NOW).number
        admission.end_try(session=session, step=Step.DEVICE, number=number, answers=WRONG, now=NOW)
    return admission.open_try(session=session, step=Step.DEVICE, now=NOW)


@pytest.mark.parametrize("attempt", range(3))
def test_failing_for_good_and_the_sweeper_take_turns(attempt: int) -> None:
    study = open_study(clips=2, blocks=1, checks_sound=True)
    session = sessions.enrol(study=study, now=NOW)
    number = last_try(session).number
    late = NOW + timedelta(hours=1)

    def fail() -> object:
        return admission.end_try(session=session, step=Step.DEVICE, number=number, answers=WRONG, now=late)

    results = at_once(fail, lambda: endings.expire_sessions(now=late))
    session.refresh_from_db()
    assert session.state in (SessionState.SCREENED_OUT, SessionState.EXPIRED)
    assert isinstance(results[0], SessionOver) == (session.state == SessionState.EXPIRED)
    # Either way its trials are offered again, once.
    assert Block.objects.free().get().trials.count() == 2


def test_failing_for_good_and_closing_the_study_do_not_wait_for_each_other() -> None:
    study = open_study(clips=2, blocks=1, checks_sound=True)
    session = sessions.enrol(study=study, now=NOW)
    number = last_try(session).number

    def fail() -> object:
        try:
            return admission.end_try(session=session, step=Step.DEVICE, number=number, answers=WRONG, now=NOW)
        except WrongState as error:
            return error

    at_once(fail, lambda: studies.close_study(study=study, by=None))
    study.refresh_from_db()
    assert study.state == StudyState.CLOSED


def test_two_tabs_are_offered_one_break() -> None:
    session = sessions.enrol(study=open_study(clips=4, break_after=1), now=NOW)
    trial = session.block.trials.order_by("position").first()
    assert trial is not None
    answer_trial(session, trial)
    at_once(*[lambda: sessions.show_trial(session=session, now=NOW)] * 3)
    assert Break.objects.count() == 1
