"""Who may open and press what: every researchers' address and every API route, tried by everybody."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from studyapp.actions.sessions import enrol
from studyapp.models import (
    Clip,
    Dataset,
    Delivery,
    Invitation,
    ShareLink,
    Study,
    StudyMember,
    StudySession,
    User,
    Webhook,
)
from studyapp.states import DatasetState
from tests.studyapp.factories import make_member, make_researcher, open_study

pytestmark = pytest.mark.django_db

WHO = ("stranger", "rater", "account", "outsider", "viewer", "named", "editor", "owner")
"""Nobody; a rater in the middle of a session; an account without staff rights; a researcher who is no member;
a viewer; a viewer who may see names; an editor who may; an owner."""

# What each of WHO gets, in that order: "y" is let in; "l" is sent to sign in; "f" forbidden; "n" not found.
LOOK = "llfnyyyy"  # every member looks
NAMES = "llfnfyyy"  # only who may see names of systems
CHANGE = "llfnffyy"  # editors and owners
MANAGE = "llfnfffy"  # owners
STAFF = "llfyyyyy"  # every researcher: nothing of one study


@dataclass(frozen=True, slots=True)
class Door:
    """One address, how it is opened, and who gets in."""

    allowed: str
    arguments: Callable[[Study], list[Any]] = field(default=lambda study: [study.slug])
    method: str = "get"
    data: Mapping[str, Any] = field(default_factory=dict)


def dataset(study: Study) -> Dataset:
    """A finished one, with every file that a page opens."""
    made, _ = Dataset.objects.get_or_create(
        study=study,
        defaults={
            "state": DatasetState.READY,
            "folder": f"datasets/{study.slug}",
            "rows": 0,
            "sha256": "0" * 64,
            "ready_at": timezone.now(),
        },
    )
    made.path.mkdir(parents=True, exist_ok=True)
    for name in ("ratings.csv", "report.html", "report.csp"):
        (made.path / name).write_text("nothing")
    figures = {"sections": [], "found": [], "title": "", "estimand": "", "warnings": [], "digest": ""}
    (made.path / "figures.json").write_text(json.dumps(figures | {"simulated_shown": 0, "analysed": 0}))
    return made


def of_study(*more: Any) -> Callable[[Study], list[Any]]:
    return lambda study: [study.slug, *more]


def session(study: Study) -> StudySession:
    return study.sessions.earliest("pk")


def invitation(study: Study) -> Invitation:
    return Invitation.objects.create(study=study, digest=secrets.token_hex(32))


def link(study: Study) -> ShareLink:
    return ShareLink.objects.create(
        dataset=dataset(study), digest=secrets.token_hex(32), expires_at=timezone.now() + timedelta(days=1)
    )


def hook(study: Study) -> Webhook:
    return Webhook.objects.get_or_create(study=study, url="https://example.org/", defaults={"secret": "s"})[0]


def message(study: Study) -> Delivery:
    return Delivery.objects.create(webhook=hook(study), event="test", body="{}", next_at=timezone.now())


def looker_on(study: Study) -> StudyMember:
    return make_member(study, make_researcher(is_superuser=False))


def a_clip(study: Study) -> Clip:
    return study.clips.earliest("pk")


def filmed(study: Study) -> Clip:
    clip = a_clip(study)
    clip.master_path.parent.mkdir(parents=True, exist_ok=True)
    clip.master_path.write_bytes(b"0" * 1000)
    return clip


def no_arguments(study: Study) -> list[Any]:
    return []


DOORS: dict[str, list[Door]] = {
    "research-study": [Door(LOOK)],
    "research-live": [Door(LOOK)],
    "research-do": [
        Door(CHANGE, of_study("pause"), "post"),
        Door(MANAGE, of_study("archive"), "post"),
    ],
    "research-design": [Door(NAMES)],
    "research-preview": [Door(LOOK, of_study(1))],
    "research-plan": [Door(LOOK)],
    "research-plan-power": [Door(LOOK)],
    "research-prereg": [Door(NAMES)],
    "research-amend": [Door(CHANGE), Door(CHANGE, method="post")],
    "research-soundtracks": [Door(LOOK)],
    "research-soundtracks-live": [Door(LOOK)],
    "research-retry-group": [Door(CHANGE, method="post", data={"cause": "disk"})],
    "research-listen": [Door(NAMES)],
    "research-check-files": [Door(CHANGE, method="post")],
    "research-people": [Door(CHANGE), Door(CHANGE, method="post", data={"number": 2})],
    "research-revoke": [Door(CHANGE, lambda study: [study.slug, invitation(study).pk], "post")],
    "research-running": [Door(LOOK), Door(NAMES, data={"names": "1"})],
    "research-running-live": [Door(LOOK)],
    "research-wave": [Door(CHANGE, method="post")],
    "research-sessions": [Door(LOOK)],
    "research-replay": [Door(LOOK, lambda study: [study.slug, session(study).pk])],
    "research-replay-media": [Door(NAMES, lambda study: [study.slug, session(study).pk, 1, "a"])],
    "research-raters": [Door(LOOK)],
    "research-results": [Door(LOOK)],
    "research-results-live": [Door(LOOK)],
    "research-freeze": [Door(CHANGE, method="post")],
    "research-report": [Door(NAMES)],
    "research-report-file": [Door(NAMES, lambda study: [dataset(study).pk])],
    "research-download": [Door(NAMES, lambda study: [dataset(study).pk, "ratings.csv"])],
    "research-preferences": [Door(NAMES, lambda study: [dataset(study).pk])],
    "research-shares": [Door(MANAGE), Door(MANAGE, method="post")],
    "research-revoke-share": [Door(MANAGE, lambda study: [study.slug, link(study).pk], "post")],
    "research-team": [Door(LOOK)],
    "research-member-add": [Door(MANAGE, method="post")],
    "research-member-change": [Door(MANAGE, lambda study: [study.slug, looker_on(study).pk], "post")],
    "research-member-remove": [Door(MANAGE, lambda study: [study.slug, looker_on(study).pk], "post")],
    "research-keep-ids": [Door(MANAGE, method="post")],
    "research-purge-personal": [Door(MANAGE, method="post")],
    "research-webhooks": [Door(MANAGE), Door(MANAGE, method="post")],
    "research-webhook-do": [Door(MANAGE, lambda study: [study.slug, hook(study).pk, "test"], "post")],
    "research-webhook-again": [Door(MANAGE, lambda study: [study.slug, message(study).pk], "post")],
    "research-history": [Door(LOOK)],
    "research-history-file": [Door(LOOK)],
    "research-export-study": [Door(NAMES), Door("llfnffyy", data={"codes": "1"})],
    "research-duplicate": [Door(NAMES)],
    "research-compare": [Door(NAMES)],
    # What is shared by all researchers.
    "research-new-study": [Door(STAFF, no_arguments), Door(STAFF, no_arguments, data={"template": "blank"})],
    "research-import-study": [Door(STAFF, no_arguments), Door(STAFF, no_arguments, "post")],
    "research-read-archive": [Door(STAFF, no_arguments), Door(STAFF, no_arguments, "post")],
    "research-tokens": [Door(STAFF, no_arguments)],
    "research-clip-library": [Door(STAFF, no_arguments)],
    "research-clips-to-draft": [Door(STAFF, no_arguments, "post")],
    "research-clips-into": [Door("llfnffyy", no_arguments, "post", data={"study": ...})],
    "research-clips-tag": [Door(STAFF, no_arguments, "post")],
    "research-clip-problems": [Door(STAFF, no_arguments)],
    "research-clip-problems-file": [Door(STAFF, no_arguments)],
    "research-clip-genre": [Door(STAFF, lambda study: [a_clip(study).pk], "post")],
    "research-clip-licence": [Door(STAFF, no_arguments, "post")],
    "research-clip-video": [Door(STAFF, lambda study: [filmed(study).pk])],
    # A few bytes are no film to take a picture from.
    "research-clip-poster": [Door("llfnnnnn", lambda study: [filmed(study).pk])],
    # Not to who works blind in a study that shows it.
    "research-stimulus-video": [
        Door("llfynyyy", lambda study: [study.comparisons.earliest("pk").stimulus_1_id]),
    ],
}
OWN = {"research-token-revoke"}
"""What is nobody's but one's own is tested where it is made."""


class Everybody:
    """A study and a client for each of WHO."""

    def __init__(self) -> None:
        owner = make_researcher(is_superuser=False)
        self.study = open_study(by=owner)
        self.clients = {who: Client() for who in WHO}
        session = enrol(study=self.study, now=timezone.now())
        self.clients["rater"].get(reverse("take", args=[self.study.token]))
        assert session.pk
        self._sign_in("account", make_researcher(is_staff=False, is_superuser=False))
        for who, fields in {
            "outsider": None,
            "viewer": {},
            "named": {"sees_names": True},
            "editor": {"role": StudyMember.Role.EDITOR, "sees_names": True},
        }.items():
            user = make_researcher(is_superuser=False)
            if fields is not None:
                make_member(self.study, user, **fields)
            self._sign_in(who, user)
        self._sign_in("owner", owner)

    def _sign_in(self, who: str, user: User) -> None:
        self.clients[who].force_login(user)


def answer_of(status: int, location: str) -> str:
    if status == 302 and reverse("admin:login") in location:
        return "l"
    return {200: "y", 302: "y", 303: "y", 201: "y", 403: "f", 404: "n"}.get(status, str(status))


@pytest.fixture
def everybody() -> Everybody:
    return Everybody()


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, doors in DOORS.items() for number in range(len(doors))]
)
def test_everybody_gets_what_is_theirs_and_nothing_else(everybody: Everybody, name: str, number: int) -> None:
    door = DOORS[name][number]
    got = []
    for who in WHO:
        # Anew for each of them: what one has taken back, the next could not.
        address = reverse(name, args=door.arguments(everybody.study))
        data = {key: everybody.study.slug if value is ... else value for key, value in door.data.items()}
        reply = getattr(everybody.clients[who], door.method)(address, data)
        got.append(answer_of(reply.status_code, reply.headers.get("Location", "")))
        if reply.streaming:
            b"".join(reply.streaming_content)  # read to its end, a file is closed
    assert "".join(got) == door.allowed, address


def researchers_addresses(resolver: URLResolver | None = None) -> Iterator[str]:
    """Names of every address of ours that is for researchers."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            if one.namespace != "admin":
                yield from researchers_addresses(one)
        elif isinstance(one, URLPattern) and one.name and one.name.startswith("research-"):
            yield one.name


def test_no_address_is_left_out_of_the_table() -> None:
    assert set(researchers_addresses()) == set(DOORS) | OWN
