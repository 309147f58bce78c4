"""The report in a real browser: under its own policy, on a desk and on a phone, with names that are no names."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, ConsoleMessage, FloatRect, Page, Request, Route, sync_playwright

from analysis import report
from analysis.page import csp_policy, html
from analysis.printing import save
from analysis.ratings import read
from analysis.report import Report
from tests.analysis.simulate import row, simulate
from tests.e2e.browser import BROWSER, FLAGS

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium; install it with: apt-get install chromium"),
]

NASTY = "</script><script>alert(1)</script><b>x</b>"


@pytest.fixture(scope="module")
def built() -> Report:
    systems = ("v2meow-clip-tiny", "random-shuffle", "ground-truth")
    return report.build(read(simulate(seed=2, systems=systems, per_rater=15, effect=0.9)), title="Pilot")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


def open_page(browser: Browser, text: str, width: int) -> tuple[Page, list[str]]:
    """Open the page under its own policy; returns what was logged, refused or asked for elsewhere."""
    complaints: list[str] = []

    def serve(route: Route) -> None:
        headers = {"content-security-policy": csp_policy(text)}
        route.fulfill(body=text, content_type="text/html; charset=utf-8", headers=headers)

    def console(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    def request(asked: Request) -> None:
        if asked.url != "http://report.test/" and not asked.url.startswith(("data:", "blob:")):
            complaints.append(asked.url)

    page = browser.new_page(viewport={"width": width, "height": 900})
    page.route("http://report.test/", serve)
    page.on("console", console)
    page.on("request", request)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("http://report.test/")
    return page, complaints


def drawn_size(page: Page) -> tuple[float, float]:
    box = page.locator(".plot").nth(2).locator(".main-svg").first.bounding_box()
    assert box is not None
    return box["width"], box["height"]


@pytest.mark.parametrize("width", [1440, 390])
def test_page_draws_every_figure_under_a_hash_only_policy(chromium: Browser, built: Report, width: int) -> None:
    page, complaints = open_page(chromium, html(built), width)
    page.locator("html[data-drawn='16']").wait_for(state="attached")
    assert page.locator(".plot .main-svg").count() >= 5
    assert page.locator("[data-figure^=bars] .bars path").count() == 2 * 6 * 3
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    before = drawn_size(page)
    page.set_viewport_size({"width": width - 60, "height": 700})
    for _ in range(100):
        if drawn_size(page)[0] < before[0]:
            break
        page.wait_for_timeout(50)
    assert drawn_size(page) == (before[0] - 60, before[1]) if width < 500 else drawn_size(page)[1] == before[1]
    page.locator("figure > details > summary").nth(2).click()
    assert page.locator("figure > details").nth(2).locator("table").is_visible()
    assert complaints == []
    page.close()


def darkest(browser: Browser, page: Page, box: FloatRect) -> int:
    """The darkest grey, 0 to 255, of a part of the screen, read on a page without a policy."""
    image = base64.b64encode(page.screenshot(clip=box)).decode()
    blank = browser.new_page()
    grey = blank.evaluate(
        """async (url) => {
            const image = new Image();
            image.src = url;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
            return pixels.reduce((least, value, at) => (at % 4 === 1 ? Math.min(least, value) : least), 255);
        }""",
        f"data:image/png;base64,{image}",
    )
    blank.close()
    return int(grey)


def test_the_legend_of_a_single_bar_is_whole_on_a_phone(chromium: Browser) -> None:
    one = report.build(read(simulate(seed=3, genres=("Polka",), raters=8)), title="One")
    page, _ = open_page(chromium, html(one), 390)
    page.locator("html[data-drawn='6']").wait_for(state="attached")
    figure = page.locator("[data-figure=bars-visual_relevance]")
    legend = figure.locator(".legend")
    assert legend.locator(".traces").count() == 5
    assert (legend.locator(".scrollbar").bounding_box() or {"height": 0})["height"] == 0
    plot, last = figure.bounding_box(), legend.locator(".traces").last.bounding_box()
    assert plot is not None
    assert last is not None
    assert last["y"] + last["height"] <= plot["y"] + plot["height"]
    page.close()


def test_a_table_wider_than_a_phone_shows_at_its_edge_that_there_is_more(chromium: Browser, built: Report) -> None:
    page, _ = open_page(chromium, html(built), 390)
    page.locator("html[data-drawn='16']").wait_for(state="attached")
    wide = page.locator(".columns + .scroll:not(.small)").first
    wide.scroll_into_view_if_needed()
    assert wide.evaluate("(box) => box.scrollWidth > box.clientWidth")
    box = wide.bounding_box()
    assert box is not None
    # The caption's line has no text here: what is dark is the shadow.
    right: FloatRect = {"x": box["x"] + box["width"] - 6, "y": box["y"] + 3, "width": 4, "height": 4}
    left: FloatRect = right | {"x": box["x"] + 2}
    assert darkest(chromium, page, right) < 230
    assert darkest(chromium, page, left) > 250
    wide.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    assert darkest(chromium, page, right) > 250
    assert darkest(chromium, page, left) < 230
    page.close()


def test_names_are_text_everywhere_on_the_page(chromium: Browser) -> None:
    rows = [
        row(rater=f"r{r}", trial=f"{r}-{c}", genre=NASTY, clip=f"c{c}", pair=("a&b", NASTY), score=(r + c) % 3 - 1)
        for r in range(6)
        for c in range(6)
    ]
    text = html(report.build(read(pd.DataFrame(rows)), title=NASTY))
    page, complaints = open_page(chromium, text, 1440)
    page.locator("html[data-drawn='5']").wait_for(state="attached")
    assert page.locator("h1").inner_text().startswith(NASTY)
    assert page.locator(".duet-report b").count() == 0
    assert NASTY in "".join(page.locator(".plot .annotation-text").all_text_contents())
    assert complaints == []
    page.close()


@pytest.mark.filterwarnings("ignore")  # kaleido's browser leaves a task behind
def test_a_figure_is_written_for_print(built: Report, tmp_path: Path) -> None:
    matrix = next(figure for figure in built.figures if figure.key.startswith("matrix"))
    save(matrix, tmp_path / "matrix.svg")
    drawn = (tmp_path / "matrix.svg").read_text()
    assert drawn.startswith("<svg")
    for text in (note["text"] for note in matrix.layout["annotations"]):
        assert all(part in drawn for part in text.split("<br>"))
