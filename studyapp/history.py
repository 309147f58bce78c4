"""The audit log of one study, as it is read: filtered, a page at a time, and what each line changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from studyapp.models import ABOUT_SYSTEMS, AuditLine, Study, StudyMember, User

PAGE = 50
DUET = "duet"
"""In place of a person: what no person did, but Duet itself or a command."""
LONGEST = 160


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines are wanted: a verb, a user name or ``duet``; and those older than one id. Empty for all."""

    verb: str = ""
    person: str = ""
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a line tells: what it was, where it was something, and what it became."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first; ``older`` is the id to go on from, None at the end."""

    lines: tuple[AuditLine, ...]
    older: int | None


def told_of(study: Study, *, named: bool) -> QuerySet[AuditLine]:
    """The study's lines; those about systems that others use too only for who may see names."""
    lines = AuditLine.objects.filter(study=study)
    return lines if named else lines.exclude(verb__in=ABOUT_SYSTEMS)


def told_to(user: User) -> QuerySet[AuditLine]:
    """The lines of all studies that somebody sees, of each as ``told_of`` has them."""
    lines = AuditLine.objects.filter(study__in=Study.objects.visible_to(user).order_by().values("pk"))
    if user.is_superuser:
        return lines
    blind = StudyMember.objects.filter(user=user, sees_names=False).values("study")
    return lines.exclude(verb__in=ABOUT_SYSTEMS, study__in=blind)


def lines_of(study: Study, asked: Asked, *, named: bool) -> QuerySet[AuditLine]:
    """Newest first, by id: it grows with time, and the index finds a page of it in a million."""
    lines = told_of(study, named=named).select_related("by").order_by("-id")
    if asked.verb:
        lines = lines.filter(verb=asked.verb)
    if asked.person == DUET:
        lines = lines.filter(by=None)
    elif asked.person:
        lines = lines.filter(by__username=asked.person)
    return lines.filter(id__lt=asked.before) if asked.before is not None else lines


def page_of(study: Study, asked: Asked, *, named: bool) -> Page:
    """One page. One line more is read, to know whether another page follows."""
    found = list(lines_of(study, asked, named=named)[: PAGE + 1])
    return Page(tuple(found[:PAGE]), found[PAGE - 1].pk if len(found) > PAGE else None)


def verbs_of(study: Study, *, named: bool) -> list[str]:
    """Every kind of line there is."""
    return list(told_of(study, named=named).order_by("verb").values_list("verb", flat=True).distinct())


def people_of(study: Study, *, named: bool) -> list[User]:
    """Everybody who did something, members or not any more."""
    did = told_of(study, named=named).exclude(by=None).order_by().values("by").distinct()
    return list(User.objects.filter(pk__in=did).order_by("username"))


def changes_of(line: AuditLine) -> Iterator[Change]:
    """What the line says: fields with before and after first, then everything else as it was written."""
    details: dict[str, Any] = line.details if isinstance(line.details, dict) else {"details": line.details}
    before, after = details.get("before"), details.get("after")
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        was, became = before or {}, after or {}
        for name in dict.fromkeys([*was, *became]):
            yield Change(_named(name), _said(was.get(name), name in was), _said(became.get(name), name in became))
        details = {name: value for name, value in details.items() if name not in ("before", "after")}
    for name, value in details.items():
        if value not in ("", [], {}):
            yield Change(_named(name), "", _said(value, True))


def _named(name: str) -> str:
    return name.replace("_", " ")


def _said(value: Any, known: bool) -> str:
    if not known:
        return ""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(one, (list, dict)) for one in value):
        return _short(", ".join(map(str, value)) or "none")
    return _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} letters; whole in the file)"
