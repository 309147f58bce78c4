"""Simulated raters: known preferences, answered through the same pages as people use.

Link, consent, checks, instructions, trial after trial with both videos fetched and played by events, breaks,
thanks. Three things only happen beside the pages: the session is marked as simulated in the database right after
consent; which system is on which side is looked up there, and so are the right answers to the checks, for the
pages do not tell and nobody hears. A simulated session states its own clock (``X-Duet-Clock``) instead of waiting
for the music to end.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from studyapp import policies
from studyapp.admission import outstanding
from studyapp.briefings import questions
from studyapp.errors import DuetError, WrongState
from studyapp.models import Study, StudySession, System, Trial
from studyapp.preferences import Preferences
from studyapp.presentation import Side
from studyapp.questions import Question
from studyapp.screening.device import Listening
from studyapp.screening.steps import Step
from studyapp.simulated_browser import Browser
from studyapp.states import StudyState
from studyapp.views.seat import CLOCK_HEADER, COOKIE, seated, ticket_of
from studyapp.views.standing import next_step

Progress = Callable[[int, int, str], None]
"""Called with the trials answered, the trials there will be, and a few words."""

_READING_S = 20.0
_PAUSE_S = 1.0
_STEP_S = 30.0
_TRIALS = Trial.objects.select_related(
    "block", "comparison__clip", "comparison__stimulus_1__system", "comparison__stimulus_2__system"
)


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it. ``full`` when the study had no place for all who were asked for.

    ``overtaken`` when somebody ended the pilot they were in, or opened the study: nobody goes on, in neither.
    """

    raters: int
    trials: int
    full: bool
    overtaken: bool = False


def simulate(
    study: Study,
    *,
    raters: int,
    effects: Mapping[str, float],
    seed: int,
    rater_sd: float = 0.5,
    clip_sd: float = 0.5,
    url: str | None = None,
    progress: Progress | None = None,
) -> Simulated:
    """Let ``raters`` simulated people take part, one after the other.

    effects: strength in logits by system slug, or by ``slug:question`` for one question; others have 0.
    url: where the site is served from this very database; without it this process answers itself.
    They stay in the phase that ``study`` is in: nobody who came for its pilot takes a place of the study. The same
    design, effects and seed give the same answers. Raises WrongState unless the study is open, and
    DuetError on a system it does not compare or when the site answers what a rater cannot go on from.
    """
    if not policies.accepts_new_raters(StudyState(study.state)):
        raise WrongState(f"{study} is {study.standing}; simulated raters, too, need an open study")
    preferences = _preferences(study, effects, rater_sd=rater_sd, clip_sd=clip_sd, seed=seed)
    trials = 0
    for number in range(1, raters + 1):
        try:
            with Browser(url) as browser:
                session = _enrol(study, browser)
                if session is None:
                    return Simulated(number - 1, trials, full=True)
                for _ in _answers(study, session, browser, preferences):
                    trials += 1
                    if progress is not None:
                        expected = raters * session.block.trials.count()
                        progress(trials, max(expected, trials), f"rater {number} of {raters}")
        except DuetError:
            # Whoever ends a pilot ends its raters, wherever they are: the pages turn them away.
            if _is_piloted(Study.objects.get(pk=study.pk)) == _is_piloted(study):
                raise
            return Simulated(number - 1, trials, full=False, overtaken=True)
    return Simulated(raters, trials, full=False)


def _is_piloted(study: Study) -> bool:
    return study.state == StudyState.PILOT


def _preferences(
    study: Study, effects: Mapping[str, float], *, rater_sd: float, clip_sd: float, seed: int
) -> Preferences:
    compared = {pk for pair in study.pairs.values_list("system_1", "system_2") for pk in pair}
    known = set(System.objects.filter(pk__in=compared).values_list("slug", flat=True))
    strengths: dict[str, float] = {}
    per_question: dict[tuple[str, Question], float] = {}
    for name, strength in effects.items():
        slug, _, question = name.partition(":")
        if slug not in known:
            raise DuetError(f"{study} does not compare {slug!r}; its systems are {', '.join(sorted(known))}")
        if not question:
            strengths[slug] = strength
        elif question in Question.values:
            per_question[slug, Question(question)] = strength
        else:
            raise DuetError(f"there is no question {question!r}; there are {', '.join(Question.values)}")
    try:
        return Preferences(strengths, per_question, rater_sd=rater_sd, clip_sd=clip_sd, seed=seed)
    except ValueError as error:
        raise DuetError(str(error)) from None


