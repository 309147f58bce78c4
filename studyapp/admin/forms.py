"""Forms of the researchers' pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from generation.contracts import SystemSpec


class _ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several files from one input; cleans to a list. Empty ones pass: the import says what is wrong with each."""

    widget = _ManyFilesInput

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty_file=True, **options)

    def clean(self, data: Any, initial: Any = None) -> Any:
        one = super().clean
        if isinstance(data, list | tuple):
            return [one(upload, initial) for upload in data] or one(None, initial)
        return [one(data, initial)]


class SoundtracksForm(forms.Form):
    model = forms.CharField(
        max_length=80, label="Model's name", help_text="As it will be read in every table, e.g. CMT or Riffusion."
    )
    uploads = ManyFilesField(
        label="Audio or video files",
        help_text="One a clip, each named after its clip id: sunrise.wav for clip sunrise.",
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, files: MultiValueDict[str, UploadedFile[Any]] | None = None
    ):
        super().__init__(data, files, prefix="soundtracks")


class RegistryForm(forms.Form):
    """One system of the registry with its settings, which may be changed under a slug of their own."""

    slug = forms.SlugField(max_length=120, required=False, label="Slug of its own")

    def __init__(
        self, spec: SystemSpec, presets: Sequence[str], choices: Mapping[str, Sequence[str]], data: Any = None
    ):
        super().__init__(data, prefix=spec.key)
        self.key = spec.key
        self.defaults = dict(spec.settings)
        self.fields["preset"] = forms.ChoiceField(choices=[(name, name) for name in presets])
        for name, value in self.defaults.items():
            self.fields[name] = _field_for(name, value, choices.get(name, ()))
        self.order_fields(["preset", *self.defaults, "slug"])

    def chosen_settings(self) -> dict[str, Any]:
        """The settings that differ from the defaults; one that is left empty is the default."""
        given = {name: self.cleaned_data[name] for name in self.defaults}
        return {name: value for name, value in given.items() if value not in (self.defaults[name], "")}


def _field_for(name: str, value: Any, choices: Sequence[str]) -> forms.Field:
    label = name.replace("_", " ").capitalize()
    if choices:
        return forms.ChoiceField(label=label, initial=value, choices=[(choice, choice) for choice in choices])
    if isinstance(value, bool):
        return forms.BooleanField(label=label, initial=value, required=False)
    if isinstance(value, int):
        return forms.IntegerField(label=label, initial=value)
    if isinstance(value, float):
        return forms.FloatField(label=label, initial=value)
    return forms.CharField(label=label, initial=value, required=False)
