"""Links that show a dataset to others, and a study read from an archive."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from studyapp import media_store, rights
from studyapp.actions.sharing import MOST_DAYS, MOST_NOTE, revoke_share, share_dataset
from studyapp.errors import DuetError
from studyapp.models import Dataset, ShareLink, Study
from studyapp.states import DatasetState
from studyapp.views import shared
from studyapp.views.staff import Abilities, must, researcher, researchers_only, study_for

MOST_ARCHIVE_BYTES = 64 << 20
"""Larger archives are read from the shell: a page would keep everybody's answers waiting for minutes."""


# Generic for the type checker only.
if TYPE_CHECKING:
    _DatasetField = forms.ModelChoiceField[Dataset]
else:
    _DatasetField = forms.ModelChoiceField


class DatasetChoice(_DatasetField):
    """Datasets by their date and what is in them."""

    def label_from_instance(self, obj: Dataset) -> str:
        parts = [f"{obj.created_at:%-d %b %Y %H:%M}", f"{obj.rows} rows"]
        parts += ["of the pilot"] if obj.of_pilot else []
        parts += ["with simulated answers"] if obj.includes_simulated else []
        parts += ["superseded"] if obj.superseded_at else []
        return ", ".join(parts)


class ShareForm(forms.Form):
    """What a link shows, to whom, for how long."""

    dataset = DatasetChoice(queryset=Dataset.objects.none(), empty_label=None)
    note = forms.CharField(
        max_length=MOST_NOTE,
        required=False,
        label="For whom",
        help_text="For your own list; whoever opens the link does not see it.",
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        initial=30,
        label="Opens for, in days",
        help_text="Then it opens nothing any more.",
    )
    ratings = forms.BooleanField(
        required=False,
        label="with the ratings table",
        help_text="Every single answer, with raters’ pseudonyms, comments and what they said of themselves. "
        "Without it the link shows the report and tables of results.",
    )

    def __init__(self, *args: object, study: Study, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["dataset"]
        assert isinstance(field, DatasetChoice)
        field.queryset = study.datasets.filter(state=DatasetState.READY)


class ReadForm(forms.Form):
    """An archive, and a short name for the study that it holds."""

    file = forms.FileField(label="Archive", help_text="The file that Duet calls “the whole study (zip)”.")
    slug = forms.SlugField(
        max_length=80,
        required=False,
        label="Another short name",
        help_text="Where a study of the archive's own short name is here already. Its tables then carry this one.",
    )


@require_http_methods(["GET", "POST"])
@researchers_only
def shares(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A study's share links, and a new one: its address is told once."""
    study = study_for(request, slug, rights.MANAGE)
    address = ""
    form = ShareForm(request.POST or None, study=study)
    if request.method == "POST":
        # Whoever may not see the names may not let them be seen by a link either.
        must(request, rights.SEE_NAMES, study)
        if form.is_valid():
            given = form.cleaned_data
            try:
                _, code = share_dataset(
                    dataset=given["dataset"],
                    by=researcher(request),
                    note=given["note"],
                    days=given["days"],
                    with_ratings=given["ratings"],
                )
            except DuetError as error:
                form.add_error(None, str(error))
            else:
                address = request.build_absolute_uri(reverse("shared", args=[code]))
                form = ShareForm(study=study)
    links = list(ShareLink.objects.filter(dataset__study=study).select_related("dataset", "created_by"))
    context = {
        "study": study,
        "may": Abilities.of(request, study),
        "form": form,
        "links": links,
        "address": address,
        "now": timezone.now(),
        "has_datasets": study.datasets.filter(state=DatasetState.READY).exists(),
    }
    response = render(request, "research/shares.html", context)
    # The address of a new link is on it.
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@researchers_only
def revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """Take a link back."""
    study = study_for(request, slug, rights.MANAGE)
    link = get_object_or_404(ShareLink.objects.select_related("dataset__study"), pk=pk, dataset__study=study)
    revoke_share(link=link, by=researcher(request))
    text = str(link)
    messages.success(request, f"{text[:1].upper()}{text[1:]} opens nothing any more.")
    return redirect("research-shares", slug)


@require_http_methods(["GET", "POST"])
@researchers_only
def read(request: HttpRequest) -> HttpResponseBase:
    """A study from an archive, to be its reader's own."""
    form = ReadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            study = _read(form.cleaned_data["file"], request, slug=form.cleaned_data["slug"])
        except DuetError as error:
            text = str(error)
            form.add_error("slug" if "short name" in text else "file", f"{text[:1].upper()}{text[1:]}.")
        else:
            messages.success(
                request, "The study was read back. Freeze a dataset, and its tables are as they were."
            )
            return redirect("research-results", study.slug)
    status = 400 if form.errors else 200
    return render(request, "research/read_archive.html", {"form": form, "most": MOST_ARCHIVE_BYTES}, status=status)


def _read(file: UploadedFile[Any], request: HttpRequest, *, slug: str) -> Study:
    """Raises DuetError."""
    # Brings the export's modules with it, which no other page needs.
    from studyapp.actions.archives import read_archive

    if (file.size or 0) > MOST_ARCHIVE_BYTES:
        raise DuetError(
            f"this archive has {(file.size or 0) >> 20} MiB, and reading it would keep everybody waiting; read it "
            "on the server with `python manage.py archive_study read`"
        )
    with tempfile.NamedTemporaryFile(dir=media_store.scratch(), suffix=".zip") as kept:
        for chunk in file.chunks():
            kept.write(chunk)
        kept.flush()
        return read_archive(Path(kept.name), by=researcher(request), slug=slug)


urlpatterns = [
    path("research/studies/<slug:slug>/shares/", shares, name="research-shares"),
    path("research/studies/<slug:slug>/shares/<id:pk>/revoke/", revoke, name="research-revoke-share"),
    path("research/archives/read/", read, name="research-read-archive"),
    *shared.urlpatterns,
]
