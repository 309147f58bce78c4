"""The videos: who may see them, byte ranges, and headers that tell nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

import pytest
from django.conf import LazySettings
from django.core.signing import get_cookie_signer
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import sessions
from studyapp.models import Presentation, Response, Stimulus, Study, StudySession, Trial
from studyapp.states import SessionState, StudyState
from studyapp.views.media import byte_range
from studyapp.views.seat import COOKIE
from tests.studyapp.factories import make_member, make_researcher, open_study


class Seat:
    """A session with its cookie, without going through the consent page."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.session = sessions.enrol(study=study, now=timezone.now())
        self.client = Client()
        signer = get_cookie_signer(salt=COOKIE + f"seat.{study.token}")
        self.client.cookies[COOKIE] = signer.sign(self.session.token)

    def trial(self, position: int) -> Trial:
        return self.session.block.trials.get(position=position)

    def get(self, trial: Trial, letter: str = "a", **headers: str) -> Any:
        url = reverse("take-media", args=[self.study.token, trial.token, letter])
        return self.client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


def body(response: Any) -> bytes:
    if not response.streaming:
        return cast(bytes, response.content)
    return b"".join(cast(Iterable[bytes], response.streaming_content))


@pytest.fixture
def seat(db: None) -> Seat:
    return Seat(open_study(clips=4, blocks=2))


def content(trial: Trial, side: str = "left") -> bytes:
    return trial.stimulus_on(side).path.read_bytes()  # type: ignore[arg-type]


def test_a_is_the_left_version_and_b_the_right_one(seat: Seat) -> None:
    for position in (1, 2):
        trial = seat.trial(position)
        assert body(seat.get(trial, "a")) == content(trial, "left")
        assert body(seat.get(trial, "b")) == content(trial, "right")
    assert seat.trial(1).left_is_1 != seat.trial(2).left_is_1


def test_only_the_current_and_the_next_trial_are_given_out(seat: Seat) -> None:
    statuses = [seat.get(seat.trial(position)).status_code for position in (1, 2, 3, 4)]
    assert statuses == [200, 200, 404, 404]
    for question in ("visual_relevance", "music_preference"):
        Response.objects.create(
            session=seat.session,
            trial=seat.trial(1),
            question=question,
            choice=3,
            coverage_left=1,
            coverage_right=1,
            response_time_ms=1,
            answered_at=timezone.now(),
        )
    statuses = [seat.get(seat.trial(position)).status_code for position in (1, 2, 3, 4)]
    assert statuses == [200, 200, 200, 404]


def test_strangers_other_sessions_and_other_studies_get_nothing(seat: Seat) -> None:
    trial = seat.trial(1)
    url = reverse("take-media", args=[seat.study.token, trial.token, "a"])
    assert Client().get(url).status_code == 404
    assert Seat(seat.study).get(trial).status_code == 404
    other = Seat(open_study())
    assert other.get(trial).status_code == 404
    assert other.client.get(url).status_code == 404
    assert seat.get(trial, "c").status_code == 404
    assert seat.client.post(url).status_code == 405
    assert not Presentation.objects.exists()


@pytest.mark.parametrize("state", [SessionState.EXPIRED, SessionState.COMPLETED])
def test_a_session_that_is_over_gets_nothing(seat: Seat, state: SessionState) -> None:
    completed_at = timezone.now() if state == SessionState.COMPLETED else None
    StudySession.objects.update(state=state, completed_at=completed_at)
    assert seat.get(seat.trial(1)).status_code == 404


