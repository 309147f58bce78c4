"""Forms about clips: the two ways of importing them, and what is said of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from studyapp.admin.forms import ManyFilesField
from studyapp.clips import import_folders
from studyapp.errors import DuetError
from studyapp.manifest import tag_list
from studyapp.models import Clip
from studyapp.upload_limit import said

# Generic for the type checker only.
if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Clip]
else:
    _ModelForm = forms.ModelForm


class ClipSourceForm(forms.Form):
    """What both ways of importing clips ask for."""

    dataset = forms.SlugField(
        max_length=80, help_text="The collection's name, e.g. MV100K. Letters, digits, - and _ only."
    )
    length_s = forms.FloatField(
        initial=10.0,
        min_value=0.5,
        max_value=600,
        label="Clip length (s)",
        help_text="Longer videos are cut to this.",
    )
    licence = forms.CharField(
        max_length=200,
        required=False,
        help_text="Of every clip whose manifest says none: a short name such as CC-BY-4.0, or the terms of use.",
    )


class ClipUploadForm(ClipSourceForm):
    uploads = ManyFilesField(
        label="Videos, ZIP archives, manifest",
        help_text="As many as you like at once. A manifest says more of each file; its shapes are below. Without "
        "one every clip's genre is “unlabelled”.",
    )
    field_order = ["uploads", "dataset", "length_s", "licence"]

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: MultiValueDict[str, UploadedFile[Any]] | None = None
    ):
        super().__init__(data, files, prefix="upload")
        most = settings.MAX_UPLOAD_BYTES
        self.fields["uploads"].help_text += f" At most {said(most)} at once."
        # The page says so before gigabytes travel in vain.
        self.fields["uploads"].widget.attrs |= {"data-most-bytes": most, "data-most": said(most)}


class ClipFolderForm(ClipSourceForm):
    folder = forms.CharField(
        label="Folder or manifest on the server",
        max_length=1000,
        widget=forms.TextInput(attrs={"list": "import-folders"}),
    )
    field_order = ["folder", "dataset", "length_s", "licence"]

    def __init__(self, data: Mapping[str, Any] | None = None):
        super().__init__(data, prefix="folder")
        roots = " or ".join(map(str, import_folders.roots()))
        self.fields[
            "folder"
        ].help_text = (
            f"Below {roots}. Other folders are listed in DUET_IMPORT_FOLDERS by whoever looks after the server."
        )

    def clean_folder(self) -> tuple[Path, Path]:
        """The path, and the listed folder that it lies below."""
        try:
            return import_folders.allowed(self.cleaned_data["folder"])
        except DuetError as error:
            raise forms.ValidationError(str(error)) from None


class TagsField(forms.CharField):
    """Words between commas; cleans to the sorted list of tags."""

    widget = forms.TextInput(attrs={"class": "vTextField"})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        try:
            return tag_list(super().to_python(value) or "")
        except DuetError as error:
            raise forms.ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial or []), data)


class ClipForm(_ModelForm):
    """What is said of a clip; the rest of it comes from the video."""

    tags = TagsField(
        required=False,
        help_text="Words between commas, such as music-scene or dance. Each is a column of exported tables, so "
        "that results can be split by it; raters never see it.",
    )
    source_url = forms.URLField(
        label="Source",
        required=False,
        max_length=500,
        assume_scheme="https",
        help_text="Where the video comes from: its address on the web.",
        widget=forms.URLInput(attrs={"class": "vTextField"}),
    )

    class Meta:
        model = Clip
        fields = ["genre", "caption", "tags", "licence", "source_url"]
        help_texts = {
            "genre": "What results are split by. It goes before any rule.",
            "licence": "A short name such as CC-BY-4.0, or the terms of use.",
        }
