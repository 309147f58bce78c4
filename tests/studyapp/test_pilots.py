"""A pilot tries the study as it will be; nothing of it is ever counted, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.signals import request_started
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp import tasks
from studyapp.actions.designs import build_design, design_csv
from studyapp.actions.endings import expire_sessions
from studyapp.actions.pilots import ask_simulated, end_pilot, start_pilot
from studyapp.actions.sessions import Consent, enrol, show_trial
from studyapp.actions.studies import archive_study, close_study, open_study
from studyapp.errors import NotReady, SessionOver, StudyFull, ToldOtherwise, WrongState
from studyapp.models import Block, Comparison, Response, Stimulus, Study, StudySession, System
from studyapp.overview import collection
from studyapp.results.exports import ratings_frame, study_counts
from studyapp.simulated_browser import Page
from studyapp.simulation import Simulated, simulate
from studyapp.states import BlockState, SessionState, StimulusState, StudyState
from tests.studyapp.factories import answer_trial, make_clip, make_study, make_system, sha
from tests.studyapp.test_session_races import while_uncommitted

pytestmark = pytest.mark.django_db


def ready(study: Study) -> None:
    """Every stimulus of the design as a worker would leave it; the files are alike."""
    for stimulus in Stimulus.objects.exclude(state=StimulusState.READY):
        stimulus.file = f"stimuli/{stimulus.pk}.mp4"
        stimulus.path.parent.mkdir(parents=True, exist_ok=True)
        content = f"{stimulus.pk:0100}".encode()
        stimulus.path.write_bytes(content)
        stimulus.state, stimulus.file_sha256, stimulus.file_bytes = StimulusState.READY, sha(content), 100
        stimulus.lufs, stimulus.gain_db, stimulus.true_peak_dbtp, stimulus.duration_s = -23.0, 0.0, -6.0, 10.0
        stimulus.ready_at = timezone.now()
        stimulus.save()


def built(**fields: int) -> Study:
    study = make_study(clips_per_cell=4, ratings_per_comparison=3, trials_per_block=2, **fields)
    study.clips.set([make_clip() for _ in range(4)])
    first, second = make_system(), make_system("random-shuffle")
    study.pairs.create(system_1=first, system_2=second)
    build_design(study=study, by=None)
    ready(study)
    study.refresh_from_db()
    return study


def take_part(study: Study, *, whole: bool = True) -> None:
    session = enrol(study=study, now=timezone.now())
    trials = list(session.block.trials.order_by("position"))
    for trial in trials if whole else trials[:1]:
        answer_trial(session, trial)
    if whole:
        session.state, session.completed_at = SessionState.COMPLETED, timezone.now()
        session.save(update_fields=["state", "completed_at"])


def test_a_pilot_gives_out_copies_and_leaves_the_design_whole() -> None:
    study = built(pilot_raters=2)
    before = design_csv(study)
    start_pilot(study=study, by=None)
    take_part(study)
    take_part(study)
    study.refresh_from_db()
    with pytest.raises(StudyFull):
        enrol(study=study, now=timezone.now())
    open_study(study=study, by=None)
    assert design_csv(study) == before
    assert not Block.objects.counted().exclude(state=BlockState.FREE).exists()
    assert study.audit_lines.get(verb="study pilot").details == {"places": 2}


def test_answers_of_a_pilot_and_of_the_study_are_never_in_one_table() -> None:
    study = built()
    start_pilot(study=study, by=None)
    take_part(study)
    open_study(study=study, by=None)
    study.refresh_from_db()
    with pytest.raises(NotReady, match="no responses yet"):
        ratings_frame(study)
    take_part(study)
    counted, tried = ratings_frame(study), ratings_frame(study, of_pilot=True)
    assert len(counted) == len(tried) == 4
    assert not set(counted["rater_id"]) & set(tried["rater_id"])
    assert study_counts(study).completed == study_counts(study, of_pilot=True).completed == 1
    assert collection(study).people.answers == 4


def test_the_page_of_a_piloted_study_counts_the_pilot_alone() -> None:
    study = built(pilot_raters=3)
    start_pilot(study=study, by=None)
    study.refresh_from_db()
    take_part(study, whole=False)
    seen = collection(study)
    assert (seen.blocks, seen.free, seen.people.under_way, seen.people.answers) == (3, 2, 1, 2)


def test_ending_a_pilot_ends_who_is_under_way_and_keeps_what_they_answered() -> None:
    study = built()
    start_pilot(study=study, by=None)
    session = enrol(study=study, now=timezone.now())
    answer_trial(session, session.block.trials.get(position=1))
    end_pilot(study=study, by=None)
    study.refresh_from_db()
    session.refresh_from_db()
    assert (study.state, session.state) == (StudyState.DRAFT, SessionState.EXPIRED)
    assert Response.objects.count() == 2
    assert not Block.objects.of_pilot().exclude(pk=session.block_id).exists()
    assert Block.objects.get(pk=session.block_id).state == BlockState.RETIRED
    with pytest.raises(SessionOver):
        show_trial(session=session, now=timezone.now())


def test_a_design_built_after_a_pilot_keeps_the_pilot_s_evidence_out_of_it() -> None:
    study = built()
    start_pilot(study=study, by=None)
    take_part(study)
    end_pilot(study=study, by=None)
    third = make_system("imported")
    kept = System.objects.order_by("pk").first()
    assert kept is not None
    study.refresh_from_db()
    study.pairs.all().delete()
    study.pairs.create(system_1=kept, system_2=System.objects.get(key="random-shuffle"))
    study.trials_per_block = 4
    study.save()
    build_design(study=study, by=None)
    assert third.pk  # a system that is not compared changes nothing
    designed = study.comparisons.designed()
    assert designed.count() == 4
    # The same pairs were shown in the pilot: they are the same rows, not twins.
    assert Comparison.objects.filter(study=study).count() == 4
    assert Response.objects.count() == 4
    study.clips.set([make_clip(), make_clip()])
    Study.objects.filter(pk=study.pk).update(trials_per_block=2)
    build_design(study=study, by=None)
    assert study.comparisons.designed().count() == 2
    assert Comparison.objects.filter(study=study, in_design=False).exists()
    assert len(ratings_frame(study, of_pilot=True)) == 4


def test_what_a_pilot_leaves_unanswered_is_asked_of_nobody() -> None:
    study = built(pilot_raters=1)
    start_pilot(study=study, by=None)
    take_part(study, whole=False)
    later = timezone.now() + timedelta(days=1)
    assert expire_sessions(now=later) == 1
    assert not Block.objects.filter(origin=Block.Origin.PACKED).exists()
    study.refresh_from_db()
    open_study(study=study, by=None)
    assert expire_sessions(now=later) == 0
    assert not Block.objects.filter(origin=Block.Origin.PACKED).exists()


def test_a_pilot_asks_for_what_opening_asks_for() -> None:
    study = built()
    Stimulus.objects.filter(pk=Stimulus.objects.order_by("pk").values("pk")[:1]).update(
        state=StimulusState.REQUESTED
    )
    with pytest.raises(NotReady, match="not every stimulus is ready"):
        start_pilot(study=study, by=None)
    with pytest.raises(WrongState, match="is a draft"):
        end_pilot(study=study, by=None)
    study.refresh_from_db()
    assert (study.state, Block.objects.of_pilot().count()) == (StudyState.DRAFT, 0)


def test_what_is_piloted_is_said_in_whole_sentences() -> None:
    study = built()
    start_pilot(study=study, by=None)
    with pytest.raises(WrongState, match="is being piloted; only a study that is a draft can be piloted"):
        start_pilot(study=study, by=None)
    open_study(study=study, by=None)
    with pytest.raises(WrongState, match="is open; only a draft can be piloted"):
        start_pilot(study=study, by=None)
    with pytest.raises(WrongState, match="is open; only a study that is a draft or being piloted can be opened"):
        open_study(study=study, by=None)


def test_a_second_pilot_s_copies_are_new_blocks() -> None:
    study = built(pilot_raters=1)
    start_pilot(study=study, by=None)
    take_part(study)
    end_pilot(study=study, by=None)
    study.refresh_from_db()
    build_design(study=study, by=None)
    start_pilot(study=study, by=None)
    study.refresh_from_db()
    take_part(study)
    assert sorted(Block.objects.of_pilot().values_list("number", flat=True)) == [1, 2]
    assert len(ratings_frame(study, of_pilot=True)) == 8


def test_a_closed_study_is_archived_and_stays_so() -> None:
    study = built()
    with pytest.raises(WrongState, match="is a draft; only a study that is closed can be archived"):
        archive_study(study=study, by=None)
    open_study(study=study, by=None)
    close_study(study=study, by=None)
    archive_study(study=study, by=None)
    study.refresh_from_db()
    assert study.state == StudyState.ARCHIVED
    assert study.archived_at is not None
    with pytest.raises(WrongState):
        enrol(study=study, now=timezone.now())


def test_simulated_raters_take_the_free_places_of_a_pilot_and_no_others() -> None:
    study = built(pilot_raters=2)
    with pytest.raises(WrongState, match="try a pilot only"):
        ask_simulated(study=study, by=None)
    start_pilot(study=study, by=None)
    study.refresh_from_db()
    assert ask_simulated(study=study, by=None) == 2
    tasks.simulate_pilot(study.pk, 2)
    tasks.simulate_pilot(study.pk, 2)  # a message that comes twice finds no place left
    assert collection(study).simulated.completed == 2
    assert len(ratings_frame(study, of_pilot=True, include_simulated=True)) == 8
    with pytest.raises(NotReady, match="every place of the pilot is taken"):
        ask_simulated(study=study, by=None)
    open_study(study=study, by=None)
    tasks.simulate_pilot(study.pk, 2)  # late: the study is open, and its places are for people
    assert not study.sessions.counted().exists()


def piloted(**fields: int) -> Study:
    study = built(pilot_raters=2, **fields)
    start_pilot(study=study, by=None)
    study.refresh_from_db()
    return study


@pytest.mark.parametrize("after_trials", [1, 2])
@pytest.mark.parametrize("ended_by", [end_pilot, open_study])
def test_simulated_raters_of_a_pilot_end_with_it_under_way_or_between_two(
    after_trials: int, ended_by: Callable[..., Study]
) -> None:
    study = piloted()

    def end(done: int, _: int, __: str) -> None:
        if done == after_trials:
            ended_by(study=Study.objects.get(pk=study.pk), by=None)

    found = simulate(study, raters=2, effects={}, seed=1, progress=end)
    assert found == Simulated(after_trials // 2, after_trials, full=False, overtaken=True)
    assert not study.sessions.counted().exists()
    assert study.sessions.get().simulated


@pytest.mark.parametrize("step", ["/consent/", "/before/", "/instructions/", "/trial/"])
def test_a_simulated_rater_whose_pilot_ends_before_the_first_trial_agrees_to_nothing_else(step: str) -> None:
    study = piloted(checks_sound=True, checks_understanding=True)

    def just_before(environ: dict[str, str], **_: object) -> None:
        if step in environ["PATH_INFO"] and Study.objects.get(pk=study.pk).state == StudyState.PILOT:
            open_study(study=Study.objects.get(pk=study.pk), by=None)

    request_started.connect(just_before)
    try:
        found = simulate(study, raters=2, effects={}, seed=1)
    finally:
        request_started.disconnect(just_before)
    assert found == Simulated(0, 0, full=False, overtaken=True)
    assert not study.sessions.counted().exists()


@pytest.mark.django_db(transaction=True)
def test_a_consent_to_a_pilot_that_waits_for_the_opening_takes_no_place_of_the_study() -> None:
    study = piloted()
    consents = {of_pilot: Consent(f"form {of_pilot}", of_pilot=of_pilot) for of_pilot in (True, False)}
    waited, refused = while_uncommitted(
        lambda: open_study(study=study, by=None),
        lambda: enrol(study=study, now=timezone.now(), consent=consents[True]),
    )
    assert waited
    assert isinstance(refused, ToldOtherwise)
    assert not StudySession.objects.exists()
    assert enrol(study=study, now=timezone.now(), consent=consents[False]).block.origin == Block.Origin.PLANNED


def test_a_consent_page_of_the_pilot_is_shown_again_once_the_study_is_open() -> None:
    study = piloted()
    client = Client()
    page = Page("", client.get(reverse("take", args=[study.token])).content.decode())
    open_study(study=study, by=None)
    reply = client.post(reverse("take-consent", args=[study.token]), page.fields)
    assert "has changed meanwhile. Please read it again" in reply.content.decode()
    assert not StudySession.objects.exists()
    again = Page("", reply.content.decode())
    client.post(reverse("take-consent", args=[study.token]), again.fields)
    assert study.sessions.counted().count() == 1


def test_nobody_reads_a_consent_page_of_a_pilot_that_is_full() -> None:
    study = piloted()
    for _ in range(2):
        take_part(study)
    assert Client().get(reverse("take", args=[study.token])).status_code == 409