def _enrol(study: Study, browser: Browser) -> StudySession | None:
    """Follow the link, consent, and be marked as simulated; None when no place is left.

    The ticket says for which phase the consent is, and the claim obeys it. Raises WrongState on another phase's.
    """
    browser.get(reverse("take", args=[study.token]), expected=(200, 409))
    # The page comes again, and says why, when what it tells has changed since it was made.
    while COOKIE not in browser.cookies:
        ticket = browser.page.fields.get("ticket")
        if ticket is None:
            return None
        consent = ticket_of(study, ticket)
        if consent is not None and consent.of_pilot != _is_piloted(study):
            raise WrongState(f"{study} has left the phase that its simulated raters came for")
        browser.submit({}, expected=(200, 409))
    # Read the cookie as the site would: a session of another database, or of another secret, is not found.
    request = HttpRequest()
    request.COOKIES[COOKIE] = browser.cookies[COOKIE]
    session = seated(request, study.token)
    if session is None:
        raise DuetError(f"{browser.base} does not serve this database; give the address of the site that does")
    StudySession.objects.filter(pk=session.pk).update(simulated=True)
    return session


def _answers(study: Study, session: StudySession, browser: Browser, preferences: Preferences) -> Iterator[Trial]:
    """Answer trial after trial until the thanks; yields each trial that was answered."""
    start, thanks, go_on = (
        reverse(name, args=[study.token]) for name in ("take-trial", "take-thanks", "take-go-on")
    )
    clock = Clock(browser)
    while step := outstanding(session):
        _take(session, step, browser, clock)
    clock.pass_by(_READING_S)
    browser.get(start)
    while not browser.page.url.endswith(thanks):
        if browser.page.action.endswith(go_on):
            clock.pass_by(_PAUSE_S)
            browser.submit({})
            continue
        if "trial-config" not in browser.page.data:
            raise DuetError(f"{browser.page.url} shows no trial to a simulated rater who is not done yet")
        yield _answer(browser, clock, preferences)
        clock.pass_by(_PAUSE_S)


def _take(session: StudySession, step: Step, browser: Browser, clock: Clock) -> None:
    """Do one step before the trials, and pass."""
    browser.get(next_step(session))
    if "ticket" in browser.page.fields:
        # It ended meanwhile, and the page asks for another consent; nobody agrees in passing.
        raise WrongState(f"{session} ended before it came to its trials")
    clock.pass_by(_STEP_S)
    shown = session.tries.get(step=step, ended_at=None).shown
    match step:
        case Step.BACKGROUND:
            browser.submit({})
        case Step.DEVICE:
            browser.submit({"bells": shown["bells"], "listening": Listening.WIRED.value})
        case Step.ANTIPHASE | Step.HUGGINS:
            browser.submit({str(number): trial[0] for number, trial in enumerate(shown["trials"])})
        case Step.UNDERSTANDING:
            asked = questions(session.study, session.language)
            pairs = enumerate(zip(asked, shown["orders"], strict=True))
            browser.submit({str(number): order.index(question.right) for number, (question, order) in pairs})


class Clock:
    """Seconds since consent as a simulated rater lives them; every request states them."""

    def __init__(self, browser: Browser) -> None:
        self.now_s = 0.0
        self._browser = browser

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds
        self._browser.headers[CLOCK_HEADER] = f"{self.now_s:.3f}"


def _answer(browser: Browser, clock: Clock, preferences: Preferences) -> Trial:
    """Watch both versions of the trial on the page and answer; the browser is then on the next page."""
    config = browser.page.data["trial-config"]
    trial = _TRIALS.get(token=config["token"])
    rater = trial.block.number
    for source in browser.page.sources:
        browser.get(source)
    shown_s = clock.now_s
    first: Side = "left" if config["first"] == "left" else "right"
    second: Side = "right" if first == "left" else "left"
    heard = _play(trial, first, clock, shown_s, number=0)
    browser.send_json(config["eventsUrl"], {"proof": config["proof"], "events": heard})
    # What the page had not sent yet goes along with the answer.
    rest = _play(trial, second, clock, shown_s, number=len(heard))
    pace = random.Random(repr((preferences.seed, "pace", rater, trial.position)))
    thinking_s = pace.lognormvariate(1.2, 0.5)
    clock.pass_by(thinking_s)
    sides = trial.sides
    choices = {
        question.value: preferences.choose(
            rater=rater,
            trial=f"{rater}/{trial.position}",
            clip_id=trial.comparison.clip.clip_id,
            system_left=sides.left.system.slug,
            system_right=sides.right.system.slug,
            question=question,
        )
        for question in Question
    }
    browser.submit({**choices, "response_time_ms": int(thinking_s * 1000), "events": json.dumps(rest)})
    return trial


def _play(trial: Trial, side: Side, clock: Clock, shown_s: float, *, number: int) -> list[list[object]]:
    """Play one version to its end; the events a player tells, numbered from ``number``."""
    clock.pass_by(_PAUSE_S)
    began_s = clock.now_s - shown_s
    length_s = trial.stimulus_on(side).duration_s or 0.0
    clock.pass_by(length_s)
    return [
        [number, side, "play", 0.0, began_s],
        [number + 1, side, "progress", length_s / 2, began_s + length_s / 2],
        [number + 2, side, "ended", length_s, began_s + length_s],
    ]
