"""A walk through a running study as a rater: every page, header and media file, and no system in any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from generation import registry
from studyapp.models import Presentation, Response, Stimulus, Study, System, Trial
from studyapp.states import SessionState
from tests.studyapp.factories import make_clip, make_stimulus, make_system, open_study

pytestmark = pytest.mark.django_db

DIFFERS_BY_REQUEST = {"Set-Cookie", "Content-Range"}


class Links(HTMLParser):
    """Every address in a page, and the fields of its forms."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.forms: list[str] = []
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.addresses.update(values[name] for name in ("href", "src", "data-source", "poster") if name in values)
        if tag == "form":
            self.forms.append(values["action"])
        if tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values["value"]


class Walk:
    """One rater's whole way. ``seen`` holds all text that reached the browser, by address."""

    def __init__(self, study: Study) -> None:
        self.client = Client()
        self.study = study
        self.seen: dict[str, str] = {}
        self.media: dict[str, tuple[dict[str, str], bytes]] = {}

    def take_in(self, address: str, reply: Any) -> bytes:
        body = b"".join(cast(Iterable[bytes], reply.streaming_content)) if reply.streaming else reply.content
        headers = "\n".join(f"{name}: {value}" for name, value in reply.headers.items())
        cookies = reply.cookies.output()
        self.seen[f"{len(self.seen)} {address}"] = "\n".join(
            (address, headers, cookies, body.decode("utf-8", "replace"))
        )
        if reply["Content-Type"] == "video/mp4":
            kept = {name: value for name, value in reply.headers.items() if name not in DIFFERS_BY_REQUEST}
            self.media[address] = (kept, body)
        return cast(bytes, body)

    def get(self, address: str) -> Links:
        reply = self.client.get(address)
        text = self.take_in(address, reply).decode("utf-8", "replace")
        if reply.status_code in (301, 302):
            return self.get(urljoin(address, reply["Location"]))
        links = Links()
        if reply["Content-Type"].startswith("text/html"):
            links.feed(text)
            config = re.search(r'trial-config" type="application/json">(.+?)</script>', text)
            if config:
                links.addresses.update(json.loads(config[1])["preload"])
        return links

    def follow(self, links: Links, page: str) -> None:
        for address in sorted(links.addresses):
            path = urlsplit(urljoin(page, address)).path
            if path.startswith("/static/"):
                found = finders.find(path.removeprefix("/static/"))
                assert found, f"{path} is not a file of ours"
                with open(str(found), "rb") as file:
                    self.seen.setdefault(path, file.read().decode("utf-8", "replace"))
            elif path.startswith("/take/") and path.endswith(".mp4") and path not in self.media:
                self.get(path)

    def to_the_end(self) -> None:
        first = f"/take/{self.study.token}/"
        links = self.get(first)
        self.follow(links, first)
        reply = self.client.post(links.forms[0], links.fields)
        self.take_in(links.forms[0], reply)
        self.follow(self.get(reply["Location"]), reply["Location"])
        page = f"{first}trial/"
        for _ in range(Trial.objects.filter(block__study=self.study).count()):
            links = self.get(page)
            if not links.forms[0].endswith("/answer/"):
                break
            self.follow(links, page)
            self.answer(links)
        self.get(first)

    def answer(self, links: Links) -> None:
        action = links.forms[0]
        token = action.split("/")[-3]
        Presentation.objects.filter(trial__token=token).update(shown_at="2020-01-01T00:00Z")
        Presentation.objects.filter(trial__token=token).update(
            left_served_at="2020-01-01T00:00Z", right_served_at="2020-01-01T00:00Z"
        )
        trial = Trial.objects.get(token=token)
        sides = ["left", "right"] if trial.played_first == "left" else ["right", "left"]
        events: list[list[object]] = []
        for number, side in enumerate(sides):
            events.append([2 * number, side, "play", 0, 2 * number])
            events.append([2 * number + 1, side, "ended", 1, 2 * number + 1])
        reported = self.client.post(
            action.replace("/answer/", "/events/"),
            json.dumps({"proof": links.fields["proof"], "events": events}),
            content_type="application/json",
        )
        self.take_in(action.replace("/answer/", "/events/"), reported)
        form = {"visual_relevance": 2, "music_preference": 4, "response_time_ms": 5, "events": "[]"}
        form["proof"] = links.fields["proof"]
        early = self.client.post(action, {**form, "music_preference": ""}, headers={"Accept": "application/json"})
        self.take_in(action, early)
        saved = self.client.post(action, form, headers={"Accept": "application/json"})
        assert saved.json()["saved"] is True
        self.take_in(action, saved)


