"""A rater's whole way through a study, by Django's test client, with everything that comes in kept as it came."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from django.contrib.staticfiles import finders
from django.test import Client

from studyapp.models import Presentation, Study, Trial

DIFFERS_BY_REQUEST = {"Set-Cookie", "Content-Range"}
Asking = tuple[str, Mapping[str, str]]
"""A way to ask for a video: the method, and what headers besides."""
WHOLE: tuple[Asking, ...] = (("GET", {}),)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One reply as the browser got it; ``asked`` says how it was asked for, ``seconds`` how long it took."""

    asked: str
    address: str
    status: int
    headers: tuple[tuple[str, str], ...]
    cookies: str
    body: bytes
    seconds: float

    @property
    def is_video(self) -> bool:
        return self.address.endswith(".mp4")

    @property
    def text(self) -> str:
        """Address, headers, cookies and body, one below the other; a video's body is no text."""
        headers = "\n".join(f"{name}: {value}" for name, value in self.headers)
        body = "" if self.is_video else self.body.decode("utf-8", "replace")
        return "\n".join((self.address, headers, self.cookies, body))


class Links(HTMLParser):
    """Every address in a page, in the page's order, and the fields of its forms."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.forms: list[str] = []
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.addresses.extend(values[name] for name in ("href", "src", "data-source", "poster") if name in values)
        if tag == "form":
            self.forms.append(values["action"])
        if tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values["value"]


class Walk:
    """One rater's whole way. Each video is asked for in each of the ways of ``asking``, in their order."""

    def __init__(self, study: Study, *, asking: Sequence[Asking] = WHOLE) -> None:
        self.client = Client()
        self.study = study
        self.asking = asking
        self.exchanges: list[Exchange] = []
        self.scripts: dict[str, str] = {}
        self._videos: set[str] = set()

    @property
    def seen(self) -> dict[str, str]:
        """All text that reached the browser, by address."""
        return {f"{n} {got.address}": got.text for n, got in enumerate(self.exchanges)} | self.scripts

    @property
    def media(self) -> dict[str, tuple[dict[str, str], bytes]]:
        """The headers of each whole video that do not depend on how it is asked for, and its content."""
        return {
            got.address: ({name: value for name, value in got.headers if name not in DIFFERS_BY_REQUEST}, got.body)
            for got in self.exchanges
            if got.is_video and got.asked == "GET"
        }

    def ask(self, method: str, address: str, *, headers: Mapping[str, str] | None = None, **sent: Any) -> Any:
        """Send one request and keep what comes back; returns Django's response."""
        headers = headers or {}
        began = time.perf_counter()
        reply = getattr(self.client, method.lower())(address, headers=headers, **sent)
        body = b"".join(cast(Iterable[bytes], reply.streaming_content)) if reply.streaming else reply.content
        seconds = time.perf_counter() - began
        asked = " ".join((method, *(f"{name}: {value}" for name, value in headers.items())))
        self.exchanges.append(
            Exchange(
                asked, address, reply.status_code, tuple(reply.items()), reply.cookies.output(), body, seconds
            )
        )
        return reply

    def get(self, address: str) -> Links:
        reply = self.ask("GET", address)
        if reply.status_code in (301, 302):
            return self.get(urljoin(address, reply["Location"]))
        links = Links()
        if reply["Content-Type"].startswith("text/html"):
            text = reply.content.decode()
            links.feed(text)
            config = re.search(r'trial-config" type="application/json">(.+?)</script>', text)
            if config:
                links.addresses.extend(json.loads(config[1])["preload"])
        return links

    def follow(self, links: Links, page: str) -> None:
        for address in links.addresses:
            path = urlsplit(urljoin(page, address)).path
            if path.startswith("/static/"):
                self._load_static(path)
            elif path.startswith("/take/") and path.endswith(".mp4") and path not in self._videos:
                self._videos.add(path)
                for method, headers in self.asking:
                    self.ask(method, path, headers=headers)

    def _load_static(self, path: str) -> None:
        if path in self.scripts:
            return
        found = finders.find(path.removeprefix("/static/"))
        assert found, f"{path} is not a file of ours"
        with open(str(found), "rb") as file:
            self.scripts[path] = file.read().decode("utf-8", "replace")

    def to_the_end(self) -> None:
        first = f"/take/{self.study.token}/"
        links = self.get(first)
        self.follow(links, first)
        reply = self.ask("POST", links.forms[0], data=links.fields)
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
        long_ago = "2020-01-01T00:00Z"
        Presentation.objects.filter(trial__token=token).update(
            shown_at=long_ago, left_served_at=long_ago, right_served_at=long_ago
        )
        trial = Trial.objects.get(token=token)
        sides = ["left", "right"] if trial.played_first == "left" else ["right", "left"]
        events: list[list[object]] = []
        for number, side in enumerate(sides):
            events.append([2 * number, side, "play", 0, 2 * number])
            events.append([2 * number + 1, side, "ended", 1, 2 * number + 1])
        self.ask(
            "POST",
            action.replace("/answer/", "/events/"),
            data=json.dumps({"proof": links.fields["proof"], "events": events}),
            content_type="application/json",
        )
        form = {"visual_relevance": 2, "music_preference": 4, "response_time_ms": 5, "events": "[]"}
        form["proof"] = links.fields["proof"]
        as_json = {"Accept": "application/json"}
        self.ask("POST", action, data={**form, "music_preference": ""}, headers=as_json)
        saved = self.ask("POST", action, data=form, headers=as_json)
        assert saved.json()["saved"] is True
