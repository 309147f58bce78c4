"""Templates, duplicates, comparison of settings, and a study as one YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from studyapp import rights
from studyapp.actions.looking import note_names_seen
from studyapp.actions.study_documents import (
    Made,
    duplicate_study,
    free_slug,
    import_study,
    preview,
    study_from_template,
)
from studyapp.documents import templates
from studyapp.documents.comparing import compare
from studyapp.documents.of_study import document_of
from studyapp.documents.problems import StudyFileError
from studyapp.documents.reading import read
from studyapp.documents.schema import ClipRule, StudyDocument, renamed
from studyapp.documents.stand_ins import StandIn, resolved
from studyapp.documents.writing import write
from studyapp.documents.yaml_tree import as_text
from studyapp.errors import DuetError
from studyapp.models import Study, StudyMember
from studyapp.views.staff import Abilities, researcher, researchers_only, study_for
from studyapp.views.study_file_forms import FileForm, MakeForm, NamesForm, TemplateForm


@dataclass(frozen=True, slots=True)
class Offer:
    """A template as the page shows it."""

    key: str
    document: StudyDocument
    counts: templates.Counts | None
    stand_ins: tuple[StandIn, ...]

    @classmethod
    def of(cls, key: str) -> Offer:
        document = templates.template(key)
        return cls(key, document, templates.counts(key), resolved(document)[1])

    @property
    def genres(self) -> tuple[str, ...]:
        rule = self.document.clips
        return rule.genres if isinstance(rule, ClipRule) else ()

    @property
    def ratings_each(self) -> Any:
        return self.document.value("ratings_per_comparison")


@require_http_methods(["GET", "POST"])
@researchers_only
def new_study(request: HttpRequest) -> HttpResponseBase:
    """The templates; with one of them chosen, its form."""
    key = request.GET.get("template", "")
    if not key:
        return render(
            request, "research/new_study.html", {"offers": [Offer.of(name) for name in templates.names()]}
        )
    if key not in templates.names():
        raise Http404(f"There is no template {key!r}.")
    offer = Offer.of(key)
    first = {"title": offer.document.title, "slug": free_slug(key)}
    form = TemplateForm(offer.document, request.POST if request.method == "POST" else None, first)
    if request.method == "POST" and form.is_valid():
        try:
            return _made(request, study_from_template(name=key, wanted=form.wanted(), by=researcher(request)))
        except DuetError as error:
            form.add_error(None, str(error))
    return render(request, "research/new_study_form.html", {"offer": offer, "form": form})


@require_http_methods(["GET", "POST"])
@researchers_only
def import_page(request: HttpRequest) -> HttpResponseBase:
    """A study file: sent or pasted, looked at, made."""
    if "content" in request.POST:
        return _make(request)
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    problems: tuple[Any, ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            content = form.cleaned_data["content"]
            document = read(content)
            first = {"title": document.title, "slug": _own_slug(document), "content": as_text(content)}
            return _looked_at(request, document, MakeForm(initial=first))
        except StudyFileError as error:
            problems = error.problems
        except DuetError as error:
            form.add_error(None, str(error))
    return render(request, "research/import_study.html", {"form": form, "problems": problems})


def _looked_at(request: HttpRequest, document: StudyDocument, form: MakeForm) -> HttpResponseBase:
    """What would be made. Raises DuetError."""
    own = renamed(document, title=None, slug=_own_slug(document))
    context = {"form": form, "document": document, "found": preview(document=own)}
    return render(request, "research/import_preview.html", context)


def _own_slug(document: StudyDocument) -> str:
    return free_slug(document.slug or slugify(document.title))


def _make(request: HttpRequest) -> HttpResponseBase:
    form = MakeForm(request.POST)
    content = request.POST["content"]
    problems: tuple[Any, ...] = ()
    try:
        document = read(content)
        if form.is_valid():
            named = form.cleaned_data
            document = renamed(document, title=named["title"], slug=named["slug"])
            return _made(request, import_study(document=document, by=researcher(request)))
        return _looked_at(request, document, form)
    except StudyFileError as error:
        problems = error.problems
    except DuetError as error:
        messages.error(request, str(error))
    again = FileForm(initial={"text": content})
    return render(request, "research/import_study.html", {"form": again, "problems": problems})


@require_GET
@researchers_only
def export_file(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The study file; codes=1 leaves completion codes in."""
    study = study_for(request, slug, rights.VIEW, names=True)
    codes = request.GET.get("codes") == "1"
    if codes:
        # A completion code is what a panel pays for: for who runs the study, not for who looks on.
        study_for(request, slug, rights.CHANGE)
    page = "study file with codes" if codes else "study file"
    note_names_seen(study=study, page=page, by=researcher(request), now=timezone.now())
    name = f"{slugify(study.slug)}.study.yaml"
    return HttpResponse(
        write(document_of(study, codes=codes)),
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@require_http_methods(["GET", "POST"])
@researchers_only
def duplicate(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A copy of a study as a draft of one's own."""
    study = study_for(request, slug, rights.VIEW, names=True)
    first = {"title": f"{study.title[:190]}, copy", "slug": free_slug(f"{study.slug[:64]}-copy")}
    form = NamesForm(request.POST if request.method == "POST" else None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            return _made(request, duplicate_study(study=study, by=researcher(request), **form.cleaned_data))
        except DuetError as error:
            form.add_error(None, str(error))
    context = {"study": study, "form": form, "may": Abilities.of(request, study)}
    return render(request, "research/duplicate.html", context)


@require_GET
@researchers_only
def compare_page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A study's settings beside another's: what differs, or everything."""
    study = study_for(request, slug, rights.VIEW, names=True)
    others = Study.objects.visible_to(request.user).exclude(pk=study.pk)
    if not researcher(request).is_superuser:
        named = StudyMember.objects.filter(user=researcher(request), sees_names=True)
        others = others.filter(pk__in=named.values("study"))
    context: dict[str, Any] = {"study": study, "others": others, "everything": request.GET.get("all") == "1"}
    if chosen := request.GET.get("with"):
        other = study_for(request, chosen, rights.VIEW, names=True)
        for one in (study, other):
            note_names_seen(study=one, page="comparison of settings", by=researcher(request), now=timezone.now())
        sections = compare(document_of(study), document_of(other))
        differing = sum(len(section.differing) for section in sections)
        context |= {"other": other, "sections": sections, "differing": differing}
    return render(request, "research/compare.html", context)


def _made(request: HttpRequest, made: Made) -> HttpResponseBase:
    messages.success(request, f"{made.study} is a draft now.")
    if made.new_systems:
        messages.info(request, f"Systems made with it: {', '.join(made.new_systems)}.")
    for note in made.notes:
        messages.warning(request, note)
    return redirect("research-study", made.study.slug)


urlpatterns = [
    path("research/new/", new_study, name="research-new-study"),
    path("research/import/", import_page, name="research-import-study"),
    path("research/studies/<slug:slug>/study.yaml", export_file, name="research-export-study"),
    path("research/studies/<slug:slug>/duplicate/", duplicate, name="research-duplicate"),
    path("research/studies/<slug:slug>/compare/", compare_page, name="research-compare"),
]
