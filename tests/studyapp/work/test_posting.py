"""One POST to a researcher's address: what arrives, where it may not go, and how long it may take."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from studyapp.work import posting
from studyapp.work.posting import NotPosted, check_url, post
from tests.studyapp.receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_HOSTS = ["127.0.0.1", "localhost"]
    settings.EMBEDDED = True
    with receiving() as made:
        yield made


def test_the_body_arrives_as_it_is_with_its_headers_at_the_whole_address(receiver: Receiver) -> None:
    body = '{"said": "für Elise"}'.encode()
    assert post(receiver.url, body, {"Duet-Event": "test"}) == 204
    [(path, headers, got)] = receiver.got
    assert path == "/hook?from=duet"
    assert got == body
    assert headers["Duet-Event"] == "test"
    assert headers["Host"] == receiver.url.split("/")[2]


@pytest.mark.parametrize("status", [200, 201, 204])
def test_every_success_counts(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    assert post(receiver.url, b"{}", {}) == status


@pytest.mark.parametrize("status", [400, 410, 500, 503])
def test_an_answer_that_is_no_success_is_told_with_its_status(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(NotPosted, match=f"answered {status}") as refused:
        post(receiver.url, b"{}", {})
    assert refused.value.status == status


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers, receiver.location = [307], receiver.url.replace("/hook", "/elsewhere")
    with pytest.raises(NotPosted, match="give the last one"):
        post(receiver.url, b"{}", {})
    assert len(receiver.got) == 1


def test_only_the_beginning_of_a_flood_is_read(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.flood_bytes = 64 << 20
    sizes = []
    read = posting._read
    monkeypatch.setattr(posting, "_read", lambda *given: sizes.append(len(got := read(*given))) or got)
    assert post(receiver.url, b"{}", {}) == 204
    assert sizes[0] < posting.MOST_ANSWER_BYTES + 4096


def test_an_answer_that_comes_by_drops_is_not_waited_for(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "ANSWER_S", 0.3)
    receiver.slow_s = 0.1
    began = time.monotonic()
    with pytest.raises(NotPosted, match="said nothing"):
        post(receiver.url, b"{}", {})
    assert time.monotonic() - began < 10


def test_nobody_at_the_port_is_told(receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotPosted, match=r"No connection to 127\.0\.0\.1"):
            post(f"http://127.0.0.1:{taken.getsockname()[1]}/", b"{}", {})


def test_a_server_without_tls_is_told_from_one_with(receiver: Receiver) -> None:
    with pytest.raises(NotPosted, match="No secure connection"):
        post(receiver.url.replace("http:", "https:"), b"{}", {})
    assert not receiver.got


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::1]",
        "[::127.0.0.1]",
        "[fec0::1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[::ffff:0:127.0.0.1]",
        "[3fff::1]",
        "[5f00::1]",
    ],
)
def test_an_address_of_a_private_network_is_refused_before_anything_is_sent(settings: Any, host: str) -> None:
    settings.WEBHOOK_HOSTS = []
    with pytest.raises(NotPosted, match=r"private network.*DUET_WEBHOOK_HOSTS"):
        check_url(f"https://{host}/hook")


@pytest.mark.parametrize("host", ["9.9.9.9", "[2620:fe::fe]", "[::ffff:9.9.9.9]"])
def test_a_public_address_is_one_that_may_be_posted_to(settings: Any, host: str) -> None:
    settings.WEBHOOK_HOSTS = []
    assert check_url(f"https://{host}/hook").hostname == host.strip("[]")


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1"])
def test_a_name_that_resolves_to_a_private_network_is_refused(settings: Any, host: str) -> None:
    settings.WEBHOOK_HOSTS = []
    check_url(f"https://{host}/")
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        settings.EMBEDDED = True
        with pytest.raises(NotPosted, match=r"private network|not known"):
            post(f"http://{host}:{port}/", b"{}", {})
        assert not receiver.got


def test_a_name_is_looked_up_once_and_the_connection_goes_there(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups = []
    look_up = socket.getaddrinfo

    def once(*given: Any, **named: Any) -> Any:
        lookups.append(given)
        return look_up(*given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert post(receiver.url.replace("127.0.0.1", "localhost"), b"{}", {}) == 204
    assert len(lookups) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "//example.org",
        "https://example.org:99999/",
        "https://ex ample.org/",
        "https://example.org/\r\nHost: other",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(NotPosted, match="write it like"):
        check_url(url)


def test_a_password_in_the_address_is_refused() -> None:
    with pytest.raises(NotPosted, match="leave it out"):
        check_url("https://me:secret@example.org/")


def test_without_tls_only_a_listed_host_is_sent_to_where_duet_is_deployed(settings: Any) -> None:
    settings.EMBEDDED, settings.WEBHOOK_HOSTS = False, ["chat.internal"]
    with pytest.raises(NotPosted, match="https://"):
        check_url("http://example.org/")
    assert check_url("http://chat.internal/").hostname == "chat.internal"
