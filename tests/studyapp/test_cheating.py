"""A client of one's own making against the server: what it claims is refused with the reason, and flagged."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from studyapp.models import PlayEvent, Presentation, Response, SessionFlag, Study
from studyapp.states import StudyState
from tests.studyapp.factories import open_study
from tests.studyapp.test_rater_pages import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return open_study(clips=3, blocks=2, seconds=10.0)


@pytest.fixture
def cheat(study: Study) -> Browser:
    browser = Browser(study)
    browser.consent()
    return browser


def tell(browser: Browser, config: dict[str, Any], events: list[list[object]], **changes: Any) -> Any:
    body = {"proof": config["proof"], "events": events, **changes}
    url = browser.url("take-events", config["token"])
    return browser.client.post(url, json.dumps(body), content_type="application/json")


def flags() -> dict[str, int]:
    return dict(SessionFlag.objects.values_list("rule", "times"))


def refused(reply: Any, *, why: str, status: int = 409) -> None:
    assert reply.status_code == status
    assert why in reply.json()["error"]
    assert not Response.objects.exists()


def test_answering_without_playing(cheat: Browser) -> None:
    refused(cheat.answer(cheat.trial(), events="[]"), why="A to 0% and B to 0%")
    assert flags() == {"unplayed": 1}


def test_one_trials_events_do_not_serve_for_another(cheat: Browser) -> None:
    config = cheat.trial()
    played, proof = cheat.events(config), config["proof"]
    assert cheat.answer(config).json()["saved"] is True
    following = cheat.trial()
    assert tell(cheat, following, played, proof=proof).status_code == 409
    reply = cheat.answer(following, proof=proof)
    assert (reply.status_code, "belongs to another step" in reply.json()["error"]) == (409, True)
    assert flags() == {"forged": 2}
    assert not PlayEvent.objects.filter(presentation__trial__token=following["token"]).exists()


@pytest.mark.parametrize("proof", ["", "1", "1:AAAA", None, 7, ["1"], {"a": 1}])
def test_a_forged_proof(cheat: Browser, proof: object) -> None:
    config = cheat.trial()
    assert tell(cheat, config, cheat.events(config), proof=proof).status_code == 409
    assert flags() == {"forged": 1}
    assert not PlayEvent.objects.exists()


def test_another_raters_proof_and_trial(study: Study, cheat: Browser) -> None:
    config = cheat.trial()
    other = Browser(study)
    other.consent()
    mine = other.trial()
    assert tell(other, config, other.events(config)).status_code == 404
    assert other.answer(config).status_code == 404
    assert tell(other, mine, other.events(mine), proof=config["proof"]).status_code == 409
    assert flags() == {"foreign": 2, "forged": 1}
    assert set(SessionFlag.objects.values_list("session", flat=True)) == {other.session.pk}


def test_the_same_number_with_another_meaning(cheat: Browser) -> None:
    config = cheat.trial()
    assert tell(cheat, config, cheat.events(config)[:1]).status_code == 204
    # Sent again as it was: that is what our own page does.
    assert tell(cheat, config, cheat.events(config)[:1]).status_code == 204
    assert flags() == {}
    assert tell(cheat, config, [[0, config["first"], "ended", 10, 10]]).status_code == 204
    assert flags() == {"replayed": 1}
    assert list(PlayEvent.objects.values_list("kind", flat=True)) == ["play"]


def test_reordered_events(cheat: Browser) -> None:
    config = cheat.trial()
    first, second = config["first"], config["second"]
    events = [
        [0, first, "play", 0, 30],
        [1, first, "ended", 10, 40],
        [2, second, "play", 0, 5],
        [3, second, "ended", 10, 15],
    ]
    refused(cheat.answer(config, events=json.dumps(events)), why="to 0%")
    assert flags() == {"reordered": 1}


def test_stretched_events(study: Study, cheat: Browser) -> None:
    config = cheat.trial()
    ago = timezone.now() - timedelta(seconds=12)
    Presentation.objects.update(shown_at=ago, left_served_at=ago, right_served_at=ago)
    # Twenty seconds of music in the twelve that the server has seen pass.
    refused(cheat.answer(config), why="Please play both versions to the end first")
    assert flags() == {"stretched": 1}


def test_double_speed_and_a_jump_are_not_playing(cheat: Browser) -> None:
    config = cheat.trial()
    first, second = config["first"], config["second"]
    fast = [[0, first, "play", 0, 0], *([n, first, "progress", n, n / 2] for n in range(1, 11))]
    jump = [[20, second, "play", 0, 6], [21, second, "seek", 9.9, 7], [22, second, "ended", 10, 8]]
    refused(cheat.answer(config, events=json.dumps([*fast, *jump])), why="Please play both")


def test_muted_and_hidden_play_is_not_hearing(cheat: Browser) -> None:
    config = cheat.trial()
    first, second = config["first"], config["second"]
    events = [
        [0, first, "volume", 0, 0, 0],
        [1, first, "play", 0, 0],
        [2, first, "ended", 10, 10],
        [3, second, "hidden", 0, 10],
        [4, second, "play", 0, 10],
        [5, second, "ended", 10, 20],
    ]
    refused(cheat.answer(config, events=json.dumps(events)), why="A to 0% and B to 0%")


def test_the_media_must_have_been_asked_for(study: Study) -> None:
    browser = Browser(study)
    browser.consent()
    config = browser.trial()
    Presentation.objects.update(left_served_at=None)
    refused(browser.answer(config), why="A to 0%")


def test_a_trial_of_later_on(study: Study, cheat: Browser) -> None:
    config = cheat.trial()
    later = cheat.session.block.trials.get(position=3)
    assert cheat.client.get(cheat.url("take-media", later.token, "a")).status_code == 404
    reply = cheat.answer({**config, "token": later.token})
    refused(reply, why="belongs to another step")


def test_a_closed_study_takes_nothing_and_flags_nobody(study: Study, cheat: Browser) -> None:
    config = cheat.trial()
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    refused(cheat.answer(config), why="closed", status=410)
    assert tell(cheat, config, cheat.events(config)).status_code == 410
    void = {"proof": config["proof"], "side": "left", "reason": "stalled"}
    assert cheat.client.post(cheat.url("take-void", config["token"]), void).status_code == 410
    assert flags() == {}


def test_a_thousand_submits_of_one_trial_are_one_answer_and_one_flag(cheat: Browser) -> None:
    config = cheat.trial()
    for number in range(1000):
        reply = cheat.answer(config, visual_relevance=1 + number % 5)
        assert reply.json()["saved"] is True
    assert Response.objects.count() == 2
    assert PlayEvent.objects.count() == 4
    assert Response.objects.get(question="visual_relevance").choice == 1
    flag = SessionFlag.objects.get()
    assert (flag.rule, flag.times) == ("insistent", 980)


def test_a_thousand_refused_submits_are_one_flag_of_each_kind(cheat: Browser) -> None:
    config = cheat.trial()
    for _ in range(30):
        cheat.answer(config, events="[]")
    assert flags() == {"unplayed": 30, "insistent": 10}


@pytest.mark.parametrize(
    "changes", [{"reason": "held"}, {"reason": "original"}, {"reason": ""}, {"side": "up"}, {"wrong": "up"}]
)
def test_what_our_page_never_sends_is_no_void(cheat: Browser, changes: dict[str, str]) -> None:
    config = cheat.trial()
    form = {"proof": config["proof"], "side": "left", "reason": "stalled", **changes}
    assert cheat.client.post(cheat.url("take-void", config["token"]), form).status_code == 400


def test_a_void_trial_opens_no_gate(cheat: Browser) -> None:
    config = cheat.trial()
    form = {"proof": config["proof"], "side": "left", "reason": "stalled"}
    reply = cheat.client.post(cheat.url("take-void", config["token"]), form)
    assert reply.json() == {"void": True, "next": cheat.url("take-trial")}
    refused(cheat.answer(config), why="Please reload")
    assert "Comparison 2 of 3" in cheat.client.get(cheat.url("take-trial")).content.decode()


def test_an_older_page_of_the_trial_is_told_that_it_is_open_elsewhere(cheat: Browser) -> None:
    older = cheat.trial()
    newer = cheat.trial()
    reply = tell(cheat, older, cheat.events(older)[:2])
    assert (reply.status_code, reply.json()) == (200, {"elsewhere": True})
    assert tell(cheat, newer, cheat.events(newer)).status_code == 204
    # Either page may answer: it is one rater, and one trial.
    assert cheat.answer(older).json()["saved"] is True
    assert flags() == {}


def test_marks_come_with_the_answer_as_the_page_sends_them(cheat: Browser) -> None:
    config = cheat.trial()
    assert cheat.answer(config, both_bad="on", wrong=["left", "right"], comment="Loud.").json()["saved"]
    trial = cheat.session.block.trials.get(position=1)
    assert [(mark.kind, mark.side) for mark in trial.marks.all()] == [
        ("both_bad", ""),
        ("comment", ""),
        ("wrong", "left"),
        ("wrong", "right"),
    ]
