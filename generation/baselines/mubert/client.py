"""The service's API v3: order a track, wait until it is made, fetch it.

Read in Mubert's public reference (mubert.com/api/docs, its OpenAPI description, and github.com/MubertAI/skills,
mubert-generate, all as of 2026), not tried against the live service, for this project holds no account:

- POST public/tracks with the headers customer-id and access-token answers at once with a track whose
  ``generations`` are ``processing``; GET public/tracks/{id} is asked until they are ``done``, with a ``url``, or
  ``failed``. Answers are wrapped in ``data``.
- 401 bad credentials; 403 the licence does not allow it or its limit is spent, with ``message`` and ``code``;
  422 a wrong field. Duration is in whole seconds, 5 at the least; a prompt has at most 255 characters; ``bpm``
  belongs to playlists and is refused beside a prompt.
- The file's address expires after about 15 minutes; asking for the track again gives a fresh one. Each order
  counts, so one is given again only after 429, and what went wrong after an order names its track.

Not in that reference and assumed as HTTP has it: 429, Retry-After, 5xx.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from generation.baselines.deadline import Deadline
from generation.baselines.mubert.account import Account
from generation.contracts import Failed, GenerationError

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


@dataclass(frozen=True, slots=True)
class Track:
    """What an order gave: the name it has in the account, and its file once that has been fetched."""

    track_id: str
    order: Order
    content: bytes = b""

    def failed(self, error: GenerationError) -> Failed:
        """What went wrong with a track that is charged all the same, with all that there is of it."""
        left = {"mubert-order.json": json.dumps({"track": self.track_id, **asdict(self.order)}, indent=1).encode()}
        if self.content:
            left["mubert.mp3"] = self.content
        return Failed(f"{error}; track {self.track_id} was ordered and may be charged", left)


LARGEST_BYTES = 64_000_000
"""Six minutes of uncompressed sound; a track of the longest clip as MP3 is far below."""

LARGEST_ANSWER_BYTES = 1_000_000

_BUSY = frozenset({429, 500, 502, 503, 504})
_EXPIRED = frozenset({403, 404, 410})
"""Answers of a file whose address is not good any more."""
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

    def track(self, order: Order) -> Track:
        """The finished track. Raises GenerationError for all that can go wrong, Failed once it is ordered."""
        with self._deadline:
            body = {
                "prompt": order.prompt,
                "duration": order.duration_s,
                "intensity": order.intensity,
                "bitrate": order.bitrate_kbps,
                "format": "mp3",
                "mode": "track",
            }
            said = self._data(self._call("POST", "public/tracks", body))
            track_id = said.get("id")
            if not isinstance(track_id, str) or not track_id.replace("-", "").isalnum():
                raise GenerationError("Mubert took the order without naming its track; try again later")
            ordered = Track(track_id, order)
            try:
                return replace(ordered, content=self._made(track_id, said))
            except GenerationError as error:
                raise ordered.failed(error) from error

    def _made(self, track_id: str, said: dict[str, Any]) -> bytes:
        """The file of a track, once it is made."""
        while (address := self._finished(said)) is None:
            self._waiting("waiting for Mubert")
            self._wait(self._patience.poll_s, "made the track")
            said = self._asked(track_id)
        answer = self._file(address)
        if answer.status_code in _EXPIRED:
            answer = self._file(self._finished(self._asked(track_id)) or address)
        if answer.status_code != 200:
            raise GenerationError(
                f"Mubert made the track, but its file answers {answer.status_code}; look for it in the account's "
                "list of tracks before rendering again"
            )
        return answer.body

    def _asked(self, track_id: str) -> dict[str, Any]:
        return self._data(self._call("GET", f"public/tracks/{track_id}", None))

    def _finished(self, track: dict[str, Any]) -> str | None:
        """Where the file is, or None while it is being made."""
        generations = track.get("generations")
        if not isinstance(generations, list) or not all(isinstance(each, dict) for each in generations):
            raise GenerationError(_unknown("without a list of generations"))
        for generation in generations:
            if generation.get("status") == "failed":
                raise GenerationError(
                    "Mubert says that making this track failed; reword the caption, or try again"
                )
            if generation.get("status") == "done":
                address = generation.get("url")
                if not isinstance(address, str) or not address.startswith(("https://", "http://")):
                    raise GenerationError(_unknown("with a finished track but no address of its file"))
                return address
        return None

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        """An answer with status 2xx, after as many tries as patience allows."""
        answer = self._insist(lambda: self._once(method, path, body), "made the track")
        tries = self._patience.tries
        if answer is None:
            raise GenerationError("Mubert cannot be reached; check this machine's connection and try again")
        if answer.status_code == 429:
            raise GenerationError(
                f"Mubert still answers that there are too many requests after {tries} tries; render fewer at "
                "once, or look at the licence's limits"
            )
        if answer.status_code in _BUSY:
            raise GenerationError(
                f"Mubert answers with its own error {answer.status_code} after {tries} tries; try again later"
            )
        return self._accepted(answer)

    def _insist(self, once: Callable[[], Answer | None], done: str) -> Answer | None:
        """What one of several tries answers, or the last where all are busy; None where the last broke off.

        done: what has not been done when the time is up.
        """
        wait_s = self._patience.first_s
        answer = once()
        for _ in range(self._patience.tries - 1):
            if answer is not None and answer.status_code not in _BUSY:
                break
            self._waiting("Mubert is busy")
            asked_s = None if answer is None else _retry_after_s(answer)
            self._wait(wait_s if asked_s is None else min(asked_s, self._patience.longest_s), done)
            wait_s = min(2 * wait_s, self._patience.longest_s)
            answer = once()
        return answer

    def _once(self, method: str, path: str, body: dict[str, Any] | None) -> Answer | None:
        """One try; None where there was no connection. Raises where the answer to an order is lost."""
        url = f"{self._account.api}/{path}"
        try:
            # Credentials must not follow a redirection to another host.
            answer = self._read(
                method, url, LARGEST_ANSWER_BYTES, json=body, headers=self._headers, allow_redirects=False
            )
        except requests.exceptions.ConnectTimeout:
            return None
        except requests.exceptions.RequestException as error:
            if method == "POST" and not _never_connected(error):
                raise GenerationError(_PERHAPS_ORDERED) from None
            self._in_time("made the track")
            return None
        if method == "POST" and answer.status_code in _LOST:
            raise GenerationError(_PERHAPS_ORDERED)
        return answer

    def _file(self, address: str) -> Answer:
        """What a file's address answers, asked without our credentials: it may lie with another host."""
        self._waiting("fetching the track")
        answer = self._insist(lambda: self._fetched(address), "sent the track's file")
        if answer is None:
            raise GenerationError(
                f"the connection broke each of the {self._patience.tries} times that Mubert's file was fetched; "
                "check this machine's connection"
            )
        return answer

    def _fetched(self, address: str) -> Answer | None:
        try:
            return self._read("GET", address, LARGEST_BYTES)
        except requests.exceptions.RequestException:
            # Where the time is up, it is we who cut the line.
            self._in_time("sent the track's file")
            return None

    def _read(self, method: str, url: str, most: int, **options: Any) -> Answer:
        """A whole answer. Raises RequestException where it breaks off, GenerationError where it is too long."""
        with self._session.request(method, url, timeout=self._patience.call_s, stream=True, **options) as response:
            said = bytearray()
            for chunk in response.iter_content(1 << 16):
                said += chunk
                if len(said) > most:
                    raise GenerationError(_unknown(f"of more than {most // 10**6} MB"))
            if not self._deadline.left_s:
                raise requests.exceptions.Timeout  # A line that was cut also looks like the end of an answer.
            return Answer(response.status_code, response.headers, bytes(said))

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

    def _wait(self, seconds: float, done: str) -> None:
        self._in_time(done, seconds)
        self._patience.sleep(seconds)

    def _in_time(self, done: str, spare_s: float = 0.0) -> None:
        """Raises GenerationError where less than so much time is left."""
        if not self._deadline.left_s or self._patience.clock() + spare_s > self._until:
            raise GenerationError(f"Mubert has not {done} within {self._patience.whole_s:.0f} s; try again later")


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
