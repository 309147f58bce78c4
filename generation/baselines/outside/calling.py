"""One soundtrack asked for over HTTP: sent, waited for, and read within bounds of time and size."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from generation.baselines.deadline import Deadline
from generation.baselines.outside.addresses import problem_with
from generation.baselines.outside.audio_file import MOST_BYTES, size
from generation.baselines.outside.configuration import Outside
from generation.baselines.outside.words import last_words, plain
from generation.contracts import GenerationError

Tick = Callable[[str], None]
Form = Mapping[str, tuple[str | None, str | bytes, str]]

BUSY = {429: "too many requests", 502: "bad gateway", 503: "unavailable", 504: "gateway time-out"}
BACK_OFF_S = 0.5
POLL_S = 1.0
LEAST_WAIT_S, MOST_WAIT_S = 0.05, 30.0
"""A server may ask for another wait (Retry-After, RFC 9110 section 10.2.3), but not for none or for hours."""

MOST_JSON_BYTES = 64 * 1024


def fetch(url: str, form: Form, into: Path, outside: Outside, tick: Tick) -> None:
    """POST the form to an allowed address and write the audio that is answered to ``into``.

    form: field to (file name or None, content, content type). tick: told what is being done about once a second;
    what it raises ends the call. Raises GenerationError when no audio comes within the configured time.
    """
    with Deadline(outside.endpoints.timeout_s) as deadline:
        call = _Call(urlsplit(url).netloc, outside, deadline, tick)
        later = call.insist("POST", url, form, into)
        while later is not None:
            wait_s, status_url = later
            call.wait(wait_s, f"{call.host} is at work")
            later = call.insist("GET", status_url, None, into)


class _Call:
    """One conversation with one host, under one deadline."""

    def __init__(self, host: str, outside: Outside, deadline: Deadline, tick: Tick) -> None:
        self.host = host
        self._outside = outside
        self._deadline = deadline
        self._tick = tick
        deadline.session.headers["Accept-Encoding"] = "identity"
        if outside.endpoints.token_env:
            deadline.session.headers["Authorization"] = f"Bearer {_token(outside)}"

    def insist(self, method: str, url: str, form: Form | None, into: Path) -> tuple[float, str] | None:
        """Ask, again where the host is busy or the line breaks. None once the audio is written, else the next ask.

        The next ask is the seconds to wait and the address.
        """
        problem = problem_with(url, self._outside)
        if problem:
            raise GenerationError(problem)
        for attempt in count(1):
            self._tick(f"asking {self.host}" if attempt == 1 else f"asking {self.host} again")
            wait_s = min(BACK_OFF_S * 2 ** (attempt - 1), MOST_WAIT_S)
            try:
                with self._deadline.session.request(
                    method, url, files=form, stream=True, allow_redirects=False, timeout=self._deadline.timeouts
                ) as response:
                    if response.status_code not in BUSY:
                        return self._taken(response, url, into)
                    problem = f"answered {response.status_code} ({BUSY[response.status_code]})"
                    wait_s = _asked_wait_s(response) or wait_s
            except requests.RequestException as error:
                problem = f"could not be reached or broke off ({_reason(error)})"
            self._in_time()
            if attempt > self._outside.endpoints.retries:
                times = "once" if attempt == 1 else f"{attempt} times"
                raise GenerationError(
                    f"{self.host} {problem} {times}; see that the model runs there, then try again"
                )
            self.wait(wait_s, f"{self.host} {problem}, asking again in {wait_s:.0f} s")
        raise AssertionError("unreachable: every try returns, raises or counts")

    def wait(self, seconds: float, why: str) -> None:
        """Sleep, telling every second why. Raises GenerationError when the time is up."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self._in_time()
            self._tick(why)
            time.sleep(min(1.0, left_s, self._deadline.left_s))
        self._in_time()

    def _taken(self, response: requests.Response, url: str, into: Path) -> tuple[float, str] | None:
        # A line that was cut also looks like the end of the headers.
        self._in_time()
        if response.status_code not in (200, 202):
            raise GenerationError(
                _refused(
                    self.host,
                    response.status_code,
                    self._message(response),
                    self._without_token(response.headers.get("Location", "nowhere")),
                    url,
                )
            )
        if response.status_code == 202:
            return _asked_wait_s(response) or POLL_S, self._status_url(response, url)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if not kind.startswith("audio/") and kind != "application/octet-stream":
            raise GenerationError(
                f"{self.host} answered {kind or 'no content type'} where audio/* was expected"
                f"{self._message(response)}; let it answer 200 with audio"
            )
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise GenerationError(
                f"{self.host} compressed its answer, which it was asked not to; send audio as it is"
            )
        with into.open("wb") as file:
            for chunk in self._chunks(response, MOST_BYTES):
                file.write(chunk)
                self._tick(f"reading from {self.host}")
        return None

    def _chunks(self, response: requests.Response, most: int) -> Iterator[bytes]:
        taken = 0
        for chunk in response.iter_content(64 * 1024):
            taken += len(chunk)
            if taken > most:
                raise GenerationError(f"{self.host} answered more than {size(most)}; let it write less")
            self._in_time()
            yield chunk
        # And like the end of an answer that did not say its length.
        self._in_time()

    def _status_url(self, response: requests.Response, url: str) -> str:
        given = self._json(response).get("status_url")
        if isinstance(given, str) and given:
            return urljoin(url, given)
        if response.request.method == "GET":
            return url
        raise GenerationError(
            f'{self.host} answered 202 without {{"status_url": …}}; let it say where to ask again'
        )

    def _message(self, response: requests.Response) -> str:
        """Its own words on what went wrong, as the end of a clause."""
        said = self._json(response).get("error")
        words = last_words(self._without_token(said).encode()) if isinstance(said, str) else ""
        return f": “{words}”" if words else ""

    def _without_token(self, said: str) -> str:
        """A host that tells what it was sent would put the token into the database and onto the page."""
        token = _token(self._outside) if self._outside.endpoints.token_env else ""
        return said.replace(token, "…") if token else said

    def _json(self, response: requests.Response) -> dict[str, Any]:
        if "json" not in response.headers.get("Content-Type", ""):
            return {}
        try:
            answer = json.loads(b"".join(self._chunks(response, MOST_JSON_BYTES)))
        except (ValueError, RecursionError):
            return {}
        return answer if isinstance(answer, dict) else {}

    def _in_time(self) -> None:
        if not self._deadline.left_s:
            raise GenerationError(
                f"{self.host} did not finish in {self._outside.endpoints.timeout_s:g} s; make the model faster "
                f"or raise timeout_s of [endpoints] in {self._outside.path}"
            )


