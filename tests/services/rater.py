"""A rater without a browser: the same pages, cookies and forms, over whatever stands in front."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import requests

from tests.services.stack import HOST


@dataclass(frozen=True, slots=True)
class TrialPage:
    token: str
    sources: tuple[str, ...]
    answer_url: str
    proof: str


class Rater:
    """``address`` is a server's; the Host header is always the public name, as nginx would pass it on."""

    def __init__(self, address: str, study_token: str, *, certificate: str | None = None) -> None:
        self._address = address.rstrip("/")
        self._study = f"/take/{study_token}/"
        self._http = requests.Session()
        self._http.headers.update({"Host": HOST, "X-Forwarded-Proto": "https", "Referer": f"https://{HOST}/"})
        # Given with each request: an environment that names its own certificates would win over the session's.
        self._options: dict[str, Any] = {"allow_redirects": False, "timeout": 10, "verify": certificate or True}

    def get(self, path: str, **headers: str) -> requests.Response:
        address = f"{self._address}{path}"
        return self._http.get(address, headers=self._cookie() | headers, **self._options)

    def post(self, path: str, data: dict[str, Any], **headers: str) -> requests.Response:
        headers |= self._cookie() | {"X-CSRFToken": self._http.cookies["csrftoken"]}
        address = f"{self._address}{path}"
        return self._http.post(address, data=data, headers=headers, **self._options)

    def _cookie(self) -> dict[str, str]:
        """By hand: cookies are for HTTPS only, and straight to gunicorn this client speaks HTTP, as nginx does."""
        return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._http.cookies)}

    def consent(self) -> None:
        page = self.get(self._study)
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
        assert ticket is not None, page.text
        answer = self.post(f"{self._study}consent/", {"ticket": unescape(ticket[1])})
        assert answer.status_code == 302, answer.text

    def trial(self) -> TrialPage | None:
        """The next trial, or None when all are answered."""
        page = self.get(f"{self._study}trial/")
        if page.status_code == 302 and page.headers["Location"].endswith("/thanks/"):
            return None
        assert page.status_code == 200, (page.status_code, page.headers, page.text)
        config = json.loads(re.search(r'id="trial-config"[^>]*>(.*?)</script>', page.text, re.DOTALL)[1])  # type: ignore[index]
        sources = tuple(
            dict.fromkeys(re.findall(rf'data-source="({self._study}m/{config["token"]}/[ab]\.mp4)"', page.text))
        )
        return TrialPage(
            config["token"], sources, f"{self._study}trial/{config['token']}/answer/", config["proof"]
        )

    def answer(self, trial: TrialPage, *, relevance: int, preference: int) -> requests.Response:
        choices = {"visual_relevance": relevance, "music_preference": preference, "response_time_ms": 1000}
        return self.post(
            trial.answer_url, choices | {"events": "[]", "proof": trial.proof}, Accept="application/json"
        )
