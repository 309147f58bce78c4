"""Every page that a rater can meet, each reached on its own: for pictures of them, and checks of them all."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from studyapp.actions.recruitment import OPEN
from studyapp.actions.sessions import Consent, enrol
from studyapp.models import Break, Comparison, StepTry, Stimulus, Study, StudySession, Trial
from studyapp.receipts import receipt_of
from studyapp.screening.steps import Step
from studyapp.states import SessionState, StudyState
from tests.e2e.browser import CLIP_S, COLOURS, film
from tests.studyapp.factories import answer_trial, open_study

EVERYTHING: dict[str, Any] = {
    "checks_sound": True,
    "checks_understanding": True,
    "asks_background": True,
    "headphone_test": Study.HeadphoneTest.BOTH,
    "headphone_gate": True,
    "responsible": "Dr. Ada Example, University of Somewhere",
    "contact": "ada@example.org",
    "ethics_number": "Ethics committee of the faculty, 2026-117",
    "data_kept": "Answers, times of playing, and what you say about yourself.",
    "kept_for": "ten years after publication",
    "pay": "3.00",
    "completion_code": "DUET-7Q4M",
}


def rich_study(**fields: Any) -> Study:
    """Videos that play, and everything on; plenty of blocks."""
    study = open_study(**{"seconds": CLIP_S, "clips": 6, "blocks": 30, **EVERYTHING, **fields})
    for index, clip in enumerate(study.clips.order_by("pk")):
        for number, stimulus in enumerate(Stimulus.objects.filter(clip=clip).order_by("pk")):
            content = film(COLOURS[index % len(COLOURS)], 330 + 110 * number)
            stimulus.path.write_bytes(content)
            Stimulus.objects.filter(pk=stimulus.pk).update(file_bytes=len(content))
    return study


class Stage:
    """One tab, one study, and a method a page. ``language`` is the sessions'."""

    def __init__(self, page: Page, site: str, study: Study, *, language: str = "en") -> None:
        self.page, self.site, self.study, self.language = page, site, study, language

    def enrolled(self, *done: Step) -> StudySession:
        """A rater who has agreed and done these steps."""
        now = timezone.now()
        consent = Consent(secrets.token_hex(8), OPEN, self.language)
        session = enrol(study=self.study, now=now, consent=consent)
        StudySession.objects.filter(pk=session.pk).update(language=self.language)
        for step in done:
            StepTry.objects.create(session=session, step=step, number=1, passed=True, shown_at=now, ended_at=now)
        if len(done) == len(Step):
            StudySession.objects.filter(pk=session.pk).update(state=SessionState.SCREENED)
        return session

    def at(self, session: StudySession, place: str) -> None:
        first = f"{self.site}/take/{self.study.token}/"
        self.page.goto(f"{first}back/{session.token}/")
        self.page.goto(first + place)

    def open(self, place: str) -> None:
        self.page.context.clear_cookies()
        self.page.goto(f"{self.site}{place}")

    def consent(self) -> None:
        self.open(f"/take/{self.study.token}/?language={self.language}")

    def about_you(self) -> None:
        self.at(self.enrolled(), "before/background/")

    def sound(self) -> None:
        self.at(self.enrolled(Step.BACKGROUND), "before/device/")
        self.page.locator("[value=bluetooth]").check()

    def headphones(self) -> None:
        self.at(self.enrolled(Step.BACKGROUND, Step.DEVICE), "before/antiphase/")

    def how_it_works(self) -> None:
        self.at(self.enrolled(Step.BACKGROUND, Step.DEVICE, Step.ANTIPHASE, Step.HUGGINS), "instructions/")

    def practice(self) -> None:
        session = self.enrolled(*Step)
        trial = session.block.trials.order_by("-position").first()
        assert trial is not None
        same = trial.comparison
        comparison, _ = Comparison.objects.get_or_create(
            study=self.study,
            kind=Comparison.Kind.TRAINING,
            clip=same.clip,
            stimulus_1=same.stimulus_1,
            stimulus_2=same.stimulus_2,
        )
        Trial.objects.create(
            block=session.block,
            position=0,
            comparison=comparison,
            left_is_1=True,
            played_first="left",
            kind="training",
        )
        self.at(session, "trial/")
        self._ready()

    def first_play(self) -> None:
        self.at(self.enrolled(*Step), "trial/")
        self._ready()

    def answers(self) -> None:
        self.first_play()
        for _ in range(2):
            player = self.page.locator(".player.current")
            player.locator(".toggle").click()
            expect(player.or_(self.page.locator(".player.done")).first).to_be_visible()
            letter = player.get_attribute("data-letter") if player.count() else None
            self.page.locator(f".player[data-letter={letter}].done").wait_for()
        self.page.locator(".question").first.locator("input[value='4']").check()

    def report(self) -> None:
        self.answers()
        self.page.locator(".report summary").click()

    def rest(self) -> None:
        session = self.enrolled(*Step)
        Break.objects.create(session=session, after=1, offered_at=timezone.now())
        trial = session.block.trials.order_by("position").first()
        assert trial is not None
        answer_trial(session, trial)
        Study.objects.filter(pk=self.study.pk).update(break_after=1)
        self.at(session, "trial/")
        Study.objects.filter(pk=self.study.pk).update(break_after=None)

    def thanks(self) -> None:
        session = self._ended(SessionState.COMPLETED, completed_at=timezone.now())
        self.at(session, "thanks/")

    def expired(self) -> None:
        self.at(self._ended(SessionState.EXPIRED, started_at=timezone.now() - timedelta(hours=2)), "")

    def screened_out(self) -> None:
        session = self._ended(SessionState.SCREENED_OUT)
        StepTry.objects.filter(session=session, step=Step.HUGGINS).update(passed=False)
        self.at(session, "")

    def leave(self) -> None:
        self.at(self.enrolled(*Step), "leave/")

    def left(self) -> None:
        self.at(self._ended(SessionState.WITHDRAWN), "left/")

    def receipt(self) -> None:
        self.open(reverse("receipt"))

    def receipt_shown(self) -> None:
        session = self.enrolled(*Step)
        self.receipt()
        self.page.locator("[name=receipt]").fill(receipt_of(session.token))
        self.page.locator(".button.primary").click()
        self.page.locator(".particulars").wait_for()

    def paused(self) -> None:
        Study.objects.filter(pk=self.study.pk).update(state=StudyState.PAUSED)
        self.consent()
        Study.objects.filter(pk=self.study.pk).update(state=StudyState.OPEN)

    def nowhere(self) -> None:
        self.open("/take/nowhere/")

    def _ended(self, state: SessionState, **fields: Any) -> StudySession:
        session = self.enrolled(*Step)
        StudySession.objects.filter(pk=session.pk).update(state=state, **fields)
        session.refresh_from_db()
        return session

    def _ready(self) -> None:
        for video in self.page.locator("video").all():
            expect(video).to_have_js_property("readyState", 4)


PAGES: tuple[Callable[[Stage], None], ...] = (
    Stage.consent,
    Stage.about_you,
    Stage.sound,
    Stage.headphones,
    Stage.how_it_works,
    Stage.practice,
    Stage.first_play,
    Stage.answers,
    Stage.report,
    Stage.rest,
    Stage.thanks,
    Stage.leave,
    Stage.left,
    Stage.receipt,
    Stage.receipt_shown,
    Stage.screened_out,
    Stage.expired,
    Stage.paused,
    Stage.nowhere,
)
