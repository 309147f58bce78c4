"""Trials that cannot be played, marks, and held stimuli: what a rater is asked, and what goes to others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from studyapp.actions import endings, sessions, voids
from studyapp.actions.marks import MAX_HOLDS_PER_SESSION, Mark, lift_hold, marks_from
from studyapp.errors import AnswerRefused, SessionOver, WrongState
from studyapp.models import (
    AuditLine,
    Block,
    Response,
    SessionFlag,
    StimulusHold,
    StudySession,
    Trial,
    TrialMark,
    VoidedTrial,
)
from studyapp.presentation import Side
from studyapp.questions import Question
from studyapp.states import SessionState
from tests.studyapp.factories import make_researcher, open_study
from tests.studyapp.test_sessions import answer_next, shown

pytestmark = pytest.mark.django_db

NOW = timezone.now()
Reason = VoidedTrial.Reason
OFFENSIVE = TrialMark.Kind.OFFENSIVE


def void_next(session: StudySession, *, side: Side = "left", reason: Reason = Reason.STALLED) -> Trial:
    trial = shown(session, NOW).trial
    voids.void_trial(session=session, trial=trial, side=side, reason=reason, now=NOW)
    return trial


def offered() -> list[int]:
    return list(Trial.objects.filter(block__in=Block.objects.free()).values_list("comparison_id", flat=True))


def test_a_void_trial_leads_to_the_next_and_is_no_answer() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    trial = void_next(session, side="right", reason=Reason.UNPLAYABLE)
    void = VoidedTrial.objects.get()
    assert (void.trial, void.side, void.reason, void.file_lost) == (trial, "right", "unplayable", False)
    assert shown(session, NOW).place == 2
    with pytest.raises(AnswerRefused):
        sessions.answer(
            session=session, trial=trial, choices=dict.fromkeys(Question, 3), response_time_ms=1, now=NOW
        )
    assert not Response.objects.exists()
    assert AuditLine.objects.get(verb="trial void").details["reason"] == "unplayable"


def test_a_void_trials_comparison_goes_to_another_block_once_its_session_has_ended() -> None:
    study = open_study(clips=2, blocks=1)
    session = sessions.enrol(study=study, now=NOW)
    trial = void_next(session)
    assert endings.expire_sessions(now=NOW) == 0
    answer_next(session, NOW)
    session.refresh_from_db()
    assert session.state == SessionState.COMPLETED
    assert endings.expire_sessions(now=NOW) == 1
    assert offered() == [trial.comparison_id]
    again = Trial.objects.get(block__wave=1)
    assert (again.left_is_1, again.played_first) == (trial.left_is_1, trial.played_first)
    # Once.
    assert endings.expire_sessions(now=NOW) == 0
    assert len(offered()) == 1


def test_an_expired_sessions_void_trial_is_packed_once_with_what_it_left() -> None:
    study = open_study(clips=3, blocks=1)
    session = sessions.enrol(study=study, now=NOW)
    void_next(session)
    answer_next(session, NOW)
    late = NOW + timedelta(hours=3)
    endings.expire_sessions(now=late)
    endings.expire_sessions(now=late)
    assert len(offered()) == 2
    assert not VoidedTrial.objects.filter(packed_at=None).exists()


def test_a_newcomer_gets_what_was_void_where_nothing_else_is_free() -> None:
    study = open_study(clips=2, blocks=1)
    session = sessions.enrol(study=study, now=NOW)
    trial = void_next(session)
    answer_next(session, NOW)
    newcomer = sessions.enrol(study=study, now=NOW)
    assert [one.comparison_id for one in newcomer.block.trials.all()] == [trial.comparison_id]


def test_a_session_with_nothing_but_void_trials_ends_as_completed() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    void_next(session)
    void_next(session)
    session.refresh_from_db()
    assert (session.state, session.completed_at) == (SessionState.COMPLETED, NOW)
    assert sessions.show_trial(session=session, now=NOW) is None


def test_a_repeat_is_void_with_the_trial_it_repeats() -> None:
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
    session = sessions.enrol(study=study, now=NOW)
    void_next(session)
    assert answer_next(session, NOW).completed
    assert VoidedTrial.objects.get(trial__kind="repeat").reason == "original"
    endings.expire_sessions(now=NOW)
    assert offered() == [original.comparison_id]


def test_only_the_trial_that_is_shown_can_be_void_and_twice_is_once() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    first, second = session.block.trials.order_by("position")
    with pytest.raises(AnswerRefused, match="not shown"):
        voids.void_trial(session=session, trial=first, side="left", reason=Reason.MISSING, now=NOW)
    void_next(session)
    voids.void_trial(session=session, trial=first, side="right", reason=Reason.MISSING, now=NOW)
    with pytest.raises(AnswerRefused, match="not shown"):
        voids.void_trial(session=session, trial=second, side="left", reason=Reason.MISSING, now=NOW)
    assert VoidedTrial.objects.get().side == "left"


def test_an_answered_trial_and_an_expired_session_cannot_be_void() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    answer_next(session, NOW)
    first = session.block.trials.get(position=1)
    voids.void_trial(session=session, trial=first, side="left", reason=Reason.MISSING, now=NOW)
    assert not VoidedTrial.objects.exists()
    second = shown(session, NOW).trial
    endings.expire_sessions(now=NOW + timedelta(hours=3))
    with pytest.raises(SessionOver):
        voids.void_trial(session=session, trial=second, side="left", reason=Reason.MISSING, now=NOW)


def test_a_file_that_the_server_misses_too_is_held_from_everybody() -> None:
    study = open_study(clips=2, blocks=2)
    session = sessions.enrol(study=study, now=NOW)
    trial = shown(session, NOW).trial
    lost = trial.stimulus_on("left")
    lost.path.unlink()
    void_next(session, reason=Reason.MISSING)
    assert VoidedTrial.objects.get().file_lost
    assert StimulusHold.objects.get().stimulus == lost
    other = sessions.enrol(study=study, now=NOW)
    assert shown(other, NOW).trial.comparison != trial.comparison
    assert VoidedTrial.objects.get(trial__block=other.block).reason == "held"


def test_voids_that_the_server_cannot_explain_are_flagged_from_the_third() -> None:
    session = sessions.enrol(study=open_study(clips=4, blocks=1), now=NOW)
    for _ in range(2):
        void_next(session)
    assert not SessionFlag.objects.exists()
    void_next(session)
    assert SessionFlag.objects.get().rule == "many_voids"


def test_marks_are_kept_beside_the_answer() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    ticked = marks_from(both_bad=True, wrong=["left"], offensive=[], comment="  It clicks.  ")
    answer_next(session, NOW, marks=ticked)
    answer_next(session, NOW, marks=marks_from(both_bad=False, wrong=[], offensive=[], comment="   "))
    marks = TrialMark.objects.values_list("trial__position", "kind", "side", "text")
    assert set(marks) == {(1, "both_bad", "", ""), (1, "wrong", "left", ""), (1, "comment", "", "It clicks.")}


def test_a_refused_answer_leaves_no_marks() -> None:
    session = sessions.enrol(study=open_study(clips=1, blocks=1), now=NOW)
    with pytest.raises(AnswerRefused):
        answer_next(session, NOW, reported=[], marks=[Mark(TrialMark.Kind.OFFENSIVE, "left")])
    assert not TrialMark.objects.exists()
    assert not StimulusHold.objects.exists()


def test_what_is_called_offensive_is_out_until_a_researcher_has_looked() -> None:
    study = open_study(clips=2, blocks=2)
    first, second = sessions.enrol(study=study, now=NOW), sessions.enrol(study=study, now=NOW)
    trial = shown(first, NOW).trial
    answer_next(first, NOW, marks=[Mark(OFFENSIVE, "left")])
    hold = StimulusHold.objects.get()
    assert hold.stimulus == trial.stimulus_on("left")
    assert Response.objects.count() == 2
    # Nobody else meets it; what they were to be asked waits.
    assert answer_next(second, NOW).completed
    assert endings.expire_sessions(now=NOW) == 0
    researcher = make_researcher()
    lift_hold(hold=hold, by=researcher, now=NOW)
    assert endings.expire_sessions(now=NOW) == 1
    assert offered() == [trial.comparison_id]
    assert AuditLine.objects.get(verb="stimulus let back in").by == researcher
    with pytest.raises(WrongState, match="already"):
        lift_hold(hold=hold, by=researcher, now=NOW)
    # Somebody has looked and decided: the same mark again is kept, and takes nothing out.
    third = sessions.enrol(study=study, now=NOW)
    side: Side = "left" if shown(third, NOW).trial.stimulus_on("left") == hold.stimulus else "right"
    answer_next(third, NOW, marks=[Mark(OFFENSIVE, side)])
    assert StimulusHold.objects.count() == 1
    assert TrialMark.objects.count() == 2


def test_what_is_held_when_a_session_expires_waits_too() -> None:
    study = open_study(clips=2, blocks=2)
    silent, marking = sessions.enrol(study=study, now=NOW), sessions.enrol(study=study, now=NOW)
    trial = shown(marking, NOW).trial
    answer_next(marking, NOW, marks=[Mark(OFFENSIVE, "right")])
    late = NOW + timedelta(hours=3)
    endings.expire_sessions(now=late)
    assert trial.comparison_id not in offered()
    waiting = VoidedTrial.objects.get(trial__block=silent.block)
    assert (waiting.reason, waiting.packed_at) == ("held", None)
    lift_hold(hold=StimulusHold.objects.get(), by=make_researcher(), now=late)
    endings.expire_sessions(now=late)
    assert offered().count(trial.comparison_id) == 1


def test_a_block_with_nothing_but_held_trials_is_not_claimed() -> None:
    study = open_study(clips=1, blocks=3)
    marking = sessions.enrol(study=study, now=NOW)
    answer_next(marking, NOW, marks=[Mark(OFFENSIVE, "left")])
    with pytest.raises(Exception, match="All places"):
        sessions.enrol(study=study, now=NOW)


def test_a_rater_who_will_not_go_on_is_not_asked_and_the_stimulus_is_held() -> None:
    session = sessions.enrol(study=open_study(clips=2, blocks=1), now=NOW)
    trial = void_next(session, side="right", reason=Reason.OFFENSIVE)
    assert StimulusHold.objects.get().stimulus == trial.stimulus_on("right")
    assert TrialMark.objects.get().kind == "offensive"
    assert shown(session, NOW).place == 2


def test_one_raters_taste_cannot_empty_a_study() -> None:
    session = sessions.enrol(study=open_study(clips=5, blocks=1), now=NOW)
    for _ in range(5):
        answer_next(session, NOW, marks=[Mark(OFFENSIVE, "left")])
    assert StimulusHold.objects.count() == MAX_HOLDS_PER_SESSION
    assert TrialMark.objects.filter(kind="offensive").count() == 5
    assert SessionFlag.objects.filter(rule="many_holds").count() == 2


def test_raters_are_asked_the_questions_in_turns() -> None:
    study = open_study(clips=1, blocks=6)
    for number in range(6):
        sessions.enrol(study=study, now=NOW + timedelta(seconds=number))
    assert (
        list(StudySession.objects.order_by("pk").values_list("first_question", flat=True))
        == [
            "visual_relevance",
            "music_preference",
        ]
        * 3
    )


def test_who_never_began_takes_no_turn() -> None:
    study = open_study(clips=1, blocks=2)
    sessions.enrol(study=study, now=NOW)
    late = NOW + timedelta(minutes=20)
    endings.expire_sessions(now=late)
    assert sessions.enrol(study=study, now=late).first_question == Question.VISUAL_RELEVANCE
    assert sessions.enrol(study=study, now=late).first_question == Question.MUSIC_PREFERENCE
