"""Who may do what with a study, and what there is in it that leads to a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from studyapp import rights
from studyapp.actions.members import add_member, change_member, find_researcher, remove_member
from studyapp.actions.personal_data import PersonalData, keep_ids_until, purge
from studyapp.counts import counted
from studyapp.errors import DuetError
from studyapp.models import Study, StudyMember
from studyapp.views import history
from studyapp.views.staff import Abilities, researcher, researchers_only, study_for

# Generic for the type checker only.
if TYPE_CHECKING:
    _MemberForm = forms.ModelForm[StudyMember]
    _StudyForm = forms.ModelForm[Study]
else:
    _MemberForm = _StudyForm = forms.ModelForm

ABILITIES = (
    ("See that the study exists, its plan, its progress and its history", rights.VIEW),
    ("Plan, generate, pilot, open, pause and close it; invite raters; freeze datasets", rights.CHANGE),
    ("Let others in, share, archive and delete it; delete panel ids", rights.MANAGE),
)
"""What a role brings, in the words of the page, with the permission behind it."""


class MemberForm(_MemberForm):
    """What one member may do."""

    class Meta:
        model = StudyMember
        fields = ("role", "sees_names", "wants_mail")


class NewMemberForm(MemberForm):
    """Somebody who is let in, by user name or e-mail address."""

    who = forms.CharField(
        max_length=254,
        label="User name or e-mail address",
        help_text="Of an account that is here already. Accounts are made by an administrator.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    field_order = ("who", "role", "sees_names", "wants_mail")


class KeepForm(_StudyForm):
    """The day on which panel ids go by themselves."""

    class Meta:
        model = Study
        fields = ("keep_ids_until",)
        widgets = {"keep_ids_until": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}


@require_GET
@researchers_only
def team(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Everybody who works on a study, and its personal data."""
    study = study_for(request, slug, rights.VIEW)
    return _page(request, study, NewMemberForm(), KeepForm(instance=study))


def _page(request: HttpRequest, study: Study, new: NewMemberForm, keep: KeepForm) -> HttpResponseBase:
    members = study.members.select_related("user").order_by("role", "user__username")
    context: dict[str, Any] = {
        "study": study,
        "may": Abilities.of(request, study),
        # Ids of their own: the labels of one row must not point at another's boxes.
        "members": [
            (one, MemberForm(instance=one, auto_id=f"member-{one.user_id}-%s")) for one in _owners_first(members)
        ],
        "new": new,
        "keep": keep,
        "roles": [role.label for role in StudyMember.Role],
        "abilities": [
            (words, [permission in rights.PERMISSIONS[role] for role in StudyMember.Role])
            for words, permission in ABILITIES
        ],
        "personal": PersonalData.of(study),
        "sends_mail": bool(settings.EMAIL_HOST),
    }
    return render(request, "research/team.html", context)


def _owners_first(members: Any) -> list[StudyMember]:
    order = list(StudyMember.Role.values)
    return sorted(members, key=lambda member: (order.index(member.role), member.user.get_username().casefold()))


@require_POST
@researchers_only
def add(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Let somebody in; what is wrong with the form is said on it, as it was filled."""
    study = study_for(request, slug, rights.MANAGE)
    form = NewMemberForm(request.POST)
    if form.is_valid():
        chosen = dict(form.cleaned_data)
        try:
            user = find_researcher(chosen.pop("who"))
            member = add_member(study=study, user=user, by=researcher(request), **chosen)
        except DuetError as error:
            form.add_error("who", _sentence(error))
        else:
            role = member.get_role_display().lower()
            messages.success(request, f"{user} is in, as {_article(role)}.")
            return redirect("research-team", slug)
    return _page(request, study, form, KeepForm(instance=study))


@require_POST
@researchers_only
def change(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """What a member may do from now on."""
    study = study_for(request, slug, rights.MANAGE)
    member = get_object_or_404(study.members.select_related("user"), pk=pk)
    form = MemberForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(" ".join(map(str, lines)) for lines in form.errors.values()))
        return redirect("research-team", slug)

    def do() -> str:
        change_member(study=study, user=member.user, by=researcher(request), **form.cleaned_data)
        return f"What {member.user} may do was changed."

    return _done(request, slug, do)


@require_POST
@researchers_only
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """Let a member out. Who lets themselves out sees the study no more."""
    study = study_for(request, slug, rights.MANAGE)
    member = get_object_or_404(study.members.select_related("user"), pk=pk)

    def do() -> str:
        remove_member(study=study, user=member.user, by=researcher(request))
        return f"{member.user} is no member of {study} any more."

    leaves = member.user == request.user and not researcher(request).is_superuser
    return _done(request, slug, do, then="admin:index" if leaves else "")


@require_POST
@researchers_only
def keep(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Set the day on which panel ids go."""
    study = study_for(request, slug, rights.MANAGE)
    form = KeepForm(request.POST, instance=study)
    if form.is_valid():
        day = form.cleaned_data["keep_ids_until"]
        try:
            keep_ids_until(study=study, day=day, by=researcher(request), today=timezone.localdate())
        except DuetError as error:
            form.add_error("keep_ids_until", _sentence(error))
        else:
            said = f"Panel ids go on {day:%d %b %Y}." if day else "Panel ids are kept until somebody deletes them."
            messages.success(request, said)
            return redirect("research-team", slug)
    return _page(request, study, NewMemberForm(), form)


@require_POST
@researchers_only
def purge_now(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Delete panel ids and notes at once."""
    study = study_for(request, slug, rights.MANAGE)
    gone = purge(study=study, by=researcher(request), now=timezone.now())
    messages.success(
        request,
        f"Deleted: the panel's ids of {counted(gone.panel_ids, 'participant')}, and {counted(gone.notes, 'note')} "
        "of invitations.",
    )
    return redirect("research-team", slug)


def _done(request: HttpRequest, slug: str, do: Callable[[], str], then: str = "") -> HttpResponseBase:
    try:
        messages.success(request, do())
    except DuetError as error:
        messages.error(request, _sentence(error))
        return redirect("research-team", slug)
    return redirect(then) if then else redirect("research-team", slug)


def _sentence(error: DuetError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


urlpatterns = [
    path("research/studies/<slug:slug>/team/", team, name="research-team"),
    path("research/studies/<slug:slug>/team/add/", add, name="research-member-add"),
    path("research/studies/<slug:slug>/team/<id:pk>/change/", change, name="research-member-change"),
    path("research/studies/<slug:slug>/team/<id:pk>/remove/", remove, name="research-member-remove"),
    path("research/studies/<slug:slug>/team/keep/", keep, name="research-keep-ids"),
    path("research/studies/<slug:slug>/team/purge/", purge_now, name="research-purge-personal"),
    *history.urlpatterns,
]