def test_a_closed_study_gives_nothing_and_a_paused_one_goes_on(seat: Seat) -> None:
    Study.objects.filter(pk=seat.study.pk).update(state=StudyState.PAUSED)
    assert seat.get(seat.trial(1)).status_code == 200
    Study.objects.filter(pk=seat.study.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    assert seat.get(seat.trial(1)).status_code == 404


def test_the_first_serving_of_each_side_is_noted_once(seat: Seat) -> None:
    trial = seat.trial(1)
    url = reverse("take-media", args=[seat.study.token, trial.token, "a"])
    assert seat.client.head(url).status_code == 200
    assert not Presentation.objects.exists()
    seat.get(trial, "a", range="bytes=0-1")
    presentation = Presentation.objects.get(trial=trial)
    first = presentation.left_served_at
    assert first is not None
    assert (presentation.right_served_at, presentation.shown_at) == (None, None)
    Presentation.objects.update(left_served_at=first - timedelta(minutes=1))
    seat.get(trial, "a")
    assert Presentation.objects.get().left_served_at == first - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-", (0, 999)),
        ("bytes=0-0", (0, 0)),
        ("bytes=10-19", (10, 19)),
        ("bytes=990-5000", (990, 999)),
        ("bytes=-1", (999, 999)),
        ("bytes=-5000", (0, 999)),
        ("BYTES = 5-6", (5, 6)),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-2,-1", None),
    ],
)
def test_byte_ranges_are_read_as_the_standard_says(header: str, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 1000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_ranges_outside_of_the_file_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(ValueError, match=header):
        byte_range(header, 1000)


def test_a_range_is_answered_with_just_those_bytes(seat: Seat) -> None:
    trial = seat.trial(1)
    whole = content(trial)
    reply = seat.get(trial, range="bytes=100-299")
    assert (reply.status_code, body(reply)) == (206, whole[100:300])
    assert reply["Content-Range"] == f"bytes 100-299/{len(whole)}"
    assert reply["Content-Length"] == "200"
    assert body(seat.get(trial, range="bytes=-7")) == whole[-7:]
    outside = seat.get(trial, range=f"bytes={len(whole)}-")
    assert (outside.status_code, outside["Content-Range"]) == (416, f"bytes */{len(whole)}")
    several = seat.get(trial, range="bytes=0-1,4-5")
    assert (several.status_code, body(several)) == (200, whole)


def test_a_conditional_range_gets_the_whole_for_there_is_no_validator(seat: Seat) -> None:
    reply = seat.get(seat.trial(1), range="bytes=0-9", if_range='"tag"')
    assert (reply.status_code, body(reply)) == (200, content(seat.trial(1)))


def test_head_has_the_headers_and_no_body(seat: Seat) -> None:
    trial = seat.trial(1)
    url = reverse("take-media", args=[seat.study.token, trial.token, "a"])
    reply = seat.client.head(url)
    assert (body(reply), reply["Content-Length"]) == (b"", str(len(content(trial))))
    assert seat.client.head(url, headers={"Range": "bytes=0-9"})["Content-Length"] == "10"


def test_headers_are_the_same_whichever_version_is_played(seat: Seat) -> None:
    seen = {
        tuple(sorted(seat.get(seat.trial(position), letter).headers.items()))
        for position in (1, 2)
        for letter in "ab"
    }
    assert len(seen) == 1
    headers = dict(seen.pop())
    assert headers["Cache-Control"] == "private, max-age=3600"
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Accept-Ranges"] == "bytes"
    assert not {"ETag", "Last-Modified", "Content-Disposition"} & set(headers)


def test_behind_nginx_the_bytes_are_left_to_it(seat: Seat, settings: LazySettings) -> None:
    settings.MEDIA_ACCEL_PREFIX = "/protected/"
    trial = seat.trial(1)
    reply = seat.get(trial)
    assert reply["X-Accel-Redirect"] == f"/protected/{trial.sides.left.file}"
    assert (reply.content, reply["Content-Type"]) == (b"", "video/mp4")
    assert Client().get(reply.wsgi_request.path).status_code == 404


def test_researchers_preview_any_trial_and_nobody_else_does(seat: Seat) -> None:
    trial = seat.trial(4)
    url = reverse("staff-media", args=[trial.token, "b"])
    assert seat.client.get(url).status_code == 302
    researcher = Client()
    researcher.force_login(make_researcher())
    assert body(researcher.get(url)) == content(trial, "right")
    assert not Presentation.objects.exists()
    Stimulus.objects.filter(pk=trial.sides.right.pk).update(state="requested", file="")
    assert researcher.get(url).status_code == 404


def test_a_preview_tells_who_may_not_see_names_nothing_of_the_sides(db: None) -> None:
    study = open_study(clips=8, blocks=1, salt="the same each time")
    blind, named = Client(), Client()
    for client, sees_names in ((blind, False), (named, True)):
        user = make_researcher(is_superuser=False)
        make_member(study, user, sees_names=sees_names)
        client.force_login(user)
    swapped = []
    for trial in Trial.objects.filter(block__study=study).order_by("position"):
        Trial.objects.filter(pk=trial.pk).update(token=f"trial-{trial.position}")
        urls = [reverse("staff-media", args=[f"trial-{trial.position}", letter]) for letter in "ab"]
        presented = [content(trial, "left"), content(trial, "right")]
        assert [body(named.get(url)) for url in urls] == presented
        heard = [body(blind.get(url)) for url in urls]
        assert heard in (presented, presented[::-1])
        swapped.append(heard != presented)
    assert set(swapped) == {True, False}


def test_a_range_costs_few_queries(seat: Seat, django_assert_max_num_queries: Any) -> None:
    trial = seat.trial(1)
    seat.get(trial)
    with django_assert_max_num_queries(4):
        seat.get(trial, range="bytes=0-9")
