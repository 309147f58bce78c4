"""The listening grid in a browser: nothing loads before play, one sounds at a time, two meet at one moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from studyapp.models import Stimulus, Study
from studyapp.states import StimulusState
from tests.e2e.browser import COLOURS, LONG_S, MARKS, film
from tests.studyapp.factories import make_researcher, sha

pytestmark = [*MARKS, pytest.mark.timeout(240)]

SOUNDING = "#listen [aria-pressed=true]"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def grid(visit: Callable[..., BrowserContext], live_server: LiveServer, study: Study) -> Page:
    """The grid of three clips and two systems, opened by the study's owner."""
    films = [film(COLOURS[0], tone_hz, LONG_S) for tone_hz in (330, 440)]
    size = max(map(len, films))
    for number, stimulus in enumerate(Stimulus.objects.order_by("pk")):
        # What comes after the last box of an MP4 is no matter to a player.
        content = films[number % 2].ljust(size, bytes(1))
        stimulus.path.write_bytes(content)
        Stimulus.objects.filter(pk=stimulus.pk).update(
            file_sha256=sha(content), file_bytes=size, duration_s=LONG_S, peaks=[0.1, 0.4, 0.2]
        )
    make_researcher(username="owner")
    page = visit(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("#id_username", "owner")
    page.fill("#id_password", "a-long-passphrase")
    page.click("[type=submit]")
    page.goto(f"{live_server.url}/research/studies/{study.slug}/soundtracks/listen/")
    return page


def test_sounds_are_loaded_when_played_and_one_is_heard_at_a_time(grid: Page) -> None:
    asked: set[str] = set()
    grid.on("request", lambda request: asked.add(request.url) if request.url.endswith(".mp4") else None)
    buttons = grid.locator("[data-play]")
    expect(buttons).to_have_count(6)
    grid.wait_for_timeout(300)
    assert asked == set()
    for number, loaded in ((0, 1), (3, 2)):
        buttons.nth(number).click()
        expect(buttons.nth(number)).to_have_attribute("aria-pressed", "true")
        expect(grid.locator(SOUNDING)).to_have_count(1)
        expect(grid.locator("video")).to_have_count(1)
        assert len(asked) == loaded
    grid.keyboard.press("Escape")
    expect(grid.locator(SOUNDING)).to_have_count(0)
    expect(grid.locator("#dock")).to_be_hidden()


def test_shift_goes_on_with_another_at_the_same_moment_and_a_key_swaps_the_two(grid: Page) -> None:
    buttons = grid.locator("[data-play]")
    buttons.nth(0).focus()
    grid.keyboard.press("Enter")
    expect(buttons.nth(0)).to_have_attribute("aria-pressed", "true")
    grid.evaluate("() => { document.querySelector('#screen video').currentTime = 4; }")
    grid.keyboard.press("ArrowRight")
    grid.keyboard.press("Shift+Enter")
    for number in (1, 0):
        expect(buttons.nth(number)).to_have_attribute("aria-pressed", "true")
        expect(grid.locator(SOUNDING)).to_have_count(1)
        assert grid.evaluate("() => document.querySelector('#screen video').currentTime") >= 4
        grid.keyboard.press("x")
    # Without Shift another one begins at its beginning.
    buttons.nth(2).click()
    expect(buttons.nth(2)).to_have_attribute("aria-pressed", "true")
    assert grid.evaluate("() => document.querySelector('#screen video').currentTime") < 4
    expect(grid.locator("#swap")).to_be_hidden()


def test_files_are_checked_without_leaving_the_page(grid: Page) -> None:
    bad = Stimulus.objects.earliest("pk")
    bad.path.write_bytes(bytes(bad.path.stat().st_size))
    grid.get_by_role("button", name="Check files").click()
    told = grid.locator("#checking output")
    told.filter(has_text="6 files read. Another file than was rendered, and failed").wait_for()
    bad.refresh_from_db()
    assert bad.state == StimulusState.FAILED


def test_the_pages_are_readable_by_everybody(grid: Page) -> None:
    pages = [grid.url, grid.url.removesuffix("listen/")]
    wrong: list[Any] = []
    for address in pages:
        grid.goto(address)
        for width, scheme in ((390, "light"), (1440, "dark")):
            grid.set_viewport_size({"width": width, "height": 800})
            grid.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            assert grid.evaluate("document.documentElement.scrollWidth <= innerWidth")
            found = Axe().run(grid, options=RULES).response["violations"]
            wrong += [
                (width, one["id"], node["target"], node["failureSummary"])
                for one in found
                for node in one["nodes"]
            ]
    assert wrong == []
