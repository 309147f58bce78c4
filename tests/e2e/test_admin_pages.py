"""Every researchers' page, with rows in it: within the content policy and the screen's width, and for everybody.

Each address is opened once in one browser, at the width of a phone, and then drawn at a desk's without loading it
again. axe looks at the phone's, light and dark by turns.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, Playwright
from pytest_django.live_server_helper import LiveServer

from tests.benchmarks.million_rows import build
from tests.e2e.browser import BROWSER, FLAGS, MARKS
from tests.studyapp.researcher_pages import admin_pages, study_pages

pytestmark = [*MARKS, pytest.mark.timeout(240)]
NARROW, WIDE = {"width": 390, "height": 800}, {"width": 1440, "height": 900}
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
    # axe would put what a sheet imports into a style element of its own, against the policy.
    "preload": False,
}
WORST = ("serious", "critical")
TELL_OF_BREACHES = (
    "document.addEventListener('securitypolicyviolation',"
    "(e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`))"
)
FITS = "document.documentElement.scrollWidth <= innerWidth"
STYLED = (
    "Promise.all([...document.querySelectorAll('link[rel=stylesheet]')].filter((link) => !link.sheet)"
    ".map((link) => new Promise((styled) => link.addEventListener('load', styled))))"
)


@pytest.fixture
def page(playwright: Playwright) -> Iterator[Page]:
    browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
    context = browser.new_context(viewport=NARROW, reduced_motion="reduce")  # type: ignore[arg-type]
    context.add_init_script(TELL_OF_BREACHES)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    yield opened
    browser.close()


def test_every_researchers_page_fits_keeps_to_the_policy_and_is_for_everybody(
    page: Page, live_server: LiveServer
) -> None:
    built = build(3, clips=4)
    client = Client(raise_request_exception=False)
    client.force_login(built.administrator)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}])
    said: list[str] = []
    # The rows have no files: a poster or video that is not there is no complaint of a page.
    page.on(
        "console",
        lambda message: (
            said.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    found: dict[str, list[str]] = {}
    visited = 0
    for name, address in [*_worth_a_look(), *study_pages("million")]:
        seen = client.get(address)
        if seen.status_code in (302, 403, 404, 405):  # what is not to be added, or only posted to
            continue
        if b"<html" not in seen.getvalue()[:1000]:  # a file, or a fragment of another page
            continue
        said.clear()
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="dark" if visited % 2 else "light")
        response = page.goto(f"{live_server.url}{address}", wait_until="domcontentloaded")
        assert response is not None
        page.evaluate(STYLED)
        visited += 1
        if wrong := [*_of(page), *said, *([f"status {response.status}"] if response.status >= 400 else [])]:
            found[name] = wrong
    assert found == {}
    assert visited > 60


def _worth_a_look() -> Iterator[tuple[str, str]]:
    """A list, a row and an empty form of each model: filters change nothing of how a page is drawn."""
    return ((name, address) for name, address in admin_pages() if "?" not in name and "first row" not in name)


def _of(page: Page) -> Iterator[str]:
    if not page.evaluate(FITS):
        yield f"wider than {NARROW['width']} px: {page.evaluate('document.documentElement.scrollWidth')}"
    for violation in Axe().run(page, options=RULES).response["violations"]:
        if violation["impact"] in WORST:
            for node in violation["nodes"][:2]:
                yield f"{violation['id']}: {node['target']}: {node['failureSummary']}"
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    if not page.evaluate(FITS):
        yield f"wider than {WIDE['width']} px: {page.evaluate('document.documentElement.scrollWidth')}"
