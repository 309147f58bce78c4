"""A rater's run through a block: claiming, showing, answering, and what becomes of the silent ones."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from studyapp.actions import endings, sessions
from studyapp.errors import AnswerRefused, SessionOver, StudyFull, WrongState
from studyapp.events import ReportedEvent
from studyapp.models import AuditLine, Block, PlayEvent, Presentation, Response, Study, StudySession, Trial
from studyapp.presentation import SIDES, Side
from studyapp.questions import Question
from studyapp.states import BlockState, SessionState, StudyState
from tests.studyapp.factories import open_study

pytestmark = pytest.mark.django_db

CHOICES = {Question.VISUAL_RELEVANCE: 2, Question.MUSIC_PREFERENCE: 5}
NOW = timezone.now()


def heard(trial: Trial, seconds: float = 1.0, sides: tuple[Side, ...] = SIDES) -> list[ReportedEvent]:
    """Both sides played whole, the planned one first."""
    events: list[ReportedEvent] = []
    clock = 0.0
    for side in sorted(sides, key=lambda side: side != trial.played_first):
        events.append(ReportedEvent(len(events), side, "play", 0.0, clock))
        clock += seconds
        events.append(ReportedEvent(len(events), side, "ended", seconds, clock))
    return events


def shown(session: StudySession, now: datetime) -> sessions.ShownTrial:
    """The next trial, shown, with its media given out."""
    trial = sessions.show_trial(session=session, now=now)
    assert trial is not None
    Presentation.objects.filter(trial=trial.trial).update(left_served_at=now, right_served_at=now)
    return trial


def answer_next(session: StudySession, now: datetime, **changes: Any) -> sessions.Answered:
    trial = shown(session, now).trial
    values: dict[str, Any] = {
        "trial": trial,
        "choices": CHOICES,
        "response_time_ms": 800,
        "reported": heard(trial),
        "now": now + timedelta(seconds=10),
        **changes,
    }
    return sessions.answer(session=session, **values)


def test_enrolling_claims_the_first_free_block_and_records_consent() -> None:
    study = open_study(blocks=2, consent_version="7", session_timeout_min=30)
    first = sessions.enrol(study=study, now=NOW)
    second = sessions.enrol(study=study, now=NOW)
    assert [first.block.number, second.block.number] == [1, 2]
    assert first.rater != second.rater
    first.refresh_from_db()
    assert (first.state, first.consent_version, first.simulated) == (SessionState.CONSENTED, "7", False)
    assert set(Block.objects.values_list("state", flat=True)) == {BlockState.CLAIMED}


def test_a_place_is_held_for_ten_minutes_until_the_first_trial_is_shown() -> None:
    study = open_study(blocks=1, session_timeout_min=30)
    session = sessions.enrol(study=study, now=NOW)
    assert session.expires_at == NOW + timedelta(minutes=10)
    begun = NOW + timedelta(minutes=9)
    sessions.show_trial(session=session, now=begun)
    session.refresh_from_db()
    assert session.expires_at == begun + timedelta(minutes=30)
    brief = sessions.enrol(study=open_study(session_timeout_min=5), now=NOW)
    assert brief.expires_at == NOW + timedelta(minutes=5)


def test_a_flood_of_consents_holds_the_study_for_minutes_only() -> None:
    study = open_study(blocks=3, session_timeout_min=60)
    flood = [sessions.enrol(study=study, now=NOW) for _ in range(3)]
    with pytest.raises(StudyFull):
        sessions.enrol(study=study, now=NOW + timedelta(minutes=9))
    newcomer = sessions.enrol(study=study, now=NOW + timedelta(minutes=10))
    assert newcomer.block.trials.count() == 3
    for session in flood:
        session.refresh_from_db()
        assert session.state == SessionState.EXPIRED
        assert session.ended_before_it_began


def test_a_full_study_says_so_and_makes_no_rater() -> None:
    study = open_study(blocks=1)
    sessions.enrol(study=study, now=NOW)
    with pytest.raises(StudyFull, match="All places"):
        sessions.enrol(study=study, now=NOW)
    assert StudySession.objects.count() == 1


def test_a_full_study_takes_a_newcomer_when_somebody_has_fallen_silent() -> None:
    study = open_study(blocks=1)
    silent = sessions.enrol(study=study, now=NOW)
    newcomer = sessions.enrol(study=study, now=NOW + timedelta(hours=2))
    silent.refresh_from_db()
    assert silent.state == SessionState.EXPIRED
    assert newcomer.block.wave == 1


@pytest.mark.parametrize("state", [StudyState.PAUSED, StudyState.CLOSED])
def test_only_an_open_study_takes_newcomers(state: StudyState) -> None:
    study = open_study()
    closed_at = NOW if state == StudyState.CLOSED else None
    Study.objects.filter(pk=study.pk).update(state=state, closed_at=closed_at)
    with pytest.raises(WrongState, match=state.label.lower()):
        sessions.enrol(study=study, now=NOW)
    assert set(Block.objects.values_list("state", flat=True)) == {BlockState.FREE}


def test_the_database_refuses_a_second_session_on_a_block() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    session.pk, session.token = None, "another"
    with pytest.raises(IntegrityError), transaction.atomic():
        session.save(force_insert=True)


def test_showing_starts_the_session_once_and_always_gives_the_next_unanswered_trial() -> None:
    session = sessions.enrol(study=open_study(clips=3), now=NOW)
    one = sessions.show_trial(session=session, now=NOW)
    again = sessions.show_trial(session=session, now=NOW + timedelta(seconds=5))
    assert one is not None
    assert again is not None
    assert (one.trial, one.place, one.total) == (again.trial, 1, 3)
    assert again.presentation.shown_at == NOW
    session.refresh_from_db()
    assert (session.state, session.started_at) == (SessionState.ACTIVE, NOW)
    assert session.last_seen_at == NOW + timedelta(seconds=5)
    answer_next(session, NOW)
    assert shown(session, NOW).place == 2


def test_a_preloaded_trial_counts_as_shown_from_its_page_on() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    trial = session.block.trials.first()
    assert trial is not None
    Presentation.objects.create(trial=trial, session=session, left_served_at=NOW)
    result = sessions.show_trial(session=session, now=NOW + timedelta(seconds=9))
    assert result is not None
    assert result.presentation.shown_at == NOW + timedelta(seconds=9)


def test_answers_are_stored_as_presented_and_the_last_one_completes_the_session() -> None:
    session = sessions.enrol(study=open_study(clips=2), now=NOW)
    assert answer_next(session, NOW) == sessions.Answered(again=False, completed=False)
    last = answer_next(session, NOW + timedelta(minutes=1))
    assert last == sessions.Answered(again=False, completed=True)
    session.refresh_from_db()
    assert session.state == SessionState.COMPLETED
    assert session.completed_at == NOW + timedelta(minutes=1, seconds=10)
    stored = Response.objects.filter(session=session)
    assert stored.count() == 4
    assert {(row.question, row.choice) for row in stored} == {("visual_relevance", 2), ("music_preference", 5)}
    assert {(row.coverage_left, row.coverage_right, row.response_time_ms) for row in stored} == {(1.0, 1.0, 800)}
    assert sessions.show_trial(session=session, now=NOW) is None


def test_the_same_answer_again_is_acknowledged_and_changes_nothing() -> None:
    session = sessions.enrol(study=open_study(clips=1), now=NOW)
    answer_next(session, NOW)
    trial = session.block.trials.get()
    other = {Question.VISUAL_RELEVANCE: 5, Question.MUSIC_PREFERENCE: 1}
    later = sessions.answer(
        session=session, trial=trial, choices=other, response_time_ms=1, now=NOW + timedelta(days=9)
    )
    assert later == sessions.Answered(again=True, completed=True)
    assert dict(trial.responses.values_list("question", "choice")) == CHOICES


def test_only_the_next_unanswered_trial_may_be_answered() -> None:
    session = sessions.enrol(study=open_study(clips=2), now=NOW)
    shown(session, NOW)
    second = session.block.trials.get(position=2)
    Presentation.objects.create(
        trial=second, session=session, shown_at=NOW, left_served_at=NOW, right_served_at=NOW
    )
    with pytest.raises(AnswerRefused, match="earlier step"):
        sessions.answer(
            session=session,
            trial=second,
            choices=CHOICES,
            response_time_ms=1,
            reported=heard(second),
            now=NOW + timedelta(seconds=30),
        )
    assert not Response.objects.exists()


def test_another_sessions_trial_is_refused() -> None:
    study = open_study()
    mine, theirs = sessions.enrol(study=study, now=NOW), sessions.enrol(study=study, now=NOW)
    trial = shown(theirs, NOW).trial
    with pytest.raises(AnswerRefused, match="another session"):
        sessions.answer(session=mine, trial=trial, choices=CHOICES, response_time_ms=1, now=NOW)
    with pytest.raises(AnswerRefused, match="not shown"):
        sessions.record_events(session=mine, trial=trial, reported=heard(trial), now=NOW)


def test_an_answer_with_too_little_played_is_refused_and_leaves_nothing() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    trial = shown(session, NOW).trial
    with pytest.raises(AnswerRefused, match=r"so far you played B to 0%"):
        answer_next(session, NOW, reported=heard(trial, sides=("left",)))
    with pytest.raises(AnswerRefused, match=r"A to 0% and B to 0%"):
        answer_next(session, NOW, reported=[])
    assert not Response.objects.exists()
    assert not answer_next(session, NOW).again


def test_events_claim_nothing_that_the_server_never_gave_out() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    trial = shown(session, NOW).trial
    Presentation.objects.filter(trial=trial).update(right_served_at=None)
    with pytest.raises(AnswerRefused, match="B to 0%"):
        sessions.answer(
            session=session,
            trial=trial,
            choices=CHOICES,
            response_time_ms=1,
            reported=heard(trial),
            now=NOW + timedelta(minutes=1),
        )


def test_events_claim_no_more_time_than_has_passed_on_the_server() -> None:
    session = sessions.enrol(study=open_study(seconds=10.0), now=NOW)
    trial = shown(session, NOW).trial
    with pytest.raises(AnswerRefused, match="A to 55%"):
        sessions.answer(
            session=session,
            trial=trial,
            choices=CHOICES,
            response_time_ms=1,
            reported=heard(trial, 10.0),
            now=NOW + timedelta(seconds=5),
        )


def test_a_missing_answer_is_named() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    with pytest.raises(AnswerRefused, match="missing: music preference"):
        answer_next(session, NOW, choices={Question.VISUAL_RELEVANCE: 1})


def test_a_choice_off_the_scale_meets_the_database() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        answer_next(session, NOW, choices={**CHOICES, Question.MUSIC_PREFERENCE: 6})
    assert not Response.objects.exists()


def test_events_sent_twice_are_stored_once_and_keep_the_session_alive() -> None:
    session = sessions.enrol(study=open_study(session_timeout_min=10), now=NOW)
    trial = shown(session, NOW).trial
    for minute in (1, 2):
        sessions.record_events(
            session=session, trial=trial, reported=heard(trial), now=NOW + timedelta(minutes=minute)
        )
    assert PlayEvent.objects.count() == 4
    session.refresh_from_db()
    assert session.expires_at == NOW + timedelta(minutes=12)


def test_one_trial_cannot_fill_the_disk_with_events() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    trial = shown(session, NOW).trial
    many = [ReportedEvent(number, "left", "progress", 0.0, 0.0) for number in range(5001)]
    for _ in range(2):
        sessions.record_events(session=session, trial=trial, reported=many, now=NOW)
    assert PlayEvent.objects.count() == 5000


def test_a_paused_study_lets_people_finish_and_a_closed_one_keeps_what_there_is() -> None:
    study = open_study(clips=2)
    session = sessions.enrol(study=study, now=NOW)
    Study.objects.filter(pk=study.pk).update(state=StudyState.PAUSED)
    answer_next(session, NOW)
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=NOW)
    with pytest.raises(WrongState, match="closed"):
        sessions.show_trial(session=session, now=NOW)
    assert Response.objects.count() == 2


def expired_after(study: Study, answered: int) -> StudySession:
    session = sessions.enrol(study=study, now=NOW)
    for _ in range(answered):
        answer_next(session, NOW)
    return session


def test_what_an_expired_session_left_is_offered_again_sides_unchanged() -> None:
    study = open_study(clips=4, blocks=1, session_timeout_min=60)
    session = expired_after(study, answered=1)
    late = NOW + timedelta(hours=2)
    assert endings.expire_sessions(now=NOW + timedelta(minutes=30)) == 0
    assert endings.expire_sessions(now=late) == 1
    assert endings.expire_sessions(now=late) == 0
    session.refresh_from_db()
    assert (session.state, session.block.state) == (SessionState.EXPIRED, BlockState.RETIRED)
    block = Block.objects.free().get(study=study)
    assert (block.number, block.wave) == (2, 1)
    fields = ("comparison", "left_is_1", "played_first")
    left = set(session.block.trials.filter(position__gt=1).values_list(*fields))
    assert set(block.trials.values_list(*fields)) == left
    assert Response.objects.filter(session=session).count() == 2
    assert AuditLine.objects.get(verb="sessions expired").details["new_blocks"] == [2]
    with pytest.raises(SessionOver, match="Your answers are kept"):
        answer_next(session, late)


def test_remainders_of_several_sessions_are_packed_together() -> None:
    study = open_study(clips=4, blocks=3, trials_per_block=4)
    Trial.objects.filter(block__study=study, block__number=3, position__gt=1).delete()
    for answered in (3, 2):
        expired_after(study, answered)
    assert endings.expire_sessions(now=NOW + timedelta(hours=2)) == 2
    new = Block.objects.free().filter(wave=1)
    assert sum(block.trials.count() for block in new) == 3
    # Clip 4 was left by both, and nobody meets a comparison twice: two blocks, and no more.
    assert sorted(block.trials.count() for block in new) == [1, 2]


def test_an_unclaimed_short_remainder_joins_the_next_packing() -> None:
    study = open_study(clips=4, blocks=2, trials_per_block=4)
    first, second = sessions.enrol(study=study, now=NOW), sessions.enrol(study=study, now=NOW)
    for _ in range(3):
        answer_next(first, NOW)
    wanted = Counter(second.block.trials.values_list("comparison", flat=True)[2:])
    wanted.update(first.block.trials.filter(position=4).values_list("comparison", flat=True))
    StudySession.objects.filter(pk=second.pk).update(expires_at=NOW + timedelta(days=1))
    endings.expire_sessions(now=NOW + timedelta(hours=2))
    assert Block.objects.free().get().trials.count() == 1
    for _ in range(2):
        answer_next(second, NOW + timedelta(hours=2))
    endings.expire_sessions(now=NOW + timedelta(days=3))
    offered = Block.objects.free()
    assert {block.wave for block in offered} == {2}
    got = Counter(Trial.objects.filter(block__in=offered).values_list("comparison", flat=True))
    assert got == wanted


def test_repeats_are_not_packed_again() -> None:
    study = open_study(clips=2, blocks=1)
    original = Trial.objects.get(block__study=study, position=1)
    Trial.objects.create(
        block=original.block,
        position=3,
        comparison=original.comparison,
        left_is_1=not original.left_is_1,
        played_first="left",
        kind=Trial.Kind.REPEAT,
        repeat_of=original,
    )
    expired_after(study, answered=1)
    endings.expire_sessions(now=NOW + timedelta(hours=2))
    assert [trial.kind for trial in Trial.objects.filter(block__wave=1)] == ["test"]


def test_a_closed_studys_sessions_end_without_new_blocks() -> None:
    study = open_study(blocks=1)
    sessions.enrol(study=study, now=NOW)
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=NOW)
    assert endings.expire_sessions(now=NOW + timedelta(hours=2)) == 1
    assert not Block.objects.free().exists()


def test_packing_many_sessions_costs_as_many_queries_as_packing_one(django_assert_max_num_queries: Any) -> None:
    for sessions_there in (1, 8):
        study = open_study(clips=3, blocks=sessions_there)
        for _ in range(sessions_there):
            sessions.enrol(study=study, now=NOW)
        with django_assert_max_num_queries(18):
            assert endings.expire_sessions(now=NOW + timedelta(hours=2), study=study) == sessions_there


def test_an_answer_costs_few_queries_however_many_events(django_assert_max_num_queries: Any) -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    trial = shown(session, NOW).trial
    many = heard(trial) + [ReportedEvent(100 + n, "left", "progress", 0.0, 2.0) for n in range(300)]
    with django_assert_max_num_queries(18):
        sessions.answer(
            session=session,
            trial=trial,
            choices=CHOICES,
            response_time_ms=1,
            reported=many,
            now=NOW + timedelta(seconds=9),
        )
