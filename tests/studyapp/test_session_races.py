"""Two real connections at the same moment: one block, one answer, and the sweeper against a late answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import connection, transaction
from django.utils import timezone

from studyapp.actions import endings, sessions, studies, voids
from studyapp.actions.marks import Mark
from studyapp.errors import AnswerRefused, DuetError, SessionOver, StudyFull, WrongState
from studyapp.events import ReportedEvent
from studyapp.models import (
    Block,
    Presentation,
    Response,
    SessionFlag,
    StimulusHold,
    Study,
    StudySession,
    Trial,
    TrialMark,
    VoidedTrial,
)
from studyapp.questions import Question
from studyapp.states import BlockState, SessionState, StudyState
from tests.studyapp.factories import open_study

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
NOW = timezone.now()
LATER = NOW + timedelta(seconds=10)


def at_once(*works: Callable[[], T]) -> list[T | Exception]:
    """Run each work in a thread and on a connection of its own, all let go at one moment."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T | Exception:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return work()
        except (SessionOver, StudyFull) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def shown_and_heard(session: StudySession) -> tuple[Trial, list[ReportedEvent]]:
    shown = sessions.show_trial(session=session, now=NOW)
    assert shown is not None
    trial = shown.trial
    Presentation.objects.filter(trial=trial).update(left_served_at=NOW, right_served_at=NOW)
    second = "right" if trial.played_first == "left" else "left"
    return trial, [
        ReportedEvent(0, trial.played_first, "play", 0.0, 0.0),  # type: ignore[arg-type]
        ReportedEvent(1, trial.played_first, "ended", 1.0, 1.0),  # type: ignore[arg-type]
        ReportedEvent(2, second, "play", 0.0, 1.0),
        ReportedEvent(3, second, "ended", 1.0, 2.0),
    ]


def answering(session: StudySession, choice: int, *marks: Mark) -> Callable[[], sessions.Answered]:
    trial, heard = shown_and_heard(session)
    return lambda: sessions.answer(
        session=session,
        trial=trial,
        choices=dict.fromkeys(Question, choice),
        response_time_ms=5,
        reported=heard,
        marks=marks,
        now=LATER,
    )


def test_raters_at_the_same_moment_never_get_one_block() -> None:
    study = open_study(clips=1, blocks=4)
    results = at_once(*[lambda: sessions.enrol(study=study, now=NOW)] * 6)
    got = [result for result in results if isinstance(result, StudySession)]
    assert len({session.block_id for session in got}) == len(got)
    # Those too many are told so; nobody is turned away while a block is free.
    assert len(got) == 4
    assert sum(isinstance(result, StudyFull) for result in results) == 2
    assert not Block.objects.free().exists()


def test_a_consent_form_sent_twice_at_the_same_moment_claims_one_block() -> None:
    study = open_study(clips=1, blocks=3)
    results = at_once(*[lambda: sessions.enrol(study=study, now=NOW, consent=sessions.Consent("one-form"))] * 3)
    assert len({result.pk for result in results if isinstance(result, StudySession)}) == 1
    assert not any(isinstance(result, Exception) for result in results)
    assert Block.objects.free().count() == 2


def test_two_different_answers_at_the_same_moment_store_one() -> None:
    session = sessions.enrol(study=open_study(clips=2), now=NOW)
    results = at_once(answering(session, 1), answering(session, 5))
    assert sorted(result.again for result in results if isinstance(result, sessions.Answered)) == [False, True]
    assert Response.objects.count() == 2
    assert len(set(Response.objects.values_list("choice", flat=True))) == 1


