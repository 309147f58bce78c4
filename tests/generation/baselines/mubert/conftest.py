"""A service on this machine that answers as Mubert's reference says, one prepared answer a call."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import ffmpeg
import pytest

from generation.baselines.mubert.account import Account
from generation.baselines.mubert.client import Patience
from generation.media.command import run, url

ANSWERS = Path(__file__).parent / "answers"
CUSTOMER, TOKEN = "customer-4711", "token-hush-hush"


@dataclass
class Answer:
    """status, headers and body of one answer; a body ending in .json is a file of ANSWERS.

    cut_at: after how many bytes the connection breaks.
    """

    status: int = 200
    body: bytes | str = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None


@dataclass
class Asked:
    """One call as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Service:
    """Answers the calls in turn; the last answer is given for ever. ``asked`` is what came in.

    hiccups: what is answered in turn to those who fetch the file, before it is given.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.file = Answer()
        self.hiccups: list[Answer] = []
        self.asked: list[Asked] = []
        self.pause_s = self.pause_files_s = 0.0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service._answer(self)

            def do_POST(self) -> None:
                service._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.asked.append(Asked(handler.command, handler.path, headers, body))
        if handler.path.startswith("/files/"):
            answer = self.hiccups.pop(0) if self.hiccups else self.file
        else:
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        content = answer.body
        if isinstance(content, str):
            content = (ANSWERS / content).read_text().replace("ADDRESS", self.address).encode()
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        pause_s = self.pause_files_s if handler.path.startswith("/files/") else self.pause_s
        if not pause_s:
            handler.wfile.write(content[: answer.cut_at])
            return
        with contextlib.suppress(OSError):  # whoever asked may have gone
            for byte in content:
                handler.wfile.write(bytes([byte]))
                time.sleep(pause_s)

    @property
    def calls(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def ordered(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.asked[0].body)
        return content


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def read(self) -> float:
        return self.now


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    started = Service()
    started.thread.start()
    yield started
    started.server.shutdown()
    started.thread.join()
    started.server.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patience(clock: Clock) -> Patience:
    return Patience(sleep=clock.sleep, clock=clock.read, call_s=5.0)


@pytest.fixture
def account(service: Service) -> Account:
    return Account(service.address, CUSTOMER, TOKEN)


@pytest.fixture(scope="session")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Eleven seconds of a quiet tone."""
    path = tmp_path_factory.mktemp("mubert") / "tone.mp3"
    tone = ffmpeg.input("sine=frequency=440:duration=11:sample_rate=48000", f="lavfi")
    run(tone.audio.output(url(path), acodec="libmp3lame", audio_bitrate="96k"))
    return path.read_bytes()
