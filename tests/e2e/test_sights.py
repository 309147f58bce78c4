"""Every page that a rater can meet, as pictures for docs/rater/: ``make sights``.

At 390, 1440 and 2560 px, light and dark. Looked at by people; nothing is compared.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, Playwright, expect
from pytest_django.live_server_helper import LiveServer

from studyapp.actions.recruitment import OPEN
from studyapp.actions.sessions import Consent, enrol
from studyapp.models import Break, StepTry, Stimulus, Study, StudySession
from studyapp.states import SessionState, StudyState
from tests.e2e.browser import BROWSER, COLOURS, FLAGS, MARKS, film
from tests.studyapp.factories import open_study

pytestmark = [*MARKS, pytest.mark.sights]

FOLDER = Path(os.environ.get("DUET_SIGHTS", Path(__file__).parent.parent.parent / "docs" / "rater"))
SIZES = ((390, 844), (1440, 900), (2560, 1440))
SCHEMES = ("light", "dark")
CLIP_S = 2.0


def make_study(**fields: object) -> Study:
    """With videos that play, and everything on."""
    values: dict[str, object] = {
        "seconds": CLIP_S,
        "clips": 6,
        "blocks": 40,
        "checks_sound": True,
        "checks_understanding": True,
        "asks_background": True,
        "headphone_test": Study.HeadphoneTest.BOTH,
        "headphone_gate": True,
        "break_after": 2,
        "responsible": "Dr. Ada Example, University of Somewhere",
        "contact": "ada@example.org",
        "ethics_number": "Ethics committee of the faculty, 2026-117",
        "data_kept": "Answers, times of playing, and what you say about yourself.",
        "kept_for": "ten years after publication",
        "pay": "3.00",
        "completion_code": "DUET-7Q4M",
    }
    study = open_study(**{**values, **fields})  # type: ignore[arg-type]
    for index, clip in enumerate(study.clips.order_by("pk")):
        for number, stimulus in enumerate(Stimulus.objects.filter(clip=clip).order_by("pk")):
            content = film(COLOURS[index % len(COLOURS)], 330 + 110 * number)
            stimulus.path.write_bytes(content)
            Stimulus.objects.filter(pk=stimulus.pk).update(file_bytes=len(content))
    return study


def enrolled(study: Study, *, done: bool = False) -> StudySession:
    """A rater who has agreed; ``done`` with everything before the trials."""
    session = enrol(study=study, now=timezone.now(), consent=Consent(os.urandom(8).hex(), OPEN, "en"))
    if done:
        StudySession.objects.filter(pk=session.pk).update(state=SessionState.SCREENED)
        for step in ("background", "device", "antiphase", "huggins", "understanding"):
            StepTry.objects.create(
                session=session, step=step, number=1, passed=True, shown_at=timezone.now(), ended_at=timezone.now()
            )
    return session


class Sight:
    """One browser window of one size and scheme."""

    def __init__(self, page: Page, server: LiveServer, suffix: str) -> None:
        self.page, self.server, self.suffix = page, server, suffix

    def at(self, session: StudySession, place: str) -> None:
        self.page.goto(f"{self.server.url}/take/{session.study.token}/back/{session.token}/")
        self.page.goto(f"{self.server.url}/take/{session.study.token}/{place}")

    def shoot(self, name: str) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(250)
        picture = Image.open(io.BytesIO(self.page.screenshot(full_page=True)))
        # Half the width shows as much at 2560, and the tree stays small.
        if picture.width > 1440:
            half = (picture.width // 2, picture.height // 2)
            picture = picture.resize(half, Image.Resampling.LANCZOS)
        reduced = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        reduced.save(FOLDER / f"{name}-{self.suffix}.png", optimize=True)


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in SCHEMES], ids=str)
def sight(request: pytest.FixtureRequest, playwright: Playwright, live_server: LiveServer) -> Iterator[Sight]:
    (width, height), scheme = request.param
    browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=width < 500
    )
    yield Sight(context.new_page(), live_server, f"{width}-{scheme}")
    browser.close()


def test_every_page_is_shot(sight: Sight) -> None:
    study = make_study()
    page = sight.page
    page.goto(f"{sight.server.url}/take/{study.token}/")
    sight.shoot("01-consent")
    session = enrolled(study)
    steps: tuple[tuple[str, str, Callable[[], object]], ...] = (
        ("background", "02-about-you", lambda: None),
        ("device", "03-sound", lambda: page.get_by_label("by Bluetooth").check()),
        ("antiphase", "04-headphones", lambda: None),
    )
    for number, (step, name, before) in enumerate(steps):
        sight.at(session, f"before/{step}/")
        before()
        sight.shoot(name)
        StepTry.objects.filter(session=session, step=step).update(passed=True, ended_at=timezone.now())
        assert number < len(steps)
    StepTry.objects.create(
        session=session, step="huggins", number=1, passed=True, shown_at=timezone.now(), ended_at=timezone.now()
    )
    sight.at(session, "instructions/")
    sight.shoot("05-how-it-works")

    session = enrolled(study, done=True)
    sight.at(session, "trial/")
    expect(page.locator("video").last).to_have_js_property("readyState", 4)
    sight.shoot("06-trial-first-play")
    for _ in range(2):
        letter = page.locator(".player.current").get_attribute("data-letter")
        page.get_by_role("button", name=f"Play {letter}").click()
        page.locator(f".player[data-letter={letter}].done").wait_for()
    page.get_by_role("radio", name="B is somewhat better").first.check()
    sight.shoot("07-trial-answers")
    page.get_by_text("Report or comment").click()
    sight.shoot("08-trial-report")

    Break.objects.create(session=session, after=1, offered_at=timezone.now())
    study.break_after = 1
    study.save(update_fields=["break_after"])
    page.get_by_role("radio", name="No preference").last.check()
    page.locator("#next").click()
    page.get_by_role("heading", name="Time for a break").wait_for()
    sight.shoot("09-break")

    StudySession.objects.filter(pk=session.pk).update(state=SessionState.COMPLETED, completed_at=timezone.now())
    sight.at(session, "thanks/")
    sight.shoot("10-thanks")
    expired = enrolled(study, done=True)
    StudySession.objects.filter(pk=expired.pk).update(
        state=SessionState.EXPIRED, started_at=timezone.now() - timedelta(hours=2)
    )
    sight.at(expired, "")
    sight.shoot("11-expired")
    out = enrolled(study)
    StudySession.objects.filter(pk=out.pk).update(state=SessionState.SCREENED_OUT)
    sight.at(out, "")
    sight.shoot("12-screened-out")
    Study.objects.filter(pk=study.pk).update(state=StudyState.PAUSED)
    page.context.clear_cookies()
    page.goto(f"{sight.server.url}/take/{study.token}/")
    sight.shoot("13-paused")