def test_a_reload_at_the_same_moment_shows_one_trial_once() -> None:
    session = sessions.enrol(study=open_study(clips=2), now=NOW)
    results = at_once(*[lambda: sessions.show_trial(session=session, now=NOW)] * 3)
    assert len({result.trial.pk for result in results if isinstance(result, sessions.ShownTrial)}) == 1
    assert Presentation.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_a_late_answer_and_the_sweeper_take_turns(attempt: int) -> None:
    study = open_study(clips=2, blocks=1)
    session = sessions.enrol(study=study, now=NOW)
    late = answering(session, 4)
    StudySession.objects.filter(pk=session.pk).update(expires_at=NOW)
    answered, _ = at_once(late, lambda: endings.expire_sessions(now=LATER))
    session.refresh_from_db()
    first = Trial.objects.get(block=session.block, position=1)
    offered = Trial.objects.filter(block__state=BlockState.FREE)
    if isinstance(answered, sessions.Answered):
        # The answer came first: it is kept, and it was a sign of life.
        assert session.state == SessionState.ACTIVE
        assert not offered.exists()
        assert Response.objects.filter(trial=first).count() == 2
    else:
        # The sweeper came first: the trial is somebody else's now, and must not be rated here as well.
        assert session.state == SessionState.EXPIRED
        assert offered.filter(comparison=first.comparison).count() == 1
        assert not Response.objects.exists()


def test_two_sweepers_pack_once() -> None:
    study = open_study(clips=2, blocks=2)
    for _ in range(2):
        sessions.enrol(study=study, now=NOW)
    late = NOW + timedelta(hours=2)
    results = at_once(*[lambda: endings.expire_sessions(now=late)] * 2)
    assert sorted(results) == [0, 2]  # type: ignore[type-var]
    assert Trial.objects.filter(block__state=BlockState.FREE).count() == 4


def test_claiming_a_remainder_while_it_is_packed_again_loses_nothing() -> None:
    study = open_study(clips=2, blocks=2, trials_per_block=5)
    late, later = NOW + timedelta(hours=2), NOW + timedelta(hours=4)
    sessions.enrol(study=study, now=NOW)
    endings.expire_sessions(now=late)
    second = Block.objects.free().get(wave=0)
    StudySession.objects.filter(pk=sessions.enrol(study=study, now=late).pk).update(expires_at=later)
    second.refresh_from_db()
    assert second.state == BlockState.CLAIMED
    results = at_once(lambda: endings.expire_sessions(now=later), lambda: sessions.enrol(study=study, now=later))
    assert not any(isinstance(result, Exception) for result in results)
    there = Trial.objects.filter(block__state__in=[BlockState.FREE, BlockState.CLAIMED])
    assert there.count() == 4
    for block in Block.objects.exclude(state=BlockState.RETIRED):
        comparisons = list(block.trials.values_list("comparison", flat=True))
        assert len(set(comparisons)) == len(comparisons)


def while_uncommitted(
    first: Callable[[], object], second: Callable[[], T], *, patience_s: float = 0.7
) -> tuple[bool, T | Exception]:
    """Run ``second`` while the transaction of ``first`` is not committed yet.

    Returns whether ``second`` waited for that commit, and what came of it.
    """
    done, second_over = threading.Event(), threading.Event()
    waited: list[bool] = []

    def holding() -> None:
        try:
            held_open = transaction.atomic()
            # As Django's TestCase does, for actions that want no transaction around them.
            held_open._from_testcase = True
            with held_open:
                first()
                done.set()
                waited.append(not second_over.wait(timeout=patience_s))
        finally:
            done.set()
            connection.close()

    def following() -> T | Exception:
        assert done.wait(timeout=20)
        try:
            return second()
        except DuetError as error:
            return error
        finally:
            second_over.set()
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        held, result = pool.submit(holding), pool.submit(following)
        held.result()
        return waited[0], result.result()


def test_closing_waits_for_an_answer_in_flight() -> None:
    study = open_study(clips=2)
    answer = answering(sessions.enrol(study=study, now=NOW), 3)
    waited, closed = while_uncommitted(answer, lambda: studies.close_study(study=study, by=None))
    assert waited
    assert isinstance(closed, Study)
    assert closed.state == StudyState.CLOSED
    assert Response.objects.count() == 2


