"""The rater's pages: who gets which page in which state, and answers as browsers send them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.models import Block, PlayEvent, Presentation, Response, Study, StudySession
from studyapp.states import BlockState, SessionState, StudyState
from tests.studyapp.factories import make_study, open_study

pytestmark = pytest.mark.django_db


class Browser:
    """A rater with a cookie jar."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.client = Client()

    def url(self, name: str, *more: str) -> str:
        return reverse(name, args=[self.study.token, *more])

    def consent(self) -> Any:
        page = self.client.get(self.url("take")).content.decode()
        ticket = re.search(r'name="ticket" value="([^"]+)"', page)
        assert ticket, "the first page is not the consent form"
        return self.client.post(self.url("take-consent"), {"ticket": ticket[1]})

    @property
    def session(self) -> StudySession:
        return StudySession.objects.get(study=self.study, rater=self.study.sessions.latest("pk").rater)

    def trial(self) -> dict[str, Any]:
        """The next trial's page, with both videos fetched, as if that had been a minute ago."""
        page = self.client.get(self.url("take-trial")).content.decode()
        data = re.search(r'<script id="trial-config" type="application/json">(.+?)</script>', page)
        assert data, page
        config: dict[str, Any] = json.loads(data[1])
        for letter in "ab":
            assert self.client.get(self.url("take-media", config["token"], letter)).status_code == 200
        ago = timezone.now() - timedelta(minutes=1)
        Presentation.objects.filter(trial__token=config["token"]).update(
            shown_at=ago, left_served_at=ago, right_served_at=ago
        )
        return config

    def events(self, config: dict[str, Any]) -> list[list[object]]:
        length = config["duration"]
        return [
            [0, config["first"], "play", 0, 0],
            [1, config["first"], "ended", length, length],
            [2, config["second"], "play", 0, length],
            [3, config["second"], "ended", length, 2 * length],
        ]

    def answer(self, config: dict[str, Any], *, as_json: bool = True, **changes: Any) -> Any:
        form = {
            "visual_relevance": 4,
            "music_preference": 1,
            "response_time_ms": 1200,
            "proof": config["proof"],
            "events": json.dumps(self.events(config)),
            **changes,
        }
        form = {name: value for name, value in form.items() if value is not None}
        headers = {"Accept": "application/json"} if as_json else {}
        return self.client.post(self.url("take-answer", config["token"]), form, headers=headers)


@pytest.fixture
def study() -> Study:
    return open_study(clips=2, blocks=2)


@pytest.mark.parametrize("mangled", ["no-such-study", "abc%00def", "abc%EF%BF%BD%0A"])
def test_a_mangled_link_is_no_page(client: Client, mangled: str) -> None:
    for address in (f"/take/{mangled}/", f"/take/{mangled}/m/abc%00/a.mp4"):
        assert client.get(address).status_code == 404


def test_from_the_link_to_the_completion_code(study: Study) -> None:
    browser = Browser(study)
    reply = browser.consent()
    assert reply.url == browser.url("take-instructions")
    assert b"How it works" in browser.client.get(reply.url).content
    for place in (1, 2):
        config = browser.trial()
        page = browser.client.get(browser.url("take-trial")).content.decode()
        assert f"Comparison {place} of 2" in page
        assert browser.answer(config).json() == {"saved": True, "next": browser.url("take-trial")}
    reply = browser.client.get(browser.url("take-trial"), follow=True)
    assert reply.redirect_chain[-1][0] == browser.url("take-thanks")
    assert "DONE-42" in reply.content.decode()
    assert browser.session.state == SessionState.COMPLETED
    assert Response.objects.filter(question="visual_relevance", choice=4).count() == 2


def test_the_consent_page_says_what_is_asked_of_a_rater() -> None:
    study = open_study(
        seconds=10.0, trials_per_block=18, repeats_per_block=2, consent_text="We keep your answers."
    )
    page = Client().get(reverse("take", args=[study.token])).content.decode()
    assert "We keep your answers." in page
    assert "about 16 minutes, up to 20 comparisons" in page


