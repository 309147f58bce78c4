"""Each of the paper's studies, from its template to its archive, in a browser and without a shell.

Short clips and few trials: the full-size designs are built and counted in ``tests/studyapp/documents``. Raters are
simulated, by the button in the pilot and from outside in the study.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.browser import BROWSER, FLAGS
from tests.e2e.embedded_site import NAME, PASSPHRASE, ROOT, Site, embedded_site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium; install it with: apt-get install chromium"),
    pytest.mark.timeout(600),
]

CLIP_S = 2
RENDERED_MS = 240_000


@dataclass(frozen=True, slots=True)
class Paper:
    """One template: its name on the page, its pairs, and how many trials one rater is given here."""

    template: str
    slug: str
    pairs: int
    soundtracks: int
    trials: int


PAPERS = (
    Paper("paper-mv100k", "mv100k", pairs=5, soundtracks=12, trials=5),
    Paper("paper-musiccaps", "musiccaps", pairs=15, soundtracks=16, trials=15),
    Paper("paper-ablation", "ablation", pairs=10, soundtracks=10, trials=10),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with embedded_site(tmp_path_factory.mktemp("papers")) as started:
        yield started


@pytest.fixture(scope="module")
def page(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Signed in, two short clips imported; any script error or breach of the content policy fails the test."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.location.get('url')}: {message.text}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        tab = context.new_page()
        tab.set_default_timeout(30_000)
        tab.on("console", listen)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(f"{site.url}/admin/")
        tab.get_by_label("Username").fill(NAME)
        tab.get_by_label("Password").fill(PASSPHRASE)
        tab.get_by_role("button", name="Log in").click()
        tab.get_by_role("link", name="Import clips").click()
        tab.locator("#id_upload-uploads").set_input_files(videos(tmp_path_factory.mktemp("videos")))
        tab.locator("#id_upload-dataset").fill("shorts")
        tab.locator("#id_upload-length_s").fill(str(CLIP_S))
        tab.get_by_role("button", name="Upload and import").click()
        expect(tab.get_by_role("heading", name="2 imported, 0 known already, 0 refused")).to_be_visible()
        yield tab
        browser.close()
    assert complaints == []


def videos(folder: Path) -> list[Path]:
    """Two moving pictures with music of their own, of two of the paper's genres, with captions."""
    lines = ["file,clip_id,genre,caption,licence"]
    for number, (genre, caption) in enumerate((("Reggae", "reggae with a steady bass"), ("Rock", "loud guitars"))):
        picture = f"testsrc2=s=320x180:r=25:d={CLIP_S},hue=h={90 * number}"
        sound = f"aevalsrc=0.3*sin({220 + 110 * number}*2*PI*t):s=48000:d={CLIP_S}"
        sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-shortest"]
        codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        name = f"short{number}.mp4"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *sources, *codecs, name], check=True, cwd=folder)
        lines.append(f"{name},short{number},{genre},{caption},CC0-1.0")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return sorted(folder.iterdir())


def press(page: Page, name: str, said: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_text(said).first).to_be_visible()


def test_the_papers_studies_go_from_their_templates_to_their_archives(
    site: Site, page: Page, tmp_path: Path
) -> None:
    # One test, for whichever process takes it: what the first has rendered the others use again, and the commands
    # of the manual want the studies there.
    for paper in PAPERS:
        _plan(site, page, paper)
        _pilot(page, paper)
        _run(site, page, paper)
        _conclude(page, paper)
    _every_command_of_the_manual_runs(site, tmp_path)


def _plan(site: Site, page: Page, paper: Paper) -> None:
    page.goto(f"{site.url}/admin/")
    if paper is PAPERS[0]:
        page.get_by_role("link", name="Add systems").click()
        expect(page.get_by_role("button", name="Add Ground truth")).to_be_visible()
        page.go_back()
    page.get_by_role("link", name="New study" if paper is not PAPERS[0] else "Make a study", exact=True).click()
    expect(page.get_by_role("heading", name="New study", exact=True)).to_be_visible()
    page.locator(f'a[href="?template={paper.template}"]').click()
    page.get_by_label("Short name").fill(paper.slug)
    page.get_by_label("shorts").check()
    page.get_by_label("Clips per genre").fill("1")
    press(page, "Make the draft", "stand-in")
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Ratings per comparison").fill("1")
    page.get_by_label("Trials per block").fill(str(paper.trials))
    page.get_by_label("Pilot raters").fill("1")
    page.get_by_role("button", name="Save").click()
    press(page, "Build the design", f"{2 * paper.pairs} comparisons in 2 blocks")
    page.get_by_role("link", name="Plan", exact=True).click()
    expect(page.get_by_role("heading", name="Plan", exact=True)).to_be_visible()
    with page.expect_download() as bundle:
        page.get_by_role("link", name="Pre-registration bundle (draft)").click()
    assert zipfile.ZipFile(bundle.value.path()).testzip() is None
    page.get_by_role("link", name="Overview", exact=True).click()
    # What an earlier study has rendered is used again: of the last one nothing is left to be made.
    if paper is not PAPERS[-1]:
        page.get_by_role("button", name="Start generation").click()
    # Nobody reloads: the page looks by itself.
    made = page.get_by_text(f"{paper.soundtracks} of {paper.soundtracks} ready")
    expect(made).to_be_visible(timeout=RENDERED_MS)
    page.get_by_role("link", name="Soundtracks", exact=True).click()
    expect(page.get_by_role("heading", name="Soundtracks", exact=True)).to_be_visible()
    page.get_by_role("link", name="Check by ear").click()
    expect(page.locator("main svg").first).to_be_visible()
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_role("link", name="Preview as a rater").click()
    expect(page.locator("video")).to_have_count(2)
    page.go_back()