def test_an_answer_that_meets_a_closing_waits_and_is_refused() -> None:
    study = open_study(clips=2)
    answer = answering(sessions.enrol(study=study, now=NOW), 3)
    waited, refused = while_uncommitted(lambda: studies.close_study(study=study, by=None), answer)
    assert waited
    assert isinstance(refused, WrongState)
    assert not Response.objects.exists()


@pytest.mark.parametrize("stop", [studies.pause_study, studies.close_study])
def test_nobody_enrols_past_a_pause_or_a_closing_that_is_under_way(stop: Callable[..., Study]) -> None:
    study = open_study(clips=1)
    waited, refused = while_uncommitted(
        lambda: stop(study=study, by=None), lambda: sessions.enrol(study=study, now=NOW)
    )
    assert waited
    assert isinstance(refused, WrongState)
    assert not StudySession.objects.exists()


def test_closing_waits_for_a_newcomer_in_flight() -> None:
    study = open_study(clips=1)
    waited, closed = while_uncommitted(
        lambda: sessions.enrol(study=study, now=NOW), lambda: studies.close_study(study=study, by=None)
    )
    assert waited
    assert isinstance(closed, Study)
    assert StudySession.objects.count() == 1


def test_answers_of_two_raters_do_not_wait_for_each_other() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    study = open_study(clips=2)
    one, other = (answering(sessions.enrol(study=study, now=NOW), 3) for _ in range(2))
    waited, _ = while_uncommitted(one, other, patience_s=20)
    assert not waited


def test_raters_at_the_same_moment_take_turns_at_the_order_of_questions() -> None:
    study = open_study(clips=1, blocks=6)
    at_once(*[lambda: sessions.enrol(study=study, now=NOW)] * 6)
    asked = StudySession.objects.values_list("first_question", flat=True)
    assert sorted(asked) == ["music_preference"] * 3 + ["visual_relevance"] * 3


def test_two_who_object_to_one_stimulus_at_the_same_moment_hold_it_once() -> None:
    study = open_study(clips=1, blocks=2)
    pair = [sessions.enrol(study=study, now=NOW) for _ in range(2)]
    stimulus = study.comparisons.get().stimulus_1
    works = []
    for session in pair:
        trial = session.block.trials.get()
        side = "left" if trial.left_is_1 else "right"
        works.append(answering(session, 3, Mark(TrialMark.Kind.OFFENSIVE, side)))  # type: ignore[arg-type]
    results = at_once(*works)
    assert all(isinstance(result, sessions.Answered) for result in results)
    assert StimulusHold.objects.get().stimulus == stimulus
    assert TrialMark.objects.count() == 2


def test_a_trial_answered_and_void_at_the_same_moment_is_one_of_the_two() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    answer = answering(session, 4)
    trial = session.block.trials.get(position=1)

    def void() -> None:
        voids.void_trial(session=session, trial=trial, side="left", reason=VoidedTrial.Reason.STALLED, now=LATER)

    def answered() -> None:
        with contextlib.suppress(AnswerRefused):
            answer()

    at_once(answered, void)
    assert trial.responses.exists() != VoidedTrial.objects.filter(trial=trial).exists()


def test_two_sweepers_pack_a_void_trial_once() -> None:
    study = open_study(clips=1, blocks=1)
    session = sessions.enrol(study=study, now=NOW)
    trial, _ = shown_and_heard(session)
    voids.void_trial(session=session, trial=trial, side="left", reason=VoidedTrial.Reason.STALLED, now=NOW)
    at_once(*[lambda: endings.expire_sessions(now=LATER)] * 2)
    assert Trial.objects.filter(block__state=BlockState.FREE).count() == 1


def test_one_cheat_at_the_same_moment_is_one_flag_that_counts() -> None:
    session = sessions.enrol(study=open_study(clips=1), now=NOW)
    trial, _ = shown_and_heard(session)

    def unplayed() -> None:
        with contextlib.suppress(AnswerRefused):
            sessions.answer(
                session=session,
                trial=trial,
                choices=dict.fromkeys(Question, 3),
                response_time_ms=1,
                now=LATER,
            )

    at_once(*[unplayed] * 4)
    assert SessionFlag.objects.get().times == 4
