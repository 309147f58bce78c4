"""The forms of new studies: from a template, from a file, as a copy."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from studyapp.documents.clip_rule import datasets_there
from studyapp.documents.fitting import Wanted
from studyapp.documents.schema import ClipRule, StudyDocument
from studyapp.documents.yaml_tree import MAX_BYTES
from studyapp.models import Study
from studyapp.upload_limit import said

_MOST = f"{MAX_BYTES / 1e6:g} MB"
_SHORT_NAME = Study._meta.get_field("slug")


class NamesForm(forms.Form):
    """What every new study needs of its own."""

    title = forms.CharField(max_length=200, help_text="For researchers, reports and files; raters never see it.")
    slug = forms.SlugField(max_length=80, label="Short name", help_text=_SHORT_NAME.help_text)

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if Study.objects.filter(slug=slug).exists():
            raise forms.ValidationError(f"There is a study “{slug}” already; give this one another short name.")
        return slug


class TemplateForm(NamesForm):
    """A study from a template: which clips, and how many."""

    datasets = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where its clips are drawn from, level over genres.",
        error_messages={"invalid_choice": "The dataset %(value)s is gone; choose another."},
    )
    per_genre = forms.IntegerField(
        required=False,
        label="Clips per genre",
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text="So many are drawn of each genre, and a pair is compared on no more.",
    )
    every_genre = forms.BooleanField(
        required=False,
        label="Take every genre of these datasets",
        help_text="Otherwise only the template's own genres are drawn.",
    )

    def __init__(self, document: StudyDocument, data: Any = None, initial: Any = None) -> None:
        there = datasets_there()
        rule = document.clips
        assert isinstance(rule, ClipRule)
        wanted = {name.casefold() for name in rule.datasets}
        named = [name for name, _ in there if name.casefold() in wanted]
        first = {"datasets": named, "per_genre": rule.per_genre, "every_genre": not rule.genres}
        super().__init__(data, initial={**first, **(initial or {})})
        field = self.fields["datasets"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, f"{name} ({count} clip{'s' if count != 1 else ''})") for name, count in there]
        if not there:
            field.help_text = "There are no clips yet: import some first, or make the draft and choose them later."
        if not rule.genres:
            del self.fields["every_genre"]

    def wanted(self) -> Wanted:
        """What the valid form asks for."""
        said = self.cleaned_data
        return Wanted(
            title=said["title"],
            slug=said["slug"],
            datasets=tuple(said["datasets"]),
            per_genre=said["per_genre"],
            every_genre=bool(said.get("every_genre")),
        )


class FileForm(forms.Form):
    """A study file, sent or pasted."""

    file = forms.FileField(
        required=False,
        help_text=f"A .yaml file that Duet exported, or that you wrote; {_MOST} at most.",
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml"}),
    )
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or paste it",
        widget=forms.Textarea(attrs={"rows": 12, "class": "code", "spellcheck": "false"}),
    )

    def clean_file(self) -> bytes | None:
        """The file's content; what is too large is not read at all."""
        file = self.cleaned_data["file"]
        if file is None:
            return None
        if file.size > MAX_BYTES:
            raise forms.ValidationError(
                f"{file.name} has {said(file.size)}; a study file has {_MOST} at most. Send the YAML "
                "file of the study, not its archive or its clips."
            )
        content: bytes = file.read()
        return content

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given = [part for part in (cleaned.get("file"), (cleaned.get("text") or "").strip()) if part]
        if not self.errors and len(given) != 1:
            raise forms.ValidationError("Send a file or paste its text; one of the two.")
        cleaned["content"] = cleaned.get("file") or cleaned.get("text")
        return cleaned


class MakeForm(NamesForm):
    """A file that was looked at, and the names its study gets."""

    content = forms.CharField(strip=False, widget=forms.HiddenInput)