def _pilot(page: Page, paper: Paper) -> None:
    press(page, "Start a pilot", "The pilot runs")
    press(page, "Try it with simulated raters", "1 simulated rater takes the free places")
    expect(page.locator("#live-raters").get_by_role("row", name="Simulated")).to_contain_text(
        str(2 * paper.trials), timeout=60_000
    )
    if paper is PAPERS[0]:
        press(page, "End the pilot", "The pilot is over")
        expect(page.get_by_role("button", name="Open the study")).to_be_enabled()


def _run(site: Site, page: Page, paper: Paper) -> None:
    press(page, "Open the study", "The study is open")
    site.manage("simulate_raters", paper.slug, "--raters", "2", "--anyway")
    page.get_by_role("link", name="Raters", exact=True).first.click()
    expect(page.get_by_role("heading", name="Letting people in")).to_be_visible()
    page.get_by_role("link", name="Running", exact=True).first.click()
    expect(page.get_by_text(f"{2 * paper.pairs} of {2 * paper.pairs} ratings")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Pair 1").first).to_be_visible()
    expect(page.locator("#live-quota").get_by_text("v2meow")).to_have_count(0)
    press(page, "Pause", "Paused")
    press(page, "Resume", "Open")
    page.get_by_role("link", name="Overview", exact=True).click()
    page.get_by_text("Close for good…").click()
    press(page, "Close the study", "The study is closed")


def _conclude(page: Page, paper: Paper) -> None:
    page.get_by_role("link", name="Results", exact=True).first.click()
    page.get_by_role("button", name="Freeze a dataset").click()
    expect(page.get_by_role("link", name="Read the report").first).to_be_visible(timeout=120_000)
    with page.expect_download() as exported:
        page.get_by_role("link", name="CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(exported.value.path().read_text())))
    assert len(rows) == 2 * 2 * paper.pairs
    assert len({(row["system_1"], row["system_2"]) for row in rows}) == paper.pairs
    with page.expect_download() as archived:
        page.get_by_role("link", name="The whole study (zip)").first.click()
    assert zipfile.ZipFile(archived.value.path()).testzip() is None
    page.get_by_text("Preferences by genre").first.click()
    with page.expect_download() as preferences:
        page.locator("form.choices").first.get_by_role("button", name="CSV").click()
    assert preferences.value.path().read_text().startswith("question,genre,system_1,system_2,raters,clips,n,win_1")
    page.get_by_role("link", name="Read the report").first.click()
    expect(page.get_by_text("are simulated: a program gave them, not people")).to_be_visible()
    for room in ("Team", "History"):
        page.get_by_role("link", name=room, exact=True).click()
        expect(page.get_by_role("heading", name=room, exact=True).first).to_be_visible()
    page.get_by_role("link", name="Overview", exact=True).click()
    press(page, "Archive", "The study is archived")


MANUAL = ROOT / "docs" / "running-a-study.md"


def _every_command_of_the_manual_runs(site: Site, tmp_path: Path) -> None:
    """In their order, in a folder with videos and soundtracks, on the site that the studies above were run on."""
    (tmp_path / "videos").mkdir()
    videos(tmp_path / "videos")
    (tmp_path / "soundtracks").mkdir()
    shutil.copy(tmp_path / "videos" / "short0.mp4", tmp_path / "soundtracks" / "short0.mp4")
    commands = re.findall(r"^ {4}python (.+)$", MANUAL.read_text(), flags=re.MULTILINE)
    assert len(commands) == 13
    for command in commands:
        words = shlex.split(command)
        if "simulate_raters" in words:
            continue  # the study is closed by now; it ran while it was open, with these very arguments
        if words[0] == "manage.py":
            words[0] = str(ROOT / "manage.py")
        environment = {**site.environment, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "--raters 2 --anyway" in MANUAL.read_text()


def test_every_click_of_the_manual_is_made_here() -> None:
    pressed = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
    named = set(re.findall(r"\*\*([^*]+)\*\*", MANUAL.read_text().replace("\n", " "))) - {"bold"}
    assert len(named) > 30
    assert {name for name in named if f'"{name}' not in pressed} == set()
