"""A real browser, real videos, and what a rater does with them."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from studyapp.models import Stimulus, Study
from tests.studyapp.factories import open_study

ROOT = Path(__file__).parent.parent.parent
ARTIFACTS = Path(os.environ.get("DUET_TEST_ARTIFACTS", ROOT / "var" / "test-artifacts")) / "rater"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
CLIP_S = 2.0
LONG_S = 9.0
COLOURS = ("0x0b3d5c 0x2a9d8f 0xf4d58d", "0x3d1a4f 0xd1495b 0xf2a65a", "0x10302b 0x6a994e 0xe9edc9")
DESK = {"width": 1440, "height": 900}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MARKS = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    # The live server starts before any test's settings; static files come from the finders.
    pytest.mark.filterwarnings("ignore:No directory at"),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium; install it with: apt-get install chromium"),
    pytest.mark.skipif(
        shutil.which("ffmpeg") is None, reason="no ffmpeg; install it with: apt-get install ffmpeg"
    ),
]


def encoded(arguments: str, *sources: bytes) -> bytes:
    """What ffmpeg makes of the given files; it is given no metadata to write."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = []
        for number, source in enumerate(sources):
            path = Path(folder) / f"{number}.mp4"
            path.write_bytes(source)
            inputs += ["-i", str(path)]
        result = Path(folder) / "result.mp4"
        common = ["ffmpeg", "-nostdin", "-v", "error", *inputs, *arguments.split()]
        common += ["-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact"]
        subprocess.run([*common, str(result)], check=True)
        return result.read_bytes()


@functools.cache
def picture(colours: str, seconds: float) -> bytes:
    """Slowly moving colours: something to see."""
    names = "".join(f":c{index}={colour}" for index, colour in enumerate(colours.split()))
    gradients = f"gradients=s=640x360:r=25:d={seconds}:x0=0:y0=0:x1=640:y1=360:n=3:speed=0.02{names}"
    return encoded(f"-f lavfi -i {gradients} -c:v libx264 -preset ultrafast -pix_fmt yuv420p")


@functools.cache
def film(colours: str, tone_hz: int, seconds: float = CLIP_S) -> bytes:
    tone = f"-f lavfi -i sine={tone_hz}:r=48000:d={seconds}"
    return encoded(f"{tone} -map 0:v -map 1:a -c:v copy -c:a aac -b:a 128k", picture(colours, seconds))


def one_long_clip() -> Study:
    """A trial of one longer clip whose versions count as heard: both players run together from the start."""
    study = open_study(clips=1, blocks=1, seconds=LONG_S, min_coverage=0.0)
    for number, stimulus in enumerate(Stimulus.objects.filter(clip__studies=study).order_by("pk")):
        content = film(COLOURS[0], 330 + 110 * number, LONG_S)
        stimulus.path.write_bytes(content)
        Stimulus.objects.filter(pk=stimulus.pk).update(file_bytes=len(content))
    return study


class Rater:
    """What a person does on the trial page."""

    def __init__(self, page: Page, server: LiveServer, study: Study) -> None:
        self.page = page
        self.link = f"{server.url}/take/{study.token}/"
        self.trials = study.blocks.earliest("number").trials.count()

    def shoot(self, name: str) -> None:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)

    def begin(self) -> None:
        self.page.goto(self.link)
        self.page.get_by_role("button", name="I agree to take part").click()
        self.page.get_by_role("link", name="Begin").click()
        self.expect_place(1)

    def expect_place(self, place: int) -> None:
        expect(self.page).to_have_title(f"Comparison {place} of {self.trials}")
        expect(self.page.locator("video").first).to_have_js_property("readyState", 4)

    @property
    def letters(self) -> tuple[str, str]:
        """First and second to be played."""
        first = self.page.locator(".player.current").get_attribute("data-letter")
        return ("A", "B") if first == "A" else ("B", "A")

    def play(self, letter: str) -> None:
        self.page.get_by_role("button", name=f"Play {letter}").click()
        self.expect_played(letter)

    def expect_played(self, letter: str) -> None:
        expect(self.page.locator(f".player[data-letter={letter}] .state")).to_have_text("Played")

    def play_both(self) -> None:
        for letter in self.letters:
            self.play(letter)

    def choose(self, question: int, label: str) -> None:
        self.page.locator(".question").nth(question).get_by_role("radio", name=label).check()

    def save(self) -> None:
        self.page.locator("#next").click()
