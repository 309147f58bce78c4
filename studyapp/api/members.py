"""Who takes part in a study as a researcher, what was amended, and the log of changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from studyapp import blinding, history, rights
from studyapp.actions.amendments import amend_study
from studyapp.actions.members import add_member, change_member, find_account, find_researcher, remove_member
from studyapp.api.shapes import REFUSALS, Body, Page, Paging, page_of
from studyapp.errors import DuetError
from studyapp.models import Amendment, AuditLine, Study, StudyMember
from studyapp.views.staff import researcher, study_for

router = Router()


class MemberItem(BaseModel):
    username: str
    role: StudyMember.Role
    sees_names: bool
    wants_mail: bool
    added_at: datetime

    @classmethod
    def of(cls, member: StudyMember) -> MemberItem:
        plain = set(cls.model_fields) - {"username"}
        return cls(username=member.user.get_username(), **{name: getattr(member, name) for name in plain})


class Membership(Body):
    """What somebody may do from now on."""

    role: StudyMember.Role
    sees_names: bool = Field(False, description="Sees which system is which, and gets reports and datasets.")
    wants_mail: bool = Field(False, description="Is told by e-mail when something is wrong.")


class AmendmentItem(BaseModel):
    number: int
    at: datetime
    by: str | None
    what: str
    before: Any = Field(description="Systems by letter for those who may not see names; codes are never told.")
    after: Any
    reason: str
    sha256: str = Field(description="Of the amendment, and of the one before it.")

    @classmethod
    def of(cls, row: Amendment, told: Callable[[Any], Any]) -> AmendmentItem:
        plain = {name: getattr(row, name) for name in set(cls.model_fields) - {"by"}}
        plain |= told({"what": row.what, "before": row.before, "after": row.after})
        return cls(by=row.by.get_username() if row.by else None, **plain)


class NewAmendment(Body):
    reason: str = Field(min_length=1, max_length=10_000, description="Every export and report shows it.")
    changes: dict[str, Any] = Field(
        min_length=1, description="Field to new value; a text in another language is named consent_text__de."
    )


class AuditItem(BaseModel):
    id: int
    at: datetime
    by: str | None = Field(description="Null where Duet itself or a command acted.")
    verb: str
    details: Any = Field(description="Systems by letter for those who may not see names.")

    @classmethod
    def of(cls, line: AuditLine, told: Callable[[Any], Any]) -> AuditItem:
        plain = {name: getattr(line, name) for name in set(cls.model_fields) - {"by", "details"}}
        by = line.by.get_username() if line.by else None
        return cls(by=by, details=told(line.details), **plain)


class AuditFilter(Paging):
    verb: str | None = Field(None, description="Exactly this one, such as “study open”.")


@router.get("/studies/{slug}/members", response={200: Page[MemberItem], **REFUSALS}, tags=["Members"])
def list_members(request: HttpRequest, slug: str, asked: Query[Paging]) -> dict[str, Any]:
    """The study's members and what each of them may do."""
    return page_of(request, asked, _members(request, slug, rights.VIEW), MemberItem.of)


@router.put(
    "/studies/{slug}/members/{username}", response={200: MemberItem, 201: MemberItem, **REFUSALS}, tags=["Members"]
)
def put_member(request: HttpRequest, slug: str, username: str, asked: Membership) -> Status[MemberItem]:
    """Let somebody in, or change what they may do. A study always keeps an owner."""
    there = _members(request, slug, rights.MANAGE)
    study = study_for(request, slug, rights.MANAGE)
    user = find_account(username)
    known = there.filter(user=user).exists()
    if not known:
        # Who may not sign in any more can be changed and let out, but not let in.
        find_researcher(username)
    given = {"study": study, "user": user, "by": researcher(request), **asked.model_dump()}
    if not known:
        try:
            return Status(201, MemberItem.of(add_member(**given)))
        except DuetError:
            # Asked twice at once, and the other was faster: this one changes, as it would a moment later.
            if not there.filter(user=user).exists():
                raise
    return Status(200, MemberItem.of(change_member(**given)))


@router.delete("/studies/{slug}/members/{username}", response={204: None, **REFUSALS}, tags=["Members"])
def delete_member(request: HttpRequest, slug: str, username: str) -> Status[None]:
    """Let somebody out. A study always keeps an owner."""
    study = study_for(request, slug, rights.MANAGE)
    remove_member(study=study, user=find_account(username), by=researcher(request))
    return Status(204, None)


@router.get("/studies/{slug}/amendments", response={200: Page[AmendmentItem], **REFUSALS}, tags=["Amendments"])
def list_amendments(request: HttpRequest, slug: str, asked: Query[Paging]) -> dict[str, Any]:
    """What was changed after the study opened, and why."""
    study = study_for(request, slug, rights.VIEW)
    told = _told_to(request, study)
    rows = Amendment.objects.filter(study=study).select_related("by")
    return page_of(request, asked, rows, lambda row: AmendmentItem.of(row, told))


@router.post("/studies/{slug}/amendments", response={201: list[AmendmentItem], **REFUSALS}, tags=["Amendments"])
def amend(request: HttpRequest, slug: str, asked: NewAmendment) -> Status[list[AmendmentItem]]:
    """Change a study that has opened, as far as that is allowed: one amendment for each field."""
    study = study_for(request, slug, rights.CHANGE)
    # What an action takes for itself is no field of a study.
    if taken := sorted({"study", "by", "reason", "based_on"} & set(asked.changes)):
        raise DuetError(f"a study has no {', '.join(taken)} that could be amended")
    made = amend_study(study=study, by=researcher(request), reason=asked.reason, **asked.changes)
    told = _told_to(request, study)
    return Status(201, [AmendmentItem.of(row, told) for row in made])


@router.get("/studies/{slug}/audit-lines", response={200: Page[AuditItem], **REFUSALS}, tags=["History"])
def list_audit_lines(request: HttpRequest, slug: str, asked: Query[AuditFilter]) -> dict[str, Any]:
    """Who changed what, and when, oldest first."""
    study = study_for(request, slug, rights.VIEW)
    told = _told_to(request, study)
    named = rights.may(request.user, rights.SEE_NAMES, study)
    rows = history.told_of(study, named=named).select_related("by")
    if asked.verb is not None:
        rows = rows.filter(verb=asked.verb)
    return page_of(request, asked, rows, lambda line: AuditItem.of(line, told))


def _told_to(request: HttpRequest, study: Study) -> Callable[[Any], Any]:
    """What was written down, as it is, or by letter for who may not see names."""
    if rights.may(request.user, rights.SEE_NAMES, study):
        return lambda written: written
    return blinding.without_names(study)


def _members(request: HttpRequest, slug: str, permission: str) -> QuerySet[StudyMember]:
    return StudyMember.objects.filter(study=study_for(request, slug, permission)).select_related("user")
