"""What is told when a running study goes wrong, or is done: each alarm raised once and cleared once.

An alarm is data: a name, a test over the figures, and the sentence that it gives while it is on. None of them says
which system is which, so anybody may read them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from studyapp import policies
from studyapp.actions.webhooks import announce
from studyapp.models import Snapshot, Study
from studyapp.states import StudyState
from studyapp.watching.figures import Figures

logger = logging.getLogger(__name__)

QUIET_HOURS = 6
MOST_LEAVE = 0.40
FEWEST_SESSIONS = 10
MOST_FAIL: Mapping[str, float] = {
    "gold": 0.40,
    "identical": 0.30,
    "fast": 0.20,
    "same": 0.20,
    "headphones": 0.50,
    "screened-out": 0.40,
    "flags": 0.10,
}
"""Share of each check (``Figures.checks``) above which something is wrong with raters, page or rules."""
FEWEST_CHECKED = 20
LEAST_FREE_BYTES = 1_000_000_000
LEAST_FREE_SHARE = 0.05
NO_WORKER_AFTER = timedelta(minutes=15)
STAYS_UNTIL = 0.9
"""An alarm that is on goes only below this part of its threshold, lest it comes and goes with every rater."""
_RETRY_AFTER = timedelta(minutes=1)
_TAKING_RATERS = (StudyState.PILOT, StudyState.OPEN)


@dataclass(frozen=True, slots=True)
class Alarm:
    """``test`` takes the figures, the moment, and whether the alarm is on, and gives its sentence or nothing."""

    name: str
    title: str
    test: Callable[[Figures, datetime, bool], str]


Sentences = Callable[[Mapping[str, Any]], dict[str, str]]
"""From the alarms that are on, as they are stored, the sentence of each alarm, or nothing where it is off."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm that is on."""

    name: str
    title: str
    sentence: str
    since: datetime


def _quiet(figures: Figures, now: datetime, on: bool) -> str:
    if figures.state not in _TAKING_RATERS or not figures.blocks.free or figures.quiet_since is None:
        return ""
    hours = (now - figures.quiet_since) / timedelta(hours=1)
    return f"Nobody has answered for {hours:.0f} hours, and places are free." if hours >= QUIET_HOURS else ""


def _leaving(figures: Figures, now: datetime, on: bool) -> str:
    if figures.ended < FEWEST_SESSIONS:
        return ""
    share = figures.left / figures.ended
    if share <= MOST_LEAVE * (STAYS_UNTIL if on else 1):
        return ""
    return f"{figures.left} of the last {figures.ended} raters left or fell silent before the end."


def _failing(figures: Figures, now: datetime, on: bool) -> str:
    over = [
        f"{check.label}: {check.failed} of {check.of} {check.unit}."
        for check in figures.checks
        if check.of >= FEWEST_CHECKED and check.share > MOST_FAIL[check.name] * (STAYS_UNTIL if on else 1)
    ]
    return " ".join(over)


def _stimuli(figures: Figures, now: datetime, on: bool) -> str:
    parts = (
        f"Soundtracks failed: {figures.stimuli_failed}." if figures.stimuli_failed else "",
        f"Held until somebody has looked at them: {figures.stimuli_held}." if figures.stimuli_held else "",
    )
    return " ".join(part for part in parts if part)


def _disk(figures: Figures, now: datetime, on: bool) -> str:
    least = max(LEAST_FREE_BYTES, LEAST_FREE_SHARE * figures.disk_total)
    if figures.disk_free >= least / (STAYS_UNTIL if on else 1):
        return ""
    return f"The disk has {figures.disk_free / 1e9:.1f} GB free; soundtracks and answers will not fit for long."


def _no_worker(figures: Figures, now: datetime, on: bool) -> str:
    return _no_worker_since(figures.at, now)


def _no_worker_since(last: datetime, now: datetime) -> str:
    if now - last <= NO_WORKER_AFTER:
        return ""
    return (
        f"No worker has come since {last:%d %b %H:%M} UTC: none runs, or all are busy. Raters are not kept "
        "from answering; soundtracks, reports and these figures wait."
    )


def _full(figures: Figures, now: datetime, on: bool) -> str:
    if figures.state not in _TAKING_RATERS or figures.blocks.free or not figures.blocks.total:
        return ""
    taken = "Every place is taken; whoever comes now is turned away."
    if figures.state == StudyState.PILOT:
        return f"{taken} End the pilot, or open the study."
    return f"{taken} Add a wave, or close the study."


def _decided(figures: Figures, now: datetime, on: bool) -> str:
    primary = [line for line in figures.lines if line.primary]
    if figures.about != "people" or figures.pilot or len(primary) < max(figures.lines_declared, 1):
        return ""
    if not all(line.says_stop for line in primary):
        return ""
    return "The declared rule says stop for every primary pair and question."


_NO_WORKER = "no-worker"
ALARMS = (
    Alarm("quiet", "Nobody answers", _quiet),
    Alarm("leaving", "Many raters leave", _leaving),
    Alarm("checks", "Checks fail often", _failing),
    Alarm("stimuli", "Soundtracks failed or held", _stimuli),
    Alarm("disk", "The disk is nearly full", _disk),
    Alarm(_NO_WORKER, "No worker comes", _no_worker),
    Alarm("full", "The study is full", _full),
    Alarm("decided", "The stopping rule is reached", _decided),
)
_TITLES = {alarm.name: alarm.title for alarm in ALARMS}


