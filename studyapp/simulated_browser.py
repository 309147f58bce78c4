"""As much of a browser as a simulated rater needs: cookies, forms, videos, and the page's own data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from studyapp.errors import DuetError
from studyapp.in_process import WSGIAdapter

_TIMEOUT_S = 60


class Page(HTMLParser):
    """The first form of a page (its address and fields), its videos, and its JSON elements by id."""

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.url = url
        self.action = url
        self.fields: dict[str, str] = {}
        self.sources: list[str] = []
        self.data: dict[str, Any] = {}
        self._json_id = ""
        self._forms = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._forms += 1
            if self._forms == 1:
                self.action = urljoin(self.url, values.get("action", ""))
        elif tag == "input" and values.get("type") == "hidden" and self._forms == 1:
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "video" and values.get("data-source"):
            self.sources.append(urljoin(self.url, values["data-source"]))
        elif tag == "script" and values.get("type") == "application/json":
            self._json_id = values.get("id", "")

    def handle_data(self, data: str) -> None:
        if self._json_id:
            self.data[self._json_id] = json.loads(data)
            self._json_id = ""


class Browser:
    """Cookies and requests of one rater; ``page`` is the HTML page seen last.

    base: where the site is, or None for this process. Raises DuetError when the site cannot be reached or answers
    with a status that was not expected.
    """

    def __init__(self, base: str | None) -> None:
        self._http = requests.Session()
        # Neither this machine's proxy nor its .netrc: a rater's browser has none of them.
        self._http.trust_env = False
        self.base = base or own_address()
        if base is None:
            self._http.mount(self.base, WSGIAdapter(WSGIHandler()))
        self.page = Page(self.base, "")
        self.headers: dict[str, str] = {}

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def cookies(self) -> Mapping[str, str]:
        return self._http.cookies.get_dict()

    def get(self, address: str, *, expected: tuple[int, ...] = (200,)) -> requests.Response:
        """Follow a link, or load a video."""
        return self._send("GET", address, expected=expected)

    def submit(self, fields: Mapping[str, Any], *, expected: tuple[int, ...] = (200,)) -> requests.Response:
        """Send the page's form with its hidden fields and these."""
        return self._send("POST", self.page.action, data={**self.page.fields, **fields}, expected=expected)

    def send_json(self, address: str, value: object, *, expected: tuple[int, ...] = (204,)) -> requests.Response:
        """What a script of the page sends."""
        headers = {"X-CSRFToken": self.page.fields["csrfmiddlewaretoken"]}
        return self._send("POST", address, json=value, headers=headers, expected=expected)

    def _send(
        self,
        method: str,
        address: str,
        *,
        expected: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> requests.Response:
        url = urljoin(self.base, address)
        # Django checks the referrer of every form that is sent over HTTPS.
        sent = {**self.headers, "Referer": self.page.url, **(headers or {})}
        try:
            response = self._http.request(method, url, headers=sent, timeout=_TIMEOUT_S, **body)
        except requests.RequestException as error:
            raise DuetError(f"{self.base} does not answer ({error}); is the server running there?") from error
        if response.status_code not in expected:
            raise DuetError(f"{method} {response.url} answered {response.status_code}, not {expected}")
        if response.content and response.headers.get("Content-Type", "").startswith("text/html"):
            self.page = Page(response.url, response.text)
        return response


def own_address() -> str:
    """An address under which this process lets requests in."""
    hosts = [host for host in settings.ALLOWED_HOSTS if not host.startswith((".", "*"))]
    return f"{'https' if settings.SECURE_SSL_REDIRECT else 'http'}://{hosts[0] if hosts else 'localhost'}"
