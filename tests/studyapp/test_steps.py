"""The steps between consent and the first trial, as a browser meets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import admission, endings, sessions
from studyapp.briefings import questions
from studyapp.errors import SessionOver, StepFirst, WrongState
from studyapp.models import Block, Response, StepTry, Study, StudySession, StudyText, Trial
from studyapp.screening.steps import Step
from studyapp.states import BlockState, SessionState, StudyState
from tests.studyapp.factories import answer_trial, open_study

pytestmark = pytest.mark.django_db

EVERYTHING: dict[str, Any] = {
    "asks_background": True,
    "checks_sound": True,
    "headphone_test": Study.HeadphoneTest.BOTH,
    "checks_understanding": True,
}


class Rater:
    """Somebody with a browser, who can answer every step rightly or wrongly."""

    def __init__(self, study: Study, **headers: str) -> None:
        self.study = study
        self.client = Client(headers={"Accept": "text/html", **headers})
        page = self.client.get(self.url("take")).content.decode()
        ticket = re.search(r'name="ticket" value="([^"]+)"', page)
        assert ticket, page
        self.reply = self.client.post(self.url("take-consent"), {"ticket": ticket[1]}, follow=True)

    def url(self, name: str, *more: object) -> str:
        return reverse(name, args=[self.study.token, *more])

    @property
    def session(self) -> StudySession:
        return StudySession.objects.get(study=self.study, token=self.client.cookies["seat"].value.split(":")[0])

    @property
    def page(self) -> str:
        return str(self.reply.content.decode())

    @property
    def address(self) -> str:
        return self.reply.redirect_chain[-1][0] if self.reply.redirect_chain else self.reply.request["PATH_INFO"]

    def open(self, name: str, *more: object) -> str:
        self.reply = self.client.get(self.url(name, *more), follow=True)
        return self.page

    def shown(self, step: Step) -> StepTry:
        return StepTry.objects.get(session=self.session, step=step, ended_at=None)

    def answers(self, step: Step, *, right: bool = True) -> dict[str, object]:
        shown = self.shown(step).shown if step != Step.BACKGROUND else {}
        off = 0 if right else 1
        match step:
            case Step.BACKGROUND:
                return {"age": "25-34", "musical_training": "", "languages": "English, =cmd()"}
            case Step.DEVICE:
                bells = shown["bells"] if right else 2 + (shown["bells"] - 1) % 4
                return {"bells": bells, "listening": "bluetooth", "screen_width": 1440, "screen_height": 900}
            case Step.ANTIPHASE | Step.HUGGINS:
                return {str(place): 1 + (row[0] - 1 + off) % 3 for place, row in enumerate(shown["trials"])}
            case Step.UNDERSTANDING:
                asked = questions(self.study, self.session.language)
                pairs = enumerate(zip(asked, shown["orders"], strict=True))
                return {
                    str(number): (order.index(question.right) + off) % len(order)
                    for number, (question, order) in pairs
                }

    def send(self, step: Step, **fields: object) -> None:
        tries = StepTry.objects.filter(session=self.session, step=step).order_by("-number").first()
        number = tries.number if tries else 1
        address = (
            self.url("take-instructions") if step == Step.UNDERSTANDING else self.url("take-step", step.value)
        )
        self.reply = self.client.post(address, {"try": number, **fields}, follow=True)

    def take(self, step: Step, *, right: bool = True) -> None:
        self.send(step, **self.answers(step, right=right))


def take_all(rater: Rater, *but: Step) -> None:
    for step in Step:
        if step in but:
            return
        rater.take(step)


def test_all_steps_lead_from_consent_to_the_first_trial() -> None:
    rater = Rater(open_study(**EVERYTHING))
    for step, heading in (
        (Step.BACKGROUND, "About you"),
        (Step.DEVICE, "Sound and screen"),
        (Step.ANTIPHASE, "Which tone was the quietest?"),
        (Step.HUGGINS, "Which noise had a faint tone in it?"),
        (Step.UNDERSTANDING, "How it works"),
    ):
        assert heading in rater.page
        assert f"of {6} before you begin" in rater.page
        assert rater.session.state == SessionState.CONSENTED
        rater.take(step)
    assert rater.address == rater.url("take-trial")
    assert "trial-config" in rater.page
    assert rater.session.state == SessionState.ACTIVE
    tries = {one.step: one for one in rater.session.tries.all()}
    assert {step: (one.points, one.of, one.passed) for step, one in tries.items()} == {
        "background": (None, None, True),
        "device": (1, 1, True),
        "antiphase": (6, 6, True),
        "huggins": (6, 6, True),
        "understanding": (3, 3, True),
    }


def test_no_step_can_be_skipped() -> None:
    rater = Rater(open_study(**EVERYTHING))
    for name, more in (("take-trial", ()), ("take-instructions", ()), ("take-step", ("huggins",))):
        rater.open(name, *more)
        assert rater.address == rater.url("take-step", "background")
    rater.send(Step.DEVICE, bells=3, listening="wired")
    assert not rater.session.tries.filter(step=Step.DEVICE).exists()
    with pytest.raises(StepFirst):
        sessions.show_trial(session=rater.session, now=timezone.now())
    with pytest.raises(WrongState):
        admission.open_try(session=rater.session, step=Step.HUGGINS, now=timezone.now())
    with pytest.raises(WrongState):
        admission.end_try(session=rater.session, step=Step.DEVICE, number=1, answers={}, now=timezone.now())
    take_all(rater)
    assert "trial-config" in rater.page


def test_a_reload_shows_the_same_try_and_coming_back_leads_to_it() -> None:
    rater = Rater(open_study(checks_sound=True))
    before = rater.shown(Step.DEVICE)
    rater.open("take-step", "device")
    rater.open("take")
    assert rater.address == rater.url("take-step", "device")
    assert rater.shown(Step.DEVICE) == before
    assert StepTry.objects.count() == 1


def test_a_try_that_is_sent_twice_is_judged_once() -> None:
    rater = Rater(open_study(checks_sound=True))
    right, wrong = rater.answers(Step.DEVICE), rater.answers(Step.DEVICE, right=False)
    rater.send(Step.DEVICE, **right)
    rater.send(Step.DEVICE, **wrong)
    assert StepTry.objects.get().passed is True
    assert rater.session.state == SessionState.SCREENED
    assert "How it works" in rater.page


def test_what_is_missing_is_asked_for_again_and_no_try_is_lost() -> None:
    rater = Rater(open_study(checks_understanding=True))
    answers = rater.answers(Step.UNDERSTANDING)
    rater.send(Step.UNDERSTANDING, **{"0": answers["0"]})
    assert "something is missing" in rater.page
    assert re.search(rf'name="0" value="{answers["0"]}" required checked', rater.page)
    assert StepTry.objects.get().ended_at is None
    rater.send(Step.UNDERSTANDING, **answers)
    assert "trial-config" in rater.page


def test_questions_that_are_answered_wrong_twice_end_the_session_kindly() -> None:
    study = open_study(checks_understanding=True, blocks=1)
    rater = Rater(study)
    rater.take(Step.UNDERSTANDING, right=False)
    assert "this is the last try" in rater.page
    assert rater.session.state == SessionState.CONSENTED
    rater.take(Step.UNDERSTANDING, right=False)
    assert "Thank you for your time" in rater.page
    assert "no rejection" in rater.page
    session = rater.session
    assert (session.state, session.block.state) == (SessionState.SCREENED_OUT, BlockState.RETIRED)
    # The block's trials wait for somebody else, and this browser does not get them.
    assert Block.objects.free().get().trials.count() == session.block.trials.count()
    rater.open("take")
    assert "Thank you for your time" in rater.page
    for name in ("take-trial", "take-instructions", "take-thanks"):
        rater.open(name)
        assert "Thank you for your time" in rater.page
    with pytest.raises(SessionOver):
        sessions.show_trial(session=session, now=timezone.now())
    assert not Response.objects.exists()


def test_a_second_try_can_pass() -> None:
    rater = Rater(open_study(checks_understanding=True, checks_sound=True))
    for right in (False, False, True):
        rater.take(Step.DEVICE, right=right)
    rater.take(Step.UNDERSTANDING, right=False)
    rater.take(Step.UNDERSTANDING)
    assert "trial-config" in rater.page
    assert rater.session.tries.count() == 5


@pytest.mark.parametrize(("needed", "right", "passed"), [(6, 6, True), (6, 5, False), (5, 5, True), (5, 4, False)])
def test_the_threshold_of_the_headphone_test_is_the_studys(needed: int, right: int, passed: bool) -> None:
    study = open_study(headphone_test=Study.HeadphoneTest.ANTIPHASE, headphone_needed=needed, headphone_gate=True)
    rater = Rater(study)
    good, bad = rater.answers(Step.ANTIPHASE), rater.answers(Step.ANTIPHASE, right=False)
    rater.send(Step.ANTIPHASE, **{name: (good if int(name) < right else bad)[name] for name in good})
    assert StepTry.objects.get(ended_at__isnull=False).passed is passed
    assert ("How it works" in rater.page) is passed
    assert ("try once more" in rater.page) is not passed


def test_a_headphone_test_that_is_no_gate_turns_nobody_away_and_is_taken_once() -> None:
    rater = Rater(open_study(headphone_test=Study.HeadphoneTest.ANTIPHASE))
    rater.take(Step.ANTIPHASE, right=False)
    assert "How it works" in rater.page
    one = StepTry.objects.get()
    assert (one.points, one.passed) == (0, False)
    rater.open("take-trial")
    assert "trial-config" in rater.page


def test_a_headphone_gate_closes_after_two_tries() -> None:
    rater = Rater(open_study(headphone_test=Study.HeadphoneTest.HUGGINS, headphone_gate=True))
    rater.take(Step.HUGGINS, right=False)
    rater.take(Step.HUGGINS, right=False)
    assert "The study needs headphones" in rater.page
    assert rater.session.state == SessionState.SCREENED_OUT


def scrubbed(page: str) -> str:
    """Without what is drawn for every page: tokens of forms."""
    return re.sub(r'csrfmiddlewaretoken" value="[^"]+"', "", page)


@pytest.mark.parametrize(
    ("step", "one", "other"),
    [
        (Step.DEVICE, {"bells": 2}, {"bells": 5}),
        (Step.ANTIPHASE, {"trials": [[1, 2]] * 6}, {"trials": [[3, 1]] * 6}),
        (Step.HUGGINS, {"trials": [[1, 5]] * 6}, {"trials": [[2, 9]] * 6}),
    ],
)
def test_a_page_does_not_tell_what_is_right(step: Step, one: dict[str, Any], other: dict[str, Any]) -> None:
    test = {Step.ANTIPHASE: "antiphase", Step.HUGGINS: "huggins"}.get(step, "none")
    rater = Rater(open_study(checks_sound=step == Step.DEVICE, headphone_test=test))
    seen = []
    for shown in (one, other):
        StepTry.objects.update(shown=shown)
        seen.append(scrubbed(rater.open("take-step", step.value)))
    assert seen[0] == seen[1]


def test_sounds_belong_to_the_try_that_is_under_way_and_tell_nothing_by_size() -> None:
    study = open_study(**EVERYTHING)
    rater, other = Rater(study), Rater(study)
    take_all(rater, Step.ANTIPHASE)
    addresses = re.findall(r'data-sound="([^"]+)"', rater.page)
    assert len(addresses) == 6
    replies = [rater.client.get(address) for address in addresses]
    assert {reply.status_code for reply in replies} == {200}
    assert {reply["Content-Type"] for reply in replies} == {"audio/wav"}
    assert all("no-store" in reply["Cache-Control"] for reply in replies)
    assert len({len(reply.content) for reply in replies}) == 1
    assert len({reply.content for reply in replies}) == 6
    assert not any(reply.has_header(name) for reply in replies for name in ("ETag", "Last-Modified"))
    assert other.client.get(addresses[0]).status_code == 404
    for nothing in (addresses[0].replace("/0.wav", "/6.wav"), addresses[0].replace("/0.wav", "/level.wav")):
        assert rater.client.get(nothing).status_code == 404
    rater.take(Step.ANTIPHASE)
    assert rater.client.get(addresses[0]).status_code == 404


def test_the_device_check_plays_a_passage_and_as_many_strokes_as_were_drawn() -> None:
    from studyapp.screening import sounds

    rater = Rater(open_study(checks_sound=True))
    level, bells = (
        rater.client.get(address).content for address in re.findall(r'data-sound="([^"]+)"', rater.page)
    )
    assert level == sounds.passage(-23.0)
    assert bells == sounds.bells(rater.shown(Step.DEVICE).shown["bells"], -23.0)


def test_the_pages_and_questions_come_in_the_language_of_the_session() -> None:
    study = open_study(checks_understanding=True, understanding_text="? Who?\n* You\n- They")
    StudyText.objects.create(
        study=study,
        language="de",
        consent_text="Sie vergleichen Musik.",
        instructions="Bitte hören Sie zu.",
        understanding_text="? Wer?\n* Sie\n- Die anderen",
    )
    german = Rater(study, **{"Accept-Language": "de-AT,en;q=0.5"})
    assert '<html lang="de">' in german.page
    assert "Bitte hören Sie zu." in german.page
    assert "Wer?" in german.page
    german.take(Step.UNDERSTANDING)
    assert german.session.language == "de"
    english = Rater(study, **{"Accept-Language": "pt"})
    assert "Who?" in english.page
    assert german.session.consent_sha256 != english.session.consent_sha256 != ""


@pytest.mark.parametrize(
    "end",
    [
        lambda session: StudySession.objects.filter(pk=session.pk).update(state=SessionState.EXPIRED),
        lambda session: Study.objects.update(state=StudyState.CLOSED, closed_at=timezone.now()),
    ],
)
def test_a_step_of_a_session_that_is_over_takes_nothing(end: Callable[[StudySession], object]) -> None:
    rater = Rater(open_study(checks_sound=True))
    answers = rater.answers(Step.DEVICE)
    end(rater.session)
    rater.send(Step.DEVICE, **answers)
    assert StepTry.objects.get().ended_at is None
    assert "trial-config" not in rater.page


def test_whoever_has_begun_goes_on_in_a_paused_study() -> None:
    rater = Rater(open_study(checks_sound=True))
    Study.objects.update(state=StudyState.PAUSED)
    rater.take(Step.DEVICE)
    assert "How it works" in rater.page


def test_every_step_is_a_sign_of_life() -> None:
    study = open_study(checks_sound=True)
    rater = Rater(study)
    later = timezone.now() + timedelta(minutes=8)
    admission.end_try(session=rater.session, step=Step.DEVICE, number=1, answers={}, now=later)
    assert endings.expire_sessions(now=later + timedelta(minutes=9), study=study) == 0
    assert endings.expire_sessions(now=later + timedelta(minutes=11), study=study) == 1


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30, "²"])
def test_a_form_that_names_no_try_is_no_form_of_ours(number: str) -> None:
    rater = Rater(open_study(checks_sound=True))
    reply = rater.client.post(rater.url("take-step", "device"), {"try": number, "bells": 2, "listening": "wired"})
    assert reply.status_code == 400


def test_a_stranger_is_led_to_the_first_page() -> None:
    study = open_study(checks_sound=True)
    stranger = Client(headers={"Accept": "text/html"})
    for name, more in (("take-step", ("device",)), ("take-instructions", ())):
        address = reverse(name, args=[study.token, *more])
        assert stranger.get(address).url == reverse("take", args=[study.token])
        assert stranger.post(address, {"try": 1}).url == reverse("take", args=[study.token])
    assert stranger.get(reverse("take-step", args=[study.token, "nothing"])).status_code == 302


def test_training_has_places_of_its_own_and_does_not_count() -> None:
    study = open_study(clips=2)
    block = Block.objects.filter(study=study).order_by("number").first()
    assert block is not None
    first = block.trials.get(position=1)
    for trial in block.trials.order_by("-position"):
        Trial.objects.filter(pk=trial.pk).update(position=trial.position + 1)
    comparison = first.comparison
    comparison.pk, comparison.kind = None, "training"
    comparison.save()
    Trial.objects.create(
        block=block, position=1, comparison=comparison, left_is_1=True, played_first="left", kind="training"
    )
    session = sessions.enrol(study=study, now=timezone.now())
    shown = sessions.show_trial(session=session, now=timezone.now())
    assert isinstance(shown, sessions.ShownTrial)
    assert (shown.trial.kind, shown.place, shown.total) == ("training", 1, 1)
    answer_trial(session, shown.trial)
    shown = sessions.show_trial(session=session, now=timezone.now())
    assert isinstance(shown, sessions.ShownTrial)
    assert (shown.trial.kind, shown.place, shown.total) == ("test", 1, 2)
