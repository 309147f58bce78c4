"""The browser that every test here opens, and the study that most of them take part in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from studyapp.models import Stimulus, Study
from tests.e2e.browser import BROWSER, CLIP_S, COLOURS, FLAGS, film
from tests.studyapp.factories import open_study

expect.set_options(timeout=30_000)  # machines differ, and none of this measures speed


@pytest.fixture
def study() -> Study:
    """Three trials a block, with videos that play."""
    study = open_study(clips=3, blocks=3, seconds=CLIP_S, completion_code="DUET-7Q4M")
    for colours, clip in zip(COLOURS, study.clips.order_by("pk"), strict=True):
        for number, stimulus in enumerate(Stimulus.objects.filter(clip=clip).order_by("pk")):
            content = film(colours, 330 + 110 * number)
            stimulus.path.write_bytes(content)
            Stimulus.objects.filter(pk=stimulus.pk).update(file_bytes=len(content))
    return study


@pytest.fixture
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture
def visit(playwright: Playwright) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browser contexts; the test fails on any script error and any breach of the content policy."""
    complaints: list[str] = []
    browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)

    def heard(message: ConsoleMessage) -> None:
        # A request that a test broke on purpose is logged by the browser itself.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def watch(page: Page) -> None:
        page.set_default_timeout(15_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))

    def opened(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.on("page", watch)
        return context

    yield opened
    browser.close()
    assert complaints == []
