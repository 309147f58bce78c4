"""Leaving a study at any moment, and having everything erased by the receipt code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import CASCADE, SET_NULL
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import dataset_files, datasets, endings, recruitment, sessions, withdrawal
from studyapp.errors import SessionOver, UnknownReceipt
from studyapp.models import (
    AuditLine,
    Block,
    Dataset,
    Erasure,
    Invitation,
    Participant,
    PlayEvent,
    Presentation,
    Rater,
    Response,
    StepTry,
    StimulusHold,
    Study,
    StudySession,
    Trial,
    TrialMark,
)
from studyapp.receipts import digest_of, receipt_of
from studyapp.results.exports import ratings_frame, study_counts
from studyapp.states import BlockState, DatasetState, SessionState, StudyState
from tests.studyapp.factories import open_study
from tests.studyapp.test_rater_pages import Browser

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def half_way(study: Study, **answer: Any) -> Browser:
    """A rater who has answered one trial."""
    browser = Browser(study)
    browser.consent()
    reply = browser.answer(browser.trial(), **answer)
    assert reply.status_code == 200, reply.content
    return browser


def receipt(session: StudySession) -> str:
    return receipt_of(session.token)


def test_a_receipt_code_is_found_however_it_is_typed_and_is_not_stored() -> None:
    session = sessions.enrol(study=open_study(), now=NOW)
    code = receipt(session)
    assert len(code) == 19
    assert not set(code) & set("ILOU")
    for typed in (code.lower(), code.replace("-", ""), f"  {code.replace('-', ' ')} ", code.replace("0", "O")):
        assert withdrawal.find(typed).session == session
    stored = str(list(StudySession.objects.values()))
    assert code not in stored
    assert code.replace("-", "") not in stored


@pytest.mark.parametrize("wrong", ["", "0000-0000-0000-0000", "x" * 5000, "\0", "é"])
def test_an_unknown_code_and_no_code_at_all_are_told_apart_by_nothing(wrong: str) -> None:
    with pytest.raises(UnknownReceipt):
        withdrawal.find(wrong)
    client = Client()
    reply = client.post(reverse("receipt"), {"receipt": wrong})
    assert reply.status_code == 404
    assert "There is nothing under this code." in reply.content.decode()


def test_leaving_keeps_the_answers_and_passes_the_rest_on() -> None:
    study = open_study(clips=3, blocks=1)
    browser = half_way(study)
    page = browser.client.get(browser.url("take-trial")).content.decode()
    assert browser.url("take-leave") in page
    page = browser.client.get(browser.url("take-leave")).content.decode()
    assert "You have answered one comparison" in page
    assert receipt(browser.session) in page
    reply = browser.client.post(browser.url("take-leave"), follow=True)
    assert "Your answer to one comparison is kept" in reply.content.decode()
    session = browser.session
    assert (session.state, session.block.state) == (SessionState.WITHDRAWN, BlockState.RETIRED)
    assert Response.objects.count() == 2
    assert Block.objects.free().get().trials.count() == 2
    # For good: the link leads to the same page, and nothing more is taken.
    assert "You have left the study" in browser.client.get(browser.url("take"), follow=True).content.decode()
    assert browser.client.get(browser.url("take-trial"), follow=True).status_code == 200
    assert study_counts(study).withdrawn == 1
    with pytest.raises(SessionOver):
        withdrawal.withdraw(session=session, now=NOW)
    with pytest.raises(SessionOver):
        sessions.show_trial(session=session, now=NOW)


def test_who_leaves_before_the_first_trial_passes_everything_on() -> None:
    study = open_study(clips=2, blocks=1, checks_sound=True)
    browser = Browser(study)
    browser.consent()
    browser.client.post(browser.url("take-leave"))
    assert browser.session.state == SessionState.WITHDRAWN
    assert Block.objects.free().get().trials.count() == 2


def test_erasing_leaves_counts_and_nothing_else() -> None:
    study = open_study(clips=3, blocks=1, open_link=False, checks_sound=True)
    (code,) = recruitment.invite(study=study, notes=["seat 9"], by=None)
    browser = Browser(study)
    session = sessions.enrol(
        study=study, now=NOW, consent=sessions.Consent("form", recruitment.Entry(invitation=code))
    )
    StepTry.objects.create(
        session=session, step="device", number=1, shown_at=NOW, ended_at=NOW, passed=True, answers={"x": "mine"}
    )
    browser.client.get(browser.url("take-back", session.token))
    config = browser.trial()
    reply = browser.answer(config, comment="my words", offensive=["left"], both_bad="on")
    assert reply.status_code == 200
    events = PlayEvent.objects.count()
    erasure = withdrawal.erase(receipt=receipt(session), now=NOW)
    assert (erasure.trials, erasure.responses, erasure.events, erasure.marks) == (1, 2, events, 3)
    assert (erasure.state, erasure.consented_on) == (SessionState.WITHDRAWN, session.consented_at.date())
    gone = (StudySession, Rater, Response, Presentation, PlayEvent, TrialMark, StepTry)
    assert not any(model.objects.exists() for model in gone)
    # What was called offensive stays held; the invitation stays used, and opens nothing.
    assert StimulusHold.objects.get().session is None
    assert Invitation.objects.get().used_at is not None
    again = Client().get(reverse("take-invitation", args=[study.token, code]))
    assert (again.status_code, "used already" in again.content.decode()) == (403, True)
    assert session.token not in str(list(AuditLine.objects.values()))
    assert session.token not in str(list(Erasure.objects.values()))
    assert study_counts(study).erased == 1


def test_nothing_that_points_at_a_session_or_rater_is_forgotten() -> None:
    erased = {model for model, _ in withdrawal.ERASED}
    for parent in (StudySession, Rater, Presentation):
        for relation in parent._meta.related_objects:
            kept_by_nobody = relation.on_delete in (CASCADE, SET_NULL)
            known = relation.related_model in erased | {StudySession}
            assert kept_by_nobody or known, f"{relation.related_model} would stop a rater's erasure"


def test_what_was_answered_is_asked_again_of_somebody_else_and_only_once() -> None:
    study = open_study(clips=3, blocks=1)
    browser = half_way(study)
    answered = Trial.objects.get(responses__question="visual_relevance").comparison_id
    session = browser.session
    StudySession.objects.update(expires_at=NOW - timedelta(hours=1))
    endings.expire_sessions(now=NOW)
    waiting = set(Trial.objects.filter(block__state=BlockState.FREE).values_list("comparison_id", flat=True))
    assert answered not in waiting
    withdrawal.erase(receipt=receipt(session), now=NOW)
    free = Trial.objects.filter(block__state=BlockState.FREE).values_list("comparison_id", flat=True)
    assert sorted(free) == sorted(study.comparisons.values_list("pk", flat=True))
    assert not Block.objects.filter(state=BlockState.CLAIMED).exists()


def test_a_completed_session_is_erased_whole_and_a_closed_study_asks_nobody_again() -> None:
    for close in (False, True):
        study = open_study(clips=2, blocks=1)
        browser = half_way(study)
        browser.answer(browser.trial())
        assert browser.session.state == SessionState.COMPLETED
        if close:
            Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=NOW)
        erasure = withdrawal.erase(receipt=receipt(browser.session), now=NOW)
        assert (erasure.state, erasure.trials) == (SessionState.COMPLETED, 2)
        assert Block.objects.free().filter(study=study).count() == (0 if close else 1)


def test_erasing_twice_gives_the_same_tombstone() -> None:
    browser = half_way(open_study())
    code = receipt(browser.session)
    assert withdrawal.erase(receipt=code, now=NOW) == withdrawal.erase(receipt=code, now=NOW)
    assert Erasure.objects.count() == 1


def test_a_panels_id_goes_too() -> None:
    from studyapp.panels import PANELS

    study = open_study(panel="prolific")
    arrival = PANELS["prolific"].arrival({"PROLIFIC_PID": "5f0c1e"})
    session = sessions.enrol(
        study=study, now=NOW, consent=sessions.Consent("form", recruitment.Entry(arrival=arrival))
    )
    withdrawal.erase(receipt=receipt(session), now=NOW)
    assert not Participant.objects.exists()


def test_the_receipt_page_shows_asks_and_erases() -> None:
    browser = half_way(open_study())
    code = receipt(browser.session)
    stranger = Client()
    address = reverse("receipt")
    assert 'name="receipt"' in stranger.get(address).content.decode()
    page = stranger.post(address, {"receipt": code}).content.decode()
    assert "begun" in page
    assert browser.study.title not in page
    assert "cannot be undone" in stranger.post(address, {"receipt": code, "erase": "ask"}).content.decode()
    assert StudySession.objects.exists()
    page = stranger.post(address, {"receipt": code, "erase": "yes"}).content.decode()
    assert "Everything of yours is erased." in page
    assert not StudySession.objects.exists()
    assert "was erased" in stranger.post(address, {"receipt": code}).content.decode()
    # The rater's own browser is a stranger's now.
    assert "I agree to take part" in browser.client.get(browser.url("take"), follow=True).content.decode()


def test_leaving_and_erasing_asks_once_more_and_then_does_both() -> None:
    browser = half_way(open_study())
    page = browser.client.post(browser.url("take-leave"), {"erase": "yes"}).content.decode()
    assert "This cannot be undone." in page
    assert f'action="{reverse("receipt")}"' in page
    assert browser.session.state == SessionState.ACTIVE
    code = receipt(browser.session)
    page = browser.client.post(reverse("receipt"), {"receipt": code, "erase": "yes"}).content.decode()
    assert "Everything of yours is erased." in page
    assert not Response.objects.exists()
    assert not StudySession.objects.exists()


def test_datasets_that_held_the_answers_are_superseded_and_others_are_not() -> None:
    study = open_study(clips=2, blocks=3)
    first = half_way(study)
    early = Dataset.objects.create(study=study)
    datasets.build_dataset(dataset_id=early.pk)
    second = half_way(study)
    late = Dataset.objects.create(study=study)
    datasets.build_dataset(dataset_id=late.pk)
    withdrawal.erase(receipt=receipt(second.session), now=NOW)
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.superseded_at, early.erasures) == (None, 0)
    assert (late.superseded_at, late.erasures) == (NOW, 1)
    StudySession.objects.get()
    withdrawal.erase(receipt=receipt(StudySession.objects.get()), now=NOW + timedelta(hours=1))
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.erasures, late.erasures, late.superseded_at) == (1, 2, NOW)
    assert first.study == second.study


def test_simulated_answers_supersede_only_what_includes_them() -> None:
    study = open_study(clips=2, blocks=3)
    half_way(study)
    browser = half_way(study)
    StudySession.objects.filter(pk=browser.session.pk).update(simulated=True)
    people, everybody = (Dataset.objects.create(study=study, includes_simulated=flag) for flag in (False, True))
    for dataset in (people, everybody):
        datasets.build_dataset(dataset_id=dataset.pk)
    withdrawal.erase(receipt=receipt(browser.session), now=NOW)
    people.refresh_from_db()
    everybody.refresh_from_db()
    assert (people.erasures, everybody.erasures) == (0, 1)


def test_simulated_answers_of_times_to_come_supersede_what_holds_them() -> None:
    study = open_study(clips=2, blocks=3)
    early, late = (Dataset.objects.create(study=study, includes_simulated=True) for _ in range(2))
    half_way(study)
    datasets.build_dataset(dataset_id=early.pk)
    browser = half_way(study)
    StudySession.objects.filter(pk=browser.session.pk).update(simulated=True)
    # As the simulator stamps them: long after the dataset that holds them is ready.
    Response.objects.filter(session=browser.session).update(answered_at=timezone.now() + timedelta(hours=3))
    datasets.build_dataset(dataset_id=late.pk)
    withdrawal.erase(receipt=receipt(browser.session), now=NOW)
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.erasures, late.erasures) == (0, 1)


def test_a_dataset_that_is_being_built_does_not_come_out_with_erased_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = open_study(clips=2, blocks=3)
    half_way(study)
    browser = half_way(study)
    code = receipt(browser.session)
    dataset = Dataset.objects.create(study=study)

    def erased_meanwhile(*args: Any, **kwargs: Any) -> Any:
        frame = ratings_frame(*args, **kwargs)
        if Erasure.objects.count() == 0:
            withdrawal.erase(receipt=code, now=NOW)
        return frame

    monkeypatch.setattr(dataset_files, "ratings_frame", erased_meanwhile)
    assert datasets.build_dataset(dataset_id=dataset.pk).state == DatasetState.REQUESTED
    built = datasets.build_dataset(dataset_id=dataset.pk)
    assert (built.state, built.rows, built.superseded_at) == (DatasetState.READY, 2, None)


def test_marks_of_another_rater_stay() -> None:
    study = open_study(clips=1, blocks=2)
    half_way(study, comment="one")
    first = StudySession.objects.get()
    half_way(study, comment="other")
    withdrawal.erase(receipt=receipt(first), now=NOW)
    assert [mark.text for mark in TrialMark.objects.all()] == ["other"]
    assert StudySession.objects.get().responses.count() == 2


def test_digests_differ_by_code() -> None:
    assert digest_of("0000-0000-0000-0001") != digest_of("0000-0000-0000-0002")
