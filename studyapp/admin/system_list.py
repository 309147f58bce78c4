"""What the list of systems sorts, filters and counts by."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from generation import registry
from generation.cards import Standing
from studyapp.models import Stimulus, Study, SystemPair

STANDINGS = tuple(Standing)
"""In the order of the list: what a paper's numbers were made with comes first."""


def ranked() -> Case:
    """A system's place in STANDINGS, from the cards of the registry, so that the database can sort by it."""
    cards = [(spec.key, preset, card) for spec in registry.SYSTEMS.values() for preset, card in spec.cards.items()]
    ranks = [
        When(key=key, preset=preset, then=Value(STANDINGS.index(card.standing))) for key, preset, card in cards
    ]
    return Case(*ranks, default=Value(len(STANDINGS)), output_field=IntegerField())


class StandingFilter(admin.SimpleListFilter):
    """Published models, reproductions, stand-ins, controls, outside systems."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(standing.name.lower(), standing.value) for standing in STANDINGS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        places = {standing.name.lower(): place for place, standing in enumerate(STANDINGS)}
        chosen = places.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(rank=chosen)


def counted(systems: QuerySet[Any], visible: QuerySet[Study]) -> QuerySet[Any]:
    """With ``rank``, ``used`` (visible studies that compare it) and ``made`` (soundtracks), in one query."""
    compared = Q(system_1=OuterRef("pk")) | Q(system_2=OuterRef("pk"))
    pairs = SystemPair.objects.filter(compared, study__in=visible.order_by().values("pk")).order_by()
    studies = pairs.values(one=Value(1)).annotate(count=Count("study", distinct=True)).values("count")
    files = Stimulus.objects.filter(system=OuterRef("pk")).exclude(file_sha256="").order_by()
    made = files.values("system").annotate(count=Count("pk")).values("count")
    rows: QuerySet[Any] = systems.annotate(
        rank=ranked(), used=Coalesce(Subquery(studies), 0), made=Coalesce(Subquery(made), 0)
    )
    return rows
