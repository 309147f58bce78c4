"""Erasing against whatever else happens at the same moment, on two real connections."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from studyapp.actions import endings, sessions, studies, withdrawal
from studyapp.errors import AnswerRefused, SessionOver, WrongState
from studyapp.models import Block, Erasure, Response, StudySession, Trial
from studyapp.receipts import receipt_of
from studyapp.states import BlockState
from tests.studyapp.factories import open_study
from tests.studyapp.test_session_races import LATER, NOW, answering, at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_code_sent_twice_at_the_same_moment_erases_once() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    answering(session, 3)()
    code = receipt_of(session.token)
    results = at_once(*[lambda: withdrawal.erase(receipt=code, now=LATER)] * 3)
    assert {result.pk for result in results if isinstance(result, Erasure)} == {Erasure.objects.get().pk}
    assert not any(isinstance(result, Exception) for result in results)
    assert Trial.objects.filter(block__state=BlockState.FREE).count() == 2


@pytest.mark.parametrize("attempt", range(3))
def test_an_answer_and_its_erasure_take_turns(attempt: int) -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    answer = answering(session, 3)
    code = receipt_of(session.token)

    def late() -> object:
        try:
            return answer()
        except (AnswerRefused, SessionOver, WrongState) as error:
            return error

    at_once(late, lambda: withdrawal.erase(receipt=code, now=LATER))
    assert not Response.objects.exists()
    assert not StudySession.objects.exists()
    assert Erasure.objects.get().responses in (0, 2)
    # Each comparison waits for somebody else once, whoever was first.
    waiting = list(Trial.objects.filter(block__state=BlockState.FREE).values_list("comparison", flat=True))
    assert len(waiting) == len(set(waiting)) == 2


@pytest.mark.parametrize("attempt", range(3))
def test_erasing_and_the_sweeper_take_turns(attempt: int) -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    answering(session, 3)()
    code = receipt_of(session.token)
    late = timezone.now() + timedelta(hours=3)
    at_once(lambda: withdrawal.erase(receipt=code, now=late), lambda: endings.expire_sessions(now=late))
    assert not StudySession.objects.exists()
    waiting = list(Trial.objects.filter(block__state=BlockState.FREE).values_list("comparison", flat=True))
    assert len(waiting) == len(set(waiting)) == 2
    assert not Block.objects.filter(state=BlockState.CLAIMED).exists()


def test_erasing_and_closing_the_study_do_not_wait_for_each_other() -> None:
    study = open_study(clips=2, blocks=1)
    session = sessions.enrol(study=study, now=NOW)
    answering(session, 3)()
    code = receipt_of(session.token)
    results = at_once(
        lambda: withdrawal.erase(receipt=code, now=LATER), lambda: studies.close_study(study=study, by=None)
    )
    assert not any(isinstance(result, Exception) for result in results)
    assert Erasure.objects.count() == 1
