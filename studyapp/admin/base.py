"""What every admin page shares: staff are researchers, evidence stands, nothing is deleted by the handful."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin, ShowFacets
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import BaseModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from studyapp.admin.lists import BoundedPaginator, NewestChangeList, VisibleStudies
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Block, Study, StudyMember, StudySession
from studyapp.views.staff import researcher

# Generic for the type checker only.
if TYPE_CHECKING:
    _ModelAdmin = ModelAdmin[Any]
else:
    _ModelAdmin = ModelAdmin


_REFUSAL = "duet_refusal"


def refuse(request: HttpRequest, why: str) -> None:
    """Keep the form that was sent from being saved: it is shown as it was typed, with the reason."""
    text = why.rstrip(".")
    setattr(request, _REFUSAL, f"{text[:1].upper()}{text[1:]}. Nothing was saved.")


def _refused(form: type[BaseModelForm[Any]], refusal: str) -> type[BaseModelForm[Any]]:
    """The form, never valid, with what an action said to it."""

    class Refused(form):  # type: ignore[valid-type, misc]
        def full_clean(self) -> None:
            super().full_clean()
            if self.is_bound:
                self.add_error(None, refusal)

    return Refused


def video(source: str) -> SafeString:
    """A player for an address of ours."""
    return format_html('<video class="look" src="{}" controls preload="metadata" playsinline></video>', source)


class ResearchAdmin(_ModelAdmin):
    """Rows that researchers make. Every active staff account is a researcher; studies are their members' alone.

    study_path: the lookup from a row to its study, where it has one; rows of studies that somebody is no member of
    are not there for them. tells_names: the rows say which system is which, beside what a rater was shown.
    lead: what the rows are, in a sentence above the list. nothing_yet: what to do while there are none.
    explained: help for fields whose model has none.
    """

    study_path = ""
    tells_names = False
    lead = ""
    nothing_yet = "Nothing yet."
    explained: Mapping[str, str] = {}
    paginator = BoundedPaginator
    show_full_result_count = False
    # Facets count every row for every choice.
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 50
    # Deleting goes one row at a time: a bulk action would not ask has_delete_permission for each.
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Under the name of what it lists, for there is nothing to select."""
        title = str(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title[:1].upper() + title[1:], **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        user = researcher(request)
        if not self.study_path or user.is_superuser:
            return rows
        return rows.filter(**{f"{self.study_path}__in": self._memberships(request).values("study")})

    def _memberships(self, request: HttpRequest) -> QuerySet[StudyMember]:
        """Those of the user that let them see these rows."""
        mine = StudyMember.objects.filter(user=researcher(request))
        return mine.filter(sees_names=True) if self.tells_names else mine

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if self.explained:
            kwargs["help_texts"] = {**self.explained, **kwargs.get("help_texts", {})}
        form = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, _REFUSAL, "")
        return _refused(form, refusal) if refusal else form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Studies to choose from are those that somebody may know of."""
        if db_field.remote_field.model is Study:
            kwargs.setdefault("queryset", Study.objects.visible_to(researcher(request)))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """As they are listed; those by study name the studies that somebody may know of."""
        return [
            (one, VisibleStudies) if isinstance(one, str) and one.split("__")[-1] == "study" else one
            for one in super().get_list_filter(request)
        ]

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> None:
        """Related rows come in their model's own order: their list may be in one that only it works out."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is not None and self.has_module_permission(request) and self.is_unused(obj)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What an action refuses is told on the form, with everything as it was typed."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DuetError as error:
            refuse(request, str(error))
            # The transaction is undone; this time the form is not valid, and so shown.
            return super().changeform_view(request, object_id, form_url, extra_context)

    def is_unused(self, obj: Any) -> bool:
        """Whether the row holds no evidence and nothing rests on it."""
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            AuditLine.write(f"{obj._meta.verbose_name} deleted", by=researcher(request), name=str(obj))
            super().delete_model(request, obj)


class EvidenceAdmin(ResearchAdmin):
    """Rows that only the work itself writes: to be read, never added, changed or deleted here."""

    ordering = ["-pk"]
    nothing_yet = "Nothing yet. Rows appear here by themselves while raters take part."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ManyRowsAdmin(EvidenceAdmin):
    """Evidence of which there are millions: a list has the rows of the newest sessions, newest first.

    newest_of: the lookup from a row to its session. The search box takes a session's number, old or new.
    """

    newest_of = "session"
    # Any other order would sort every row there is.
    sortable_by = ()
    search_fields = ["session"]
    search_help_text = "The number of a session: everything of it, however old."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NewestChangeList]:
        return NewestChangeList

    def parents(self, request: HttpRequest) -> QuerySet[Any]:
        """Sessions whose rows somebody may see; the one that was searched for, if any was."""
        sessions: QuerySet[Any] = StudySession.objects.order_by("-pk")
        if not researcher(request).is_superuser:
            sessions = sessions.filter(study__in=self._memberships(request).values("study"))
        number = request.GET.get("q", "").strip()
        return sessions.filter(pk=int(number)) if number.isdecimal() else sessions

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        number = search_term.strip()
        if not number:
            return queryset, False
        # Words find nothing; the help beneath the box says what does.
        return queryset.filter(**{self.newest_of: int(number)}) if number.isdecimal() else queryset.none(), False


class ManyTrialsAdmin(ManyRowsAdmin):
    """The same for trials, which a block has before anybody takes it."""

    newest_of = "block"

    def parents(self, request: HttpRequest) -> QuerySet[Any]:
        blocks: QuerySet[Any] = Block.objects.order_by("-pk")
        if researcher(request).is_superuser:
            return blocks
        return blocks.filter(study__in=self._memberships(request).values("study"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return _ModelAdmin.get_search_results(self, request, queryset, search_term)
