"""The service's API v3: order a track, wait until it is made, fetch it.

Read in Mubert's public reference (mubert.com/api/docs, and github.com/MubertAI/skills, mubert-generate, both as of
2026), not tried against the live service, for this project holds no account:

- POST public/tracks with the headers customer-id and access-token answers at once with a track whose
  ``generations`` are ``processing``; GET public/tracks/{id} is asked until they are ``done``, with a ``url``, or
  ``failed``. Answers are wrapped in ``data``.
- 401 bad credentials; 403 the licence does not allow it or its limit is spent, with ``message`` and ``code``;
  422 a wrong field. Duration is in whole seconds, 5 at the least; a prompt has at most 255 characters; ``bpm``
  belongs to playlists and is refused beside a prompt.
- The file's address expires after about 15 minutes. Each order counts, so one is given again only after 429.

Not in that reference and assumed as HTTP has it: 429, Retry-After, 5xx.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from generation.baselines.deadline import Deadline
from generation.baselines.mubert.account import Account
from generation.contracts import GenerationError

SHORTEST_S = 5


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds.

    tries: of one call, when the service is busy or broken. first_s: before the second try, doubling from there.
    longest_s: the most one Retry-After may ask for. poll_s: between two questions whether the track is done.
    whole_s: from order to file.
    """

    tries: int = 5
    first_s: float = 1.0
    longest_s: float = 60.0
    poll_s: float = 2.0
    whole_s: float = 300.0
    call_s: float = 30.0
    sleep: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)


@dataclass(frozen=True, slots=True)
class Order:
    """One track: what the service is told. intensity: low, medium or high."""

    prompt: str
    duration_s: int
    intensity: str
    bitrate_kbps: int


LARGEST_BYTES = 64_000_000
"""Six minutes of uncompressed sound; a track of the longest clip as MP3 is far below."""

LARGEST_ANSWER_BYTES = 1_000_000

