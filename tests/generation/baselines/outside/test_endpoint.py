from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from generation.baselines.outside import endpoint
from generation.baselines.outside.addresses import problem_with
from generation.baselines.outside.configuration import Endpoints, Outside
from generation.contracts import ClipFacts, GenerationError, Request, Soundtrack

from .conftest import WriteFile

FACTS = ClipFacts("forest", 10.0, frozenset(), caption="a walk")


def wav(seconds: float) -> bytes:
    """A quiet stereo tone."""
    tone = (3000 * np.sin(np.arange(round(48_000 * seconds)) / 20)).astype("<i2")
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(np.repeat(tone, 2).tobytes())
    return held.getvalue()


GOOD = wav(10.0)


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    headers: Message
    body: bytes

    def form(self) -> dict[str, tuple[str, str | None, bytes]]:
        """Field to content type, file name and content."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        return {
            part.get_param("name", header="content-disposition"): (
                part.get_content_type(),
                part.get_filename(),
                part.get_payload(decode=True),
            )
            for part in message.iter_parts()
        }


@dataclass
class Model:
    """A model's server whose answers are functions, called in turn; the last goes on answering."""

    netloc: str = ""
    answers: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.netloc}/music"


@pytest.fixture
def model(outside: WriteFile) -> Iterator[Model]:
    """A server on 127.0.0.1, allowed with two retries and eight seconds."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            model.asked.append(Asked(self.command, self.path, self.headers, body))
            answer = model.answers.pop(0) if len(model.answers) > 1 else model.answers[0]
            answer(self)

        do_GET = do_POST

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # A client that hangs up is what some tests are about.

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    model.netloc = f"127.0.0.1:{server.server_address[1]}"
    allow(outside, model.netloc)
    yield model
    server.shutdown()
    thread.join()
    server.server_close()


def allow(outside: WriteFile, *hosts: str, timeout_s: float = 8, retries: int = 2, more: str = "") -> None:
    outside(
        f"[endpoints]\nallowed_hosts = {json.dumps(hosts)}\ntimeout_s = {timeout_s}\nretries = {retries}\n{more}\n"
    )


def says(
    body: bytes | str, status: int = 200, kind: str = "audio/wav", **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer of this status, content type and body."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def settings(url: str, sends_video: str = "no") -> dict[str, str]:
    return {"url": url, "model": "Model 2", "sends_video": sends_video}


def generate(model: Model, request: Request, sends_video: str = "no") -> Soundtrack:
    chosen = settings(model.url, sends_video)
    assert endpoint.refusal(FACTS, chosen) is None
    return endpoint.build("default", chosen, "cpu").generate(request, lambda share, what: None)


def failure(model: Model, request: Request) -> str:
    with pytest.raises(GenerationError) as raised:
        generate(model, request)
    return str(raised.value)


def test_form_is_sent_and_the_answer_heard_and_kept(model: Model, request_10_s: Request) -> None:
    model.answers = [says(GOOD)]
    heard = generate(model, request_10_s, sends_video="yes")
    assert heard.waveform.shape == (2, 480_000)
    assert np.allclose(heard.waveform[1, :20], 3000 / 32768 * np.sin(np.arange(20) / 20), atol=1e-4)
    assert heard.artefacts == {"answer.wav": GOOD}
    (asked,) = model.asked
    assert (asked.method, asked.path) == ("POST", "/music")
    assert asked.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert "Authorization" not in asked.headers
    assert request_10_s.text is not None
    assert asked.form() == {
        "clip_id": ("text/plain", None, b"forest"),
        "duration_s": ("text/plain", None, b"10.000"),
        "seed": ("text/plain", None, b"7"),
        "text": ("text/plain", None, request_10_s.text.encode()),
        "video": ("video/mp4", "video.mp4", b"moving pictures"),
    }


def test_neither_video_nor_text_is_sent_unasked(model: Model, request_10_s: Request) -> None:
    model.answers = [says(GOOD, kind="application/octet-stream")]
    bare = Request("forest", request_10_s.video, 10.0, 7)
    assert generate(model, bare).artefacts == {"answer.wav": GOOD}
    assert set(model.asked[0].form()) == {"clip_id", "duration_s", "seed"}


def test_token_is_sent_from_the_environment_and_never_shown(
    model: Model, request_10_s: Request, outside: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(outside, model.netloc, more='token_env = "MODEL_TOKEN"')
    model.answers = [says('{"error": "who are you"}', 403, "application/json")]
    monkeypatch.setenv("MODEL_TOKEN", "abc123")
    said = failure(model, request_10_s)
    assert f"{model.netloc} refused this server (403): “who are you”; check the token" in said
    assert model.asked[0].headers["Authorization"] == "Bearer abc123"
    monkeypatch.setenv("MODEL_TOKEN", "abc\n123")
    said = failure(model, request_10_s)
    assert "MODEL_TOKEN, which is empty or not plain" in said
    assert "123" not in said.replace(model.netloc, "")
    monkeypatch.delenv("MODEL_TOKEN")
    assert "MODEL_TOKEN, which is empty" in failure(model, request_10_s)
    assert len(model.asked) == 1


def test_a_host_that_tells_what_it_was_sent_brings_no_token_onto_the_page(
    model: Model, request_10_s: Request, outside: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(outside, model.netloc, more='token_env = "MODEL_TOKEN"')
    monkeypatch.setenv("MODEL_TOKEN", "hush-hush")
    model.answers = [says('{"error": "got Bearer hush-hush"}', 400, "application/json")]
    said = failure(model, request_10_s)
    assert "got Bearer …" in said
    assert "hush" not in said
    model.answers = [says("", 302, Location="https://elsewhere.example/?t=hush-hush")]
    assert "hush" not in failure(model, request_10_s)


@pytest.mark.parametrize(
    ("url", "token_env", "refused"),
    [
        ("http://models.example.org/music", "MODEL_TOKEN", True),
        ("https://models.example.org/music", "MODEL_TOKEN", False),
        ("http://models.example.org/music", "", False),
        ("http://127.0.0.1/music", "MODEL_TOKEN", False),
    ],
)
def test_a_token_is_never_sent_in_clear_to_another_machine(url: str, token_env: str, refused: bool) -> None:
    hosts = ("models.example.org", "127.0.0.1")
    outside = Outside(Path("outside.toml"), endpoints=Endpoints(allowed_hosts=hosts, token_env=token_env))
    problem = problem_with(url, outside)
    assert ("in clear; write it as https://" in (problem or "")) == refused
    assert (problem is None) != refused


def test_long_work_is_asked_for_until_it_is_done(model: Model, request_10_s: Request) -> None:
    model.answers = [
        says('{"status_url": "/jobs/3"}', 202, "application/json", Retry_After="0"),
        says("{}", 202, "application/json", Retry_After="0"),
        says("", 503, Retry_After="0"),
        says(GOOD),
    ]
    assert generate(model, request_10_s).duration_s == 10.0
    assert [(asked.method, asked.path) for asked in model.asked] == [
        ("POST", "/music"), *[("GET", "/jobs/3")] * 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ('{"status_url": "http://169.254.169.254/latest"}', "169.254.169.254 is not a host this server may ask"),
        ('{"status_url": "file:///etc/passwd"}', "'file:///etc/passwd' is not one of http or https"),
        ('{"job": 3}', 'answered 202 without {"status_url": …}'),
        ("not json", "answered 202 without"),
    ],
)
def test_work_is_not_followed_elsewhere(answer: str, sentence: str, model: Model, request_10_s: Request) -> None:
    model.answers = [says(answer, 202, "application/json", Retry_After="0")]
    assert sentence in failure(model, request_10_s)
    assert len(model.asked) == 1


def test_redirects_are_not_followed(model: Model, request_10_s: Request) -> None:
    model.answers = [says("", 307, Location="http://169.254.169.254/")]
    said = failure(model, request_10_s)
    assert f"{model.netloc} redirects to http://169.254.169.254/ (307), which is not followed" in said
    assert len(model.asked) == 1


def test_busy_model_is_asked_again(model: Model, request_10_s: Request) -> None:
    model.answers = [says("", 429, Retry_After="0"), says("", 503, Retry_After="0"), says(GOOD)]
    assert generate(model, request_10_s).duration_s == 10.0
    assert len(model.asked) == 3


def test_model_busy_for_ever_is_given_up(model: Model, request_10_s: Request) -> None:
    model.answers = [says("", 429, Retry_After="0")]
    assert f"{model.netloc} answered 429 (too many requests) 3 times; see that" in failure(model, request_10_s)
    assert len(model.asked) == 3


def test_a_wait_asked_for_is_waited_but_not_beyond_the_time(
    model: Model, request_10_s: Request, outside: WriteFile
) -> None:
    model.answers = [says("", 503, Retry_After="1"), says(GOOD)]
    began = time.monotonic()
    generate(model, request_10_s)
    assert time.monotonic() - began > 1.0
    allow(outside, model.netloc, timeout_s=0.5)
    model.answers = [says("", 503, Retry_After="Wed, 21 Oct 2215 07:28:00 GMT")]
    began = time.monotonic()
    assert "did not finish in 0.5 s" in failure(model, request_10_s)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("asked", ["3600", "9" * 400, "Wed, 21 Oct 2215 07:28:00 GMT"])
def test_hours_are_not_waited(asked: str, model: Model, request_10_s: Request) -> None:
    class Waiting(Exception):
        pass

    def progress(share: float, doing: str) -> None:
        if "again in" in doing:
            raise Waiting(doing)

    model.answers = [says("", 503, Retry_After=asked)]
    with pytest.raises(Waiting, match=r"answered 503 \(unavailable\), asking again in 30 s"):
        endpoint.build("default", settings(model.url), "cpu").generate(request_10_s, progress)


def test_broken_line_is_tried_again(model: Model, request_10_s: Request) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "audio/wav")
        handler.send_header("Content-Length", str(len(GOOD)))
        handler.end_headers()
        handler.wfile.write(GOOD[: len(GOOD) // 2])

    model.answers = [hang_up, half, says(GOOD)]
    assert generate(model, request_10_s).artefacts == {"answer.wav": GOOD}
    assert len(model.asked) == 3


def test_nobody_there_is_told_with_the_systems_word(outside: WriteFile, request_10_s: Request) -> None:
    allow(outside, "127.0.0.1:9", retries=0)
    said = failure(Model("127.0.0.1:9"), request_10_s)
    assert said.startswith("127.0.0.1:9 could not be reached or broke off (Connection refused) once; see that")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            says('{"error": "no GPU\\u001b[2J left"}', 500, "application/json"),
            " answered 500: “no GPU [2J left”; look",
        ),
        (says("<h1>Oh no</h1>", 500, "text/html"), " answered 500; look into the model's own log"),
        (says("[" * 60_000, 500, "application/json"), " answered 500; look"),
        (says("", 401), " refused this server (401); check the token"),
        (says("", 404), " knows no /music (404); check the setting `url`"),
        (
            says('{"error": "bad clip"}', 200, "application/json"),
            " answered application/json where audio/* was exp",
        ),
        (says('{"error": "bad clip"}', 200, "application/json"), ": “bad clip”; let it answer 200 with audio"),
        (says("<h1>Welcome</h1>", 200, "text/html"), " answered text/html where audio/* was expected; let"),
        (says(GOOD, Content_Encoding="gzip"), " compressed its answer"),
        (says("", 200), "Model 2 gave an empty file"),
        (says("<h1>Welcome</h1>", 200), "Model 2 gave no audio: ffprobe failed: answer: Invalid data"),
        (says(wav(3.0), 200), "the audio from Model 2 lasts 3.00 s and the clip 10.00 s"),
    ],
)
def test_what_is_no_soundtrack_is_refused(
    answer: Callable[[BaseHTTPRequestHandler], None], sentence: str, model: Model, request_10_s: Request
) -> None:
    model.answers = [answer]
    assert sentence in failure(model, request_10_s)
    assert len(model.asked) == 1


def test_nan_is_refused(model: Model, request_10_s: Request) -> None:
    samples = np.full(480_000, np.nan, "<f4").tobytes()
    head = b"RIFF" + (36 + len(samples)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    form = np.array([3, 1], "<u2").tobytes() + np.array([48_000, 192_000], "<u4").tobytes()
    body = (
        head + form + np.array([4, 32], "<u2").tobytes() + b"data" + len(samples).to_bytes(4, "little") + samples
    )
    model.answers = [says(body)]
    assert "960000 of 960000 samples from Model 2 are not numbers" in failure(model, request_10_s)


def dripping_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "audio/wav")
    handler.end_headers()
    for position in range(200):
        handler.wfile.write(GOOD[position : position + 1])
        time.sleep(0.05)


def dripping_head(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(200):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def mute(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(20)


@pytest.mark.parametrize("slow", [dripping_body, dripping_head, mute])
def test_slow_answers_are_cut_when_the_time_is_up(
    slow: Callable[[BaseHTTPRequestHandler], None], model: Model, request_10_s: Request, outside: WriteFile
) -> None:
    allow(outside, model.netloc, timeout_s=0.4)
    model.answers = [slow]
    began = time.monotonic()
    assert f"{model.netloc} did not finish in 0.4 s" in failure(model, request_10_s)
    assert time.monotonic() - began < 10


def test_work_that_never_ends_is_given_up(model: Model, request_10_s: Request, outside: WriteFile) -> None:
    allow(outside, model.netloc, timeout_s=0.4)
    model.answers = [says('{"status_url": "/jobs/3"}', 202, "application/json", Retry_After="0")]
    assert "did not finish in 0.4 s" in failure(model, request_10_s)
    assert len(model.asked) < 20


def test_answer_without_end_is_cut_at_its_size(model: Model, request_10_s: Request, outside: WriteFile) -> None:
    allow(outside, model.netloc, timeout_s=60)

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "audio/wav")
        handler.end_headers()
        chunk = bytes(2**20)
        for _ in range(1000):
            handler.wfile.write(chunk)

    model.answers = [flood]
    assert "answered more than 200 MB" in failure(model, request_10_s)


def test_proxies_and_passwords_of_the_environment_are_not_used(
    model: Model, request_10_s: Request, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    model.answers = [says(GOOD)]
    assert generate(model, request_10_s).duration_s == 10.0
    assert "Authorization" not in model.asked[0].headers


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "http://evil.example/music",
            "evil.example is not a host this server may ask; allowed: 127.0.0.1:9000, mod",
        ),
        ("http://127.0.0.1:9001/", "127.0.0.1:9001 is not a host"),
        ("http://127.0.0.1/", "127.0.0.1 is not a host"),
        ("http://127.0.0.1.:9000/", "127.0.0.1.:9000 is not a host"),
        ("http://models.example.org:8080/", "models.example.org:8080 is not a host"),
        ("http://127.0.0.1:9000@evil.example/", "may hold no user name or password"),
        ("http://me:secret@127.0.0.1:9000/", "may hold no user name or password"),
        ("http://127.0.0.1:9000\\@evil.example/", "holds spaces or letters beyond ASCII"),
        ("http://127.0.0.1:9000/a b", "holds spaces or letters beyond ASCII"),
        ("http://models.example\u3002org/", "holds spaces or letters beyond ASCII"),
        ("http://127.0.0.1:90000/", "cannot be read"),
        ("http://[::1/", "cannot be read"),
        ("ftp://127.0.0.1:9000/", "is not one of http or https"),
        ("127.0.0.1:9000/music", "is not one of http or https"),
        ("http:///music", "is not one of http or https"),
    ],
)
def test_addresses_beyond_the_servers_list_are_refused(url: str, sentence: str, outside: WriteFile) -> None:
    allow(outside, "127.0.0.1:9000", "models.example.org")
    said = endpoint.refusal(FACTS, settings(url))
    assert said is not None
    assert sentence in said
    assert "secret" not in said
    with pytest.raises(GenerationError):
        endpoint.build("default", settings(url), "cpu")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/music?style=jazz",
        "https://Models.Example.org/v1",
        "http://models.example.org:80/",
        "https://models.example.org:443/",
        "http://[::1]:9000/",
    ],
)
def test_addresses_of_the_servers_list_are_taken(url: str, outside: WriteFile) -> None:
    allow(outside, "127.0.0.1:9000", "models.example.org", "[::1]:9000")
    assert endpoint.refusal(FACTS, settings(url)) is None
    assert endpoint.inputs(FACTS, settings(f" {url} ")) == (url,)


def test_a_host_struck_off_the_list_is_not_asked_by_what_was_built_before(
    model: Model, request_10_s: Request, outside: WriteFile
) -> None:
    system = endpoint.build("default", settings(model.url), "cpu")
    allow(outside, "models.example.org")
    with pytest.raises(GenerationError, match="not a host this server may ask"):
        system.generate(request_10_s, lambda share, what: None)
    assert not model.asked


@pytest.mark.parametrize("missing", ["url", "model", "sends_video"])
def test_each_setting_is_needed(missing: str, outside: WriteFile) -> None:
    allow(outside, "127.0.0.1:9000")
    said = endpoint.refusal(FACTS, settings("http://127.0.0.1:9000/") | {missing: ""})
    assert said is not None
    assert f"endpoint needs the setting `{missing}`" in said


def test_without_a_list_nobody_is_asked(outside: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    outside("")
    said = endpoint.refusal(FACTS, settings("http://127.0.0.1:9000/"))
    assert said is not None
    assert "allowed: none" in said
    monkeypatch.delenv("DUET_OUTSIDE")
    assert "set DUET_OUTSIDE" in (endpoint.refusal(FACTS, settings("http://127.0.0.1:9000/")) or "")


def test_refusals_load_neither_torch_nor_an_http_client() -> None:
    plan = """
import sys
from generation.baselines import foils, silence
from generation.baselines.outside import command, endpoint
from generation.contracts import ClipFacts
facts = ClipFacts("forest", 10.0, frozenset())
command.refusal(facts, {"command": "model", "model": ""})
endpoint.refusal(facts, {"url": "http://127.0.0.1:9000/", "model": "M", "sends_video": "no"})
sys.exit("torch" in sys.modules or "requests" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", plan], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