def raised(snapshot: Snapshot) -> tuple[Raised, ...]:
    """The alarms that are on, the oldest first."""
    on = (
        Raised(name, _TITLES.get(name, name), stored["sentence"], datetime.fromisoformat(stored["since"]))
        for name, stored in snapshot.alarms.items()
    )
    return tuple(sorted(on, key=lambda one: one.since))


def look(*, study: Study, figures: Figures, now: datetime) -> None:
    """Raise what has come up and clear what is over; whoever wants mail, and every webhook, is told once of each.

    A study that takes no answers any more has no alarms, and nobody is told of their end.
    """

    def sentences(on: Mapping[str, Any]) -> dict[str, str]:
        return {alarm.name: alarm.test(figures, now, alarm.name in on) for alarm in ALARMS}

    _bring_about(study, sentences, now)


def look_for_workers(*, study: Study, since: datetime, now: datetime) -> None:
    """Raise or clear, without figures, that no worker has come since then. Other alarms stay as they are."""

    def sentences(on: Mapping[str, Any]) -> dict[str, str]:
        others = {name: stored["sentence"] for name, stored in on.items()}
        return {**others, _NO_WORKER: _no_worker_since(since, now)}

    _bring_about(study, sentences, now)


def _bring_about(study: Study, sentences: Sentences, now: datetime) -> None:
    # Without the lock first: mostly nothing has changed, and the sweeper looks every few seconds.
    on = Snapshot.objects.values_list("alarms", flat=True).get(study=study)
    if _standing(study, sentences, on, now) != on:
        _change(study, sentences, now)


@transaction.atomic
def _change(study: Study, sentences: Sentences, now: datetime) -> None:
    # Of two who look at one moment, the second finds what the first has raised.
    snapshot = Snapshot.objects.select_for_update().get(study=study)
    before: dict[str, Any] = snapshot.alarms
    after = _standing(study, sentences, before, now)
    snapshot.alarms = after
    snapshot.save(update_fields=["alarms"])
    if not _runs(study):
        return
    for name in after.keys() - before.keys():
        _tell(study, "alarm.on", name, after[name])
    for name in before.keys() - after.keys():
        _tell(study, "alarm.off", name, before[name])


def _standing(study: Study, sentences: Sentences, on: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The alarms as they should be, with those that are on as they are."""
    if not _runs(study):
        return {}
    return {
        name: {**on.get(name, {"since": now.isoformat(), "told": True}), "sentence": sentence}
        for name, sentence in sentences(on).items()
        if sentence
    }


def _runs(study: Study) -> bool:
    state = Study.objects.values_list("state", flat=True).get(pk=study.pk)
    return policies.takes_answers(StudyState(state))


def send_untold(*, now: datetime) -> int:
    """Send again what could not be sent when it was raised; returns how many alarms."""
    sent = 0
    for snapshot in Snapshot.objects.exclude(alarms={}).select_related("study"):
        for name, stored in snapshot.alarms.items():
            waits = not stored["told"] and now - datetime.fromisoformat(stored["since"]) > _RETRY_AFTER
            if waits and _mark(snapshot.study, name, told=True):
                sent += 1
                _mail(snapshot.study, "alarm.on", name, stored)
    return sent


def _tell(study: Study, event: str, name: str, stored: Mapping[str, Any]) -> None:
    payload = {"alarm": name, "title": _TITLES[name], "sentence": stored["sentence"], "since": stored["since"]}
    announce(study=study, event=event, payload=payload)
    transaction.on_commit(lambda: _mail(study, event, name, stored), robust=True)


def _mail(study: Study, event: str, name: str, stored: Mapping[str, Any]) -> None:
    """One message for each member who wants mail. What cannot be sent is noted, and the sweeper tries again."""
    members = study.members.filter(wants_mail=True, user__is_active=True).exclude(user__email="")
    addresses = list(members.values_list("user__email", flat=True))
    if not addresses:
        return
    over = event == "alarm.off"
    context = {
        "study": study,
        "title": _TITLES[name],
        "sentence": stored["sentence"],
        "since": datetime.fromisoformat(stored["since"]),
        "over": over,
        "address": settings.SITE_ADDRESS + reverse("research-running", args=[study.slug]),
    }
    subject = f"[Duet] {study.title}: {_TITLES[name].lower()}" + (" – over" if over else "")
    body = render_to_string("mail/alarm.txt", context)
    try:
        connection = get_connection()
        connection.send_messages(
            [EmailMessage(" ".join(subject.split()), body, None, [to], connection=connection) for to in addresses]
        )
    except OSError:  # smtplib's errors, and a host that does not answer
        logger.exception("Mail about %s of %s could not be sent", name, study)
        _mark(study, name, told=False)


@transaction.atomic
def _mark(study: Study, name: str, *, told: bool) -> bool:
    """Note whether an alarm that is on has been told; returns whether that changed anything."""
    snapshot = Snapshot.objects.select_for_update().get(study=study)
    stored = snapshot.alarms.get(name)
    if stored is None or stored["told"] == told:
        return False
    stored["told"] = told
    snapshot.save(update_fields=["alarms"])
    return True
