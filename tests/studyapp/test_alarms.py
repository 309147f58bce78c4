"""Alarms: what raises and clears each, and that everybody who wants to know is told once."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.signals import beat_init
from django.core import mail
from django.utils import timezone

from studyapp.actions import alarms, snapshots
from studyapp.actions.webhooks import add_webhook
from studyapp.models import AuditLine, Delivery, Snapshot, Study, StudyMember
from studyapp.states import StudyState
from studyapp.watching import monitoring
from studyapp.watching.figures import Blocks, Check, Figures, Line
from studyapp.work import last_worker, watch
from tests.studyapp.factories import make_member, make_researcher, open_study

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()
LINE = Line("visual_relevance", "a", "b", 40, 0.3, 0.1, 0.5, 90.0, 40.0, 30, "stop: a preference is shown", True)

MUSIC = replace(LINE, question="music_preference")


@pytest.fixture
def study() -> Study:
    return open_study(clips=2, blocks=2)


@pytest.fixture
def calm(study: Study) -> Figures:
    """Figures that raise nothing."""
    Snapshot.objects.create(study=study)
    found = monitoring.figures(study, now=NOW)
    return replace(found, quiet_since=NOW, disk_free=500 * 10**9, disk_total=10**12)


def full(figures: Figures) -> Blocks:
    return replace(figures.blocks, free=0, claimed=2)


def names(study: Study) -> list[str]:
    return [one.name for one in alarms.raised(Snapshot.objects.get(study=study))]


def test_a_primary_pair_that_nobody_judged_yet_is_waited_for(study: Study, calm: Figures) -> None:
    alarms.look(study=study, figures=replace(calm, lines=(LINE, MUSIC), lines_declared=4), now=NOW)
    assert names(study) == []


def test_a_study_that_goes_well_raises_nothing(study: Study, calm: Figures) -> None:
    alarms.look(study=study, figures=calm, now=NOW)
    assert names(study) == []


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("quiet", {"quiet_since": NOW - timedelta(hours=7)}, "for 7 hours"),
        ("leaving", {"ended": 20, "left": 9}, "9 of the last 20 raters"),
        ("checks", {"checks": (Check("gold", "Gold pairs", "answers", 12, 20),)}, "Gold pairs: 12 of 20 answers."),
        (
            "stimuli",
            {"stimuli_failed": 1, "stimuli_held": 2},
            "Soundtracks failed: 1. Held until somebody has looked at them: 2.",
        ),
        ("disk", {"disk_free": 900_000_000}, "0.9 GB free"),
        ("disk", {"disk_free": 40 * 10**9}, "40.0 GB free"),
        ("no-worker", {"at": NOW - timedelta(minutes=16)}, "No worker has come since"),
        ("decided", {"lines": (LINE, MUSIC)}, "says stop"),
    ],
)
def test_each_alarm_has_its_reason(study: Study, calm: Figures, name: str, wrong: Any, words: str) -> None:
    alarms.look(study=study, figures=replace(calm, **wrong), now=NOW)
    (one,) = alarms.raised(Snapshot.objects.get(study=study))
    assert one.name == name
    assert words in one.sentence


@pytest.mark.parametrize(
    "nearly",
    [
        {"quiet_since": NOW - timedelta(hours=5)},
        {"ended": 20, "left": 8},
        {"ended": 9, "left": 9},
        {"checks": (Check("gold", "Gold pairs", "answers", 8, 20),)},
        {"checks": (Check("gold", "Gold pairs", "answers", 19, 19),)},
        {"at": NOW - timedelta(minutes=14)},
        {"lines": (LINE, replace(LINE, question="music_preference", decision="go on"))},
        {"lines": (LINE,), "about": "simulated"},
        {"lines": (LINE,), "pilot": True},
    ],
)
def test_short_of_its_threshold_an_alarm_stays_off(study: Study, calm: Figures, nearly: Any) -> None:
    alarms.look(study=study, figures=replace(calm, **nearly), now=NOW)
    assert names(study) == []


def test_a_full_study_is_told_and_is_not_quiet(study: Study, calm: Figures) -> None:
    silent = replace(calm, blocks=full(calm), quiet_since=NOW - timedelta(days=2))
    alarms.look(study=study, figures=silent, now=NOW)
    assert names(study) == ["full"]


def test_only_secondary_lines_going_on_do_not_keep_the_rule_from_being_reached(
    study: Study, calm: Figures
) -> None:
    secondary = replace(LINE, decision="go on", primary=False)
    alarms.look(study=study, figures=replace(calm, lines=(LINE, MUSIC, secondary)), now=NOW)
    assert names(study) == ["decided"]


def test_every_check_that_can_fail_has_a_threshold(study: Study, calm: Figures) -> None:
    known = set(alarms.MOST_FAIL)
    assert {"gold", "identical", "fast", "same", "headphones", "screened-out", "flags"} == known


def test_members_who_want_mail_get_one_when_it_begins_and_one_when_it_is_over(study: Study, calm: Figures) -> None:
    for address, wants in (("a@example.org", True), ("b@example.org", True), ("c@example.org", False), ("", True)):
        make_member(study, make_researcher(email=address), wants_mail=wants)
    wrong = replace(calm, ended=20, left=15)
    for _ in range(3):
        alarms.look(study=study, figures=wrong, now=NOW)
    assert [message.to for message in mail.outbox] == [["a@example.org"], ["b@example.org"]]
    assert study.title in mail.outbox[0].subject
    assert "15 of the last 20 raters" in mail.outbox[0].body
    assert "/running/" in mail.outbox[0].body
    later = NOW + timedelta(hours=1)
    for _ in range(2):
        alarms.look(study=study, figures=replace(calm, at=later), now=later)
    assert len(mail.outbox) == 4
    assert mail.outbox[2].subject.endswith("over")
    assert names(study) == []


def test_an_alarm_does_not_come_and_go_at_its_threshold(study: Study, calm: Figures) -> None:
    make_member(study, make_researcher(email="a@example.org"), wants_mail=True)
    for left in (9, 8, 9, 8):
        alarms.look(study=study, figures=replace(calm, ended=20, left=left), now=NOW)
    assert names(study) == ["leaving"]
    alarms.look(study=study, figures=replace(calm, ended=20, left=7), now=NOW)
    assert names(study) == []
    assert len(mail.outbox) == 2


def test_webhooks_are_told_too(study: Study, calm: Figures) -> None:
    add_webhook(study=study, url="https://example.org/duet", by=None)
    alarms.look(study=study, figures=replace(calm, stimuli_failed=1), now=NOW)
    alarms.look(study=study, figures=calm, now=NOW)
    assert list(Delivery.objects.order_by("pk").values_list("event", flat=True)) == ["alarm.on", "alarm.off"]
    assert '"alarm": "stimuli"' in Delivery.objects.earliest("pk").body


def test_mail_that_cannot_be_sent_is_sent_later_and_then_no_more(
    study: Study, calm: Figures, settings: Any
) -> None:
    make_member(study, make_researcher(email="a@example.org"), wants_mail=True)
    # Nobody listens there.
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    alarms.look(study=study, figures=replace(calm, stimuli_failed=1), now=NOW)
    assert names(study) == ["stimuli"]
    settings.EMAIL_BACKEND = backend
    assert alarms.send_untold(now=NOW + timedelta(seconds=10)) == 0
    assert alarms.send_untold(now=NOW + timedelta(minutes=2)) == 1
    assert alarms.send_untold(now=NOW + timedelta(minutes=3)) == 0
    assert len(mail.outbox) == 1


def test_a_closed_study_has_no_alarms_and_says_nothing_of_it(study: Study, calm: Figures) -> None:
    make_member(study, make_researcher(email="a@example.org"), wants_mail=True)
    alarms.look(study=study, figures=replace(calm, stimuli_failed=1), now=NOW)
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=NOW)
    alarms.look(study=study, figures=replace(calm, stimuli_failed=1), now=NOW)
    assert names(study) == []
    assert len(mail.outbox) == 1


def test_a_worker_looks_for_alarms_and_the_sweeper_notices_that_none_comes(study: Study) -> None:
    make_member(study, make_researcher(email="a@example.org"), wants_mail=True, role=StudyMember.Role.VIEWER)
    snapshots.ask(study=study, now=timezone.now())
    study.blocks.update(state="claimed")
    snapshots.refresh(study_id=study.pk)
    assert names(study) == ["full"]
    snapshots.keep_fresh(now=timezone.now() + timedelta(minutes=20))
    assert names(study) == ["full", "no-worker"]
    assert [message.subject.rsplit(": ")[-1] for message in mail.outbox] == [
        "the study is full",
        "no worker comes",
    ]


def test_a_pilot_that_is_full_is_told_what_a_pilot_allows(study: Study, calm: Figures) -> None:
    for state, words in ((StudyState.PILOT, "End the pilot, or open the study."), (StudyState.OPEN, "Add a wave")):
        alarms.look(study=study, figures=replace(calm, state=state, blocks=full(calm)), now=NOW)
        (one,) = alarms.raised(Snapshot.objects.get(study=study))
        assert words in one.sentence


def test_the_scheduler_tells_that_no_worker_comes_for_where_none_runs_nobody_sweeps(
    study: Study, calm: Figures
) -> None:
    make_member(study, make_researcher(email="ada@example.org"), wants_mail=True)
    old = replace(calm, at=NOW - timedelta(minutes=16))
    Snapshot.objects.filter(study=study).update(figures=old.to_json(), made_at=old.at)
    # In a thread of its own, as there: it closes its connection.
    thread = threading.Thread(target=watch.look)
    thread.start()
    thread.join()
    assert names(study) == ["no-worker"]
    assert [one.subject for one in mail.outbox] == [f"[Duet] {study.title}: no worker comes"]
    assert watch.begin in [one for _, one in beat_init.receivers]


def no_worker_for(hours: float, *, var: Path) -> None:
    last_worker.note()
    then = (NOW - timedelta(hours=hours)).timestamp()
    os.utime(var / "worker-came", (then, then))


@pytest.mark.parametrize("asked", [False, True], ids=["no row", "an empty row"])
def test_a_study_that_never_had_figures_tells_too_that_no_worker_comes(
    study: Study, settings: Any, tmp_path: Path, asked: bool
) -> None:
    settings.VAR = tmp_path
    make_member(study, make_researcher(email="ada@example.org"), wants_mail=True)
    opened = timezone.now()
    if asked:
        snapshots.ask(study=study, now=opened)
    snapshots.look_for_alarms(now=opened + timedelta(minutes=14))
    assert names(study) == []
    for _ in range(2):
        snapshots.look_for_alarms(now=opened + timedelta(hours=5))
    assert names(study) == ["no-worker"]
    (message,) = mail.outbox
    assert f"No worker has come since {study.opened_at:%d %b %H:%M} UTC" in message.body
    # One comes; its figures are not there yet.
    last_worker.note()
    snapshots.look_for_alarms(now=timezone.now())
    assert names(study) == []
    assert mail.outbox[1].subject.endswith("no worker comes – over")


def test_a_pilot_and_a_study_opened_long_ago_go_by_when_a_worker_last_came(
    study: Study, settings: Any, tmp_path: Path
) -> None:
    settings.VAR = tmp_path
    Study.objects.update(opened_at=NOW - timedelta(days=3))
    no_worker_for(0.1, var=tmp_path)
    snapshots.look_for_alarms(now=NOW)
    assert names(study) == []
    no_worker_for(1, var=tmp_path)
    snapshots.look_for_alarms(now=NOW)
    assert names(study) == ["no-worker"]
    # A pilot has no day on which it was opened; the history says when it began.
    Study.objects.update(state=StudyState.PILOT, opened_at=None)
    AuditLine.write("study pilot", by=None, study=study)
    snapshots.look_for_alarms(now=timezone.now())
    assert names(study) == []
    snapshots.look_for_alarms(now=timezone.now() + timedelta(minutes=16))
    assert names(study) == ["no-worker"]


def test_figures_that_an_older_duet_wrote_clear_no_alarm(
    study: Study, calm: Figures, settings: Any, tmp_path: Path
) -> None:
    settings.VAR = tmp_path
    alarms.look(study=study, figures=replace(calm, stimuli_failed=1), now=NOW)
    Snapshot.objects.update(figures={"version": 0})
    snapshots.look_for_alarms(now=NOW + timedelta(hours=1))
    assert names(study) == ["stimuli", "no-worker"]
