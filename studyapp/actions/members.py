"""Who may do what with a study. A study always has an owner who can sign in."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from studyapp.errors import DuetError
from studyapp.models import AuditLine, Study, StudyMember, User

FIELDS = ("role", "sees_names", "wants_mail")


def find_account(name: str) -> User:
    """The account with this user name or e-mail address, whether it may sign in or not.

    Raises DuetError where there is none, or where it could be somebody else's: who chose another's address for a
    user name is not let in instead of them.
    """
    name = name.strip()
    if not name:
        raise DuetError("say whom: the user name or the e-mail address of an account")
    named = list(User.objects.filter(username=name) or User.objects.filter(username__iexact=name)[:2])
    addressed = list(User.objects.filter(email__iexact=name)[:2])
    found = {user.pk: user for user in (*named, *addressed)}
    if not found:
        raise DuetError(f"there is no account “{name}”; an administrator can make one under Records, Users")
    if named and len(found) > 1 and addressed:
        raise DuetError(
            f"“{name}” is the user name of one account and the e-mail address of another; name whom you mean by "
            "the other of the two"
        )
    if len(found) > 1:
        raise DuetError(f"several accounts have “{name}”; give the user name, letter by letter")
    (user,) = found.values()
    return user


def find_researcher(name: str) -> User:
    """The same, of who may be let in. Raises DuetError saying what is wrong with the account."""
    user = find_account(name)
    if not user.is_active or not user.is_staff:
        raise DuetError(f"the account {user} may not sign in here; an administrator can set “active” and “staff”")
    return user


@transaction.atomic
def add_member(
    *, study: Study, user: User, role: str, sees_names: bool, wants_mail: bool, by: User | None
) -> StudyMember:
    """Let somebody in. Raises DuetError where they are in already, or ``by`` is no owner any more."""
    locked = _locked(study, by)
    member = StudyMember(study=locked, user=user, role=role, sees_names=sees_names, wants_mail=wants_mail)
    _check(member)
    try:
        with transaction.atomic():
            member.save()
    except IntegrityError:
        raise DuetError(f"the account {user} is a member already; change what they may do in the list") from None
    AuditLine.write("member added", by=by, study=locked, member=user.get_username(), after=_as_it_is(member))
    return member


@transaction.atomic
def change_member(
    *, study: Study, user: User, role: str, sees_names: bool, wants_mail: bool, by: User | None
) -> StudyMember:
    """What somebody may do from now on. Raises DuetError where the study would be left without an owner."""
    locked = _locked(study, by)
    member = _member(locked, user)
    before = _as_it_is(member)
    member.role, member.sees_names, member.wants_mail = role, sees_names, wants_mail
    _check(member)
    if role != StudyMember.Role.OWNER:
        _must_leave_an_owner(locked, user)
    member.save(update_fields=FIELDS)
    after = _as_it_is(member)
    changed = [name for name in FIELDS if before[name] != after[name]]
    if changed:
        AuditLine.write(
            "member changed",
            by=by,
            study=locked,
            member=user.get_username(),
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
    return member


@transaction.atomic
def remove_member(*, study: Study, user: User, by: User | None) -> None:
    """Let somebody out. Raises DuetError where the study would be left without an owner."""
    locked = _locked(study, by)
    member = _member(locked, user)
    _must_leave_an_owner(locked, user)
    before = _as_it_is(member)
    member.delete()
    AuditLine.write("member removed", by=by, study=locked, member=user.get_username(), before=before)


def _locked(study: Study, by: User | None) -> Study:
    """The study's row, locked: of two owners who remove each other, the second finds itself removed."""
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    # Read anew: the page's own check may be older than what the other owner has just done.
    if by is not None and not by.is_superuser:
        mine = StudyMember.objects.filter(study=locked, user=by, role=StudyMember.Role.OWNER)
        if not mine.exists():
            raise DuetError(f"you are not an owner of {locked} any more; nothing was changed")
    return locked


def _member(study: Study, user: User) -> StudyMember:
    member = StudyMember.objects.filter(study=study, user=user).first()
    if member is None:
        raise DuetError(f"the account {user} is not a member of {study} any more")
    return member


def _must_leave_an_owner(study: Study, user: User) -> None:
    owners = StudyMember.objects.filter(study=study, role=StudyMember.Role.OWNER)
    # One who cannot sign in can let nobody else in.
    if not owners.filter(user__is_active=True, user__is_staff=True).exclude(user=user).exists():
        raise DuetError(f"{study} would have no owner left; make somebody else an owner first")


def _check(member: StudyMember) -> None:
    if member.role not in StudyMember.Role.values:
        options = ", ".join(StudyMember.Role.values)
        raise DuetError(f"there is no role “{member.role}”; choose one of {options}")
    if member.wants_mail and not member.user.email:
        raise DuetError(f"the account {member.user} has no e-mail address; an administrator can enter one there")


def _as_it_is(member: StudyMember) -> dict[str, str | bool]:
    return {"role": str(member.role), "sees_names": member.sees_names, "wants_mail": member.wants_mail}
