"""Every page of the researchers' desk, as pictures for docs/admin/: ``make sights``.

One study's life from an empty site to its archive, at 390 and 1440 px, light, and what matters most also dark.
Looked at by people; nothing is compared.
"""

from __future__ import annotations

import functools
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageColor
from playwright.sync_api import Page, Playwright
from pytest_django.live_server_helper import LiveServer

from studyapp.actions.amendments import amend_study
from studyapp.actions.datasets import build_dataset, freeze_dataset
from studyapp.actions.pilots import start_pilot
from studyapp.actions.recruitment import invite
from studyapp.actions.sharing import share_dataset
from studyapp.actions.studies import archive_study, close_study, open_study, pause_study, resume_study
from studyapp.actions.systems import ensure_system
from studyapp.actions.tokens import make_token
from studyapp.models import Stimulus, Study, User
from tests.e2e import desk_study
from tests.e2e.browser import BROWSER, FLAGS, MARKS

pytestmark = [*MARKS, pytest.mark.sights, pytest.mark.timeout(900)]

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(os.environ.get("DUET_DESK_SIGHTS", ROOT / "docs" / "admin"))
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
TALLEST = {390: 920, 1440: 1120}
"""A long page is cut: what is below looks like what is above, and the tree stays small."""
FILMS_ARE_THERE = "[...document.querySelectorAll('video[preload=metadata]')].every((one) => one.readyState > 1)"
SHRUNK = 0.6
"""Of pictures of a wide page, for the same reason."""


