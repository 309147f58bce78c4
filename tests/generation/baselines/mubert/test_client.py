from __future__ import annotations

import json
import socket
import time
from email.utils import formatdate

import pytest

from generation.baselines.mubert.account import Account
from generation.baselines.mubert.client import Client, Order, Patience
from generation.contracts import Failed, GenerationError

from .conftest import CUSTOMER, TOKEN, Answer, Clock, Service

ORDER = Order("house, dance, club", 10, "medium", 320)
ORDERED, DONE = Answer(200, "ordered.json"), Answer(200, "done.json")
TRACK_ID = "6f0c2d1e-5b0a-4f6e-9a41-0d6f7a2b9c11"
TRACK = f"public/tracks/{TRACK_ID}"
FILE = "GET /files/track.mp3"


def fetch(account: Account, patience: Patience) -> bytes:
    return Client(account, patience, lambda what: None).track(ORDER).content


def refused(account: Account, patience: Patience) -> str:
    """The sentence of the error; whatever it is about, it never holds credentials."""
    with pytest.raises(GenerationError) as caught:
        fetch(account, patience)
    assert TOKEN not in str(caught.value)
    assert CUSTOMER not in str(caught.value)
    return str(caught.value)


def test_a_track_is_ordered_once_polled_until_done_and_fetched(
    service: Service, account: Account, patience: Patience, clock: Clock
) -> None:
    service.answers = [ORDERED, ORDERED, DONE]
    service.file = Answer(200, b"the file")
    assert fetch(account, patience) == b"the file"
    assert service.calls == ["POST /public/tracks", f"GET /{TRACK}", f"GET /{TRACK}", "GET /files/track.mp3"]
    assert clock.slept == [2.0, 2.0]
    assert service.ordered() == {
        "prompt": "house, dance, club", "duration": 10, "intensity": "medium", "bitrate": 320, "format": "mp3",
        "mode": "track",
    }  # fmt: skip


