"""Members of a study: who is let in, what they may do, and that an owner is always left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from studyapp import rights
from studyapp.actions.members import add_member, change_member, find_researcher, remove_member
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Study, StudyMember, User
from tests.studyapp.factories import make_member, make_researcher, make_study

OWNER, EDITOR, VIEWER = StudyMember.Role
MAY = {"sees_names": False, "wants_mail": False}


@pytest.fixture
def owner() -> User:
    return make_researcher(is_superuser=False, email="owner@example.org")


@pytest.fixture
def study(owner: User) -> Study:
    return make_study(by=owner)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Grace", "grace", "GRACE@example.org", "  grace@example.org "])
def test_a_researcher_is_found_by_user_name_or_address_in_any_case(name: str) -> None:
    grace = make_researcher(username="grace", email="grace@example.org")
    assert find_researcher(name) == grace


@pytest.mark.django_db
def test_of_two_names_that_differ_in_case_the_one_that_was_written_counts() -> None:
    ada, other = make_researcher(username="ada"), make_researcher(username="Ada")
    assert (find_researcher("ada"), find_researcher("Ada")) == (ada, other)
    with pytest.raises(DuetError, match="letter by letter"):
        find_researcher("ADA")


@pytest.mark.django_db
def test_nobody_is_let_in_for_whoever_has_the_address_that_they_chose_as_a_name() -> None:
    grace = make_researcher(username="grace", email="grace@example.org")
    other = make_researcher(username="grace@example.org", email="else@example.org")
    with pytest.raises(DuetError, match="the user name of one account and the e-mail address of another"):
        find_researcher("Grace@example.org")
    assert find_researcher("grace") == grace
    assert find_researcher("else@example.org") == other
    own = make_researcher(username="ann@example.org", email="ann@example.org")
    assert find_researcher("ann@example.org") == own


@pytest.mark.django_db
def test_who_cannot_be_let_in_is_told_why() -> None:
    make_researcher(username="asleep", is_active=False)
    make_researcher(username="guest", is_staff=False)
    for name in ("one", "other"):
        make_researcher(username=name, email="lab@example.org")
    for name, said in (
        ("", "say whom"),
        ("nobody", "there is no account “nobody”"),
        ("asleep", "may not sign in"),
        ("guest", "^the account guest may not sign in"),
        ("lab@example.org", "several accounts"),
    ):
        with pytest.raises(DuetError, match=said):
            find_researcher(name)


@pytest.mark.django_db
def test_a_member_is_let_in_once_and_the_line_says_with_what(study: Study, owner: User) -> None:
    grace = make_researcher(is_superuser=False)
    add_member(study=study, user=grace, role=EDITOR, sees_names=True, wants_mail=False, by=owner)
    assert rights.may(grace, rights.CHANGE, study)
    line = AuditLine.objects.get(verb="member added")
    assert line.details == {
        "member": grace.username,
        "after": {"role": "editor", "sees_names": True, "wants_mail": False},
    }
    with pytest.raises(DuetError, match=f"^the account {grace} is a member already"):
        add_member(study=study, user=grace, role=VIEWER, **MAY, by=owner)
    assert StudyMember.objects.get(user=grace).role == EDITOR


@pytest.mark.django_db
def test_a_change_says_what_it_was_and_what_it_became(study: Study, owner: User) -> None:
    grace = make_researcher(is_superuser=False)
    make_member(study, grace, role=VIEWER)
    change_member(study=study, user=grace, role=VIEWER, sees_names=True, wants_mail=False, by=owner)
    line = AuditLine.objects.get(verb="member changed")
    assert line.details == {
        "member": grace.username,
        "before": {"sees_names": False},
        "after": {"sees_names": True},
    }
    # The same again is no change.
    change_member(study=study, user=grace, role=VIEWER, sees_names=True, wants_mail=False, by=owner)
    assert AuditLine.objects.filter(verb="member changed").count() == 1


@pytest.mark.django_db
def test_the_last_owner_who_can_sign_in_stays(study: Study, owner: User) -> None:
    asleep = make_researcher(is_superuser=False, is_active=False)
    make_member(study, asleep, role=OWNER)
    with pytest.raises(DuetError, match="no owner left"):
        remove_member(study=study, user=owner, by=owner)
    with pytest.raises(DuetError, match="no owner left"):
        change_member(study=study, user=owner, role=EDITOR, **MAY, by=owner)
    assert StudyMember.objects.get(study=study, user=owner).role == OWNER
    second = make_researcher(is_superuser=False)
    make_member(study, second, role=OWNER)
    remove_member(study=study, user=owner, by=owner)
    assert not StudyMember.objects.filter(user=owner).exists()


@pytest.mark.django_db
def test_what_a_member_cannot_be_is_refused(study: Study, owner: User) -> None:
    silent = make_researcher(is_superuser=False, email="")
    with pytest.raises(DuetError, match=f"^the account {silent} has no e-mail address"):
        add_member(study=study, user=silent, role=VIEWER, sees_names=False, wants_mail=True, by=owner)
    with pytest.raises(DuetError, match="choose one of owner, editor, viewer"):
        add_member(study=study, user=silent, role="king", **MAY, by=owner)
    with pytest.raises(DuetError, match=f"^the account {silent} is not a member"):
        remove_member(study=study, user=silent, by=owner)
    assert StudyMember.objects.filter(study=study).count() == 1


@pytest.mark.django_db
def test_who_is_no_owner_any_more_changes_nothing(study: Study, owner: User) -> None:
    StudyMember.objects.filter(user=owner).update(role=EDITOR)
    with pytest.raises(DuetError, match="not an owner"):
        add_member(study=study, user=make_researcher(), role=VIEWER, **MAY, by=owner)
    assert StudyMember.objects.filter(study=study).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_remove_each_other_at_the_same_moment_one_stays() -> None:
    one, other = (make_researcher(is_superuser=False) for _ in range(2))
    study = make_study(by=one)
    make_member(study, other, role=OWNER)
    start = threading.Barrier(2)

    def remove(user: User, by: User) -> str:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            remove_member(study=study, user=user, by=by)
        except DuetError as error:
            return str(error)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(remove, (one, other), (other, one)))
    assert sorted(map(bool, said)) == [False, True]
    left = StudyMember.objects.get(study=study)
    assert left.role == OWNER
    assert AuditLine.objects.filter(verb="member removed").count() == 1
