"""Every list and every record of the admin, tried by everybody; what leads nowhere is told from what opens."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.contrib import admin
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.models import Stimulus, StimulusHold, Study, StudyMember
from studyapp.states import StudyState
from tests.studyapp.archive.whole_study import whole_study
from tests.studyapp.factories import make_member, make_researcher, make_study
from tests.studyapp.test_rights import answer_of

pytestmark = pytest.mark.django_db

WHO = ("stranger", "account", "outsider", "viewer", "named", "editor", "blind editor", "owner")
"""Nobody; an account without staff rights; no member; a viewer; one who may see names; an editor who may; one who
may not; an owner."""

# What each of WHO gets of a record, in that order: "y" is shown it; "l" is sent to sign in; "f" forbidden; "n" led
# back to the admin's first page as if there were none; "r" led to the study's own page.
SHARED = "llyyyyyy"  # every researcher
MEMBERS = "llnyyyyy"
NAMES = "llnnyyny"  # only who may see names of systems
EDITORS = "llnnnyyy"  # what leads to a person, and what an editor decides
# A finished soundtrack under its system's name belongs to all, save to who must not know which is which.
NAMED = "llynyyny"
RECORDS: Mapping[str, str] = {
    "user": "llffffff",
    "clip": SHARED,
    "system": SHARED,
    "stimulus": NAMED,
    "comparison": NAMES,
    "trial": NAMES,
    "auditline": NAMES,
    "amendment": NAMES,
    "participant": EDITORS,
    "invitation": EDITORS,
    "stimulushold": EDITORS,  # without the system for who may not see names
    **dict.fromkeys(("block", "studysession", "presentation", "playevent", "response", "trialmark"), MEMBERS),
    **dict.fromkeys(("steptry", "erasure", "break", "studymember", "studytext"), MEMBERS),
    "study": "llnrrrrr",  # past its draft: nothing to change
}
NONE_THERE = {"voidedtrial", "sessionflag", "dataset"}


class Everybody:
    """A whole study, a draft of the same people, and a client for each of WHO."""

    def __init__(self) -> None:
        owner = make_researcher(is_superuser=False)
        self.study, self.draft = whole_study(owner), make_study(by=owner)
        StimulusHold.objects.create(
            stimulus=Stimulus.objects.earliest("pk"), reason=StimulusHold.Reason.FILE, held_at=timezone.now()
        )
        self.clients = {who: Client() for who in WHO}
        users = {"account": make_researcher(is_staff=False, is_superuser=False), "owner": owner}
        for who, fields in {
            "outsider": None,
            "viewer": {},
            "named": {"sees_names": True},
            "editor": {"role": StudyMember.Role.EDITOR, "sees_names": True},
            "blind editor": {"role": StudyMember.Role.EDITOR},
        }.items():
            users[who] = make_researcher(is_superuser=False)
            for study in (self.study, self.draft) if fields is not None else ():
                make_member(study, users[who], **(fields or {}))
        for who, user in users.items():
            self.clients[who].force_login(user)

    def ask(self, address: str) -> str:
        return "".join(_answer(self.clients[who].get(address)) for who in WHO)


def _answer(reply: HttpResponse) -> str:
    where = reply.headers.get("Location", "")
    if where == reverse("admin:index"):
        return "n"
    if where.startswith("/research/"):
        return "r"
    return answer_of(reply.status_code, where)


def test_everybody_gets_the_records_that_are_theirs_and_no_others() -> None:
    everybody = Everybody()
    got, lists, empty = {}, {}, set()
    for model in admin.site._registry:
        name = str(model._meta.model_name)
        lists[name] = everybody.ask(reverse(f"admin:studyapp_{name}_changelist"))
        row = model._base_manager.order_by("pk").first()
        if row is None:
            empty.add(name)
            continue
        got[name] = everybody.ask(reverse(f"admin:studyapp_{name}_change", args=[row.pk]))
    assert got == RECORDS
    assert empty == NONE_THERE
    # Lists hold the rows of one's own studies; that of accounts is a superuser's.
    assert lists == {name: RECORDS["user"] if name == "user" else SHARED for name in lists}


def test_a_draft_is_changed_by_its_editors_and_others_are_led_to_its_page() -> None:
    everybody = Everybody()
    assert everybody.ask(reverse("admin:studyapp_study_change", args=[everybody.draft.pk])) == "llnrryyy"
    shown = everybody.clients["viewer"].get(
        reverse("admin:studyapp_study_change", args=[everybody.draft.pk]), follow=True
    )
    assert f"Owners and editors change {everybody.draft}" in shown.content.decode()
    Study.objects.filter(pk=everybody.draft.pk).update(state=StudyState.PILOT)
    assert everybody.ask(reverse("admin:studyapp_study_change", args=[everybody.draft.pk])) == "llnrrrrr"


def test_lists_hold_no_row_of_others() -> None:
    everybody = Everybody()
    for name in sorted(RECORDS.keys() - {"user", "clip", "system", "stimulus"}):
        page = everybody.clients["outsider"].get(reverse(f"admin:studyapp_{name}_changelist"))
        assert page.context["cl"].result_count == 0, name