def test_the_cookie_is_private_to_the_study_and_tells_nothing(study: Study) -> None:
    cookie = Browser(study).consent().cookies["seat"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == f"/take/{study.token}/"
    assert study.slug not in cookie.value


def test_a_forged_cookie_and_another_studys_cookie_are_strangers(study: Study) -> None:
    mine = Browser(study)
    mine.consent()
    value = mine.client.cookies["seat"].value
    other = Browser(open_study())
    for forged in (value, mine.session.token, signing.dumps(mine.session.token)):
        other.client.cookies["seat"] = forged
        assert other.client.get(other.url("take-trial")).url == other.url("take")
    stranger = Browser(study)
    stranger.client.cookies["seat"] = mine.session.token
    assert stranger.client.get(stranger.url("take-trial")).url == stranger.url("take")


def test_the_link_leads_back_to_where_one_stopped(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    assert browser.client.get(browser.url("take")).url == browser.url("take-instructions")
    config = browser.trial()
    assert browser.client.get(browser.url("take")).url == browser.url("take-trial")
    browser.answer(config)
    assert "Comparison 2 of 2" in browser.client.get(browser.url("take"), follow=True).content.decode()
    browser.answer(browser.trial())
    assert browser.client.get(browser.url("take")).url == browser.url("take-thanks")


def test_a_consent_form_sent_twice_claims_one_block(study: Study) -> None:
    browser = Browser(study)
    page = browser.client.get(browser.url("take")).content.decode()
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket
    for client in (Client(), Client()):  # neither has the other's cookie, as when one clicks twice
        client.post(browser.url("take-consent"), {"ticket": ticket[1]})
    assert StudySession.objects.count() == 1


def test_a_consent_form_that_is_not_ours_enrols_nobody(study: Study) -> None:
    browser = Browser(study)
    for ticket in ("", "made-up", signing.dumps("code", salt="ticket.another")):
        assert browser.client.post(browser.url("take-consent"), {"ticket": ticket}).url == browser.url("take")
    assert not StudySession.objects.exists()


@pytest.mark.parametrize(
    ("state", "status", "text"),
    [
        (StudyState.DRAFT, 403, "not open yet"),
        (StudyState.PAUSED, 403, "is paused"),
        (StudyState.CLOSED, 410, "is closed"),
    ],
)
def test_a_newcomer_is_told_why_a_study_takes_nobody(state: StudyState, status: int, text: str) -> None:
    study = make_study() if state == StudyState.DRAFT else open_study()
    if state != StudyState.DRAFT:
        closed_at = timezone.now() if state == StudyState.CLOSED else None
        Study.objects.filter(pk=study.pk).update(state=state, closed_at=closed_at)
    reply = Client().get(reverse("take", args=[study.token]))
    assert reply.status_code == status
    assert text in reply.content.decode()


def test_a_newcomer_to_a_full_study_is_told_so(study: Study) -> None:
    Block.objects.filter(study=study).update(state=BlockState.CLAIMED)
    reply = Client().get(reverse("take", args=[study.token]))
    assert (reply.status_code, "All places are taken" in reply.content.decode()) == (409, True)


def test_the_place_taken_while_reading_the_consent_is_told_so(study: Study) -> None:
    browser = Browser(study)
    page = browser.client.get(browser.url("take")).content.decode()
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket
    Block.objects.filter(study=study).update(state=BlockState.CLAIMED)
    reply = browser.client.post(browser.url("take-consent"), {"ticket": ticket[1]})
    assert (reply.status_code, "All places are taken" in reply.content.decode()) == (409, True)


def test_whoever_comes_back_late_is_told_that_their_answers_are_kept(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    browser.answer(browser.trial())
    config = browser.trial()
    StudySession.objects.update(state=SessionState.EXPIRED)
    reply = browser.client.get(browser.url("take-trial"), follow=True)
    assert reply.status_code == 410
    text = reply.content.decode()
    assert "Your session has ended" in text
    assert "Your answers are kept: one comparison." in text
    refused = browser.answer(config)
    assert refused.status_code == 410
    assert "Your answers are kept" in refused.json()["error"]
    assert Response.objects.count() == 2


SOMEBODY_ELSE = "Somebody else takes part on this device"


def test_another_person_starts_on_the_same_device_once_the_first_is_done() -> None:
    study = open_study(clips=1, blocks=2)
    browser = Browser(study)
    browser.consent()
    browser.answer(browser.trial())
    thanks = browser.client.get(browser.url("take"), follow=True).content.decode()
    assert SOMEBODY_ELSE in thanks
    assert "Only for another person" in thanks
    reply = browser.client.post(browser.url("take-somebody-else"), follow=True)
    assert "I agree to take part" in reply.content.decode()
    browser.consent()
    assert browser.answer(browser.trial()).json()["saved"] is True
    first, second = StudySession.objects.order_by("pk")
    assert first.rater != second.rater
    assert first.block != second.block
    assert SessionState.COMPLETED == first.state == second.state


def test_another_person_starts_after_a_session_that_expired(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    browser.trial()
    StudySession.objects.update(state=SessionState.EXPIRED)
    assert SOMEBODY_ELSE in browser.client.get(browser.url("take")).content.decode()
    browser.client.post(browser.url("take-somebody-else"))
    assert "I agree to take part" in browser.client.get(browser.url("take")).content.decode()


def test_a_live_session_is_never_given_up_to_somebody_else(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    for name in ("take-trial", "take-instructions"):
        assert SOMEBODY_ELSE not in browser.client.get(browser.url(name)).content.decode()
    assert browser.client.post(browser.url("take-somebody-else")).url == browser.url("take")
    assert browser.answer(config).json()["saved"] is True


def test_nobody_is_asked_to_a_study_that_takes_nobody() -> None:
    study = open_study(clips=1, blocks=2)
    browser = Browser(study)
    browser.consent()
    browser.answer(browser.trial())
    Study.objects.filter(pk=study.pk).update(state=StudyState.PAUSED)
    thanks = browser.client.get(browser.url("take"), follow=True).content.decode()
    assert "DONE-42" in thanks
    assert SOMEBODY_ELSE not in thanks


def test_whoever_was_shown_nothing_before_their_place_was_passed_on_starts_again(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    StudySession.objects.update(state=SessionState.EXPIRED)
    reply = browser.client.get(browser.url("take-trial"), follow=True)
    page = reply.content.decode()
    assert reply.status_code == 200
    assert "You did not begin within 10 minutes" in page
    assert browser.consent().url == browser.url("take-instructions")
    assert browser.answer(browser.trial()).json()["saved"] is True
    assert [session.state for session in StudySession.objects.order_by("pk")] == ["expired", "active"]


def test_closing_a_study_ends_what_is_under_way_and_pausing_does_not(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    Study.objects.filter(pk=study.pk).update(state=StudyState.PAUSED)
    assert browser.answer(config).json()["saved"] is True
    config = browser.trial()
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    assert browser.answer(config).status_code == 410
    reply = browser.client.get(browser.url("take-trial"), follow=True)
    assert (reply.status_code, "Your answers are kept" in reply.content.decode()) == (410, True)


def test_a_double_click_stores_one_answer_and_both_clicks_are_told_saved(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    assert browser.answer(config).json()["saved"] is True
    assert browser.answer(config, visual_relevance=1).json()["saved"] is True
    assert dict(Response.objects.values_list("question", "choice")) == {
        "visual_relevance": 4,
        "music_preference": 1,
    }


def test_without_scripts_json_an_answer_leads_on_and_a_refusal_keeps_the_choices(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    refused = browser.answer(config, as_json=False, events="[]")
    assert refused.status_code == 409
    page = refused.content.decode()
    assert "Please play both versions to the end first" in page
    assert re.search(r'name="visual_relevance" value="4" checked', page)
    assert browser.answer(config, as_json=False).url == browser.url("take-trial")


def test_an_unplayed_or_half_answered_trial_is_refused_in_a_sentence(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    unplayed = browser.answer(config, events="[]")
    assert (unplayed.status_code, "A to 0% and B to 0%" in unplayed.json()["error"]) == (409, True)
    half = browser.answer(config, music_preference=None)
    assert (half.status_code, "missing: music preference" in half.json()["error"]) == (409, True)
    assert not Response.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"visual_relevance": 6},
        {"visual_relevance": "A"},
        {"events": "{"},
        {"events": "[[1]]"},
        {"events": "[" * 50_000},
        {"events": '{"events":' * 50_000},
        {"response_time_ms": -1},
    ],
)
def test_what_our_page_never_sends_is_a_bad_request(study: Study, changes: dict[str, Any]) -> None:
    browser = Browser(study)
    browser.consent()
    assert browser.answer(browser.trial(), **changes).status_code == 400
    assert not Response.objects.exists()


def test_another_sessions_trial_is_not_found(study: Study) -> None:
    mine, theirs = Browser(study), Browser(study)
    mine.consent()
    config = mine.trial()
    theirs.consent()
    assert theirs.answer(config).status_code == 404
    events = json.dumps({"proof": config["proof"], "events": mine.events(config)})
    url = mine.url("take-events", config["token"])
    assert theirs.client.post(url, events, content_type="application/json").status_code == 404
    assert Client().post(url, events, content_type="application/json").status_code == 403
    assert not PlayEvent.objects.exists()


def test_what_was_played_before_a_reload_is_remembered(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    url = browser.url("take-events", config["token"])
    for _ in range(2):
        body = json.dumps({"proof": config["proof"], "events": browser.events(config)[:2]})
        assert browser.client.post(url, body, content_type="application/json").status_code == 204
    assert PlayEvent.objects.count() == 2
    page = browser.client.get(browser.url("take-trial")).content.decode()
    players = re.findall(r'<section class="player" data-side="(\w+)"[^>]*?( data-played)?>', page)
    assert dict(players) == {config["first"]: " data-played", config["second"]: ""}
    assert json.loads(re.search(r"trial-config[^>]*>(.+?)<", page)[1])["elapsed"] >= 60  # type: ignore[index]


DEEP = [
    '{"events":' * 50_000,
    # Deep, but not too deep for the parser: then what says why must not stumble over it.
    *('{"events": [' + "[" * depth + "]" * depth + "]}" for depth in (700, 800, 900, 950)),
    *('{"events": [[0, ' + "[" * depth + "]" * depth + ', "play", 0, 0]]}' for depth in (700, 800, 900, 950)),
]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"events": 1}', "\xff", *DEEP])
def test_events_that_are_none_are_a_bad_request(study: Study, body: str) -> None:
    browser = Browser(study)
    browser.consent()
    url = browser.url("take-events", browser.trial()["token"])
    assert browser.client.post(url, body, content_type="application/json").status_code == 400


def test_only_a_simulated_session_may_state_its_own_clock(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    consented = browser.session.consented_at
    ahead = {"X-Duet-Clock": "100000"}
    browser.client.get(browser.url("take-trial"), headers=ahead)
    assert browser.session.last_seen_at < consented + timedelta(hours=1)
    StudySession.objects.update(simulated=True)
    browser.client.get(browser.url("take-trial"), headers=ahead)
    assert browser.session.last_seen_at == consented + timedelta(seconds=100000)
    for nonsense in ("soon", "nan", "-1", "1e99"):
        reply = browser.client.get(browser.url("take-trial"), headers={"X-Duet-Clock": nonsense})
        assert reply.status_code == 400


def test_nothing_over_http_makes_a_session_simulated(study: Study) -> None:
    browser = Browser(study)
    page = browser.client.get(browser.url("take")).content.decode()
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)
    assert ticket
    browser.client.post(
        browser.url("take-consent") + "?simulated=1",
        {"ticket": ticket[1], "simulated": "1"},
        headers={"X-Duet-Clock": "5"},
    )
    assert not browser.session.simulated


def test_pages_are_not_kept_by_caches_and_posts_need_the_token(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    for name in ("take-trial", "take-instructions"):
        assert "no-store" in browser.client.get(browser.url(name))["Cache-Control"]
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.client.cookies
    assert strict.post(browser.url("take-answer", config["token"]), {}).status_code == 403


def test_an_unknown_link_is_a_friendly_404() -> None:
    reply = Client().get(reverse("take", args=["no-such-study"]))
    assert reply.status_code == 404
    assert "whole" in reply.content.decode()


def test_a_trial_page_costs_few_queries(study: Study, django_assert_max_num_queries: Any) -> None:
    browser = Browser(study)
    browser.consent()
    browser.trial()
    with django_assert_max_num_queries(13):
        browser.client.get(browser.url("take-trial"))