_BUSY = frozenset({429, 500, 502, 503, 504})
_LOST = _BUSY - {429}
"""Answers to an order after which what stands behind may have taken it all the same."""
_PERHAPS_ORDERED = (
    "the connection to Mubert broke while the track was ordered, so it may have been charged; look into the "
    "account's list of tracks before rendering again"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said, read whole within bounds."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises ValueError where it is none."""
        return json.loads(self.body)


class Client:
    """Calls of one order; ``waiting`` is told what is being waited for."""

    def __init__(self, account: Account, patience: Patience, waiting: Callable[[str], None]) -> None:
        self._account, self._patience, self._waiting = account, patience, waiting
        self._headers = {"customer-id": account.customer_id, "access-token": account.access_token}
        self._deadline = Deadline(patience.whole_s, trust_env=True)
        self._session = self._deadline.session
        self._until = patience.clock() + patience.whole_s

    def track(self, order: Order) -> bytes:
        """The finished file. Raises GenerationError for all that can go wrong on the way."""
        with self._deadline:
            body = {
                "prompt": order.prompt,
                "duration": order.duration_s,
                "intensity": order.intensity,
                "bitrate": order.bitrate_kbps,
                "format": "mp3",
                "mode": "track",
            }
            track = self._data(self._call("POST", "public/tracks", body))
            track_id = track.get("id")
            if not isinstance(track_id, str) or not track_id.replace("-", "").isalnum():
                raise GenerationError("Mubert took the order without naming its track; try again later")
            while (address := self._finished(track)) is None:
                self._waiting("waiting for Mubert")
                self._wait(self._patience.poll_s)
                track = self._data(self._call("GET", f"public/tracks/{track_id}", None))
            return self._fetched(address)

    def _finished(self, track: dict[str, Any]) -> str | None:
        """Where the file is, or None while it is being made."""
        generations = track.get("generations")
        if not isinstance(generations, list) or not all(isinstance(each, dict) for each in generations):
            raise GenerationError(_unknown("without a list of generations"))
        for generation in generations:
            if generation.get("status") == "failed":
                raise GenerationError("Mubert says that making this track failed; render it again, or reword it")
            if generation.get("status") == "done":
                address = generation.get("url")
                if not isinstance(address, str) or not address.startswith(("https://", "http://")):
                    raise GenerationError(_unknown("with a finished track but no address of its file"))
                return address
        return None

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        """An answer with status 2xx, after as many tries as patience allows."""
        wait_s = self._patience.first_s
        for number in range(1, self._patience.tries + 1):
            answer = self._once(method, path, body)
            if answer is not None and answer.status_code not in _BUSY:
                return self._accepted(answer)
            if answer is not None and method == "POST" and answer.status_code in _LOST:
                raise GenerationError(_PERHAPS_ORDERED)
            if number < self._patience.tries:
                self._waiting("Mubert is busy")
                asked_s = None if answer is None else _retry_after_s(answer)
                self._wait(wait_s if asked_s is None else min(asked_s, self._patience.longest_s))
                wait_s = min(2 * wait_s, self._patience.longest_s)
        if answer is None:
            raise GenerationError("Mubert cannot be reached; check this machine's connection and try again")
        if answer.status_code == 429:
            raise GenerationError(
                f"Mubert still answers that there are too many requests after {number} tries; render fewer at "
                "once, or look at the licence's limits"
            )
        raise GenerationError(
            f"Mubert answers with its own error {answer.status_code} after {number} tries; try again later"
        )

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Answer | None:
        """One try; None where there was no connection. Raises where the answer to an order is lost."""
        url = f"{self._account.api}/{path}"
        try:
            # Credentials must not follow a redirection to another host.
            with self._session.request(
                method,
                url,
                json=body,
                headers=self._headers,
                timeout=self._patience.call_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                said = bytearray()
                for chunk in response.iter_content(1 << 14):
                    said += chunk
                    if len(said) > LARGEST_ANSWER_BYTES:
                        raise GenerationError(_unknown("of more than a megabyte"))
                return Answer(response.status_code, response.headers, bytes(said))
        except requests.exceptions.ConnectTimeout:
            return None
        except requests.exceptions.RequestException as error:
            if method == "GET" or _never_connected(error):
                return None
            raise GenerationError(_PERHAPS_ORDERED) from None

    def _accepted(self, answer: Answer) -> Answer:
        status = answer.status_code
        if 200 <= status < 300:
            return answer
        said = self._said(answer)
        if status == 401:
            raise GenerationError(
                "Mubert does not accept these credentials; check MUBERT_CUSTOMER_ID and MUBERT_ACCESS_TOKEN"
            )
        if status == 403:
            raise GenerationError(
                f"Mubert's licence does not allow this, or its limit is spent{said}; check MUBERT_CUSTOMER_ID, "
                "the licence's features and its remaining tracks"
            )
        if status == 422:
            raise GenerationError(f"Mubert refuses the order as it stands{said}; correct the system's settings")
        raise GenerationError(f"Mubert answers with the unexpected status {status}{said}; check MUBERT_API_URL")

    def _said(self, answer: Answer) -> str:
        """The service's own words, in brackets, short and without what we sent to prove who we are."""
        try:
            content = answer.json()
        except ValueError:
            return ""
        parts = [content.get(name) for name in ("message", "code")] if isinstance(content, dict) else []
        words = ", ".join(part for part in parts if isinstance(part, str))
        return f" ({self._account.without_secrets(words)[:200]})" if words else ""

    def _data(self, answer: Answer) -> dict[str, Any]:
        try:
            content = answer.json()
        except ValueError:
            raise GenerationError(_unknown("that is not JSON")) from None
        data = content.get("data") if isinstance(content, dict) else None
        if not isinstance(data, dict):
            raise GenerationError(_unknown("without a track"))
        return data

    def _fetched(self, address: str) -> bytes:
        """The file, without our credentials: it may lie with another host."""
        self._waiting("fetching the track")
        try:
            with self._session.get(address, stream=True, timeout=self._patience.call_s) as answer:
                if answer.status_code != 200:
                    raise GenerationError(
                        f"Mubert made the track, but its file answers {answer.status_code}; render it again"
                    )
                content = bytearray()
                for chunk in answer.iter_content(1 << 16):
                    content += chunk
                    if len(content) > LARGEST_BYTES or self._patience.clock() > self._until:
                        raise GenerationError("Mubert's file is too large or comes too slowly; try again later")
        except requests.exceptions.RequestException:
            raise GenerationError(
                "the connection broke while Mubert's file was fetched; render the clip again"
            ) from None
        return bytes(content)

    def _wait(self, seconds: float) -> None:
        if self._patience.clock() + seconds > self._until:
            raise GenerationError(
                f"Mubert has not made the track within {self._patience.whole_s:.0f} s; try again later"
            )
        self._patience.sleep(seconds)


def _retry_after_s(answer: Answer) -> float | None:
    """What Retry-After asks for: seconds, or a date (RFC 9110, 10.2.3); None without one that can be read."""
    asked = answer.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _never_connected(error: requests.exceptions.RequestException) -> bool:
    """Whether a call failed before anything was sent: no such host, nobody listening."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def _unknown(what: str) -> str:
    return f"Mubert gave an answer {what}; its interface may have changed, so check for a newer version of Duet"
