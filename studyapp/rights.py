"""Who may do what with a study, as Django permissions: ``user.has_perm("studyapp.change_study", study)``.

Clips and systems are shared by all researchers. A study is its members': to everybody else it does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Model, OuterRef, QuerySet

from studyapp.models import Comparison, Stimulus, StimulusHold, Study, StudyMember, User

VIEW = "studyapp.view_study"
CHANGE = "studyapp.change_study"
MANAGE = "studyapp.manage_study"
DELETE = "studyapp.delete_study"
SEE_NAMES = "studyapp.see_system_names"

PERMISSIONS: Mapping[str, frozenset[str]] = {
    StudyMember.Role.VIEWER: frozenset({VIEW}),
    StudyMember.Role.EDITOR: frozenset({VIEW, CHANGE}),
    StudyMember.Role.OWNER: frozenset({VIEW, CHANGE, MANAGE, DELETE}),
}
"""What follows from each part; to see the names of systems is given apart."""


class StudyRoles(BaseBackend):
    """Answers for studies what Django's own backend answers for everything else."""

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Model | None = None) -> bool:
        return isinstance(obj, Study) and perm in permissions_of(user_obj, obj)


def permissions_of(user: AbstractBaseUser | AnonymousUser, study: Study) -> frozenset[str]:
    """Everything that somebody may do with a study, read once for each user object and study."""
    if not user.is_active or not getattr(user, "is_staff", False):
        return frozenset()
    if getattr(user, "is_superuser", False):
        return PERMISSIONS[StudyMember.Role.OWNER] | {SEE_NAMES}
    known: dict[int, frozenset[str]] = user.__dict__.setdefault("_study_permissions", {})
    if study.pk not in known:
        member = StudyMember.objects.filter(study=study, user_id=user.pk).first()
        known[study.pk] = (
            PERMISSIONS[member.role] | ({SEE_NAMES} if member.sees_names else set()) if member else frozenset()
        )
    return known[study.pk]


def told_by_name(stimuli: QuerySet[Stimulus], *, to: User) -> QuerySet[Stimulus]:
    """Those that may be shown beside their system: none that a study shows whose names are kept from its member.

    Digest, loudness or sound would tell which letter of that study is which system.
    """
    if to.is_superuser:
        return stimuli
    blind = StudyMember.objects.filter(user=to, sees_names=False).values("study")
    shown = Comparison.objects.filter(study__in=blind)
    return stimuli.exclude(
        Exists(shown.filter(stimulus_1=OuterRef("pk"))) | Exists(shown.filter(stimulus_2=OuterRef("pk")))
    )


def holds_of(holds: QuerySet[StimulusHold], *, user: User) -> QuerySet[StimulusHold]:
    """Those that somebody may look at and lift: of stimuli that a study shows which they may change."""
    if user.is_superuser:
        return holds
    looking_on = StudyMember.Role.VIEWER
    changed = StudyMember.objects.filter(user=user).exclude(role=looking_on).values("study")
    shown = Comparison.objects.filter(study__in=changed)
    return holds.filter(
        Exists(shown.filter(stimulus_1=OuterRef("stimulus")))
        | Exists(shown.filter(stimulus_2=OuterRef("stimulus")))
    )


def may(user: Any, permission: str, study: Study) -> bool:
    """The same question, for templates and views."""
    return bool(user.has_perm(permission, study))