def _refused(host: str, status: int, message: str, location: str, url: str) -> str:
    if status in (401, 403):
        return (
            f"{host} refused this server ({status}){message}; check the token that token_env of [endpoints] names"
        )
    if status == 404:
        return f"{host} knows no {urlsplit(url).path or '/'} (404){message}; check the setting `url`"
    if 300 <= status < 400:
        elsewhere = plain(location)[:200]
        return f"{host} redirects to {elsewhere} ({status}), which is not followed; set `url` to the final address"
    return f"{host} answered {status}{message}; look into the model's own log"


def _token(outside: Outside) -> str:
    name = outside.endpoints.token_env
    token = os.environ.get(name, "").strip()
    # Never shown, not even a malformed one.
    if not token or not token.isascii() or not token.isprintable():
        raise GenerationError(
            f"{outside.path} takes the token from the environment variable {name}, which is empty or not plain; "
            "set it where the workers run"
        )
    return token


def _asked_wait_s(response: requests.Response) -> float | None:
    """The wait a server asks for, within bounds; None where it asks for none."""
    given = response.headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdigit():
        wait_s = float(given)
    else:
        try:
            when = parsedate_to_datetime(given)
        except (ValueError, OverflowError):
            return None
        wait_s = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(wait_s, LEAST_WAIT_S), MOST_WAIT_S)


def _reason(error: BaseException) -> str:
    """The system's own word for a broken line, from inside the wrappings of requests and urllib3."""
    within: BaseException | None = error
    reason = "the connection ended"
    while within is not None:
        if isinstance(within, OSError) and within.strerror and not isinstance(within, requests.RequestException):
            reason = within.strerror
        within = within.__cause__ or within.__context__
    return reason
