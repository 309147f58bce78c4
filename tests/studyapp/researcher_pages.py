"""The addresses there are: of every admin list with its filters and search, every row, every page of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, SlugConverter

from studyapp.models import StimulusHold, Study, StudySession, SystemPair, Trial

FILES = ("csv", "zip", "yaml", "json", "parquet")


def admin_pages() -> Iterator[tuple[str, str]]:
    """Name and address: lists as they open, by study, choice and words, further on; rows; a new one."""
    yield "home", reverse("admin:index")
    yield "records", reverse("admin:app_list", args=["studyapp"])
    for model, rows in sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.model_name or ""):
        name = str(model._meta.model_name)
        address = reverse(f"admin:studyapp_{name}_changelist")
        yield f"{name} list", address
        for asked in _asked(model, rows):
            yield f"{name} ?{asked} list", f"{address}?{asked}"
        for which, row in (("first", model._default_manager.order_by("pk").first()), ("last", _last(model))):
            if row is not None:
                yield f"{name} {which} row", reverse(f"admin:studyapp_{name}_change", args=[row.pk])
        yield f"{name} new", reverse(f"admin:studyapp_{name}_add")


def _last(model: type[Model]) -> Model | None:
    return model._default_manager.order_by("-pk").first()


def _asked(model: type[Model], rows: ModelAdmin[Any]) -> Iterator[str]:
    for one in rows.list_filter:
        field = one[0] if isinstance(one, tuple) else one
        if not isinstance(field, str):
            name = getattr(field, "parameter_name", "")
            if name:
                yield f"{name}=1"
            continue
        if field.endswith("study"):
            for study in Study.objects.order_by("pk"):
                yield f"{field}__id__exact={study.pk}"
            continue
        if field.endswith("simulated") or field == "passed":
            yield f"{field}__exact=1"
            continue
        choices = getattr(model._meta.get_field(field), "choices", None) if "__" not in field else None
        for value, _ in list(choices or ())[:1] + list(choices or ())[-1:]:
            yield f"{field}__exact={value}"
    if rows.search_fields:
        yield "q=clip42"
        yield "q=nothing-is-called-this"
    yield "p=3"


def study_pages(slug: str) -> Iterator[tuple[str, str]]:
    """Every address that is a study's, and those of one session, pair, trial … of it."""
    study = Study.objects.get(slug=slug)
    known: dict[str, Callable[[], Any]] = {
        "pk": lambda: StudySession.objects.filter(study=study).earliest("pk").pk,
        "number": lambda: 1,
        "session": lambda: StudySession.objects.filter(study=study).earliest("pk").pk,
        "trial": lambda: Trial.objects.filter(block__study=study).earliest("pk").pk,
        "hold": lambda: StimulusHold.objects.earliest("pk").pk,
        "pair": lambda: SystemPair.objects.filter(study=study).earliest("pk").pk,
    }
    for pattern in _walk(get_resolver()):
        converters = pattern.pattern.converters
        slugs = [name for name, one in converters.items() if isinstance(one, SlugConverter)]
        if not (pattern.name or "").startswith("research-") or "slug" not in slugs:
            continue
        others = [name for name, one in converters.items() if name != "slug"]
        if any(name not in known or not isinstance(converters[name], IntConverter) for name in others):
            continue
        if any(word in str(pattern.pattern) for word in FILES):
            continue
        filled = {name: known[name]() for name in others}
        try:
            yield str(pattern.name), reverse(str(pattern.name), kwargs={"slug": slug, **filled})
        except NoReverseMatch:
            continue


def _walk(resolver: URLResolver) -> Iterator[URLPattern]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from _walk(one)
        else:
            yield one
