"""WCAG 2.2 AA on every rater page: axe, keyboard alone, names for who listens, sizes for who points, 320 px."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Playwright
from pytest_django.live_server_helper import LiveServer

from tests.e2e.browser import BROWSER, FLAGS, MARKS
from tests.e2e.stage import PAGES, Stage, rich_study

pytestmark = [*MARKS, pytest.mark.timeout(240)]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
NARROW, WIDE = {"width": 320, "height": 640}, {"width": 1440, "height": 900}

CONTROLS = """() => {
    const shown = (element) => element.checkVisibility({ visibilityProperty: true })
        && !element.closest("[inert]");
    const boxes = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), textarea, summary")]
        .filter((element) => shown(element) && !element.matches(":disabled, .skip-link"));
    return boxes.map((element) => {
        const target = element.closest(".point, .tick, .switch") ?? element;
        const { width, height } = target.getBoundingClientRect();
        return {
            name: `${element.tagName.toLowerCase()} ${element.name || element.textContent.trim().slice(0, 30)}`,
            group: element.type === "radio" ? element.name : null,
            inText: element.tagName === "A" && Boolean(element.closest("p, dd, .prose")),
            width, height,
        };
    });
}"""

# The page scrolls to the focus when it is next drawn, which a busy machine may put off: it has a second.
FOCUSED = """async () => {
    const element = document.activeElement;
    if (!element || element === document.body || element.id === "main") return null;
    const inView = () => {
        const { top, bottom } = element.getBoundingClientRect();
        return bottom > 0 && top < innerHeight;
    };
    for (const until = performance.now() + 1000; !inView() && performance.now() < until;) {
        await new Promise(requestAnimationFrame);
    }
    const drawn = (one) => one && getComputedStyle(one).outlineStyle !== "none"
        && parseFloat(getComputedStyle(one).outlineWidth) >= 2;
    return {
        name: `${element.tagName.toLowerCase()} ${element.name || element.textContent.trim().slice(0, 30)}`,
        group: element.type === "radio" ? element.name : null,
        outlined: Boolean(drawn(element) || drawn(element.closest(".point"))),
        inView: inView(),
    };
}"""


@pytest.fixture
def page(playwright: Playwright) -> Iterator[Page]:
    browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
    opened = browser.new_context(viewport=NARROW, color_scheme="light").new_page()
    opened.set_default_timeout(15_000)
    yield opened
    browser.close()


def _axe(page: Page) -> list[str]:
    wrong = []
    for size, scheme in ((NARROW, "light"), (WIDE, "dark")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        # Half way from one colour to another there is no contrast to be measured.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for violation in Axe().run(page, options=RULES).response["violations"]:
            for node in violation["nodes"]:
                wrong.append(f"{scheme}: {violation['id']}: {node['target']}: {node['failureSummary']}")
    return wrong


def _widths_and_sizes(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    wrong = [f"{wide} px wide at 320"] if wide > NARROW["width"] else []
    for control in page.evaluate(CONTROLS):
        if not control["inText"] and min(control["width"], control["height"]) < 44 - 0.5:
            wrong.append(f"{control['name']} is {control['width']:.0f} × {control['height']:.0f}")
    return wrong


def _reached_by_keyboard(page: Page) -> list[str]:
    """Tab from the top to the bottom: every control is met, its focus drawn and in view, and none holds on."""
    page.evaluate("document.querySelector('.skip-link').focus()")
    met: list[dict[str, Any]] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        if not focused["inView"]:  # a busy browser scrolls to it with the next frames
            page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            focused = page.evaluate(FOCUSED)
        met.append(focused)
    else:
        return ["the focus never leaves the page"]
    wrong = [f"no focus is drawn on {one['name']}" for one in met if not one["outlined"]]
    wrong += [f"{one['name']} has the focus out of sight" for one in met if not one["inView"]]
    names, groups = {one["name"] for one in met}, {one["group"] for one in met}
    wrong += [
        f"{one['name']} is not reached"
        for one in page.evaluate(CONTROLS)
        if (one["group"] not in groups if one["group"] else one["name"] not in names)
    ]
    return wrong


def _named_for_a_screen_reader(page: Page) -> list[str]:
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}
    wrong = []
    told = {"button", "link", "radio", "checkbox", "textbox", "progressbar", "DisclosureTriangle"}
    for node in nodes:
        role, name = (node.get(part, {}).get("value", "") for part in ("role", "name"))
        if node.get("ignored") or role not in told:
            continue
        if not name.strip():
            wrong.append(f"a {role} has no name")
        if role == "radio":
            above = by_id.get(node.get("parentId", ""))
            while above and above["role"]["value"] not in ("group", "radiogroup"):
                above = by_id.get(above.get("parentId", ""))
            if above is None or not above.get("name", {}).get("value", "").strip():
                wrong.append(f"the answer {name!r} belongs to no question")
    headings = [node for node in nodes if node.get("role", {}).get("value") == "heading"]
    levels = [
        one["value"]["value"] for node in headings for one in node.get("properties", []) if one["name"] == "level"
    ]
    if levels.count(1) != 1:
        wrong.append(f"there are {levels.count(1)} headings of the first level")
    if not page.title().strip() or page.evaluate("document.documentElement.lang") != "en":
        wrong.append("the page has no title or language")
    return wrong


def test_every_page_is_for_everybody(page: Page, live_server: LiveServer) -> None:
    stage = Stage(page, live_server.url, rich_study())
    found: dict[str, list[str]] = {}
    for show in PAGES:
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        show(stage)
        wrong = [*_widths_and_sizes(page), *_named_for_a_screen_reader(page), *_axe(page)]
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        if wrong := [*wrong, *_reached_by_keyboard(page)]:
            found[show.__name__] = wrong
    assert found == {}


def test_nothing_moves_for_who_wants_it_still(page: Page, live_server: LiveServer) -> None:
    page.emulate_media(reduced_motion="reduce")
    stage = Stage(page, live_server.url, rich_study())
    stage.first_play()
    page.locator(".player.current .toggle").click()
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_is_left_and_b_is_right_where_text_runs_from_right_to_left(page: Page, live_server: LiveServer) -> None:
    stage = Stage(page, live_server.url, rich_study(language="ar"), language="ar")
    for show in (Stage.consent, Stage.sound, Stage.headphones, Stage.how_it_works, Stage.answers):
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        show(stage)
        assert page.evaluate("document.documentElement.dir") == "rtl"
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    places = [page.locator(f"[data-letter={letter}]").bounding_box() for letter in "AB"]
    points = [page.locator(f".question >> nth=0 >> [value='{value}']").bounding_box() for value in (1, 5)]
    for first, second in (places, points):
        assert first is not None
        assert second is not None
        assert first["x"] < second["x"]
