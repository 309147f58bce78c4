"""Every page that a rater can meet, as pictures for docs/rater/: ``make sights``.

At 390, 1440 and 2560 px, light and dark, and some in Arabic. Looked at by people; nothing is compared.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright
from pytest_django.live_server_helper import LiveServer

from studyapp.briefings import own_texts
from tests.e2e.browser import BROWSER, FLAGS, MARKS
from tests.e2e.stage import PAGES, Stage, rich_study

pytestmark = [*MARKS, pytest.mark.sights]

FOLDER = Path(os.environ.get("DUET_SIGHTS", Path(__file__).parent.parent.parent / "docs" / "rater"))
SIZES = ((390, 844), (1440, 900), (2560, 1440))
RIGHT_TO_LEFT = (Stage.consent, Stage.how_it_works, Stage.answers)


def shoot(page: Page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(250)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    # Half the width shows as much, and the tree stays small.
    if picture.width > 1440:
        half = (picture.width // 2, picture.height // 2)
        picture = picture.resize(half, Image.Resampling.LANCZOS)
    reduced = picture.convert("RGB").quantize(192, dither=Image.Dither.NONE)
    reduced.save(FOLDER / f"{name}.png", optimize=True)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_shot(
    playwright: Playwright, live_server: LiveServer, size: tuple[int, int], scheme: str
) -> None:
    width, height = size
    browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
    page = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        has_touch=width < 500,
    ).new_page()
    study = rich_study()
    stage = Stage(page, live_server.url, study)
    for number, show in enumerate(PAGES, start=1):
        show(stage)
        shoot(page, f"{number:02}-{show.__name__.replace('_', '-')}-{width}-{scheme}")
    browser.close()


def test_what_reads_from_right_to_left_is_shot(playwright: Playwright, live_server: LiveServer) -> None:
    browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    stage = Stage(page, live_server.url, rich_study(language="ar", **own_texts("ar")), language="ar")
    for show in RIGHT_TO_LEFT:
        show(stage)
        shoot(page, f"arabic-{show.__name__.replace('_', '-')}-390-light")
    browser.close()