def test_credentials_go_to_the_service_and_not_to_where_the_file_lies(
    service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [DONE]
    service.file = Answer(200, b"the file")
    fetch(account, patience)
    order, file = service.asked
    assert (order.headers["customer-id"], order.headers["access-token"]) == (CUSTOMER, TOKEN)
    assert TOKEN not in str(file.headers)
    assert CUSTOMER not in str(file.headers)


def test_credentials_do_not_follow_a_redirection(service: Service, account: Account, patience: Patience) -> None:
    service.answers = [Answer(307, b"", {"Location": f"{service.address}/elsewhere"})]
    assert "unexpected status 307" in refused(account, patience)
    assert service.calls == ["POST /public/tracks"]


def test_wrong_credentials_are_said_at_once(service: Service, account: Account, patience: Patience) -> None:
    service.answers = [Answer(401, "unauthenticated.json")]
    assert refused(account, patience) == (
        "Mubert does not accept these credentials; check MUBERT_CUSTOMER_ID and MUBERT_ACCESS_TOKEN"
    )
    assert len(service.asked) == 1


def test_a_licence_that_does_not_allow_it_is_quoted(
    service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [Answer(403, "forbidden.json")]
    said = refused(account, patience)
    assert "(It is not possible to generate a track of this duration, LicenseForbiddenDuration)" in said


def test_a_field_the_service_refuses_is_quoted(service: Service, account: Account, patience: Patience) -> None:
    service.answers = [Answer(422, "unprocessable.json")]
    assert "(The prompt field must not be greater than 255 characters.)" in refused(account, patience)


def test_a_service_that_repeats_credentials_is_not_quoted_with_them(
    service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [Answer(403, f'{{"message": "{TOKEN} of {CUSTOMER} may not"}}'.encode())]
    assert "(… of … may not)" in refused(account, patience)


def test_too_many_requests_wait_as_long_as_the_service_asks(
    service: Service, account: Account, patience: Patience, clock: Clock
) -> None:
    service.answers = [Answer(429, b"", {"Retry-After": "7"}), DONE]
    service.file = Answer(200, b"the file")
    assert fetch(account, patience) == b"the file"
    assert clock.slept == [7.0]


def test_retry_after_may_be_a_date_and_is_bounded(
    service: Service, account: Account, patience: Patience, clock: Clock
) -> None:
    soon = formatdate(time.time() + 40, usegmt=True)
    service.answers = [
        Answer(429, b"", {"Retry-After": soon}),
        Answer(429, b"", {"Retry-After": "86400"}),
        Answer(429, b"", {"Retry-After": "tomorrow"}),
        DONE,
    ]
    service.file = Answer(200, b"the file")
    fetch(account, patience)
    assert clock.slept[0] == pytest.approx(40, abs=15)
    assert clock.slept[1:] == [60.0, 4.0]


def test_too_many_requests_for_ever_end(
    service: Service, account: Account, patience: Patience, clock: Clock
) -> None:
    service.answers = [Answer(429)]
    assert "too many requests after 5 tries" in refused(account, patience)
    assert len(service.asked) == 5
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_broken_service_is_asked_again_after_its_track_and_then_named(
    service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [ORDERED, Answer(500, b"<html>oh</html>")]
    assert "its own error 500 after 5 tries" in refused(account, patience)
    assert len(service.asked) == 6


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_order_that_ends_in_an_error_is_not_given_twice(
    status: int, service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [Answer(status), DONE]
    assert "may have been charged" in refused(account, patience)
    assert service.calls == ["POST /public/tracks"]


def test_an_answer_that_comes_byte_by_byte_is_cut_when_the_time_is_up(service: Service, account: Account) -> None:
    service.answers = [Answer(200, b"{" + b" " * 400)]
    service.pause_s = 0.05
    began = time.monotonic()
    assert "may have been charged" in refused(account, Patience(whole_s=0.5))
    assert time.monotonic() - began < 10


def test_a_date_beyond_all_calendars_is_no_wait(
    service: Service, account: Account, patience: Patience, clock: Clock
) -> None:
    service.answers = [Answer(429, b"", {"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}), DONE]
    service.file = Answer(200, b"the file")
    fetch(account, patience)
    assert clock.slept == [1.0]


def test_an_order_whose_answer_a_gateway_lost_is_not_given_twice(
    service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [Answer(504), DONE]
    assert "may have been charged" in refused(account, patience)
    assert service.calls == ["POST /public/tracks"]


def test_a_question_whose_answer_a_gateway_lost_is_asked_again(
    service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [ORDERED, Answer(504), DONE]
    service.file = Answer(200, b"the file")
    assert fetch(account, patience) == b"the file"


def test_a_track_that_is_never_done_ends_after_the_time_allowed(
    service: Service, account: Account, patience: Patience, clock: Clock
) -> None:
    service.answers = [ORDERED]
    assert "has not made the track within 300 s" in refused(account, patience)
    assert 298 <= clock.now <= 300


def test_a_track_that_failed_ends_the_wait(service: Service, account: Account, patience: Patience) -> None:
    service.answers = [ORDERED, Answer(200, "failed.json")]
    assert "making this track failed" in refused(account, patience)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<html>", "that is not JSON"),
        (b"[]", "without a track"),
        (b'{"data": [1]}', "without a track"),
        (b'{"data": {"id": "a-1"}}', "without a list of generations"),
        (b'{"data": {"id": "a-1", "generations": ["done"]}}', "without a list of generations"),
        (b'{"data": {"id": "a-1", "generations": [{"status": "done", "url": null}]}}', "no address of its file"),
        (
            b'{"data": {"id": "a-1", "generations": [{"status": "done", "url": "file:///etc/hosts"}]}}',
            "no address",
        ),
        (b'{"data": {"id": "../licences", "generations": []}}', "without naming its track"),
        (b'{"data": {"generations": []}}', "without naming its track"),
    ],
)
def test_an_answer_of_another_shape_is_said_to_be_one(
    service: Service, account: Account, patience: Patience, body: bytes, what: str
) -> None:
    service.answers = [Answer(200, body)]
    assert what in refused(account, patience)


@pytest.mark.parametrize("hiccup", [Answer(503), Answer(429), Answer(200, b"x" * 4000, cut_at=1000)])
def test_a_file_that_does_not_come_at_once_is_fetched_again_and_not_ordered_again(
    hiccup: Answer, service: Service, account: Account, patience: Patience, clock: Clock
) -> None:
    service.answers = [DONE]
    service.hiccups = [hiccup, hiccup]
    service.file = Answer(200, b"the file")
    assert fetch(account, patience) == b"the file"
    assert service.calls == ["POST /public/tracks", FILE, FILE, FILE]
    assert clock.slept == [1.0, 2.0]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_whose_address_is_not_good_any_more_is_fetched_from_a_fresh_one(
    status: int, service: Service, account: Account, patience: Patience
) -> None:
    service.answers = [DONE]
    service.hiccups = [Answer(status)]
    service.file = Answer(200, b"the file")
    assert fetch(account, patience) == b"the file"
    assert service.calls == ["POST /public/tracks", FILE, f"GET /{TRACK}", FILE]


def test_a_file_that_is_gone_is_said_to_be(service: Service, account: Account, patience: Patience) -> None:
    service.answers = [DONE]
    service.file = Answer(410)
    assert "its file answers 410" in refused(account, patience)
    assert len(service.calls) == 4


@pytest.mark.parametrize(
    ("answers", "file", "says"),
    [
        ([ORDERED, Answer(200, "failed.json")], Answer(), "making this track failed"),
        ([ORDERED, Answer(500)], Answer(), "its own error 500"),
        ([ORDERED], Answer(), "has not made the track within 300 s"),
        ([DONE], Answer(503), "its file answers 503"),
        ([DONE], Answer(200, b"x" * 4000, cut_at=1000), "the connection broke each of the 5 times"),
    ],
)
def test_what_goes_wrong_after_the_order_names_the_track_and_keeps_the_order(
    answers: list[Answer], file: Answer, says: str, service: Service, account: Account, patience: Patience
) -> None:
    service.answers, service.file = answers, file
    with pytest.raises(Failed, match=says) as caught:
        fetch(account, patience)
    assert str(caught.value).endswith(f"; track {TRACK_ID} was ordered and may be charged")
    assert json.loads(caught.value.artefacts["mubert-order.json"]) == {
        "track": TRACK_ID, "prompt": "house, dance, club", "duration_s": 10, "intensity": "medium",
        "bitrate_kbps": 320,
    }  # fmt: skip
    assert service.calls.count("POST /public/tracks") == 1


def test_a_file_that_comes_byte_by_byte_is_cut_when_the_time_is_up_and_said_to_be_late(
    service: Service, account: Account
) -> None:
    service.answers = [DONE]
    service.file = Answer(200, b"x" * 4000)
    service.pause_files_s = 0.05
    assert "has not sent the track's file within 4 s" in refused(account, Patience(whole_s=4.0))


def test_a_service_that_cannot_be_reached_is_said_to_be(patience: Patience, clock: Clock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Account(f"http://127.0.0.1:{taken.getsockname()[1]}", CUSTOMER, TOKEN)
        assert "cannot be reached" in refused(nobody, patience)
    assert len(clock.slept) == 4


def test_a_connection_that_breaks_after_the_order_may_have_been_charged(patience: Patience) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        account = Account(f"http://127.0.0.1:{silent.getsockname()[1]}", CUSTOMER, TOKEN)
        hasty = Patience(call_s=0.05, sleep=patience.sleep, clock=patience.clock)
        assert "may have been charged" in refused(account, hasty)