class Camera:
    """One tab, signed in, and the pictures in the order in which they are taken."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site, self.taken = page, site, 0

    def sign_in(self, user: User) -> None:
        client = Client()
        client.force_login(user)
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": self.site}])

    def shoot(
        self, name: str, address: str, *, dark: bool = False, until: str = "main", begin: str = "body"
    ) -> None:
        """Pictures of one page: narrow, wide, and wide and dark where asked for.

        until: what must have come; begin: what the picture begins with.
        """
        self.taken += 1
        for scheme, size in (("light", NARROW), ("light", WIDE), *([("dark", WIDE)] if dark else [])):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            # Opened anew at each size: a page's scripts may look at it.
            self.page.goto(f"{self.site}{address}")
            self.page.locator(until).first.wait_for()
            self.page.wait_for_load_state("networkidle")
            self.page.wait_for_function(FILMS_ARE_THERE)
            self.page.wait_for_timeout(350)
            box = self.page.locator(begin).bounding_box()
            assert box is not None
            _keep(self.page, f"{self.taken:02}-{name}-{size['width']}", scheme, top=round(box["y"]))


def _keep(page: Page, name: str, scheme: str, *, top: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    picture = picture.crop((0, top, picture.width, min(picture.height, top + TALLEST[picture.width])))
    if picture.width == WIDE["width"]:
        size = (round(picture.width * SHRUNK), round(picture.height * SHRUNK))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    reduced = picture.quantize(palette=_palette(scheme), dither=Image.Dither.NONE)
    reduced.save(FOLDER / f"{name}-{scheme}.png", optimize=True)


@functools.cache
def _palette(scheme: str) -> Image.Image:
    """The colours that the pages are made of, and what edges of letters blend them to.

    One that is found for each picture forgets the few red and green pixels that say how something stands.
    """
    sheet = (ROOT / "studyapp/static/studyapp/css/tokens.css").read_text()
    part = sheet.split("prefers-color-scheme: dark")[scheme == "dark"]
    named = {name: ImageColor.getrgb(value) for name, value in re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)}
    blends = [
        tuple(
            round(share * one + (1 - share) * other)
            for one, other in zip(named[name], named["surface"], strict=True)
        )
        for name in ("ink", "ink-soft", "accent")
        for share in (1 / 3, 2 / 3)
    ]
    films = [
        ImageColor.getrgb(value.replace("0x", "#")) for three in desk_study.COLOURS for value in three.split()
    ]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in dict.fromkeys([*named.values(), *blends, *films]) for part in colour])
    return palette


@pytest.fixture
def camera(playwright: Playwright, live_server: LiveServer) -> Iterator[Camera]:
    browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(20_000)
    yield Camera(page, live_server.url)
    browser.close()


def test_every_page_of_the_desk_is_shot(camera: Camera) -> None:
    owner, editor, viewer = desk_study.people()
    camera.sign_in(owner)
    camera.shoot("home-empty", reverse("admin:index"))
    study = _planned(camera, owner)
    desk_study.members(study, editor, viewer)
    _piloted(camera, study, owner)
    _run(camera, study, owner)
    _concluded(camera, study, owner)
    _round_about(camera, study, owner)


def _planned(camera: Camera, owner: User) -> Study:
    camera.shoot("clips-empty", reverse("admin:studyapp_clip_changelist"))
    clips = desk_study.clips()
    camera.shoot("clips", reverse("admin:studyapp_clip_changelist"))
    camera.shoot("clip", reverse("admin:studyapp_clip_change", args=[clips[0].pk]))
    camera.shoot("clips-import", reverse("admin:studyapp_clip_import"))
    camera.shoot("clips-problems", reverse("research-clip-problems"))
    camera.shoot("clips-sample", f"{reverse('research-clip-library')}?per_genre=2&dataset={desk_study.DATASET}")
    camera.shoot("systems-add", reverse("admin:studyapp_system_add"))
    compared = desk_study.systems(owner)
    ensure_system(key="loop-retrieval", by=owner)
    camera.shoot("systems", reverse("admin:studyapp_system_changelist"))
    camera.shoot("study-new", reverse("research-new-study"))
    camera.shoot("study-template", f"{reverse('research-new-study')}?template=paper-mv100k")
    study = desk_study.draft(owner, clips, compared)
    camera.shoot(
        "study-form", reverse("admin:studyapp_study_change", args=[study.pk]), dark=True, until="#power dl"
    )
    _of(camera, study, "overview-draft", "study")
    return desk_study.designed(study, owner)


def _piloted(camera: Camera, study: Study, owner: User) -> None:
    _of(camera, study, "plan", "plan", dark=True)
    desk_study.half_rendered()
    _of(camera, study, "overview-generating", "study")
    _of(camera, study, "soundtracks", "soundtracks")
    desk_study.rendered()
    tried = Stimulus.objects.filter(system__slug="cmt-tiny").earliest("pk").system
    address = reverse("admin:studyapp_system_change", args=[tried.pk])
    camera.shoot("system-try", address, begin="section:has(> #try-title)")
    _of(camera, study, "listen", "listen")
    _of(camera, study, "people", "people")
    start_pilot(study=study, by=owner)
    desk_study.answered(study, raters=3)
    _of(camera, study, "overview-pilot", "study")


def _run(camera: Camera, study: Study, owner: User) -> None:
    open_study(study=study, by=owner)
    desk_study.opened_days_ago(study)
    desk_study.told(study, owner)
    desk_study.answered(study)
    invite(study=study, notes=["choir, seat 1", "choir, seat 2"], by=owner)
    amend_study(
        study=study,
        by=owner,
        reason="The committee asked for a second address.",
        contact="ada@example.org, ethics@example.org",
    )
    desk_study.watched(study)
    desk_study.copied(study, owner)
    camera.shoot("home", reverse("admin:index"))
    _of(camera, study, "overview-open", "study", dark=True)
    _of(camera, study, "running", "running", dark=True)
    session = study.sessions.counted().filter(completed_at__isnull=False).earliest("pk")
    _of(camera, study, "sessions", "sessions")
    camera.shoot("replay", reverse("research-replay", args=[study.slug, session.pk]))
    _of(camera, study, "raters", "raters")
    _of(camera, study, "amend", "amend")
    pause_study(study=study, by=owner)
    _of(camera, study, "overview-paused", "study")
    resume_study(study=study, by=owner)


def _concluded(camera: Camera, study: Study, owner: User) -> None:
    close_study(study=study, by=owner)
    desk_study.watched(study)
    dataset = build_dataset(dataset_id=freeze_dataset(study=study, include_simulated=False, by=owner).pk)
    assert dataset.error == ""
    _of(camera, study, "overview-closed", "study")
    _of(camera, study, "results", "results")
    camera.shoot("report", f"{reverse('research-report', args=[study.slug])}?dataset={dataset.pk}", dark=True)
    _, code = share_dataset(dataset=dataset, by=owner, note="for the reviewers", days=30)
    _of(camera, study, "shares", "shares")
    camera.shoot("shared", reverse("shared", args=[code]))
    _of(camera, study, "team", "team")
    _of(camera, study, "history", "history")
    desk_study.arrived(study)
    _of(camera, study, "webhooks", "webhooks")


def _round_about(camera: Camera, study: Study, owner: User) -> None:
    make_token(user=owner, name="notebook of the spring wave", scope="read", days=90, by=owner)
    camera.shoot("tokens", reverse("research-tokens"))
    camera.shoot("api", reverse("api-docs"))
    _of(camera, study, "duplicate", "duplicate")
    camera.shoot("compare", f"{reverse('research-compare', args=[study.slug])}?with={desk_study.COPY}")
    camera.shoot("study-import", reverse("research-import-study"))
    camera.shoot("archive-read", reverse("research-read-archive"))
    camera.shoot("studies", reverse("admin:studyapp_study_changelist"))
    camera.shoot("records", reverse("admin:app_list", args=["studyapp"]))
    camera.shoot("audit-log", reverse("admin:studyapp_auditline_changelist"))
    archive_study(study=study, by=owner)
    _of(camera, study, "overview-archived", "study")


def _of(camera: Camera, study: Study, name: str, page: str, *, dark: bool = False) -> None:
    """A page of the study that takes nothing but its name."""
    study.refresh_from_db()
    camera.shoot(name, reverse(f"research-{page}", args=[study.slug]), dark=dark)
