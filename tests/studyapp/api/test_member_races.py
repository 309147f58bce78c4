"""Two real connections at the same moment: a member is put as asked, whoever was faster."""

from __future__ import annotations

import threading

import pytest

from studyapp.api import members
from studyapp.models import AuditLine, StudyMember, User
from tests.studyapp.api.caller import caller_for
from tests.studyapp.factories import make_researcher, make_study
from tests.studyapp.test_session_races import at_once


@pytest.mark.django_db(transaction=True)
def test_putting_one_member_many_times_at_once_lets_them_in_once_and_refuses_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = make_researcher(is_superuser=False)
    study = make_study(by=owner)
    make_researcher(username="grace", is_superuser=False)
    callers = [caller_for(owner) for _ in range(4)]
    all_looked = threading.Barrier(len(callers))
    found = members.find_researcher

    def found_once_all_have_looked(name: str) -> User:
        # Each has seen that she is no member yet.
        all_looked.wait(timeout=20)
        return found(name)

    monkeypatch.setattr(members, "find_researcher", found_once_all_have_looked)
    address = f"studies/{study.slug}/members/grace"
    answers = at_once(*[lambda call=call: call("PUT", address, {"role": "editor"}) for call in callers])
    assert sorted(one.status for one in answers if not isinstance(one, Exception)) == [200, 200, 200, 201]
    assert {one.said["role"] for one in answers if not isinstance(one, Exception)} == {"editor"}
    assert study.members.get(user__username="grace").role == StudyMember.Role.EDITOR
    assert AuditLine.objects.filter(verb="member added", details__member="grace").count() == 1
