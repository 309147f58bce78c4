"""A researcher comes to an empty database and leaves with a report, in a browser, without a shell."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.embedded_site import NAME, PASSPHRASE, ROOT, Site, embedded_site

ARTIFACTS = ROOT / "var" / "test-artifacts" / "researcher"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
CLIP_S = 3
GENRES = ("Rock", "Reggae")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium; install it with: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with embedded_site(tmp_path_factory.mktemp("researcher")) as started:
        yield started


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """A browser tab that fails the test on any script error and any breach of the content policy."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.location.get('url')}: {message.text}")

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=BROWSER, args=flags)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", listen)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            "(e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`))"
        )
        yield tab
        browser.close()
    assert complaints == []


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four short videos with music of their own, one broken file, and a manifest."""
    folder = tmp_path_factory.mktemp("videos")
    lines = ["file,clip_id,genre,caption,licence"]
    for number in range(4):
        name = f"clip{number}.mp4"
        picture = f"testsrc2=s=320x180:r=25:d={CLIP_S},hue=h={90 * number}"
        sound = f"aevalsrc=0.3*sin({220 + 55 * number}*2*PI*t)*(1+sin({2 + number}*2*PI*t))/2:s=48000:d={CLIP_S}"
        sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-shortest"]
        codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *sources, *codecs, name], check=True, cwd=folder)
        lines.append(f"{name},clip{number},{GENRES[number % 2]},a test card,CC0-1.0")
    (folder / "broken.mp4").write_bytes(b"")
    lines.append("broken.mp4,broken,Rock,,")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return sorted(folder.iterdir())


class Shots:
    """Screenshots of each step, in the order they were taken."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0
        self.overflowing: list[str] = []
        shutil.rmtree(ARTIFACTS, ignore_errors=True)
        ARTIFACTS.mkdir(parents=True)

    def take(self, name: str, *, settle_ms: int = 0) -> None:
        """Figures follow a change of the window a moment later: ``settle_ms`` waits for them."""
        self.count += 1
        for width, height in ((390, 844), (1440, 900)):
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.wait_for_timeout(settle_ms)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.overflowing.append(f"{name} is {wide} px wide at {width} px")
            path = ARTIFACTS / f"{self.count:02}-{name}-{width}.png"
            self.page.screenshot(path=path, full_page=True)


def wait_until(page: Page, expression: str) -> None:
    """Asked from outside: Playwright's own wait_for_function evaluates in the page, which its policy forbids."""
    deadline = time.monotonic() + 30
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not become true"
        page.wait_for_timeout(100)


@pytest.mark.timeout(280)
def test_a_researcher_goes_from_an_empty_database_to_a_report(site: Site, page: Page, videos: list[Path]) -> None:
    shots = Shots(page)
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSPHRASE)
    shots.take("sign-in")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="From videos to a preference report")).to_be_visible()
    shots.take("home-empty")

    page.get_by_role("link", name="Import clips").click()
    page.locator("#id_upload-uploads").set_input_files(videos)
    page.locator("#id_upload-dataset").fill("testcards")
    page.locator("#id_upload-length_s").fill(str(CLIP_S))
    page.get_by_role("button", name="Upload and import").click()
    expect(page.get_by_role("heading", name="4 imported, 0 known already, 1 refused")).to_be_visible()
    shots.take("clips-imported")
    page.goto(f"{site.url}/admin/studyapp/clip/")
    expect(page.locator("#result_list tbody tr")).to_have_count(4)
    shots.take("clips")

    page.goto(f"{site.url}/admin/studyapp/system/add/")
    shots.take("systems-offered")
    page.get_by_role("button", name="Add Ground truth").click()
    page.get_by_role("button", name="Add Random shuffle").click()
    expect(page.get_by_text("random-shuffle added")).to_be_visible()
    shots.take("systems-added")

    page.goto(f"{site.url}/admin/studyapp/study/add/")
    page.get_by_label("Title").press_sequentially("Test cards and their music")
    expect(page.get_by_label("Short name")).to_have_value("test-cards-and-their-music")
    page.get_by_role("button", name="All", exact=True).click()
    for box in page.locator("[data-system]").all():
        box.check()
    page.get_by_label("Clips per cell").fill("5")
    page.get_by_label("Ratings per comparison").fill("6")
    page.get_by_label("Trials per block").fill("4")
    follows = page.locator("#follows")
    # Two genres with two clips each, one pair: four comparisons, rated six times each, four trials a rater.
    expect(follows.locator("div", has_text="comparisons").locator("dd")).to_have_text("4")
    expect(follows.locator("div", has_text="trials").locator("dd").first).to_have_text("24")
    expect(follows.locator("div", has_text="raters").locator("dd")).to_have_text("6")
    expect(follows.get_by_text("2 of 5 clips").first).to_be_visible()
    shots.take("study-form")
    page.get_by_role("button", name="Make the study").click()

    expect(page.get_by_role("button", name="Open the study")).to_be_disabled()
    shots.take("study-draft")
    page.get_by_role("button", name="Build the design").click()
    expect(page.get_by_text("0 of 8 ready")).to_be_visible()
    shots.take("study-built")
    with page.expect_download() as design:
        page.get_by_role("link", name="Export design").click()
    assert len(design.value.path().read_text().splitlines()) == 1 + 24
    page.get_by_role("button", name="Start generation").click()
    expect(page.get_by_text("8 soundtracks were sent")).to_be_visible()
    shots.take("study-generating")
    # Nobody reloads: the page looks by itself.
    expect(page.get_by_text("8 of 8 ready")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("button", name="Open the study")).to_be_enabled()
    shots.take("study-generated")

    page.get_by_role("link", name="Preview as a rater").click()
    expect(page.locator("video")).to_have_count(2)
    wait_until(page, "[...document.querySelectorAll('video')].every((v) => v.readyState >= 1)")
    expect(page.get_by_text("preview", exact=False).first).to_be_visible()
    shots.take("preview")
    page.go_back()
    page.get_by_role("button", name="Open the study").click()
    expect(page.get_by_text("The study is open")).to_be_visible()
    link = page.get_by_label("Link for raters").input_value()
    assert link.startswith(f"{site.url}/take/")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("The study is paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("The study is open again")).to_be_visible()

    effect = ["--effect", "ground-truth=1.5"]
    site.manage("simulate_raters", "test-cards-and-their-music", "--raters", "6", *effect)
    expect(page.locator("#live-raters").get_by_role("row", name="Simulated")).to_contain_text("48", timeout=30_000)
    shots.take("study-answered")
    page.get_by_role("link", name="Results", exact=True).first.click()
    page.get_by_role("button", name="Freeze a dataset").click()
    expect(page.get_by_role("link", name="Read the report")).to_be_visible(timeout=60_000)
    shots.take("results")
    with page.expect_download() as exported:
        page.get_by_role("link", name="CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(exported.value.path().read_text())))
    assert len(rows) == 48
    assert {row["simulated"] for row in rows} <= {"True", "true", "1"}

    page.get_by_role("link", name="Read the report").click()
    expect(page.get_by_text("are simulated: a program gave them, not people")).to_be_visible()
    wait_until(page, "Number(document.documentElement.dataset.drawn) >= 2")
    shots.take("report", settle_ms=600)
    page.get_by_role("link", name="Print version").click()
    wait_until(page, "Number(document.documentElement.dataset.drawn) >= 2")
    expect(page.get_by_role("heading", name="Test cards and their music: preference report")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_text("Close for good…").click()
    page.get_by_role("button", name="Close the study").click()
    expect(page.get_by_text("The study is closed")).to_be_visible()
    shots.take("study-closed")
    page.goto(f"{site.url}/admin/")
    shots.take("home")
    assert shots.overflowing == []
