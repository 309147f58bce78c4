"""Lists that open at once however many rows there are: counted to a bound, and only of the newest sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.filters import RelatedFieldListFilter, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from studyapp.models import Study, System
from studyapp.questions import SCALE

# Generic for the type checker only.
if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

MOST_COUNTED = 10_000
NEWEST = 500
"""Parents whose rows a list shows: 500 sessions have 20,000 answers, which every database sorts in no time."""


class BoundedPaginator(_Paginator):
    """Counts to a bound and no further; ``is_cut`` where there are more rows than that."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        # Only keys, in no order: whatever else a row shows is not worked out for rows that nobody sees.
        return min(int(rows.order_by().values("pk")[: MOST_COUNTED + 1].count()), MOST_COUNTED)

    @property
    def is_cut(self) -> bool:
        return bool(self.count == MOST_COUNTED)


class VisibleStudies(RelatedFieldListFilter):
    """Filters by study, and names those only that somebody may know of."""

    def field_choices(
        self, field: Field[Any, Any], request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        mine = Study.objects.visible_to(request.user).order_by("title")
        return [(str(pk), title) for pk, title in mine.values_list("pk", "title")]


class Systems(RelatedFieldListFilter):
    """Filters by system, named by its slug, in no order but that."""

    def field_choices(
        self, field: Field[Any, Any], request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        return [(str(pk), slug) for pk, slug in System.objects.order_by("slug").values_list("pk", "slug")]


class Choices(SimpleListFilter):
    """Filters answers by choice. Django's own would look through every answer to know which choices there are."""

    title = "choice"
    parameter_name = "choice"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(str(value), f"{value}: {words}") for value, words in SCALE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(choice=value) if value and value.isdecimal() else queryset


class NewestChangeList(ChangeList):
    """Of a table with millions of rows, those of the newest sessions or blocks that the filters leave.

    A database may choose to sort a million rows to show fifty; a list of keys leaves it no such choice.
    """

    is_of_newest = False

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        # Whatever the address asks for.
        return ["-pk"]

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        path = self.model_admin.newest_of  # type: ignore[attr-defined]
        parents = self.model_admin.parents(request)  # type: ignore[attr-defined]
        for name, value in self.filter_params.items():
            if name.startswith(f"{path}__"):
                # Checked above already: a value that is none of the filter's has been refused.
                parents = parents.filter(**{name.removeprefix(f"{path}__"): value[-1]})
        keys = list(parents.order_by("-pk").values_list("pk", flat=True)[:NEWEST])
        self.is_of_newest = len(keys) == NEWEST
        return rows.filter(**{f"{path}__in": keys})