def study_with_names() -> Study:
    """Systems as a real study has them, with files of one size per clip as rendering makes them."""
    systems = (
        make_system("v2meow-clip", slug="v2meow-clip-tiny", preset="tiny"),
        make_system("ground-truth", slug="ground-truth"),
    )
    study = open_study(
        clips=4, blocks=1, systems=systems, slug="v2meow-against-truth", title="V2Meow against ground truth"
    )
    # Another pair over the same clip: headers must not show that one file comes in two trials.
    clip = study.clips.earliest("pk")
    third = make_stimulus(clip, make_system("random-shuffle", slug="random-shuffle"))
    block = study.blocks.get()
    comparison = block.trials.get(position=1).comparison
    comparison.pk, comparison.stimulus_2 = None, third
    comparison.save()
    Trial.objects.create(
        block=block, position=5, comparison=comparison, left_is_1=True, played_first=Trial.PlayedFirst.LEFT
    )
    return study


def telling_words(study: Study) -> set[str]:
    """Whatever would give a system, or the file it made, away."""
    words = {spec.key for spec in registry.SYSTEMS.values()} | {"v2meow", "tiny", "ground truth", study.slug}
    words |= {spec.label.lower() for spec in registry.SYSTEMS.values()}
    for system in System.objects.all():
        words |= {system.slug, system.label, system.key, system.digest}
    for stimulus in Stimulus.objects.all():
        words |= {
            stimulus.file,
            stimulus.file_sha256,
            stimulus.key,
            stimulus.file.split("/")[-1].removesuffix(".mp4"),
        }
    for clip in study.clips.all():
        words |= {clip.clip_id, clip.source_name, clip.master_file}
    return {word.lower() for word in words if word}


def test_a_walk_through_a_running_study_finds_no_systems_name() -> None:
    study = study_with_names()
    walk = Walk(study)
    walk.to_the_end()
    session = study.sessions.get()
    assert session.state == SessionState.COMPLETED
    assert Response.objects.count() == 10
    assert len(walk.media) == 10
    assert sum("/static/" in address for address in walk.seen) >= 5
    words = telling_words(study)
    assert len(words) > 25
    found = {(word, address) for address, text in walk.seen.items() for word in words if word in text.lower()}
    assert not found


def test_every_media_reply_has_the_same_headers_and_a_clips_versions_one_length() -> None:
    study = study_with_names()
    walk = Walk(study)
    walk.to_the_end()
    assert len({tuple(sorted(headers.items())) for headers, _ in walk.media.values()}) == 1
    for trial in Trial.objects.filter(block__study=study):
        sizes = {len(body) for address, (_, body) in walk.media.items() if trial.token in address}
        assert len(sizes) == 1


def test_pages_of_two_trials_differ_in_nothing_but_numbers_and_tokens() -> None:
    study = study_with_names()
    walk = Walk(study)
    walk.to_the_end()
    shapes = set()
    for address, text in walk.seen.items():
        if "/trial/" not in address or "trial-config" not in text:
            continue
        _, _, body = text.partition("<main")
        body = re.sub(r'value="[^"]*"|/take/[^"<&]*|"(token|proof)": "[^"]*"|"elapsed": [\d.]+', "#", body)
        # The side played first is meant to differ, and so are place and what may be preloaded.
        body = re.sub(r"Play [AB]|Play (first|second)|data-(first|second)=\"[AB]\"|left|right|\d+", "#", body)
        body = re.sub(
            r'"preload": \[[^\]]*\]|Save and (go on|finish)|<span class="saved">.*?</span></span>', "#", body
        )
        shapes.add(re.sub(r"\s+", " ", body))
    assert len(shapes) == 1


def test_the_walk_would_notice() -> None:
    """The search itself finds a name where there is one."""
    study = study_with_names()
    clip = make_clip(clip_id="giveaway-ground-truth")
    study.clips.add(clip)
    words = telling_words(study)
    assert any(word in "/media/ground-truth/1.mp4" for word in words)
    assert any(word in "X-Clip: giveaway-ground-truth" for word in words)
