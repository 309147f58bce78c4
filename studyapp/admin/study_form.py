"""The form of a study: clips by dataset and genre, pairs out of the systems there are, numbers and texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from studyapp.briefings import own_texts
from studyapp.models import Clip, Study, System

CHECKS = (
    "training_per_block",
    "gold_per_block",
    "identical_per_block",
    "gold_truth",
    "gold_foil",
    "min_gold_right",
    "min_identical_near",
    "max_same_choice",
    "min_median_response_ms",
)
NUMBERS = (
    "clips_per_cell",
    "ratings_per_comparison",
    "trials_per_block",
    "repeats_per_block",
    "seed",
    "generation_seed",
    "target_lufs",
    "min_coverage",
    "session_timeout_min",
)
TEXTS = ("language", "consent_version", "consent_text", "instructions")
CONSENT = ("responsible", "contact", "ethics_number", "kept_for", "data_kept", "pay", "pay_currency")
BEFORE = (
    "checks_sound",
    "small_screen_px",
    "asks_background",
    "headphone_test",
    "headphone_needed",
    "headphone_gate",
    "checks_understanding",
    "understanding_text",
    "break_after",
)
RECRUITING = (
    "open_link",
    "panel",
    "panel_return_address",
    "completion_code",
    "screened_out_code",
    "no_consent_code",
    "timed_out_code",
)
PLAIN = (*NUMBERS, *CHECKS, *TEXTS, *CONSENT, *BEFORE, *RECRUITING)
"""Every field that is written as it was given; clips and pairs have actions of their own."""


@dataclass(frozen=True, slots=True)
class ClipChoice:
    pk: int
    name: str
    words: str
    original_audio: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class ClipGroup:
    """The clips of one dataset and genre."""

    dataset: str
    genre: str
    clips: tuple[ClipChoice, ...]

    @property
    def chosen(self) -> int:
        return sum(clip.chosen for clip in self.clips)


@dataclass(frozen=True, slots=True)
class PairChoice:
    value: str
    first: System
    second: System
    chosen: bool


class ClipPicker(forms.SelectMultiple):
    """Tick boxes grouped by dataset and genre; a module adds search and one box a group."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = {str(pk) for pk in value or ()}
        groups = clip_groups(Clip.objects.order_by("dataset", "genre", "clip_id"), chosen)
        return render_to_string("admin/studyapp/study/clip_picker.html", {"name": name, "groups": groups})

    def id_for_label(self, id_: str | None, index: str | None = None) -> str:
        return ""


class PairPicker(forms.SelectMultiple):
    """One tick box a pair; a module lets a researcher tick systems instead."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = set(value or ())
        systems = list(System.objects.order_by("pk"))
        pairs = [
            PairChoice(pair_value(first, second), first, second, pair_value(first, second) in chosen)
            for first, second in combinations(systems, 2)
        ]
        used = {system.pk for pair in pairs if pair.chosen for system in (pair.first, pair.second)}
        context = {"name": name, "systems": systems, "pairs": pairs, "used": used}
        return render_to_string("admin/studyapp/study/pair_picker.html", context)

    def id_for_label(self, id_: str | None, index: str | None = None) -> str:
        return ""


def clip_groups(clips: Iterable[Clip], chosen: set[str]) -> list[ClipGroup]:
    """Clips that come sorted by dataset and genre, grouped by them."""
    return [
        ClipGroup(
            dataset,
            genre,
            tuple(
                ClipChoice(
                    pk=clip.pk,
                    name=clip.clip_id,
                    words=f"{clip.clip_id} {genre} {dataset} {clip.caption}".lower(),
                    original_audio=bool(clip.audio_file),
                    chosen=str(clip.pk) in chosen,
                )
                for clip in inside
            ),
        )
        for (dataset, genre), inside in groupby(clips, key=lambda clip: (clip.dataset, clip.genre))
    ]


def pair_value(first: System, second: System) -> str:
    """A pair as the form sends it, in canonical order."""
    low, high = sorted((first.pk, second.pk))
    return f"{low}-{high}"


# Generic for the type checker only.
if TYPE_CHECKING:
    _StudyForm = forms.ModelForm[Study]
else:
    _StudyForm = forms.ModelForm


class StudyForm(_StudyForm):
    clips = forms.ModelMultipleChoiceField(
        Clip.objects.all(),
        widget=ClipPicker,
        required=False,
        error_messages={"invalid_choice": "Clip %(value)s is gone."},
    )
    pairs = forms.MultipleChoiceField(widget=PairPicker, required=False, label="System pairs")

    class Meta:
        model = Study
        fields = ["title", "slug", "clips", *PLAIN]
        widgets = {
            "consent_text": forms.Textarea(attrs={"rows": 5}),
            "instructions": forms.Textarea(attrs={"rows": 5}),
            "data_kept": forms.Textarea(attrs={"rows": 3}),
            "understanding_text": forms.Textarea(attrs={"rows": 6}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._systems = {system.pk: system for system in System.objects.all()}
        field = self.fields["pairs"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (pair_value(first, second), f"{first} vs {second}")
            for first, second in combinations(self._systems.values(), 2)
        ]
        if self.instance.pk:
            self.initial["pairs"] = [
                pair_value(pair.system_1, pair.system_2) for pair in self.instance.pairs.all()
            ]

    def clean(self) -> dict[str, Any]:
        """Duet's own texts follow the study's language as long as nobody has changed them."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        own, english = own_texts(cleaned.get("language", "en")), own_texts("en")
        for name in own:
            if cleaned.get(name) == english[name]:
                cleaned[name] = own[name]
        return cleaned

    def chosen_pairs(self) -> list[tuple[System, System]]:
        """The ticked pairs as rows."""
        ids = [value.split("-") for value in self.cleaned_data["pairs"]]
        return [(self._systems[int(first)], self._systems[int(second)]) for first, second in ids]

    def chosen_numbers(self) -> dict[str, Any]:
        """Every other field of Study that the form asks for."""
        return {name: self.cleaned_data[name] for name in PLAIN}
