"""Responses become one table that says the same in both frames and names nobody."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from analysis import files, schema, system_cards
from analysis.counts import StudyCounts
from generation.cards import Standing
from studyapp.actions.flags import raise_flag
from studyapp.actions.marks import marks_from, store_marks
from studyapp.errors import NotReady
from studyapp.models import Block, Clip, Rater, Response, Stimulus, Study, StudySession, Trial
from studyapp.presentation import canonical_score
from studyapp.questions import Question
from studyapp.results import exports
from studyapp.results.exports import codebook, further_columns, ratings_frame, study_counts
from tests.studyapp.factories import make_study, make_system, open_study

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).parent.parent.parent / "golden" / "ratings_small.csv"


def answer_everything(study: Study, *, simulated: bool = False, choice: int = 2) -> StudySession:
    now = timezone.now()
    session = StudySession.objects.create(
        study=study,
        rater=Rater.objects.create(),
        block=study.blocks.filter(session__isnull=True).first(),
        simulated=simulated,
        consent_version="1",
        consented_at=now,
        last_seen_at=now,
        expires_at=now,
    )
    for trial in session.block.trials.all():
        for question in Question:
            Response.objects.create(
                session=session,
                trial=trial,
                question=question,
                choice=choice,
                coverage_left=1.0,
                coverage_right=0.96,
                response_time_ms=2500,
                answered_at=now,
            )
    return session


def test_the_table_has_the_agreed_columns_and_survives_its_own_check() -> None:
    study = open_study(clips=3, blocks=2)
    session = answer_everything(study)
    frame = ratings_frame(study)
    further = tuple(column.name for column in further_columns())
    assert tuple(frame.columns) == schema.COLUMN_NAMES + further
    assert tuple(codebook()["column"]) == tuple(frame.columns)
    assert len(frame) == 3 * 2
    assert set(frame["study"]) == {study.slug}
    text = frame.to_csv()
    for secret in (session.token, session.rater.code, study.token, session.block.trials.first().token):
        assert secret not in text


def test_sides_and_systems_tell_the_same_story() -> None:
    better, worse = make_system(slug="better"), make_system("random-shuffle", slug="worse")
    study = open_study(clips=4, blocks=2, systems=(better, worse))
    answer_everything(study, choice=1)
    frame = ratings_frame(study)
    trials = {f"b{trial.block.number}t{trial.position}": trial for trial in Trial.objects.select_related("block")}
    for row in frame.itertuples():
        trial = trials[row.trial_id]
        assert (row.system_1, row.system_2) == ("better", "worse")
        assert (row.system_left == "better") == trial.left_is_1
        assert row.score == canonical_score(row.choice, left_is_1=trial.left_is_1)
        assert row.stimulus_left == trial.sides.left.file_sha256
        assert row.score_presented == 2
    # A is always much better, so whoever stood on the left won: the factory alternates.
    assert sorted(frame["score"]) == [-2, -2, -2, -2, 2, 2, 2, 2]


def test_simulated_answers_come_only_when_asked_for() -> None:
    study = open_study(clips=2, blocks=2)
    answer_everything(study, simulated=True)
    with pytest.raises(NotReady, match="no responses yet from people"):
        ratings_frame(study)
    answer_everything(study)
    assert not ratings_frame(study)["simulated"].any()
    everything = ratings_frame(study, include_simulated=True)
    assert everything["simulated"].sum() == len(everything) / 2


def test_the_course_of_a_study_counts_the_plan_and_who_left() -> None:
    study = open_study(clips=2, blocks=4)
    done, gone, begun, program = (answer_everything(study, simulated=number == 3) for number in range(4))
    for session, state in ((done, "completed"), (gone, "expired"), (begun, "active"), (program, "completed")):
        at = {"completed_at": timezone.now()} if state == "completed" else {}
        StudySession.objects.filter(pk=session.pk).update(state=state, **at)
    # What was packed again was planned once.
    packed = Block.objects.create(study=study, number=9, origin="packed", wave=1)
    trial = study.blocks.first().trials.first()
    Trial.objects.create(
        block=packed, position=1, comparison=trial.comparison, left_is_1=True, played_first="left"
    )
    assert study_counts(study) == StudyCounts(
        planned_trials=8, completed=1, expired=1, under_way=1, simulated_left_out=4
    )
    assert study_counts(study, include_simulated=True) == StudyCounts(
        planned_trials=8, completed=2, expired=1, under_way=1, simulated_left_out=0
    )


@pytest.fixture
def repeating() -> Study:
    """Two trials, and the first one once more, answered."""
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
    answer_everything(study)
    return study


def test_a_repeat_names_the_trial_it_repeats(repeating: Study) -> None:
    frame = ratings_frame(repeating)
    repeat = frame[frame["kind"] == "repeat"].iloc[0]
    assert (repeat["trial_id"], repeat["repeat_of"]) == ("b1t3", "b1t1")
    assert repeat["system_left"] == frame[frame["trial_id"] == "b1t1"].iloc[0]["system_right"]


def test_a_piece_may_end_between_a_trial_and_its_repeat(repeating: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_PIECE", 4)
    pieces = list(exports.ratings_pieces(repeating, include_simulated=True, of_pilot=False))
    assert [piece["kind"].astype(str).tolist() for piece in pieces] == [["test"] * 4, ["repeat"] * 2]


def test_one_rater_has_another_name_in_another_study() -> None:
    one, other = open_study(clips=1, blocks=1), open_study(clips=1, blocks=1)
    session = answer_everything(one)
    again = answer_everything(other)
    again.rater = session.rater
    again.save()
    assert ratings_frame(one)["rater_id"][0] != ratings_frame(other)["rater_id"][0]
    assert ratings_frame(one)["rater_id"][0] == ratings_frame(one)["rater_id"][0]


@pytest.mark.parametrize(("clips", "blocks"), [(1, 1), (5, 4)])
def test_the_export_asks_the_database_as_often_however_much_there_is(
    clips: int, blocks: int, django_assert_num_queries: object
) -> None:
    study = open_study(clips=clips, blocks=blocks)
    for _ in range(blocks):
        answer_everything(study)
    with django_assert_num_queries(8):  # type: ignore[operator]
        frame = ratings_frame(study)
    assert len(frame) == clips * blocks * 2


def test_without_responses_there_is_nothing_to_export() -> None:
    with pytest.raises(NotReady, match="has no responses yet"):
        ratings_frame(make_study())


def test_importing_the_export_does_not_import_pandas() -> None:
    code = (
        "import django; django.setup(); import studyapp.results.exports, sys; "
        "assert not {'pandas', 'torch', 'statsmodels'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"DJANGO_SETTINGS_MODULE": "studyapp.settings", "PATH": ""}
    )


def test_a_small_export_is_the_golden_file() -> None:
    study = open_study(
        clips=2,
        blocks=2,
        systems=(make_system(slug="ground-truth"), make_system("random-shuffle", slug="random-shuffle")),
        slug="golden",
        token="golden-study",
    )
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for number, simulated in enumerate((False, True), start=1):
        session = answer_everything(study, simulated=simulated, choice=number)
        Rater.objects.filter(pk=session.rater_id).update(code=f"rater-{number}")
        StudySession.objects.filter(pk=session.pk).update(token=f"session-{number}")
    Response.objects.update(answered_at=at)
    for number, comparison in enumerate(study.comparisons.order_by("id")):
        Clip.objects.filter(pk=comparison.clip_id).update(clip_id=f"clip{number}")
        for system, stimulus in enumerate((comparison.stimulus_1_id, comparison.stimulus_2_id)):
            Stimulus.objects.filter(pk=stimulus).update(
                file_sha256=f"{number}{system}" * 32, lufs=-23.0 - system / 10, gain_db=1.5 * number, seed=7
            )
    frame = ratings_frame(study, include_simulated=True)
    assert files.csv_text(frame[list(schema.COLUMN_NAMES)]) == GOLDEN.read_text()


def test_marks_flags_and_the_order_of_questions_are_exported() -> None:
    study = open_study(clips=2, blocks=2)
    plain, marked = answer_everything(study), answer_everything(study)
    StudySession.objects.filter(pk=marked.pk).update(first_question=Question.MUSIC_PREFERENCE)
    trial = marked.block.trials.first()
    ticked = marks_from(both_bad=True, wrong=["right"], offensive=[], comment=" =1+1 was odd ")
    store_marks(session=marked, trial=trial, marks=ticked, now=timezone.now())
    raise_flag(session=marked, trial=trial, rule="unplayed", now=timezone.now())
    frame = ratings_frame(study).set_index(["block", "position", "question"]).sort_index()
    row = frame.loc[marked.block.number, 1, "music_preference"]
    told = ["question_place", "both_bad", "wrong_left", "wrong_right", "offensive_right", "comment", "flags"]
    assert list(row[told]) == [1, True, False, True, False, "=1+1 was odd", "unplayed"]
    # A spreadsheet would run it: the file says that it is text.
    assert ",'=1+1 was odd," in files.csv_text(frame.reset_index())
    untold = frame.loc[plain.block.number, 1, "music_preference"]
    assert list(untold[told[:5]]) == [2, False, False, False, False]
    assert list(untold[["comment", "flags"]]) == ["", ""]


def test_the_analysis_calls_a_stand_in_what_the_cards_call_it() -> None:
    """It knows no generation, and names stand-ins above a report's results by this word."""
    assert system_cards.STAND_IN == Standing.STAND_IN
