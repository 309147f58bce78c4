"""The whole way with steps before the trials: by touch on a phone, by keyboard alone, and with cookies lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect
from pytest_django.live_server_helper import LiveServer

from studyapp.actions import recruitment
from studyapp.models import Response, StepTry, StudySession
from studyapp.states import SessionState
from tests.e2e.browser import DESK, MARKS
from tests.e2e.stage import rich_study

pytestmark = [*MARKS, pytest.mark.timeout(150)]


def right_answers(step: str) -> dict[str, object]:
    """What the open try wants, by name of the question."""
    shown: dict[str, Any] = StepTry.objects.get(step=step, ended_at=None).shown
    if step == "device":
        return {"bells": shown["bells"], "listening": "wired"}
    if step == "understanding":
        return {str(number): order.index(0) for number, order in enumerate(shown["orders"])}
    return {str(number): trial[0] for number, trial in enumerate(shown["trials"])}


def hear_everything(page: Page, press: Callable[[Any], None]) -> None:
    """Play each sound of the page to its end, one after the other."""
    for button in page.locator("[data-sound]").all():
        press(button)
        expect(button).to_have_class("button sound playing")
        expect(button).to_have_class("button sound", timeout=15_000)


def test_on_a_phone_by_touch_and_the_tab_is_closed_at_each_step(
    live_server: LiveServer, visit: Callable[..., BrowserContext], playwright: Playwright
) -> None:
    study = rich_study(clips=1, headphone_test="antiphase")
    device = {
        key: value for key, value in playwright.devices["iPhone 13"].items() if key != "default_browser_type"
    }
    context = visit(**device)
    link = f"{live_server.url}/take/{study.token}/"
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="I agree to take part").tap()
    for step, place in (
        ("background", "before/background/"),
        ("device", "before/device/"),
        ("antiphase", "before/antiphase/"),
        ("understanding", "instructions/"),
    ):
        page.wait_for_url(f"{link}{place}")
        page.close()
        page = context.new_page()
        page.goto(link)
        page.wait_for_url(f"{link}{place}")
        if step != "background":
            if step == "antiphase":
                hear_everything(page, lambda button: button.tap())
            for name, value in right_answers(step).items():
                page.locator(f"[name='{name}'][value='{value}']").tap()
        page.locator(".asks .button.primary, form.asks .button.primary").first.tap()
    expect(page).to_have_title("Comparison 1 of 1")
    assert all(StepTry.objects.values_list("passed", flat=True))
    expect(page.locator("video").last).to_have_js_property("readyState", 4)
    for _ in range(2):
        letter = page.locator(".player.current").get_attribute("data-letter")
        page.get_by_role("button", name=f"Play {letter}").tap()
        page.locator(f".player[data-letter={letter}].done").wait_for()
    for question in page.locator(".question").all():
        question.get_by_role("radio", name="No preference").tap()
    page.locator("#next").tap()
    expect(page).to_have_title("Thank you")
    assert Response.objects.count() == 2


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on what the selector names."""
    for _ in range(60):
        if page.evaluate("(wanted) => Boolean(document.activeElement?.matches(wanted))", wanted):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by Tab")


def choose(page: Page, name: str, value: object) -> None:
    """Reach a question by Tab and move along its answers with the arrow, as a keyboard does."""
    if page.locator(f"[name='{name}']:checked").count() == 0:
        tab_to(page, f"[name='{name}']")
        page.keyboard.press("Space")
    else:
        tab_to(page, f"[name='{name}']:checked")
    for _ in range(10):
        if page.locator(f"[name='{name}'][value='{value}']").is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value} of {name} is not reached")


def test_by_keyboard_alone(live_server: LiveServer, visit: Callable[..., BrowserContext]) -> None:
    study = rich_study(clips=1, headphone_test="none")
    page = visit(viewport=DESK).new_page()
    link = f"{live_server.url}/take/{study.token}/"
    page.goto(link)
    tab_to(page, ".button.primary")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{link}before/background/")
    choose(page, "age", "35-44")
    tab_to(page, "[name=languages]")
    page.keyboard.type("English, Finnish")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{link}before/device/")
    for name, value in right_answers("device").items():
        choose(page, name, value)
    tab_to(page, ".actions .button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{link}instructions/")
    for name, value in right_answers("understanding").items():
        choose(page, name, value)
    tab_to(page, ".actions .button")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Comparison 1 of 1")
    background = StepTry.objects.get(step="background").answers
    assert (background["age"], background["languages"]) == ("35-44", "English, Finnish")
    assert StudySession.objects.get().state == SessionState.ACTIVE


def test_cookies_are_lost_and_the_invitation_leads_back_to_the_same_trial(
    live_server: LiveServer, visit: Callable[..., BrowserContext]
) -> None:
    study = rich_study(
        clips=3,
        open_link=False,
        checks_sound=False,
        checks_understanding=False,
        asks_background=False,
        headphone_test="none",
    )
    (code,) = recruitment.invite(study=study, notes=[""], by=None)
    link = f"{live_server.url}/take/{study.token}/invitation/{code}/"
    page = visit(viewport=DESK).new_page()
    page.goto(link)
    page.get_by_role("button", name="I agree to take part").click()
    page.get_by_role("link", name="Begin").click()
    letter = page.locator(".player.current").get_attribute("data-letter")
    with page.expect_response("**/events/"):
        page.get_by_role("button", name=f"Play {letter}").click()
        page.locator(f".player[data-letter={letter}].done").wait_for()
    page.context.clear_cookies()
    page.goto(f"{live_server.url}/take/{study.token}/")
    expect(page.get_by_text("by invitation")).to_be_visible()
    page.goto(link)
    expect(page).to_have_title("Comparison 1 of 3")
    expect(page.locator(f".player[data-letter={letter}] .state")).to_have_text("Played")
    assert StudySession.objects.count() == 1
