"""The figures of a running study: each number against rows that a person can count."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from analysis.sequential import StoppingRule, watch
from studyapp.actions import sessions
from studyapp.actions.endings import expire_sessions
from studyapp.actions.pilots import put_away
from studyapp.actions.session_rows import complete
from studyapp.actions.waves import top_up
from studyapp.actions.withdrawal import withdraw
from studyapp.models import (
    AuditLine,
    Block,
    Comparison,
    Presentation,
    Response,
    SessionFlag,
    StepTry,
    Study,
    StudySession,
    SystemPair,
    Trial,
)
from studyapp.results.exports import ratings_frame
from studyapp.states import SessionState, StudyState
from studyapp.watching import monitoring
from studyapp.watching.figures import Figures
from tests.studyapp.factories import answer_trial, make_stimulus, make_system, open_study

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def taking_part(study: Study, choices: tuple[int, ...], *, simulated: bool = False, **fields: Any) -> StudySession:
    """A session that has answered so many trials, and is completed when these were all."""
    session = sessions.enrol(study=study, now=NOW - timedelta(hours=1))
    trials = list(session.block.trials.all())
    session.started_at = NOW - timedelta(minutes=50)
    session.state = SessionState.ACTIVE
    session.simulated = simulated
    session.save()
    for number, (trial, choice) in enumerate(zip(trials, choices, strict=False)):
        Presentation.objects.create(
            trial=trial, session=session, shown_at=NOW - timedelta(seconds=30 + 10 * number), showings=1
        )
        answer_trial(session, trial, choice=choice)
        trial.responses.update(answered_at=NOW)
    session.refresh_from_db()
    if len(choices) == len(trials):
        complete(session, NOW - timedelta(minutes=1))
    StudySession.objects.filter(pk=session.pk).update(**fields)
    session.refresh_from_db()
    return session


def figures(study: Study) -> Figures:
    study.refresh_from_db()
    return monitoring.figures(study, now=NOW)


def test_nothing_has_happened_yet() -> None:
    found = figures(open_study(clips=3, blocks=2))
    assert (found.quota, found.people, found.simulated) == (6, 0, 0)
    assert (found.blocks.free, found.blocks.total) == (2, 2)
    assert found.heads == ()
    assert found.lines == ()
    assert found.trial_s is None
    assert found.expected_end is None
    assert found.checks == ()
    assert all(step.reached == 0 for step in found.steps)


def test_figures_come_back_from_json_as_they_were() -> None:
    study = open_study(clips=3, blocks=4)
    taking_part(study, (1, 2, 5))
    taking_part(study, (1,))
    found = figures(study)
    assert Figures.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert Figures.from_json({}) is None
    assert Figures.from_json({**found.to_json(), "version": 0}) is None


def test_people_simulated_raters_and_a_pilots_are_counted_apart() -> None:
    study = open_study(clips=3, blocks=4)
    taking_part(study, (1, 2, 5))
    taking_part(study, (1,), simulated=True)
    Study.objects.filter(pk=study.pk).update(state=StudyState.PILOT, opened_at=None)
    study.refresh_from_db()
    block = Block.objects.create(study=study, number=1, origin=Block.Origin.PILOT)
    trial = study.blocks.counted().first().trials.first()  # type: ignore[union-attr]
    assert trial is not None
    Trial.objects.create(block=block, position=1, comparison=trial.comparison, left_is_1=True, played_first="left")
    taking_part(study, (3,))
    found = figures(study)
    assert found.pilot
    assert (found.quota, found.people) == (1, 1)
    assert {heads.who: (heads.total, heads.answers) for heads in found.heads} == {
        "people": (1, 6),
        "simulated": (1, 2),
        "pilot": (1, 2),
    }
    put_away(study)
    Study.objects.filter(pk=study.pk).update(state=StudyState.OPEN, opened_at=NOW)
    found = figures(study)
    assert not found.pilot
    assert (found.quota, found.people, found.simulated) == (12, 3, 1)
    assert found.of("people").states == {"completed": 1}


def test_ratings_are_set_against_the_quota_of_each_pair_and_genre() -> None:
    study = open_study(clips=3, blocks=2, genres=("Rock", "Reggae"))
    taking_part(study, (1, 2, 5))
    cells = {cell.genre: (cell.comparisons, cell.quota, cell.people) for cell in figures(study).cells}
    assert cells == {"Rock": (2, 4, 2), "Reggae": (1, 2, 1)}
    pair = study.pairs.get()
    assert {(cell.system_1, cell.system_2) for cell in figures(study).cells} == {
        (pair.system_1.slug, pair.system_2.slug)
    }


def test_a_wave_raises_the_quota_and_packing_again_does_not() -> None:
    study = open_study(clips=3, blocks=2, trials_per_block=3)
    session = taking_part(study, (1,))
    StudySession.objects.filter(pk=session.pk).update(expires_at=NOW - timedelta(hours=1))
    expire_sessions(now=NOW)
    found = figures(study)
    assert (found.quota, found.people) == (6, 1)
    assert (found.blocks.retired, found.blocks.packed, found.blocks.packed_free) == (1, 1, 1)
    top_up(study=study, by=None, reason="too few", ratings=1)
    found = figures(study)
    assert (found.quota, found.blocks.waves) == (9, 1)


def test_the_lines_are_those_of_the_analysis() -> None:
    study = open_study(clips=4, blocks=8, stop_alpha=0.1, stop_least_raters=2, stop_most_raters=5)
    answered = [(1, 2, 5, 3), (1, 1, 2, 2), (4, 5, 5, 5), (3, 3, 3, 3), (2, 1), (5,)]
    for number, choices in enumerate(answered):
        session = taking_part(study, choices)
        at = NOW - timedelta(minutes=40 - number)
        Response.objects.filter(session=session).update(answered_at=at)
        over = {"last_seen_at": at} if len(choices) == 4 else {"state": SessionState.EXPIRED, "expires_at": at}
        StudySession.objects.filter(pk=session.pk).update(**over)
    taking_part(study, (5, 5, 5, 5), simulated=True)
    rule = StoppingRule(alpha=0.1, least_raters=2, most_raters=5)
    plain = {one.question: one for one in watch(ratings_frame(study), rule, ended=True)}
    found = figures(study)
    assert found.about == "people"
    assert {line.question for line in found.lines} == set(plain)
    for line in found.lines:
        wanted = plain[line.question]
        assert (line.raters, line.decision, line.needed) == (6, wanted.decision, wanted.needed)
        assert line.net == pytest.approx(wanted.net)
        assert (line.low, line.high) == pytest.approx((wanted.low, wanted.high))
        assert line.evidence == pytest.approx(wanted.evidence)
        assert line.says_stop
        assert line.primary


def test_who_is_under_way_counts_for_no_line_until_the_session_ends() -> None:
    study = open_study(clips=2, blocks=3)
    taking_part(study, (1, 2))
    under_way = taking_part(study, (5,))
    assert {line.raters for line in figures(study).lines} == {1}
    withdraw(session=under_way, now=NOW)
    assert {line.raters for line in figures(study).lines} == {2}


def test_only_declared_pairs_are_primary() -> None:
    study = open_study(clips=2, blocks=2, primary_pairs=[["cmt", "riffusion"]])
    taking_part(study, (1, 2))
    assert not any(line.primary for line in figures(study).lines)


def test_what_is_needed_is_counted_from_what_was_planned_or_declared_not_from_what_was_answered() -> None:
    study = open_study(clips=2, blocks=2, stop_alpha=0.05)
    taking_part(study, (1, 2))
    assert {line.needed for line in figures(study).lines} == {40}
    pair, other = study.pairs.get(), make_system("foil-shifted")
    for one in (pair.system_1, pair.system_2):
        SystemPair.objects.create(study=study, system_1=one, system_2=other)
    assert {line.needed for line in figures(study).lines} == {120}
    declared = [[pair.system_2.slug, pair.system_1.slug], [pair.system_1.slug, other.slug]]
    Study.objects.filter(pk=study.pk).update(primary_pairs=declared)
    assert {(line.needed, line.primary) for line in figures(study).lines} == {(80, True)}
    Study.objects.filter(pk=study.pk).update(primary_pairs=declared[1:])
    assert {line.decision for line in figures(study).lines} == {
        "go on; exploratory, so its evidence decides nothing"
    }


def test_simulated_raters_are_watched_where_no_person_came() -> None:
    study = open_study(clips=2, blocks=3)
    taking_part(study, (1, 2), simulated=True)
    found = figures(study)
    assert (found.about, len(found.lines)) == ("simulated", 2)
    taking_part(study, (1, 2))
    assert figures(study).about == "people"
    assert figures(study).lines[0].raters == 1


def test_who_left_is_told_by_the_step_where_they_did() -> None:
    study = open_study(clips=4, blocks=6, checks_sound=True, headphone_test="antiphase")
    taking_part(study, (1, 1, 1, 1))
    taking_part(study, (1, 1), state=SessionState.EXPIRED)
    taking_part(study, (1,))
    left = sessions.enrol(study=study, now=NOW)
    StepTry.objects.create(session=left, step="device", number=1, shown_at=NOW, ended_at=NOW, passed=True)
    StepTry.objects.create(session=left, step="antiphase", number=1, shown_at=NOW)
    StudySession.objects.filter(pk=left.pk).update(state=SessionState.WITHDRAWN)
    sessions.enrol(study=study, now=NOW)
    steps = {step.label: (step.reached, step.here, step.left) for step in figures(study).steps}
    assert steps == {
        "Agreed to take part": (5, 1, 0),
        "Sound and screen": (4, 0, 0),
        "Headphones: the quietest tone": (4, 0, 1),
        "First trial shown": (3, 0, 0),
        "1 trial answered": (3, 1, 0),
        "2 trials answered": (2, 0, 1),
        "3 trials answered": (1, 0, 0),
        "Completed": (1, 0, 0),
    }
    assert (figures(study).left, figures(study).ended) == (2, 3)


@pytest.mark.parametrize(("truth_is_older", "gold_wrong"), [(True, 1), (False, 2)])
def test_failed_checks_are_counted_against_what_was_asked(truth_is_older: bool, gold_wrong: int) -> None:
    older, newer = make_system(), make_system("foil-shifted")
    truth = older if truth_is_older else newer
    study = open_study(clips=6, blocks=4, systems=(older, newer), max_same_choice=0.9, min_median_response_ms=1000)
    tests = list(study.comparisons.all())
    for kind, comparison in (("gold", tests[0]), ("identical", tests[1])):
        first = make_stimulus(comparison.clip, older)
        second = first if kind == "identical" else make_stimulus(comparison.clip, newer)
        check = Comparison.objects.create(
            study=study,
            clip=comparison.clip,
            stimulus_1=first,
            stimulus_2=second,
            kind=kind,
            expected=truth if kind == "gold" else None,
        )
        for number, block in enumerate(study.blocks.all()):
            Trial.objects.create(
                block=block,
                position=7 if kind == "gold" else 8,
                comparison=check,
                left_is_1=number % 2 == 0,
                played_first="left",
                kind=kind,
            )
    # The older one is on the left in the first block. Preferring neither is wrong, whichever is better.
    always_a = taking_part(study, (1, 1, 1, 1, 1, 1, 1, 1))
    taking_part(study, (1, 2, 3, 4, 5, 1, 3, 4))
    SessionFlag.objects.create(
        session=always_a, trial=always_a.block.trials.first(), rule="forged", first_at=NOW, last_at=NOW
    )
    StepTry.objects.create(session=always_a, step="huggins", number=1, shown_at=NOW, ended_at=NOW, passed=False)
    found = {check.name: (check.failed, check.of) for check in figures(study).checks}
    assert found == {
        "gold": (gold_wrong, 2),
        "identical": (2, 4),
        "fast": (2, 2),
        "same": (1, 2),
        "headphones": (1, 1),
        "screened-out": (0, 2),
        "flags": (1, 2),
    }


def test_times_arrivals_and_the_expected_end_follow_from_the_rows() -> None:
    study = open_study(clips=2, blocks=5)
    Study.objects.filter(pk=study.pk).update(opened_at=NOW - timedelta(hours=3))
    for _ in range(3):
        taking_part(study, (1, 2))
    found = figures(study)
    assert found.trial_s is not None
    assert (found.trial_s.of, round(found.trial_s.middle)) == (6, 35)
    assert found.trial_s.low < found.trial_s.middle < found.trial_s.high
    assert (sum(found.arrivals), found.arrivals[-2]) == (3, 3)
    assert found.completed_an_hour == pytest.approx(1, abs=0.1)
    assert found.expected_end is not None
    assert found.expected_end - found.at == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=20))
    assert found.quiet_since == NOW
    assert found.disk_total > found.disk_free > 0


def test_the_rate_of_a_pilot_is_of_the_hours_since_it_began() -> None:
    study = open_study(clips=1, blocks=4)
    Block.objects.filter(study=study).update(origin=Block.Origin.PILOT)
    Study.objects.filter(pk=study.pk).update(state=StudyState.PILOT, opened_at=None)
    study.refresh_from_db()
    earlier = taking_part(study, (1,), completed_at=NOW - timedelta(hours=5))
    for hours in (20, 3):
        line = AuditLine.write("study pilot", by=None, study=study)
        AuditLine.objects.filter(pk=line.pk).update(at=NOW - timedelta(hours=hours))
    assert figures(study).completed_an_hour == 0
    for _ in range(3):
        taking_part(study, (1,))
    # Of an earlier pilot, which another one followed.
    assert earlier.completed_at is not None
    assert figures(study).completed_an_hour == pytest.approx(1, abs=0.1)


def test_reading_costs_as_many_queries_for_many_sessions_as_for_few(
    django_assert_max_num_queries: Any,
) -> None:
    study = open_study(clips=2, blocks=8)
    for _ in range(7):
        taking_part(study, (1, 2))
    with django_assert_max_num_queries(32):
        assert figures(study).people == 14
