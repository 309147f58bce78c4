"""What a rater may lose on the way: connection, page, tab, server. Nothing that they did is lost."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path

from django.contrib.staticfiles import finders
from playwright.sync_api import BrowserContext, Route, expect
from pytest_django.live_server_helper import LiveServer

from studyapp.models import (
    PlayEvent,
    Response,
    SessionFlag,
    StimulusHold,
    Study,
    StudySession,
    TrialMark,
    VoidedTrial,
)
from studyapp.states import SessionState
from tests.e2e.browser import ARTIFACTS, DESK, MARKS, Rater, one_long_clip

pytestmark = MARKS


def test_a_trial_that_is_loaded_is_finished_without_a_network_and_sent_when_it_is_back(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    context = visit(viewport=DESK)
    rater = Rater(context.new_page(), live_server, study)
    page = rater.page
    rater.begin()
    page.locator(".player.current video").wait_for()
    context.set_offline(True)
    rater.play_both()
    rater.choose(0, "A is somewhat better")
    rater.choose(1, "B is much better")
    rater.save()
    expect(page.locator("#save-status")).to_contain_text("kept on this device", timeout=10_000)
    rater.shoot("desk-trial-offline")
    assert not Response.objects.exists()
    context.set_offline(False)
    rater.expect_place(2)
    assert sorted(Response.objects.values_list("choice", flat=True)) == [2, 5]
    assert all(min(row.coverage_left, row.coverage_right) >= 0.95 for row in Response.objects.all())
    assert not SessionFlag.objects.exists()
    assert page.evaluate("() => Object.keys(localStorage).filter((key) => key.includes('unsent'))") == []


def test_a_page_that_comes_slowly_after_a_reload_is_not_hidden_by_the_one_before(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    """The page before says that it is hidden when the new one has come, seconds after the server wrote that."""
    rater = Rater(visit(viewport=DESK).new_page(), live_server, study)
    page = rater.page
    rater.begin()
    first, second = rater.letters
    with page.expect_response("**/events/"):
        rater.play(first)

    def come_slowly(route: Route) -> None:
        written = route.fetch()
        time.sleep(1.5)
        route.fulfill(response=written)

    page.route("**/trial/", come_slowly)
    page.reload()
    page.unroute("**/trial/")
    rater.expect_played(first)
    # By the new page's clock the other one is hidden about now.
    page.wait_for_timeout(2500)
    rater.play(second)
    rater.choose(0, "No preference")
    rater.choose(1, "A is much better")
    rater.save()
    rater.expect_place(2)
    assert Response.objects.count() == 2
    assert not SessionFlag.objects.exists()
    assert PlayEvent.objects.filter(kind="hidden").exists()


def test_an_answer_given_without_a_network_outlives_its_tab(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    context = visit(viewport=DESK)
    rater = Rater(context.new_page(), live_server, study)
    rater.begin()
    rater.page.locator(".player.current video").wait_for()
    context.set_offline(True)
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    rater.page.get_by_role("checkbox", name="Both are bad").check()
    rater.save()
    expect(rater.page.locator("#save-status")).to_contain_text("No connection")
    rater.page.close()
    context.set_offline(False)
    rater.page = context.new_page()
    rater.page.goto(rater.link)
    # Nothing has to be played again.
    rater.expect_place(2)
    assert Response.objects.filter(choice=3).count() == 2
    assert TrialMark.objects.get().kind == "both_bad"


def test_the_server_judges_what_comes_late_as_it_judges_everything(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    context = visit(viewport=DESK)
    rater = Rater(context.new_page(), live_server, study)
    page = rater.page
    rater.begin()
    token = page.evaluate("() => JSON.parse(document.getElementById('trial-config').textContent).token")
    forged = {
        "fields": [["visual_relevance", "1"], ["music_preference", "1"], ["response_time_ms", "5"]],
        "events": [],
    }
    forged["fields"] += [["csrfmiddlewaretoken", "x"], ["proof", "y"]]
    page.evaluate(
        "([token, kept]) => localStorage.setItem(`duet-unsent-${token}`, kept)", [token, json.dumps(forged)]
    )
    page.reload()
    expect(page.locator("#save-status")).to_contain_text("Please play both versions to the end first")
    assert not Response.objects.exists()
    rater.expect_place(1)
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    rater.save()
    rater.expect_place(2)


def test_a_second_tab_is_told_and_either_can_go_on(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    context = visit(viewport=DESK)
    rater = Rater(context.new_page(), live_server, study)
    rater.begin()
    older = rater.page
    rater.page = newer = context.new_page()
    newer.goto(rater.link)
    rater.expect_place(1)
    told = older.get_by_text("This study is open in another tab")
    expect(told).to_be_visible()
    rater.page = older
    rater.shoot("desk-trial-elsewhere")
    rater.page = newer
    expect(newer.get_by_text("This study is open in another tab")).to_be_hidden()
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    rater.save()
    rater.expect_place(2)
    older.get_by_role("button", name="Go on here instead").click()
    expect(newer.get_by_text("This study is open in another tab")).to_be_visible()
    rater.page = older
    rater.expect_place(2)
    rater.play_both()


def test_where_tabs_cannot_talk_the_server_tells_the_older_one(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    context = visit(viewport=DESK)
    context.add_init_script("delete window.BroadcastChannel")
    rater = Rater(context.new_page(), live_server, study)
    rater.begin()
    older = rater.page
    rater.page = context.new_page()
    rater.page.goto(rater.link)
    rater.expect_place(1)
    rater.page = older
    older.locator(".player.current video").wait_for()
    older.get_by_role("button", name=f"Play {rater.letters[0]}").click()
    expect(older.get_by_text("This study is open in another tab")).to_be_visible(timeout=10_000)
    assert PlayEvent.objects.filter(kind="play").exists()


def test_back_button_and_sleep_lead_to_the_trial_whose_turn_it_is(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    rater.save()
    rater.expect_place(2)
    page.go_back()
    page.go_back()
    page.goto(rater.link)
    rater.expect_place(2)
    # As after a night's sleep of the machine: no timer ran, and the server is asked anew.
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    rater.expect_place(2)
    assert Response.objects.count() == 2


def test_an_offensive_video_is_left_out_before_it_was_played_and_marks_go_along(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    page.get_by_text("Report or comment").click()
    expect(page.locator("#skip")).to_be_hidden()
    page.get_by_role("group", name="This is offensive").get_by_label("B").check()
    page.get_by_label("In your own words").fill("Not for children.")
    rater.shoot("desk-trial-report")
    page.get_by_role("button", name="Leave this comparison out").click()
    rater.expect_place(2)
    assert (VoidedTrial.objects.get().reason, VoidedTrial.objects.get().side) == ("offensive", "right")
    assert StimulusHold.objects.count() == 1
    assert set(TrialMark.objects.values_list("kind", "text")) == {
        ("offensive", ""),
        ("comment", "Not for children."),
    }
    # The last two are answered with marks, and the session is whole.
    for place in (2, 3):
        rater.expect_place(place)
        rater.play_both()
        rater.choose(0, "No preference")
        rater.choose(1, "No preference")
        rater.save()
    expect(page).to_have_title("Thank you")
    assert StudySession.objects.get().state == SessionState.COMPLETED


def test_from_next_to_playable_takes_little_and_the_page_weighs_little(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    page.wait_for_load_state("networkidle")
    clicked = time.time() * 1000
    rater.save()
    rater.expect_place(2)
    page.locator(".player.current").wait_for()
    timing = page.evaluate(
        """() => ({
            playable: performance.timeOrigin + performance.getEntriesByName("playable")[0].startTime,
            paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
            media: performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith(".mp4"))
                .map((entry) => entry.transferSize),
        })"""
    )
    # Fetched once more and weighed: what comes out of the browser's memory has no size of its own there.
    weights = page.evaluate(
        """async () => {
            const entries = ["resource", "navigation"].flatMap((type) => performance.getEntriesByType(type));
            const names = new Set(entries.map((entry) => entry.name).filter((name) => !/mp4|blob:/.test(name)));
            return Promise.all([...names].map(async (name) => [name, await (await fetch(name)).text()]));
        }"""
    )
    fonts = [
        finders.find("studyapp/vendor/inter/inter-latin.woff2") for name, _ in weights if name.endswith("woff2")
    ]
    font = sum(Path(str(path)).stat().st_size for path in fonts)
    texts = {name: text.encode() for name, text in weights if not name.endswith("woff2")}
    plain = font + sum(map(len, texts.values()))
    # A deployment sends scripts and styles packed (whitenoise, nginx's gzip_static), and the page itself as it is.
    packed = plain - sum(
        len(text) - len(gzip.compress(text)) for name, text in texts.items() if name.endswith((".js", ".css"))
    )
    figures = {
        "from next to playable (ms)": round(timing["playable"] - clicked),
        "first paint (ms)": timing["paint"] and round(timing["paint"]),
        "page without media (bytes)": plain,
        "the same as a deployment sends it (bytes)": packed,
        "media fetched again (bytes)": timing["media"],
    }
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    (ARTIFACTS / "weight.json").write_text(json.dumps(figures, indent=1))
    assert figures["page without media (bytes)"] < 112_000, figures
    assert figures["the same as a deployment sends it (bytes)"] < 100_000, figures
    # Loaded ahead: out of the browser's own cache, and not over the network again.
    assert timing["media"][:2] == [0, 0], figures


def test_a_clock_that_is_wrong_by_a_day_and_a_server_that_restarts_cost_nothing(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    context = visit(viewport=DESK)
    context.add_init_script("{ const now = Date.now.bind(Date); Date.now = () => now() - 86_400_000; }")
    rater = Rater(context.new_page(), live_server, study)
    page = rater.page
    rater.begin()
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "B is somewhat better")
    # As the proxy answers while the server behind it comes up again.
    refused: list[str] = []

    def down(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=502, body="")

    page.route("**/answer/", down)
    page.route("**/events/", down)
    rater.save()
    expect(page.locator("#save-status")).to_contain_text("No connection")
    page.unroute("**/answer/")
    page.unroute("**/events/")
    rater.expect_place(2)
    assert refused
    assert sorted(Response.objects.values_list("choice", flat=True)) == [3, 4]
    assert not SessionFlag.objects.exists()


def test_the_keyboard_alone_switches_at_the_same_moment_and_one_is_heard_at_a_time(
    live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, one_long_clip())
    rater.begin()
    expect(page.locator("#switch")).to_be_enabled()
    heard = page.locator(".player.playing")
    page.keyboard.press("Space")
    first = heard.get_attribute("data-letter")
    for key in ("s", "s", "b", "a"):
        before = heard.get_attribute("data-letter")
        moment = page.evaluate("() => document.querySelector('.player.playing video').currentTime")
        page.keyboard.press(key)
        other = "B" if before == "A" else "A"
        expect(heard).to_have_attribute("data-letter", key.upper() if key in "ab" else other)
        now = page.evaluate("() => document.querySelector('.player.playing video').currentTime")
        # The other one may stand a step behind, and no further.
        assert moment - 0.04 <= now <= moment + 1
        loud = page.evaluate(
            "() => [...document.querySelectorAll('video')].filter((one) => !one.muted && one.volume > 0.02).length"
        )
        assert loud == 1
    assert first == "A"
    # As a headset's button does.
    page.locator(".player.playing video").evaluate("video => video.pause()")
    expect(heard).to_have_count(0)
    page.wait_for_function("() => [...document.querySelectorAll('video')].every((one) => one.paused)")
    page.keyboard.press("Space")
    expect(heard).to_have_count(1)
    page.keyboard.press("Space")
    expect(heard).to_have_count(0)
    # Both stand at the same moment.
    step = page.evaluate(
        "() => Math.abs([...document.querySelectorAll('video')].reduce((step, one) => one.currentTime - step, 0))"
    )
    assert step <= 0.04
    # Letters and digits in the comment are words, not keys.
    page.get_by_text("Report or comment").click()
    page.get_by_label("In your own words").press_sequentially("bass 5")
    expect(page.get_by_label("In your own words")).to_have_value("bass 5")
    expect(page.get_by_role("radio", checked=True)).to_have_count(0)


def test_sound_that_is_turned_off_does_not_count_and_the_rater_is_told(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    first, _ = rater.letters
    video = page.locator(f".player[data-letter={first}] video")
    page.get_by_role("button", name=f"Play {first}").click()
    video.evaluate("video => { video.volume = 0; }")
    expect(page.locator("#guide")).to_contain_text("The sound is off")
    expect(page.locator("#guide")).to_contain_text("was skipped")
    expect(page.get_by_role("radio").first).to_be_disabled()
    video.evaluate("video => { video.volume = 0.5; }")
    rater.play(first)
    assert PlayEvent.objects.filter(kind="volume").exists()
