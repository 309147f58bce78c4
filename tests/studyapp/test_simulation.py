"""Simulated raters take part through the real pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.conf import LazySettings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import sessions
from studyapp.errors import DuetError, WrongState
from studyapp.models import Clip, PlayEvent, Presentation, Response, Study, StudySession
from studyapp.results.exports import ratings_frame
from studyapp.simulated_browser import Browser
from studyapp.simulation import Simulated, simulate
from studyapp.states import SessionState
from tests.studyapp.factories import make_study, make_system, open_study

pytestmark = pytest.mark.django_db


def compared(*, clips: int = 3, blocks: int = 2, seconds: float = 1.0) -> Study:
    good, bad = make_system(slug="good"), make_system("random-shuffle", slug="bad")
    return open_study(clips=clips, blocks=blocks, seconds=seconds, systems=(good, bad))


def test_a_simulated_rater_walks_from_the_link_to_the_thanks() -> None:
    study = compared(clips=3, blocks=2)
    assert simulate(study, raters=1, effects={}, seed=1) == Simulated(raters=1, trials=3, full=False)
    session = StudySession.objects.get()
    assert (session.state, session.simulated) == (SessionState.COMPLETED, True)
    assert Response.objects.count() == 3 * 2
    assert set(Response.objects.values_list("coverage_left", "coverage_right")) == {(1.0, 1.0)}
    assert not Presentation.objects.filter(left_served_at=None).exists()
    assert PlayEvent.objects.count() == 3 * 6


def test_the_music_is_waited_for_on_a_clock_of_its_own() -> None:
    study = compared(seconds=600.0, clips=1, blocks=1)
    simulate(study, raters=1, effects={}, seed=1)
    session = StudySession.objects.get()
    shown = Presentation.objects.get().shown_at
    assert shown is not None
    assert (session.completed_at - shown).total_seconds() > 1200  # type: ignore[operator]


def test_the_same_seed_answers_alike_and_another_does_not() -> None:
    systems = make_system(slug="good"), make_system("random-shuffle", slug="bad")

    def answers(seed: int) -> list[int]:
        study = open_study(clips=6, blocks=1, systems=systems)
        for number, clip in enumerate(study.clips.order_by("pk")):
            Clip.objects.filter(pk=clip.pk).update(dataset=study.slug, clip_id=f"clip{number}")
        simulate(study, raters=1, effects={}, seed=seed)
        responses = Response.objects.filter(session__study=study).order_by("trial__position", "question")
        return list(responses.values_list("choice", flat=True))

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)


def test_a_strength_may_be_meant_for_one_question() -> None:
    study = compared(clips=4, blocks=4)
    simulate(study, raters=4, effects={"bad:visual_relevance": 50.0}, seed=1)
    frame = ratings_frame(study, include_simulated=True)
    relevance = frame[frame["question"] == "visual_relevance"]["score"]
    liking = frame[frame["question"] == "music_preference"]["score"]
    assert set(relevance) == {-2}
    assert len(set(liking)) > 2


def test_a_full_study_takes_as_many_as_it_has_places_for() -> None:
    study = compared(clips=2, blocks=2)
    assert simulate(study, raters=5, effects={}, seed=1) == Simulated(raters=2, trials=4, full=True)
    assert simulate(study, raters=1, effects={}, seed=1) == Simulated(raters=0, trials=0, full=True)


def test_a_site_that_insists_on_https_is_walked_as_well(settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.ALLOWED_HOSTS = [".example.org", "duet.example.org"]
    study = compared(clips=2, blocks=1)
    assert simulate(study, raters=1, effects={}, seed=1).trials == 2


def test_progress_counts_trials() -> None:
    told: list[tuple[float, float]] = []
    study = compared(clips=3, blocks=2)
    simulate(study, raters=2, effects={}, seed=1, progress=lambda done, total, _: told.append((done, total)))
    assert told == [(number, 6) for number in range(1, 7)]


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ({"great": 1.0}, "does not compare 'great'; its systems are bad, good"),
        ({"good:beauty": 1.0}, "no question 'beauty'; there are visual_relevance, music_preference"),
    ],
)
def test_unknown_effects_are_refused_with_the_options(effects: dict[str, float], message: str) -> None:
    study = compared()
    with pytest.raises(DuetError, match=message):
        simulate(study, raters=1, effects=effects, seed=1)
    assert not StudySession.objects.exists()


def test_only_an_open_study_is_simulated() -> None:
    with pytest.raises(WrongState, match="is a draft"):
        simulate(make_study(), raters=1, effects={}, seed=1)


def test_nothing_over_http_marks_a_session_as_simulated_and_a_real_one_has_no_clock_of_its_own() -> None:
    study = compared(clips=1, blocks=1)
    with Browser(None) as browser:
        browser.headers["X-Duet-Clock"] = "9999"
        browser.get(reverse("take", args=[study.token]))
        browser.submit({"simulated": "true"})
        browser.get(reverse("take-trial", args=[study.token]))
        session = StudySession.objects.get()
        assert not session.simulated
        for source in browser.page.sources:
            browser.get(source)
        config = browser.page.data["trial-config"]
        events = [[0, "left", "play", 0, 0], [1, "left", "ended", 1, 1], [2, "right", "play", 0, 2]]
        browser.send_json(
            config["eventsUrl"], {"proof": config["proof"], "events": [*events, [3, "right", "ended", 1, 3]]}
        )
        answer = {"visual_relevance": 1, "music_preference": 1, "response_time_ms": 1}
        refused = browser.submit(answer, expected=(409,))
    # The videos have been there for some milliseconds, and half a second of grain is forgiven, not two.
    assert "Please play both versions to the end first" in refused.text
    assert not Response.objects.exists()


def test_the_command_says_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    study = compared(clips=2, blocks=1)
    call_command("simulate_raters", study.slug, "--raters", "2", "--effect", "good=1.5", "--seed", "3")
    said = capsys.readouterr()
    assert f"1 simulated raters answered 2 trials of {study.slug}" in said.out
    assert "no place was left for 1 more" in said.err
    with pytest.raises(CommandError, match="there is no study 'nowhere'"):
        call_command("simulate_raters", "nowhere", "--raters", "1")
    with pytest.raises(CommandError, match="not SYSTEM=STRENGTH"):
        call_command("simulate_raters", study.slug, "--raters", "1", "--effect", "good")


def test_places_of_people_are_not_taken_unless_one_insists(capsys: pytest.CaptureFixture[str]) -> None:
    study = compared(clips=2, blocks=4)
    call_command("simulate_raters", study.slug, "--raters", "1")
    # Simulated raters before them are nobody's harm; from the first person on, the places are people's.
    call_command("simulate_raters", study.slug, "--raters", "1")
    sessions.enrol(study=study, now=timezone.now())
    with pytest.raises(CommandError, match=f"{study.slug} has 1 session of people.*or add --anyway"):
        call_command("simulate_raters", study.slug, "--raters", "1")
    assert StudySession.objects.count() == 3
    call_command("simulate_raters", study.slug, "--raters", "1", "--anyway")
    assert StudySession.objects.filter(simulated=True).count() == 3


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nobody reads a test's access log."""


@pytest.fixture
def site_url() -> Iterator[str]:
    """The site behind a real socket, in a thread with a database connection of its own."""
    server = make_server("127.0.0.1", 0, WSGIHandler(), handler_class=QuietHandler)

    def serve() -> None:
        server.serve_forever(poll_interval=0.05)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.django_db(transaction=True)
def test_simulated_raters_talk_to_a_real_server(site_url: str) -> None:
    study = compared(clips=2, blocks=1)
    done = simulate(study, raters=1, effects={}, seed=1, url=site_url)
    assert done == Simulated(raters=1, trials=2, full=False)
    assert StudySession.objects.get().simulated


def test_a_site_that_is_not_there_is_said_so() -> None:
    with pytest.raises(DuetError, match="is the server running there"):
        simulate(compared(), raters=1, effects={}, seed=1, url="http://127.0.0.1:9")
