"""Researchers' accounts: administrators make and change them, and nobody deletes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from studyapp.models import AuditLine, User
from studyapp.views.staff import researcher

# What somebody may do follows from being staff, and from being a member of a study.
admin.site.unregister(Group)


# Generic for the type checker only.
if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
    _UserChangeForm = UserChangeForm[User]
else:
    _UserAdmin, _UserChangeForm = UserAdmin, UserChangeForm


class AccountForm(_UserChangeForm):
    """Django's own, with a word against locking everybody out."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stays = all(cleaned.get(name) for name in ("is_active", "is_staff", "is_superuser"))
        others = User.objects.filter(is_active=True, is_staff=True, is_superuser=True).exclude(pk=self.instance.pk)
        if not stays and not others.exists():
            raise ValidationError(
                "Nobody could make accounts any more. Make somebody else an administrator first: "
                "active, staff and superuser."
            )
        return cleaned


@admin.register(User)
class ResearcherAdmin(_UserAdmin):
    lead = "Researchers sign in with an account; raters never have one. Staff see the studies they are members of."
    nothing_yet = "No account yet."
    form = AccountForm
    actions = None
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_help_text = "A part of the user name, the name or the e-mail address."
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        (
            "May",
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": "Staff sign in, share clips and systems, and make studies. A superuser is an "
                "administrator: sees every study by name and makes accounts. Who leaves is made inactive: "
                "what they did stays theirs.",
            },
        ),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": ("username", "email", "usable_password", "password1", "password2"),
                "description": "Tick “staff” on the next page: without it nobody can sign in here.",
            },
        ),
    )
    readonly_fields = ("last_login", "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # The audit log and the last owner of a study are accounts too.
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        changed = [name for name in form.changed_data if not name.startswith(("password", "usable_password"))]
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            AuditLine.write(
                "account changed" if change else "account made",
                by=researcher(request),
                account=obj.get_username(),
                before={name: form.initial.get(name) for name in changed} if change else {},
                after={name: form.cleaned_data[name] for name in changed},
            )

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Django's own page, and a line that it was done; never what was typed."""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if request.method == "POST" and response.status_code == 302:
                account = User.objects.get(pk=id).get_username()
                AuditLine.write("account's password set", by=researcher(request), account=account)
        return response
