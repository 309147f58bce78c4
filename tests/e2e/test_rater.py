"""A rater in a real browser, from the link to the completion code, with real video playing."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, Route, expect
from pytest_django.live_server_helper import LiveServer

from studyapp.models import (
    PlayEvent,
    Presentation,
    Response,
    StimulusHold,
    Study,
    StudySession,
    Trial,
    VoidedTrial,
)
from studyapp.states import SessionState
from studyapp.views import trial_page
from tests.e2e.browser import ARTIFACTS, CLIP_S, DESK, LONG_S, MARKS, Rater, one_long_clip

pytestmark = MARKS


def test_a_rater_goes_from_the_link_to_the_completion_code(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    page.goto(rater.link)
    rater.shoot("desk-consent")
    page.get_by_role("button", name="I agree to take part").click()
    rater.shoot("desk-instructions")
    page.get_by_role("link", name="Begin").click()

    # Trial 1, by mouse: the gate, then both versions, then two answers.
    rater.expect_place(1)
    first, second = rater.letters
    expect(page.locator("#guide")).to_have_text(f"Play {first} to the end.")
    page.get_by_role("button", name=f"Play {second}").click(force=True)
    expect(page.locator("#guide")).to_have_text(f"Play {first} to the end first; then {second} opens.")
    expect(page.get_by_role("radio", name="No preference").first).to_be_disabled()
    rater.shoot("desk-trial-locked")
    rater.play(first)
    expect(page.get_by_role("radio", name="No preference").first).to_be_disabled()
    page.get_by_role("button", name=f"Play {second}").click()
    # Only one is heard at a time: starting the first again stops the second.
    page.wait_for_timeout(300)
    page.get_by_role("button", name=f"Replay {first}").click()
    expect(page.locator(f".player[data-letter={second}] video")).to_have_js_property("paused", True)
    rater.play(second)
    rater.choose(0, "A is somewhat better")
    expect(page.locator("#next")).to_have_attribute("aria-disabled", "true")
    rater.choose(1, "B is much better")
    rater.shoot("desk-trial")
    page.locator("#next").dblclick()

    # Trial 2, by keyboard alone.
    rater.expect_place(2)
    expect(page.locator(".saved")).to_be_visible()
    first, second = rater.letters
    page.keyboard.press(first)
    page.keyboard.press("Space")
    rater.expect_played(first)
    page.keyboard.press(second.lower())
    page.keyboard.press("Space")
    rater.expect_played(second)
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    page.keyboard.press("3")
    rater.shoot("desk-trial-keyboard")
    page.keyboard.press("Enter")

    # Trial 3, with a reload after the first version and a lost connection while saving.
    rater.expect_place(3)
    first, second = rater.letters
    with page.expect_response("**/events/"):
        rater.play(first)
    page.reload()
    rater.expect_place(3)
    rater.expect_played(first)
    rater.play(second)
    rater.choose(0, "No preference")
    rater.choose(1, "A is much better")
    page.route("**/answer/", lambda route: route.abort())
    rater.save()
    expect(page.locator("#save-status")).to_contain_text("No connection")
    expect(page.locator(".question").nth(0).get_by_role("radio", name="No preference")).to_be_checked()
    page.unroute("**/answer/")
    expect(page).to_have_title("Thank you")
    expect(page.locator("#code")).to_have_text("DUET-7Q4M")
    rater.shoot("desk-thanks")

    # What is stored: each answer once, as read, with proof of both plays.
    session = StudySession.objects.get()
    assert session.state == SessionState.COMPLETED
    stored = Response.objects.filter(session=session).order_by("trial__position", "question")
    assert [(row.trial.position, row.question, row.choice) for row in stored] == [
        (1, "music_preference", 5),
        (1, "visual_relevance", 2),
        (2, "music_preference", 3),
        (2, "visual_relevance", 4),
        (3, "music_preference", 1),
        (3, "visual_relevance", 3),
    ]
    assert all(min(row.coverage_left, row.coverage_right) >= 0.95 for row in stored)
    assert PlayEvent.objects.filter(kind="ended").count() >= 6
    # The link again leads to the same end.
    page.goto(rater.link)
    expect(page.locator("#code")).to_have_text("DUET-7Q4M")


def test_a_rater_on_a_phone_closes_the_page_and_comes_back(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext], playwright: Playwright
) -> None:
    device = {
        key: value for key, value in playwright.devices["iPhone 13"].items() if key != "default_browser_type"
    }
    context = visit(**device)
    rater = Rater(context.new_page(), live_server, study)
    rater.begin()
    boxes = [box for player in rater.page.locator(".player").all() if (box := player.bounding_box())]
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    rater.play_both()
    rater.choose(0, "B is somewhat better")
    rater.choose(1, "No preference")
    rater.shoot("phone-trial")
    for control in rater.page.locator("button:visible, .point").all():
        box = control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    rater.save()
    rater.expect_place(2)
    rater.page.close()

    rater.page = context.new_page()
    rater.page.goto(rater.link)
    rater.expect_place(2)
    assert Response.objects.count() == 2
    rater.page.set_viewport_size({"width": 320, "height": 568})
    assert rater.page.evaluate("document.documentElement.scrollWidth") == 320
    bar = rater.page.locator(".progress").bounding_box()
    brand = rater.page.locator(".brand img").bounding_box()
    assert bar is not None
    assert brand is not None
    assert brand["x"] >= 12
    assert bar["x"] + bar["width"] <= 320 - 12
    rater.shoot("phone-320")


def test_jumping_to_the_end_opens_nothing(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    first, second = rater.letters
    jump = f"""() => {{
        const video = document.querySelector('.player[data-letter={first}] video');
        video.currentTime = {CLIP_S - 0.3};
        return video.play();
    }}"""
    page.evaluate(jump)
    expect(page.locator("#guide")).to_contain_text("was skipped")
    expect(page.get_by_role("button", name=f"Play {second}")).to_have_attribute("aria-disabled", "true")
    # Nor on the server, whatever a page of one's own making sends.
    refusal = page.evaluate(
        """async () => {
            const form = document.getElementById("trial");
            const data = new URLSearchParams(new FormData(form));
            data.set("visual_relevance", "1");
            data.set("music_preference", "1");
            const reply = await fetch(form.action, {
                method: "POST", body: data, headers: { Accept: "application/json" } });
            return [reply.status, (await reply.json()).error];
        }"""
    )
    assert refusal[0] == 409
    assert "Please play both versions to the end first" in refusal[1]
    assert not Response.objects.exists()


def test_minutes_without_a_connection_cost_neither_the_proof_nor_the_answer(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    page.route("**/events/", lambda route: route.abort())
    # The page's script says which player comes first, a moment after the page is there.
    page.locator(".player.current video").wait_for()
    # As many events as a long time offline gives, before those of the playing that counts.
    page.evaluate(
        """() => {
            const video = document.querySelector(".player.current video");
            for (let number = 0; number < 1200; number += 1) video.dispatchEvent(new Event("seeking"));
        }"""
    )
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    page.unroute("**/events/")
    rater.save()
    rater.expect_place(2)
    assert Response.objects.count() == 2
    assert PlayEvent.objects.filter(presentation__trial__position=1).count() > 1200


def test_what_plays_behind_a_locked_screen_is_stopped_and_playing_on_counts_whole(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    first, second = rater.letters
    video = page.locator(f".player[data-letter={first}] video")
    page.get_by_role("button", name=f"Play {first}").click()
    page.wait_for_timeout(700)
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
            Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    expect(video).to_have_js_property("paused", True)
    # The phone's own control on its locked screen.
    video.evaluate("video => void video.play().catch(() => {})")
    page.wait_for_timeout(500)
    assert video.evaluate("video => video.paused && !video.ended")
    page.evaluate("() => { delete document.hidden; delete document.visibilityState; }")
    # A headset's button, for the version whose turn it is not.
    locked = page.locator(f".player[data-letter={second}] video")
    locked.evaluate("video => void video.play().catch(() => {})")
    page.wait_for_timeout(500)
    assert locked.evaluate("video => video.paused && !video.ended")
    rater.play(first)
    rater.play(second)
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    rater.save()
    rater.expect_place(2)
    stored = Response.objects.filter(trial__position=1).first()
    assert stored is not None
    assert min(stored.coverage_left, stored.coverage_right) >= 0.95
    assert PlayEvent.objects.filter(kind="hidden").exists()


def test_the_page_counts_a_slow_script_and_a_stall_as_the_server_does(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    page.goto(f"{live_server.url}/take/{study.token}/")
    looks = page.evaluate(
        """async () => {
            const { Run } = await import("/static/studyapp/js/rater/coverage.js");
            const looked = (...looks) => {
                const run = new Run(0, 0);
                return looks.map((look) => run.look(...look));
            };
            return [looked([5, 5], [5, 8], [7, 10]), looked([1, 1], [9, 2], [10, 3]), looked([4, 2], [5, 3])];
        }"""
    )
    # A script that slept for five seconds and a stall of three; a jump; double speed.
    assert looks == [[[0, 5], [5, 5], [5, 7]], [[0, 1], None, [9, 10]], [None, [4, 5]]]


def test_a_lost_connection_while_loading_is_waited_for_and_opens_nothing(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)

    def broken(route: Route) -> None:
        route.abort()

    page.route("**/a.mp4", broken)
    page.goto(rater.link)
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_role("link", name="Begin").click()
    expect(page.locator("#guide")).to_contain_text("No connection")
    rater.shoot("desk-trial-waiting")
    expect(page.get_by_role("radio").first).to_be_disabled()
    for letter in "AB":
        button = page.get_by_role("button", name=f"Play {letter}")
        expect(button).to_have_attribute("aria-disabled", "true")
    page.unroute("**/a.mp4", broken)
    rater.expect_place(1)
    rater.play_both()
    expect(page.get_by_role("radio").first).to_be_enabled()
    assert not VoidedTrial.objects.exists()


@pytest.mark.parametrize("how", ["missing", "incomplete", "unplayable", "stalled"])
def test_a_video_that_cannot_be_had_makes_the_trial_void_and_brings_the_next(
    study: Study,
    live_server: LiveServer,
    visit: Callable[..., BrowserContext],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    monkeypatch.setattr(trial_page, "STALL_AFTER_S", 1.0)
    stimulus = Trial.objects.get(block__number=1, position=1).stimulus_on("left")
    whole = stimulus.path.read_bytes()
    if how == "missing":
        stimulus.path.unlink()
    elif how == "incomplete":
        stimulus.path.write_bytes(whole[: len(whole) // 2])
    elif how == "unplayable":
        stimulus.path.write_bytes(bytes(len(whole)))
    else:
        # A server that is there and says nothing.
        page.route("**/a.mp4", lambda route: None)
    page.goto(rater.link)
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_role("link", name="Begin").click()
    expect(page.locator("#guide")).to_contain_text("not your fault", timeout=20_000)
    expect(page.locator(".player[data-letter=A]").get_by_role("alert")).to_contain_text("cannot be shown")
    expect(page.get_by_role("radio").first).to_be_disabled()
    rater.shoot(f"desk-trial-void-{how}")
    page.unroute_all(behavior="ignoreErrors")
    rater.expect_place(2)
    void = VoidedTrial.objects.get()
    assert (void.reason, void.side, void.file_lost) == (how, "left", how in ("missing", "incomplete"))
    assert StimulusHold.objects.count() == void.file_lost
    assert not Response.objects.exists()
    if how == "missing":
        rater.play_both()


GAP_PROBE = """async ({ switches, everyMs }) => {
    // What both elements send to the loudspeaker, sample by sample.
    const context = new AudioContext({ sampleRate: 48000 });
    const merger = context.createChannelMerger(2);
    const videos = [...document.querySelectorAll("video")];
    videos.forEach((video, index) => context.createMediaElementSource(video).connect(merger, 0, index));
    const tape = context.createScriptProcessor(256, 2, 1);
    const chunks = [[], []];
    tape.onaudioprocess = ({ inputBuffer }) => {
        for (const side of [0, 1]) chunks[side].push(new Float32Array(inputBuffer.getChannelData(side)));
    };
    merger.connect(tape);
    tape.connect(context.destination);
    await context.resume();
    const button = document.getElementById("switch");
    const apart = [];
    let looking = true;
    const look = () => {
        if (videos.every((video) => !video.paused)) {
            apart.push([performance.now(), videos[0].currentTime - videos[1].currentTime]);
        }
        if (looking) requestAnimationFrame(look);
    };
    document.querySelector(".player.done .toggle").click();
    await new Promise((resolve) => { setTimeout(resolve, 400); });
    look();
    const costs = [];
    for (let number = 0; number < switches; number += 1) {
        await new Promise((resolve) => { setTimeout(resolve, everyMs); });
        const from = performance.now();
        button.click();
        costs.push(performance.now() - from);
    }
    await new Promise((resolve) => { setTimeout(resolve, everyMs); });
    looking = false;
    tape.disconnect();
    // Loudness in windows of 2 ms.
    const window = 96;
    const loud = chunks.map((side) => {
        const all = side.flatMap((chunk) => [...chunk]);
        const levels = [];
        for (let at = 0; at + window <= all.length; at += window) {
            let sum = 0;
            for (let n = at; n < at + window; n += 1) sum += all[n] * all[n];
            levels.push(Math.sqrt(sum / window) > 0.01);
        }
        return levels;
    });
    return { loud, apart, costs };
}"""


def runs(flags: list[bool]) -> list[int]:
    """Lengths of the stretches of True."""
    return [len(list(group)) for value, group in itertools.groupby(flags) if value]


def seen_once(measure: Callable[[], dict[str, float]], limits: dict[str, float]) -> dict[str, float]:
    """Figures of the first of three looks that keeps the limits; the machine may be busy with something else."""
    looks = []
    for _ in range(3):
        looks.append(measure())
        if all(looks[-1][name] <= limit for name, limit in limits.items()):
            return looks[-1]
    raise AssertionError(looks)


def test_switching_leaves_no_gap_and_the_players_stay_in_step(
    live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    pages: list[Page] = []

    def measure() -> dict[str, float]:
        pages.append(visit(viewport=DESK).new_page())
        return _switched(pages[-1], live_server)

    limits = {"longest silence (ms)": 50, "longest overlap (ms)": 50, "largest step (ms)": 40, "turns missing": 0}
    figures = seen_once(measure, limits)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    (ARTIFACTS / "switching.json").write_text(json.dumps(figures, indent=1))
    switched = PlayEvent.objects.filter(kind="switch")
    for page in pages:
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect_soon(lambda: switched.count() == 8 * len(pages))
    assert all(0 < event.media_time_s < LONG_S for event in switched)


def _switched(page: Page, live_server: LiveServer) -> dict[str, float]:
    open_at_free_replay(page, live_server)
    measured = page.evaluate(GAP_PROBE, {"switches": 8, "everyMs": 700})
    left, right = measured["loud"]
    began = next(n for n, (one, other) in enumerate(zip(left, right, strict=True)) if one or other)
    last = len(left) - 1 - next(n for n, pair in enumerate(zip(left[::-1], right[::-1], strict=True)) if any(pair))
    heard = list(zip(left[began:last], right[began:last], strict=True))
    silences = runs([not one and not other for one, other in heard])
    overlaps = runs([one and other for one, other in heard])
    turns = sum(one != other for one, other in itertools.pairwise(one for one, other in heard if one != other))
    apart = [abs(seconds) * 1000 for _, seconds in measured["apart"]]
    return {
        "switches heard": turns,
        "turns missing": abs(8 - turns),
        "longest silence (ms)": 2 * max(silences, default=0),
        "longest overlap (ms)": 2 * max(overlaps, default=0),
        "largest step (ms)": round(max(apart), 1),
        "median step (ms)": round(statistics.median(apart), 1),
        "95th percentile (ms)": round(sorted(apart)[int(0.95 * len(apart))], 1),
        "looks": len(apart),
        "longest click (ms)": round(max(measured["costs"]), 1),
    }


FRAME_PROBE = """async ({ switches, everyMs }) => {
    // Which picture each player shows when: media time against the time at which the frame reaches the screen.
    const frames = [[], []];
    const videos = [...document.querySelectorAll("video")];
    let looking = true;
    videos.forEach((video, side) => {
        const look = (now, frame) => {
            frames[side].push([frame.expectedDisplayTime, frame.mediaTime * 1000]);
            if (looking) video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
    });
    const clocks = [];
    const button = document.getElementById("switch");
    document.querySelector(".player.done .toggle").click();
    for (let number = 0; number <= switches; number += 1) {
        const until = performance.now() + everyMs;
        while (performance.now() < until) {
            await new Promise(requestAnimationFrame);
            if (videos.every((video) => !video.paused && video.currentTime > 0)) {
                clocks.push((videos[0].currentTime - videos[1].currentTime) * 1000);
            }
        }
        if (number < switches) button.click();
    }
    looking = false;
    return { frames, clocks };
}"""


def test_the_pictures_are_those_of_one_moment(
    live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    # Clips of 25 frames a second: in step is the same picture or the one beside it.
    limits = {"95th percentile (ms)": 40, "99th percentile of clocks (ms)": 40}
    figures = seen_once(lambda: _pictured(visit(viewport=DESK).new_page(), live_server), limits)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    (ARTIFACTS / "pictures.json").write_text(json.dumps(figures, indent=1))
    assert figures["frames"] > 50, figures


def _pictured(page: Page, live_server: LiveServer) -> dict[str, float]:
    open_at_free_replay(page, live_server)
    measured = page.evaluate(FRAME_PROBE, {"switches": 8, "everyMs": 700})
    left, right = measured["frames"]
    # For each frame of A, the frame of B that is on the screen at that time.
    steps = []
    for shown_at, media_ms in left:
        before = [frame for frame in right if frame[0] <= shown_at + 1]
        if before:
            steps.append(abs(media_ms - before[-1][1]))
    clocks = [abs(step) for step in measured["clocks"]]
    return {
        "frames": len(steps),
        "median step of pictures (ms)": round(statistics.median(steps), 1),
        "95th percentile (ms)": round(sorted(steps)[int(0.95 * len(steps))], 1),
        "largest step of pictures (ms)": round(max(steps), 1),
        "99th percentile of clocks (ms)": round(sorted(clocks)[int(0.99 * len(clocks))], 1),
        "largest step of clocks (ms)": round(max(clocks), 1),
        "looks at clocks": len(clocks),
    }


def open_at_free_replay(page: Page, live_server: LiveServer) -> None:
    study = one_long_clip()
    page.goto(f"{live_server.url}/take/{study.token}/")
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_role("link", name="Begin").click()
    expect(page.locator("#switch")).to_be_enabled()
    # Chromium lets nothing sound on a page that nobody has touched.
    page.locator("#guide").click()


def expect_soon(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert holds()


def test_the_next_trial_is_there_before_it_is_asked_for(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    page = visit(viewport=DESK).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    rater.play_both()
    rater.choose(0, "No preference")
    rater.choose(1, "No preference")
    page.wait_for_load_state("networkidle")
    ahead = Presentation.objects.get(shown_at=None)
    assert ahead.left_served_at
    assert ahead.right_served_at
    rater.save()
    rater.expect_place(2)
    rater.play_both()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_trial_page_reads_well_in_both_schemes(
    study: Study, live_server: LiveServer, visit: Callable[..., BrowserContext], scheme: str
) -> None:
    # Nothing has to be played here: the questions are open from the start.
    Study.objects.filter(pk=study.pk).update(min_coverage=0)
    page = visit(viewport=DESK, color_scheme=scheme).new_page()
    rater = Rater(page, live_server, study)
    rater.begin()
    rater.choose(0, "No preference")
    rater.shoot(f"desk-{scheme}")
    ratios = page.evaluate(
        """() => {
            const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
            const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
                .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const behind = (element) => {
                for (let at = element; at; at = at.parentElement) {
                    const colour = rgb(getComputedStyle(at).backgroundColor);
                    if (colour.length < 4 || colour[3] === 1) return colour;
                }
                return [255, 255, 255];
            };
            const parts = ".guide, .state, .time, .question-text, .question-note, .point-label, #next";
            return [...document.querySelectorAll(parts)].map((element) => {
                const [one, other] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
                return [element.className || element.id,
                    (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)];
            });
        }"""
    )
    assert len(ratios) > 15
    assert [part for part in ratios if part[1] < 4.5] == []
